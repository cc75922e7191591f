"""What one layer says about an image, as one English sentence with the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, isfinite, log10

from pathprint.profiling.detection.phrases import PHRASES, Phrase
from pathprint.profiling.features.confidence import LAYER as ANSWER
from pathprint.profiling.features.table import Feature

_ALIKE = 0.5
"""Spreads by which a value may differ from the usual one and still be about as usual."""
_MOST_DECIMALS = 6
_EXPONENTS_FROM = 1e9
_LEAST_MOVE = 0.01


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes that evidence is about: number and name of the predicted one, name of the runner-up."""

    predicted: int
    label: str
    runner_up_label: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A layer's most telling feature.

    Attributes:
        contribution: what the layer as a whole adds to the score beyond what is usual for clean images.
        value: the feature's value for the image.
        usual, spread: its mean and standard deviation over clean images.
        of_class: True if these are clean images of the predicted class, False if they are of all classes.
        kind: what the layer is, in words: ``a convolution to 16 channels``; empty for what is no layer.
    """

    feature: Feature
    contribution: float
    value: float
    usual: float
    spread: float
    of_class: bool = True
    kind: str = ""

    @property
    def direction(self) -> int:
        """1 if the value is larger than usual, -1 if it is smaller, 0 if it is about as usual."""
        away = self.value - self.usual
        value, usual, _ = self.numbers
        if value == usual or abs(away) <= _ALIKE * self.spread:
            return 0
        return 1 if away > 0 else -1

    @property
    def explains(self) -> bool:
        """False if what is known of the feature speaks against the way that the layer moves the score."""
        if self.direction == 0:
            return self.contribution <= 0
        return self.direction * self.feature.trend * self.contribution >= 0

    @property
    def numbers(self) -> tuple[str, str, str]:
        """Value, usual and spread with as many decimals as show two digits of the spread."""
        numbers = (self.value, self.usual, self.spread)
        decimals = _decimals(numbers)
        value, usual, spread = (_plain(number, decimals) for number in numbers)
        return value, usual, spread


def sentence(finding: Finding, classes: Classes) -> str:
    """Say which way the layer moves the score and how far, and what its most telling feature is like."""
    joint = ":" if finding.explains else ", although"
    return f"In {_place(finding)} {_move(finding.contribution)}{joint} {_reason(finding, classes)}."


def short_name(feature: Feature) -> str:
    """Return a feature's name without its layer: ``share of neurons known from the runner-up class``."""
    places = {"predicted": "the predicted class", "runner_up": "the runner-up class"}
    return _filled(_phrase(feature).name, feature, places)


def _place(finding: Finding) -> str:
    layer = finding.feature.layer
    if layer == ANSWER:
        return "the network's answer"
    if finding.kind and not any(letter.isalpha() for letter in layer):  # as in a Sequential, whose layers are numbered
        return f"layer {layer} ({finding.kind})"
    return layer if layer.startswith("layer") else f"layer {layer}"  # not "layer layer1.0.conv1"


def _move(contribution: float) -> str:
    if contribution == 0:
        return "the score of this image does not move"
    size = abs(contribution)
    amount = f"less than {_LEAST_MOVE}" if size < _LEAST_MOVE else _plain(size, 2)
    return f"the score of this image moves {amount} towards {'adversarial' if contribution > 0 else 'benign'}"


def _reason(finding: Finding, classes: Classes) -> str:
    feature, phrase = finding.feature, _phrase(finding.feature)
    words = {1: phrase.more, -1: phrase.less, 0: phrase.alike}[finding.direction]
    predicted, runner_up = f"'{classes.label}'", f"'{classes.runner_up_label}'"
    clean = f"clean images of {predicted}" if finding.of_class else "clean images"
    said = _filled(words, feature, {"predicted": predicted, "runner_up": runner_up, "clean": clean})
    value, usual, spread = finding.numbers
    beside = f"usual {usual} ± {spread}" if float(spread) else f"always {usual} on clean images"
    return f"{said} ({value}{phrase.scale}; {beside})"


def _filled(words: str, feature: Feature, places: Mapping[str, str]) -> str:
    compared = places["runner_up" if feature.rank == 2 else "predicted"]
    return words.format(units=feature.kind, compared=compared, **places)


def _phrase(feature: Feature) -> Phrase:
    """Return the words of a feature; plain ones from its own name if the table has none."""
    if feature.measure in PHRASES:
        return PHRASES[feature.measure]
    name = feature.measure.replace("_", " ") + (" of {units}" if feature.kind else "")
    name += " in {compared}" if feature.rank else ""
    return Phrase(
        name=name,
        more=f"the {name} is larger than in {{clean}}",
        less=f"the {name} is smaller than in {{clean}}",
        alike=f"the {name} is about as large as in {{clean}}",
        meaning="",
    )


def _decimals(numbers: tuple[float, float, float]) -> int:
    """Return the decimals that show two digits of the spread; of the difference if there is no spread."""
    value, usual, spread = numbers
    finest = spread or abs(value - usual) or abs(usual) or 1.0
    if not isfinite(finest):
        return 2
    decimals = min(max(1 - floor(log10(finest)), 0), _MOST_DECIMALS)
    while decimals and all(round(number, decimals) == round(number, decimals - 1) for number in numbers):
        decimals -= 1  # no zeros at the end of all
    return decimals


def _plain(number: float, decimals: int) -> str:
    """Return a number without an exponent, unless it is huge, and without a sign if it shows as zero."""
    if not abs(number) < _EXPONENTS_FROM:
        return f"{number:.3g}"
    return f"{round(number, decimals) + 0.0:.{decimals}f}"
