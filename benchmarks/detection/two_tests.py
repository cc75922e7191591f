"""Ways to join the test fitted on attacks and the test fitted on clean images, compared on fit images only.

    python benchmarks/detection/two_tests.py PROFILE [--images 200] [--view mirrored] [--classifier NAME] [--cache AT]

PROFILE is what `pathprint profile` wrote. Four folds by source image; docs/experiments/two-tests.md has the results.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.attack import Attack, Cost, Goal, Logits
from pathprint.profiling.attacks.crafting import Crafting, craft_all
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.roles import split
from pathprint.profiling.detection.classifiers import one_class
from pathprint.profiling.detection.classifiers.classifier import classifier_named
from pathprint.profiling.detection.classifiers.cross_validation import Fitter, best_of, tried
from pathprint.profiling.detection.scores import total
from pathprint.profiling.evaluation.metrics import auc
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.views import VIEWS
from pathprint.profiling.jobs.fit_data import FitData
from pathprint.profiling.jobs.images import job_images
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.signatures.compact import served

FOLDS = 4
RATE = 0.05


@dataclass(frozen=True)
class Searched:
    """Changes images at random, up to ``tries`` times, until the network answers wrongly."""

    change: Callable[[Tensor, Draws], Tensor]
    tries: int = 60

    @property
    def cost(self) -> Cost:
        return Cost(answers=self.tries, at_most=True)

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        made, open_ = pixels.clone(), torch.ones(len(pixels), dtype=torch.bool)
        for _ in range(self.tries):
            made = torch.where(open_.reshape(-1, 1, 1, 1), self.change(pixels, draws), made)
            with torch.no_grad():
                open_ &= logits((made * 255).round() / 255).argmax(1) == goal.labels
        return made


def replaced(share: float) -> Callable[[Tensor, Draws], Tensor]:
    """Return a change that gives a share of the pixels random values."""

    def change(pixels: Tensor, draws: Draws) -> Tensor:
        mask = draws.uniform(1, *pixels.shape[2:]) < share
        return torch.where(mask, draws.uniform(*pixels.shape[1:]), pixels)

    return change


def moved(pixels: Tensor, draws: Draws) -> Tensor:
    """Turn by up to 30 degrees and move by up to an eighth of the side."""
    u = draws.uniform(3) * 2 - 1
    angle, shift = u[:, 0] * torch.pi / 6, u[:, 1:] / 4
    turned = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).reshape(-1, 2, 2)
    grid = F.affine_grid(torch.cat([turned, shift[..., None]], 2), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False).clamp(0, 1)


NEVER_TAUGHT = {"replaced 10 %": replaced(0.1), "replaced 25 %": replaced(0.25), "spatial": moved}


@dataclass(frozen=True)
class Fold:
    """Scores of one fold by both tests, which have not seen its images.

    Attributes:
        clean, benign: scores of the clean and of all benign rows that were fitted on, out of fold, ``(n, 2)``.
        rows: scores of the fold's images by kind, ``(n, 2)``.
    """

    clean: Floats
    benign: Floats
    rows: Mapping[str, Floats]


def folds(data: FitData, others: Mapping[str, tuple[Floats, Floats]], fitter: Fitter) -> Iterator[dict[str, Fold]]:
    """Yield for each fold the scores by tests that have seen all attacks (``""``), or all but a family (its name)."""
    images, families = data.clean.indices, dict.fromkeys(attack.family for attack in data.attacks)
    kinds = {"clean": (data.clean_values, images), **others}
    kinds |= {a.name: (data.values[a.name], images[data.crafted[a.name].success.numpy()]) for a in data.attacks}
    kinds |= {f"= {name}": (data.benign_values[name], images[kept.numpy()]) for name, kept in data.kept.items()}
    for number in range(FOLDS):
        held = images[np.arange(len(images)) % FOLDS == number]
        found = {}
        for family in ("", *families):
            examples = data.examples([attack for attack in data.attacks if attack.family != family])
            train = np.flatnonzero(~np.isin(examples.sources, held))
            known, is_clean = examples.subset(train), train < len(images)
            tests = [tried(one, known) for one in (fitter, one_class.fit)]
            scores = [test.fitter(known) for test in tests]
            seen = np.stack([test.scores for test in tests], axis=1)
            rows = {
                kind: np.stack([total(score, values[np.isin(sources, held)]) for score in scores], axis=1)
                for kind, (values, sources) in kinds.items()
            }
            found[family] = Fold(seen[is_clean], seen[known.adversarial == 0], rows)
        yield found


Join = Callable[[Fold], Callable[[Floats], Floats]]


def scaled(fold: Fold, at: tuple[float, float], on: str) -> Callable[[Floats], Floats]:
    """Return both scores as distances from the median in units of that of a quantile of each."""
    seen = getattr(fold, on)
    middle = np.median(seen, axis=0)
    unit = np.array([np.quantile(seen[:, i], at[i]) for i in (0, 1)]) - middle
    return lambda rows: (rows - middle) / unit


def larger(at: tuple[float, float], on: str) -> Join:
    """Return the larger of both scaled scores."""
    return lambda fold: lambda rows: scaled(fold, at, on)(rows).max(axis=1)


def tails(fold: Fold) -> Callable[[Floats], Floats]:
    """Return minus the sum of the logarithms of both tail probabilities, beyond the data as exponential tails."""

    def surprise(rows: Floats, i: int) -> Floats:
        seen = np.sort(fold.clean[:, i])
        last = np.quantile(seen, 0.9)
        mean = (seen[seen > last] - last).mean()
        share = 1 - np.searchsorted(seen, rows[:, i]) / (len(seen) + 1)
        return np.where(rows[:, i] > last, np.log(10) + (rows[:, i] - last) / mean, -np.log(share))

    return lambda rows: surprise(rows, 0) + surprise(rows, 1)


def shares(share: float) -> tuple[float, float]:
    """Return the quantiles at which the test on clean images gets a share of the promised rate."""
    return 1 - RATE * (1 - share), 1 - RATE * share


JOINS: dict[str, Join] = {
    "fitted on attacks only": lambda fold: lambda rows: rows[:, 0],
    "clean images only": lambda fold: lambda rows: rows[:, 1],
    "larger, .95 of benign": larger((0.95, 0.95), "benign"),
    "larger, .99 of benign": larger((0.99, 0.99), "benign"),
    "larger, .95 of clean": larger((0.95, 0.95), "clean"),
    **{f"larger, share {s:g} of clean": larger(shares(s), "clean") for s in (0.1, 0.2, 0.3, 0.5)},
    **{f"larger, share {s:g} of benign": larger(shares(s), "benign") for s in (0.1, 0.3)},
    "sum, .95 of clean": lambda fold: lambda rows: scaled(fold, (0.95, 0.95), "clean")(rows).sum(axis=1),
    "smooth, .95 of clean": lambda fold: (
        lambda rows: np.logaddexp.reduce(3 * scaled(fold, (0.95, 0.95), "clean")(rows), axis=1)
    ),
    "sum of tails": tails,
}


def line(found: list[dict[str, Fold]], data: FitData, others: list[str], join: Join) -> str:
    """Return the figures of one way to join, as a row of a table."""

    def measured(kind: str, family: str) -> tuple[float, float]:
        parts = [(join(one[family]), one[family].rows) for one in found]
        joined = [(make(rows["clean"]), make(rows[kind])) for make, rows in parts]
        area = float(np.nanmean([auc(clean, other) for clean, other in joined]))
        limit = np.quantile(np.concatenate([clean for clean, _ in joined]), 1 - RATE)
        return area, float((np.concatenate([other for _, other in joined]) > limit).mean())

    def summary(kinds: list[tuple[float, float]]) -> str:
        areas, rates = zip(*kinds, strict=True)
        return f"{np.mean(areas):.3f} ({min(areas):.3f}) | {np.mean(rates):.2f} ({min(rates):.2f})"

    known = [measured(attack.name, "") for attack in data.attacks]
    unseen = [measured(attack.name, attack.family) for attack in data.attacks]
    never = [f"{area:.3f} / {rate:.2f}" for area, rate in (measured(kind, "") for kind in others)]
    quiet = [measured(f"= {name}", "")[1] for name in data.kept]
    return " | ".join([summary(known), summary(unseen), *never, f"{np.mean(quiet):.2f} ({max(quiet):.2f})"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profile", type=Path)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--view", action="append", default=[], choices=list(VIEWS))
    parser.add_argument("--classifier", default="logistic")
    parser.add_argument("--cache", type=Path)
    asked = parser.parse_args()
    made = NetworkProfile.load(asked.profile)
    network, crafting = made.extractor.network, Crafting(0, asked.cache)
    dataset = job_images(network.labels, made.data, made.class_map, made.predicted).dataset
    clean = correct_images(network, split(dataset, made.keys, made.seed).fit, asked.images)
    maker = FeatureMaker(made.extractor, served(made.signatures), tuple(asked.view))
    data = FitData.of(maker, clean, chosen(network, None), crafting)
    others = {}
    for name, change in NEVER_TAUGHT.items():
        crafted = craft_all(Attack(name, name, "none", None, name, Searched(change)), network, clean, Crafting(0))
        others[name] = (maker.make_all(crafted.pixels[crafted.success])[0].values, clean.indices[crafted.success])
        print(f"{name}: {len(others[name][1])} of {len(clean.indices)} images are answered wrongly")
    fitter = best_of(classifier_named(asked.classifier).fits, data.examples(data.attacks)).fitter
    found = list(folds(data, others, fitter))
    columns = ["known: AUC", "TPR", "unseen: AUC", "TPR", *others, "benign, flagged"]
    print(f"| join | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for name, join in JOINS.items():
        print(f"| {name} | {line(found, data, list(others), join)} |", flush=True)


if __name__ == "__main__":
    main()
