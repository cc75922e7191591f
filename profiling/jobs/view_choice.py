"""Choose the one view that the standard tier asks about, on fit images alone.

With attacks, a candidate is worth the area under the ROC curve that path, answer and this view reach together, in
cross-validation by source image. Without attacks, a view is fit if clean images keep their answers in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
_CLEAN, _BENIGN = -2, -1


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
    examples = data.examples(data.attacks)
    check_examples(examples)
    found = Comparison(examples, _kinds(data, len(examples.values)), data.attacks).figures()
    best = max(found, key=lambda view: np.mean(list(found[view].values())))
    return ViewChoice(best, found)


def _kinds(data: FitData, rows: int) -> Indices:
    """Return what each row of the examples is: clean, benignly changed, or the number of its attack."""
    clean, won = len(data.clean_values), [len(data.values[attack.name]) for attack in data.attacks]
    counts = [clean, rows - clean - sum(won), *won]
    return np.repeat(np.arange(_CLEAN, len(won)), counts)


@dataclass(frozen=True)
class Comparison:
    """Fit examples on which views are compared.

    Attributes:
        kinds: what each row is, ``(n,)``: clean, benignly changed, or the number of its attack.
    """

    examples: Examples
    kinds: Indices
    attacks: Sequence[Attack]

    def figures(self) -> dict[str, dict[str, float]]:
        """Return the mean AUC over attacks for each view: of attacks that were ``known``, and of ``unseen`` families.

        A score is a linear one, fitted by ridge regression on path, answer and the view. Unseen means that the
        attack's family was left out of fitting; where there is one family only, that cannot be known, and is left out.
        """
        views = [view for view in map(view_of, self.examples.features) if view]
        known = self._areas(views, np.ones(len(self.kinds), dtype=bool))
        unseen: dict[str, list[float]] = {view: [] for view in views}
        for family in dict.fromkeys(attack.family for attack in self.attacks):
            numbers = [number for number, attack in enumerate(self.attacks) if attack.family == family]
            kept = ~np.isin(self.kinds, numbers)
            if not (self.kinds[kept] >= 0).any():
                continue
            for view, areas in self._areas(views, kept).items():
                unseen[view] += [areas[number] for number in numbers if number in areas]
        return {
            view: {"known": float(np.mean(list(known[view].values())))}
            | ({"unseen": float(np.mean(unseen[view]))} if unseen[view] else {})
            for view in views
        }

    def _areas(self, views: Sequence[str], kept: Bits) -> dict[str, dict[int, float]]:
        """Return the AUC of each attack by view, of scores that are fitted on the ``kept`` rows of other images."""
        from sklearn.metrics import roc_auc_score

        scores = {view: np.zeros(len(self.kinds)) for view in views}
        for train, test in self._folds():
            for view, found in self._scores(views, train[kept[train]], test):
                scores[view][test] = found
        clean = self.kinds == _CLEAN
        areas: dict[str, dict[int, float]] = {view: {} for view in views}
        for number in np.unique(self.kinds[self.kinds >= 0]).tolist():
            rows = clean | (self.kinds == number)
            for view in views:
                areas[view][number] = float(roc_auc_score(self.kinds[rows] >= 0, scores[view][rows]))
        return areas

    def _folds(self) -> Iterator[tuple[Indices, Indices]]:
        from sklearn.model_selection import GroupKFold

        yield from GroupKFold(FOLDS).split(self.examples.values, groups=self.examples.sources)

    def _scores(self, views: Sequence[str], train: Indices, test: Indices) -> Iterator[tuple[str, Floats]]:
        """Yield each view's scores of the rows ``test``; what all views share of the equations is added up once."""
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
        for view in views:
            columns = np.array([j for j, one in enumerate(of_views) if one in (None, view)])
            system = gram[np.ix_(columns, columns)] + _RIDGE * np.eye(len(columns))
            yield view, asked[:, columns] @ np.linalg.solve(system, moments[columns])
