"""Compare groups of features, or numbers of fit images, on fit images alone: no calibration or test image is looked at.

Example: python benchmarks/detection/on_fit_images.py PROFILE --data DATA --images 200 --cache attacked

Scores are logistic, fitted in folds that share no image, with each weight held to the sign that is declared for its
feature. Printed are mean and worst AUC over attacks that were known, and over attacks whose family was left out; then
those of the clean-only score; then the share of each benign change that is flagged at 5 % of clean images.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.datasets import matched_data
from pathprint.profiling.data.roles import split
from pathprint.profiling.detection.classifiers.examples import Examples, standardisation
from pathprint.profiling.detection.classifiers.one_class import one_class, shares
from pathprint.profiling.detection.scores import total
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.table import Feature
from pathprint.profiling.features.views import VIEWS, view_of
from pathprint.profiling.jobs.fit_data import FitData
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.jobs.probe_fitting import with_probes
from pathprint.profiling.signatures.compact import served

FOLDS = 5
STRENGTH = 0.3
CLEAN, BENIGN = -2, -1
ANSWER = ("confidence", "doubt", "entropy")


def groups_of(feature: Feature) -> set[str]:
    """Return the names of the groups that a feature belongs to."""
    if feature.measure.startswith("probe_"):
        return {"probes", feature.measure}
    return {view_of(feature) or ("answer" if feature.measure in ANSWER else "path"), feature.measure}


def fitted(examples: Examples) -> np.ndarray:
    """Return weights and intercept of a logistic score whose weights never contradict a declared sign."""
    mean, scale = standardisation(examples.values)
    scale = scale * np.sqrt(shares(examples.features))
    x, y = (examples.values - mean) * scale, 2.0 * examples.adversarial - 1
    n = x.shape[1]

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        margin = y * (x @ w[:n] + w[n])
        slope = -examples.weights * y * expit(-margin) * STRENGTH
        value = STRENGTH * (examples.weights * np.logaddexp(0, -margin)).sum() + w[:n] @ w[:n] / 2
        return value, np.append(x.T @ slope + w[:n], slope.sum())

    limits = {-1: (None, 0), 1: (0, None), 0: (None, None)}
    bounds = [*(limits[feature.trend] for feature in examples.features), (None, None)]
    w = minimize(loss, np.zeros(n + 1), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300}).x
    return np.append(w[:n] * scale, w[n] - mean @ (w[:n] * scale))


class Study:
    """Fit examples, what each row is, and the attacks; each fold learns from the ``images`` that were drawn first."""

    def __init__(self, data: FitData, images: int | None = None) -> None:
        self.attacks = data.attacks
        self.examples = data.examples(data.attacks)
        won = [len(data.values[attack.name]) for attack in data.attacks]
        self.controls = [name for name in data.benign_values if len(data.benign_values[name])]
        benign = [len(data.benign_values[name]) for name in self.controls]
        first = len(data.clean_values)
        assert first + sum(benign) + sum(won) == len(self.examples.values)
        self.kinds = np.repeat(
            [CLEAN, *(-10 - j for j in range(len(benign))), *range(len(won))], [first, *benign, *won]
        )
        sources = self.examples.sources
        # Places in the order in which images were drawn; in the order of the data set, the first have one class.
        drawn = np.argsort(data.clean.indices)
        places = drawn[np.searchsorted(data.clean.indices, sources, sorter=drawn)]
        self.folds = [
            (train[np.isin(places[train], np.unique(places[train])[:images])], test)
            for train, test in GroupKFold(FOLDS).split(self.examples.values, groups=sources)
        ]

    def scores(self, columns: list[int], kept: np.ndarray, clean_only: bool = False) -> np.ndarray:
        """Return each row's score by the classifier of the folds that the row's image is not in."""
        features = tuple(self.examples.features[j] for j in columns)
        found = np.zeros(len(self.kinds))
        for train, test in self.folds:
            train = train[kept[train]]
            values = self.examples.values[:, columns]
            some = Examples(features, values[train], self.examples.adversarial[train], self.examples.sources[train])
            if clean_only:
                found[test] = total(one_class(features, values[train[self.kinds[train] == CLEAN]]), values[test])
            else:
                weights = fitted(some)
                found[test] = values[test] @ weights[:-1] + weights[-1]
        return found

    def area(self, scores: np.ndarray, number: int) -> float:
        """Return the AUC of one attack against clean images."""
        rows = (self.kinds == CLEAN) | (self.kinds == number)
        return float(roc_auc_score(self.kinds[rows] >= 0, scores[rows]))

    def figures(self, columns: list[int]) -> dict[str, object]:
        """Return all figures of the features ``columns``."""
        numbers = [number for number in range(len(self.attacks)) if (self.kinds == number).any()]
        everything = np.ones(len(self.kinds), dtype=bool)
        scores, alone = self.scores(columns, everything), self.scores(columns, everything, clean_only=True)
        known, clean = ([self.area(found, number) for number in numbers] for found in (scores, alone))
        unseen = []
        for family in dict.fromkeys(self.attacks[number].family for number in numbers):
            own = [number for number in numbers if self.attacks[number].family == family]
            left = self.scores(columns, ~np.isin(self.kinds, own))
            unseen += [self.area(left, number) for number in own]
        limit = np.quantile(scores[self.kinds == CLEAN], 0.95)
        flagged = {name: float((scores[self.kinds == -10 - j] > limit).mean()) for j, name in enumerate(self.controls)}
        found = {"known": known, "unseen": unseen, "clean only": clean}
        figures = {key: round(float(of(areas)), 4) for name, areas in found.items() for key, of in _both(name)}
        return {**figures, "benign flagged": {name: round(share, 3) for name, share in flagged.items()}}


def _both(name: str) -> Iterator[tuple[str, object]]:
    yield name, np.mean
    yield f"{name}, worst", np.min


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--attack", action="append")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--learn", action="append", type=int, help="most images that a fold learns from")
    parser.add_argument("--group", action="append", help="features to compare, such as path,answer,mirrored")
    asked = parser.parse_args()
    made = NetworkProfile.load(asked.profile)
    network = made.extractor.network
    dataset = matched_data(asked.data, network.labels, made.class_map)
    parts = split(dataset, made.keys, made.seed)
    begin = time.perf_counter()
    maker = FeatureMaker(made.extractor, served(made.signatures), tuple(VIEWS))
    maker = with_probes(maker, parts.profiled)
    print(f"probes: {time.perf_counter() - begin:.0f} s", flush=True)
    clean = correct_images(network, parts.fit, asked.images)
    data = FitData.of(maker, clean, chosen(network, asked.attack), Crafting(made.seed, asked.cache))
    print(f"attacked and measured: {time.perf_counter() - begin:.0f} s", flush=True)
    usual = [
        "path,answer",
        "path,answer,probes",
        "answer,probes",
        "path,answer,mirrored",
        "path,answer,probes,mirrored",
    ]
    groups = asked.group or [*usual, ",".join(["path,answer", *VIEWS]), ",".join(["path,answer,probes", *VIEWS])]
    for named, size in product(groups, asked.learn or [None]):
        study = Study(data, size)
        wanted = set(named.split(","))
        columns = [j for j, feature in enumerate(study.examples.features) if groups_of(feature) & wanted]
        print(
            json.dumps({"features": named, "columns": len(columns), "learnt from": size, **study.figures(columns)}),
            flush=True,
        )


if __name__ == "__main__":
    main()
