"""Measure what each way to store class signatures costs in detection, on fit images alone.

Example: python benchmarks/signatures/cost_in_auc.py PROFILE --data DATA --images 128 --attack pgd-8of255

Attacks are scored by a logistic classifier in five folds that share no image. Every way compares the identical paths,
so differences are those of the signatures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from pathprint.profiling.attacks.crafting import Crafting, craft_all
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.datasets import matched_data
from pathprint.profiling.data.roles import split
from pathprint.profiling.detection.classifiers.classifier import classifier_named
from pathprint.profiling.detection.classifiers.cross_validation import FOLDS, best_of
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.scores import total
from pathprint.profiling.features.confidence import confidence
from pathprint.profiling.features.similarity import compare
from pathprint.profiling.features.table import Feature, FeatureTable
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.signatures.counts import ClassSignatures
from pathprint.profiling.signatures.lookup import Lookup

CHUNK = 32
WORD = 64


@dataclass(frozen=True)
class Way:
    """A way to store signatures.

    Attributes:
        levels: that the counts of kept units are rounded to, by least squares or in even steps; 0 keeps the counts.
        share: units in fewer than this share of a class's images are dropped, or below ``least`` images.
    """

    name: str
    levels: int = 0
    least: int = 1
    share: float = 0.0
    even: bool = True


WAYS = (
    Way("exact counts"),
    Way("255 levels in even steps", 255),
    Way("15 levels in even steps", 15),
    Way("7 levels in even steps", 7),
    Way("7 levels", 7, even=False),
    Way("3 levels in even steps", 3),
    Way("3 levels", 3, even=False),
    Way("1 level", 1, even=False),
    *(Way(f"exact, at least {n} images", least=n) for n in (2, 3)),
    *(Way(f"exact, at least {n} % of images", share=n / 100) for n in (2, 5, 10)),
    *(Way(f"7 levels, at least {n} % of images", 7, share=n / 100, even=False) for n in (2, 5)),
    *(Way(f"3 levels, at least {n} % of images", 3, share=n / 100, even=False) for n in (1, 2, 3, 5)),
    Way("1 level, at least 5 % of images", 1, share=0.05),
)


def levels(odds: np.ndarray, weights: np.ndarray, most: int, even: bool) -> np.ndarray:
    """Return the level of each count 1 .. N, given its log-odds and its number of uses."""
    number = min(most, len(odds))
    if even:
        place = (odds - odds[0]) / max(odds[-1] - odds[0], 1e-9) * number
        return place.astype(int).clip(max=number - 1)
    w, x, xx = (np.append(0, np.cumsum(weights * odds**power)) for power in range(3))

    def error(first: np.ndarray, end: int) -> np.ndarray:
        weight = np.maximum(w[end] - w[first], 1e-12)
        return xx[end] - xx[first] - (x[end] - x[first]) ** 2 / weight

    n = len(odds)
    best = np.array([0.0, *(error(np.array([0]), end)[0] for end in range(1, n + 1))])
    cuts = []
    for _ in range(number - 1):
        found = [
            min(((best[f] + e, f) for f, e in enumerate(error(np.arange(end), end))), default=(0.0, 0))
            for end in range(n + 1)
        ]
        best = np.array([cost for cost, _ in found])
        cuts.append([cut for _, cut in found])
    place, end = np.zeros(n, int), n
    for part in range(number - 1, -1, -1):
        first = cuts[part - 1][end] if part else 0
        place[first:end] = part
        end = first
    return place


def stored(signatures: ClassSignatures, exact: Lookup, way: Way) -> tuple[Lookup, float]:
    """Return the signatures as they are after storing, and bytes per class."""
    names = list(signatures.counts)
    units = sum(signatures.counts[name].shape[1] for name in names)
    tables = [table.copy() for table in (exact.odds, exact.frequency, exact.log_frequency)]
    counts, kept, words = signatures.counts, 0, 0
    for row, images in enumerate(signatures.images):
        least = max(way.least, int(np.ceil(way.share * images)))
        own = np.arange(images + 1)
        occurs = sum(np.bincount(signatures.counts[name][row], minlength=images + 1) for name in names)
        kept += occurs[least:].sum()
        words += sum(groups_of(signatures.counts[name][row] >= least) for name in names)
        group = np.where(own < least, -1, 0)
        if way.levels:
            group[least:] = levels(exact.odds[row, least : images + 1], (occurs * own)[least:], way.levels, way.even)
        else:
            group[least:] = own[least:]
        for level in np.unique(group):
            members = np.flatnonzero(group == level)
            weight = occurs[members] if occurs[members].sum() else np.ones(len(members))
            for table in tables:
                table[row, members] = np.average(table[row, members], weights=weight)
    if way.least > 1 or way.share:
        least = np.maximum(way.least, np.ceil(way.share * signatures.images))[:, None]
        counts = {name: np.where(c < least, 0, c) for name, c in counts.items()}
    found = Lookup(replace(signatures, counts=counts), *tables)
    found.__dict__.update(usual=exact.usual, absence=exact.absence)
    if counts is signatures.counts:
        found.__dict__["_by_unit"] = exact._by_unit
    size = np.min_scalar_type(int(signatures.images.max())).itemsize
    if not way.levels and least_everywhere(way):
        return found, float(units * size)
    # One bit a unit for the groups that are stored; then a bit plane per bit of the level, or the counts of kept units.
    bits = (1 + 8 * size * kept / (words * WORD)) if not way.levels else np.ceil(np.log2(way.levels + 1))
    return found, float(units / WORD / 8 + words * WORD * bits / 8 / len(signatures.images))


def groups_of(kept: np.ndarray) -> int:
    """Return how many groups of 64 units have one that is kept."""
    return int(np.pad(kept, (0, -len(kept) % WORD)).reshape(-1, WORD).any(1).sum())


def least_everywhere(way: Way) -> bool:
    """Say whether nothing is dropped."""
    return way.least == 1 and not way.share


def chosen_columns(features: tuple[Feature, ...], layers: list[str]) -> Iterator[tuple[str, Callable[[Feature], bool]]]:
    """Yield ways to leave features of the exact counts out."""
    yield "neurons only", lambda f: f.kind != "weights"
    yield "weights only", lambda f: f.kind != "neurons"
    for last in (3, 10, 20, 30):
        if last < len(layers):
            kept = {*layers[-last:], "the answer"}
            yield f"last {last} layers", lambda f, kept=kept: f.layer in kept  # type: ignore[misc]
    yield (
        "no signatures",
        lambda f: (
            f.measure in {"coherence", "effort", "unexplained", "path_size", "empty"} or (f.layer not in set(layers))
        ),
    )


def areas(examples: Examples, attack: np.ndarray, names: list[str]) -> Mapping[str, float]:
    """Return the AUC of each attack from scores out of fold."""
    scores = np.zeros(len(attack))
    fold_of = np.zeros(len(attack), int)
    folds = GroupKFold(FOLDS).split(examples.values, groups=examples.sources)
    for number, (train, test) in enumerate(folds):
        known = examples.subset(train)
        fitted = best_of(classifier_named("logistic").fits, known).fitter(known)
        scores[test] = total(fitted, examples.values[test])
        fold_of[test] = number
    found = {}
    for i, name in enumerate(names):
        parts = [(fold_of == fold) & ((attack == -1) | (attack == i)) for fold in range(FOLDS)]
        parts = [part for part in parts if len(np.unique(attack[part])) == 2]
        found[name] = float(np.mean([roc_auc_score(attack[part] == i, scores[part]) for part in parts]))
    return found


def main() -> None:
    """Print a table, and JSON at the end."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("profile", type=Path)
    options.add_argument("--data", required=True)
    options.add_argument("--images", type=int, default=128)
    options.add_argument("--attack", action="append", required=True)
    options.add_argument("--cache", type=Path)
    options.add_argument("--way", action="append", help="part of a way's name; the default is all ways")
    wanted = options.parse_args()
    profile = NetworkProfile.load(wanted.profile)
    network, signatures = profile.extractor.network, profile.signatures
    dataset = matched_data(wanted.data, network.labels, profile.class_map)
    clean = correct_images(network, split(dataset, profile.keys, profile.seed).fit, wanted.images)
    pixels, attack, sources = [clean.pixels], [np.full(len(clean.labels), -1)], [np.arange(len(clean.labels))]
    for i, made in enumerate(chosen(network, wanted.attack)):
        crafted = craft_all(made, network, clean, Crafting(0, wanted.cache))
        pixels.append(crafted.pixels[crafted.success])
        sources.append(np.flatnonzero(crafted.success.numpy()))
        attack.append(np.full(len(sources[-1]), i))
    exact = Lookup.of(signatures)
    asked = [way for way in WAYS if not wanted.way or any(part in way.name for part in wanted.way)]
    ways = {way.name: stored(signatures, exact, way) for way in asked}
    tables: dict[str, list[FeatureTable]] = {name: [] for name in ways}
    for chunk in torch.split(torch.cat(pixels), CHUNK):
        paths = profile.extractor.extract(chunk)
        for name, (lookup, _) in ways.items():
            tables[name].append(FeatureTable.join([compare(paths, lookup), confidence(paths)]))
    print(f"{wanted.profile}: {len(clean.labels)} images, {sum(map(len, attack[1:]))} attacked ones")
    found = {}
    all_attacks, all_sources = np.concatenate(attack), np.concatenate(sources)

    def measure(name: str, features: tuple[Feature, ...], values: np.ndarray, size: float) -> None:
        examples = Examples(features, values, (all_attacks >= 0).astype(np.int64), all_sources)
        own = areas(examples, all_attacks, wanted.attack)
        found[name] = {"bytes": size, **own}
        mean, worst = np.mean(list(own.values())), min(own.values())
        print(f"| {name} | {size:,.0f} | {mean:.4f} | {worst:.4f} |", flush=True)

    for name, (_, size) in ways.items():
        features, values = tables[name][0].features, np.vstack([table.values for table in tables[name]])
        measure(name, features, values, size)
        if name == "exact counts":
            width = np.min_scalar_type(int(signatures.images.max())).itemsize
            layers = signatures.layout.names
            for chosen_name, keeps in chosen_columns(features, layers):
                at = np.flatnonzero([keeps(feature) for feature in features])
                compared = {(f.layer, f.kind) for f in (features[i] for i in at) if f.measure == "containment"}
                units = sum(signatures.counts[f"{layer}/{kind}"].shape[1] for layer, kind in compared)
                measure(chosen_name, tuple(features[i] for i in at), values[:, at], units * width)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
