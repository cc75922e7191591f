"""The leaky split behind the published figures, reproduced only to compare with them.

The papers' code joins each attack's images with *the same* clean images and splits the rows at random, separately
for each attack. So a test image of one attack can be a training image of another, above all a clean one, and a
forest of deep trees remembers it. A forest fitted on an image-disjoint split shows how much the leak adds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from pathprint.profiling.arrays import Bits, Floats
from pathprint.profiling.evaluation.figures import PaperFigures
from pathprint.profiling.evaluation.metrics import auc
from pathprint.profiling.jobs.fit_data import FitData

_TRAIN_SHARE = 0.1


def paper_protocol(fit_data: FitData, seed: int = 0) -> dict[str, PaperFigures]:
    """Return the AUC with the leaky and with a disjoint split of the fit images, by attack that succeeded."""
    generator = np.random.default_rng(seed)
    names = [attack.name for attack in fit_data.attacks if len(fit_data.values[attack.name])]
    images = len(fit_data.clean.indices)
    image_in_train = generator.random(images) < _TRAIN_SHARE
    leaky, disjoint = {}, {}
    for name in names:
        rows = images + len(fit_data.values[name])
        leaky[name] = generator.random(rows) < _TRAIN_SHARE
        won = fit_data.crafted[name].success.cpu().numpy()
        disjoint[name] = np.concatenate([image_in_train, image_in_train[won]])
    found = [_areas(fit_data, trained) for trained in (leaky, disjoint)]
    return {name: PaperFigures(found[0][name], found[1][name]) for name in names}


def _areas(fit_data: FitData, trained: Mapping[str, Bits]) -> dict[str, float]:
    """Fit one forest on all attacks' training rows; return the AUC on each attack's other rows."""
    sets = {name: np.concatenate([fit_data.clean_values, fit_data.values[name]]) for name in trained}
    truth = {name: np.arange(len(rows)) >= len(fit_data.clean_values) for name, rows in sets.items()}
    forest = RandomForestClassifier(100, random_state=0)
    forest.fit(
        np.concatenate([sets[name][rows] for name, rows in trained.items()]),
        np.concatenate([truth[name][rows] for name, rows in trained.items()]),
    )

    def area(name: str) -> float:
        rest = ~trained[name]
        scores: Floats = forest.predict_proba(sets[name][rest])[:, 1]
        return auc(scores[~truth[name][rest]], scores[truth[name][rest]])

    return {name: area(name) for name in trained}
