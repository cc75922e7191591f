"""What a classifier is: how it is fitted, and how its score is read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from pathprint.profiling.arrays import Arrays
from pathprint.profiling.detection.classifiers import AUTO, CHOICES, NAMES
from pathprint.profiling.detection.classifiers.cross_validation import Fitter
from pathprint.profiling.detection.scores import Score
from pathprint.profiling.errors import FitError


@dataclass(frozen=True, slots=True)
class Classifier:
    """One way to make a score.

    Attributes:
        fits: make a score from examples; if there are several, cross-validation chooses among them.
        load: makes the score from its stored arrays and the number of features; raises a KeyError or a ValueError
            if an array is missing or malformed.
        needs_attacks: whether the examples must have adversarial rows; if not, they have clean rows only.
        joined: whether the test that is fitted on clean images is joined to it (see ``joined``).
        automatic: whether ``auto`` considers it.
    """

    fits: tuple[Fitter, ...]
    load: Callable[[Arrays, int], Score]
    needs_attacks: bool = True
    joined: bool = True
    automatic: bool = False


def classifier_named(name: str) -> Classifier:
    """Return the classifier called ``name``.

    Raises:
        FitError: there is no such classifier; the message lists all names.
    """
    if name not in NAMES:
        raise FitError(f"there is no classifier {name!r}; allowed: {', '.join(CHOICES)}.")
    found: Classifier = import_module(f"{__package__}.{name.replace('-', '_')}").CLASSIFIER
    return found


def needs_attacks(choice: str) -> bool:
    """Return whether a classifier, or ``auto``, is fitted on attacks.

    Raises:
        FitError: there is no such choice.
    """
    return choice == AUTO or classifier_named(choice).needs_attacks
