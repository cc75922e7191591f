"""Choose the view that the standard tier asks about, and the order of all views, on fit images alone.

With attacks, a candidate is worth the area under the ROC curve that path, answer and this view reach together, in
cross-validation by source image. Without attacks, a view is fit if clean images keep their answers in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from pathprint.models.network import Network
from pathprint.profiling.arrays import Bits, Floats, Indices
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.data.correct import CHUNK, Correct
from pathprint.profiling.data.roles import Fit
from pathprint.profiling.detection.classifiers.cross_validation import FOLDS
from pathprint.profiling.detection.classifiers.examples import Examples, standardisation
from pathprint.profiling.detection.classifiers.fitting import check_examples
from pathprint.profiling.detection.classifiers.one_class import shares
from pathprint.profiling.detection.fitted_on import ViewChoice
from pathprint.profiling.features.tiers import Tier
from pathprint.profiling.features.views import VIEWS, view_of
from pathprint.profiling.jobs.fit_data import FitData

_KEPT = 0.9
"""Share of clean images that have to keep their answer in a view that is chosen without attacks."""
_RIDGE = 1e-3
CLEAN, BENIGN = -2, -1

Order: TypeAlias = tuple[tuple[str, Mapping[str, float]], ...]
"""Views in an order, each with the figures of all up to it."""


def candidates(tier: Tier) -> tuple[str, ...]:
    """Return the views whose features are needed to fit a detector of a tier."""
    return () if tier == "fast" else tuple(VIEWS)


def choose(network: Network, data: FitData) -> ViewChoice:
    """Return the view that a standard detector is to ask about; ``data`` has the features of all candidates.

    Raises:
        FitError: there are attacks, and too few images to fit on, or no attack succeeded.
    """
    return _by_detection(data) if data.attacks else _by_answers(network, data.clean)


def _by_answers(network: Network, clean: Correct[Fit]) -> ViewChoice:
    """Return the first view in which nearly all clean images keep their answers, or else the one in which most do."""
    kept = {view: _kept(network, clean, view) for view in VIEWS}
    best = next((view for view in VIEWS if kept[view] >= _KEPT), max(kept, key=lambda view: kept[view]))
    return ViewChoice(best, {view: {"kept": share} for view, share in kept.items()})


def _kept(network: Network, clean: Correct[Fit], view: str) -> float:
    answers = [network.predict(VIEWS[view].change(part)).cpu() for part in torch.split(clean.pixels, CHUNK)]
    return float((torch.cat(answers) == clean.labels).float().mean())


def _by_detection(data: FitData) -> ViewChoice:
    found = Comparison.of(data).figures([(view,) for view in VIEWS])
    figures = dict(zip(VIEWS, found, strict=True))
    return ViewChoice(max(figures, key=lambda view: merit(figures[view])), figures)


def in_order(data: FitData) -> Order:
    """Return all views in the order in which each adds most to those before it, with the figures of all up to it.

    ``data`` has the features of all views, and attacks.

    Raises:
        FitError: there are too few images to fit on, or no attack succeeded.
    """
    comparison, order = Comparison.of(data), dict[str, Mapping[str, float]]()
    while rest := [view for view in VIEWS if view not in order]:
        found = dict(zip(rest, comparison.figures([(*order, view) for view in rest]), strict=True))
        best = max(rest, key=lambda view: merit(found[view]))
        order[best] = found[best]
    return tuple(order.items())


def figures_of(known: Sequence[float], unseen: Sequence[float]) -> dict[str, float]:
    """Return the mean AUC over attacks that were ``known``, and over ``unseen`` ones if there are any."""
    found = {"known": known, "unseen": unseen}
    return {name: float(np.mean(areas)) for name, areas in found.items() if len(areas)}


def merit(figures: Mapping[str, float]) -> float:
    """Return what choices go by: the mean of the figures for known and for unseen attacks."""
    return float(np.mean(list(figures.values())))


@dataclass(frozen=True)
class Comparison:
    """Fit examples on which views are compared.

    Attributes:
        kinds: what each row is, ``(n,)``: clean, benignly changed, or the number of its attack.
    """

    examples: Examples
    kinds: Indices
    attacks: Sequence[Attack]

    @staticmethod
    def of(data: FitData, attacks: Sequence[Attack] | None = None) -> Comparison:
        """Return the examples of some attacks, or of all.

        Raises:
            FitError: there are too few images to fit on, or no attack succeeded.
        """
        some = data.attacks if attacks is None else attacks
        examples = data.examples(some)
        check_examples(examples)
        clean, won = len(data.clean_values), [len(data.values[attack.name]) for attack in some]
        counts = [clean, len(examples.values) - clean - sum(won), *won]
        return Comparison(examples, np.repeat(np.arange(CLEAN, len(won)), counts), some)

    @property
    def families(self) -> dict[str, list[int]]:
        """The numbers of each family's attacks; without those families without which no attack would be left."""
        found: dict[str, list[int]] = {}
        for number, attack in enumerate(self.attacks):
            found.setdefault(attack.family, []).append(number)
        attacked = self.kinds[self.kinds >= 0]
        return {family: own for family, own in found.items() if not np.isin(attacked, own).all()}

    def areas(self, scores: Floats, numbers: Sequence[int]) -> list[float]:
        """Return the AUC against clean images of each attack of these ``numbers`` that succeeded."""
        from sklearn.metrics import roc_auc_score

        found = []
        for number in numbers:
            rows = (self.kinds == CLEAN) | (self.kinds == number)
            if (self.kinds == number).any():
                found.append(float(roc_auc_score(self.kinds[rows] >= 0, scores[rows])))
        return found

    def areas_of(self, known: Floats, unseen: Mapping[str, Floats]) -> tuple[list[float], list[float]]:
        """Return the AUC of each attack that succeeded: of attacks that were known, and of unseen families.

        Where there is one family only, what is unseen cannot be known, and there are no figures of it.

        Args:
            known: a score of each row, ``(n,)``.
            unseen: a score of each row by fits without a family, by its name.
        """
        own = self.families
        left_out = [area for family, scores in unseen.items() for area in self.areas(scores, own[family])]
        return self.areas(known, range(len(self.attacks))), left_out

    def figures(self, choices: Sequence[tuple[str, ...]]) -> list[dict[str, float]]:
        """Return the figures of each choice of views: the mean AUC over ``known`` and over ``unseen`` attacks.

        A score is a linear one, fitted by ridge regression on path, answer and the views. Unseen means that the
        attack's family was left out of fitting.
        """
        known = self._held_out(choices, np.ones(len(self.kinds), dtype=bool))
        unseen = {name: self._held_out(choices, ~np.isin(self.kinds, own)) for name, own in self.families.items()}
        return [
            figures_of(*self.areas_of(known[i], {family: found[i] for family, found in unseen.items()}))
            for i in range(len(choices))
        ]

    def _held_out(self, choices: Sequence[tuple[str, ...]], kept: Bits) -> list[Floats]:
        """Return scores of all rows for each choice, fitted on the ``kept`` rows of other images."""
        scores = [np.zeros(len(self.kinds)) for _ in choices]
        for train, test in self._folds():
            for found, part in zip(scores, self._scores(choices, train[kept[train]], test), strict=True):
                found[test] = part
        return scores

    def _folds(self) -> Iterator[tuple[Indices, Indices]]:
        from sklearn.model_selection import GroupKFold

        yield from GroupKFold(FOLDS).split(self.examples.values, groups=self.examples.sources)

    def _scores(self, choices: Sequence[tuple[str, ...]], train: Indices, test: Indices) -> Iterator[Floats]:
        """Yield the scores of the rows ``test`` for each choice; what all share of the equations is added up once."""
        taught = self.examples.subset(train)
        mean, scale = standardisation(taught.values)
        scale = scale * np.sqrt(shares(taught.features))
        weights = taught.weights / taught.weights.sum()
        values, truth = (taught.values - mean) * scale, taught.adversarial.astype(np.float64)
        centre = weights @ values
        values -= centre
        gram, moments = values.T @ (values * weights[:, None]), values.T @ (weights * (truth - weights @ truth))
        asked = (self.examples.values[test] - mean) * scale - centre
        of_views = [view_of(feature) for feature in taught.features]
        for views in choices:
            columns = np.array([j for j, one in enumerate(of_views) if one in (None, *views)])
            system = gram[np.ix_(columns, columns)] + _RIDGE * np.eye(len(columns))
            yield asked[:, columns] @ np.linalg.solve(system, moments[columns])
