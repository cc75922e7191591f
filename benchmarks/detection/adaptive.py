"""The adaptive attack, a few images at a time, so that it can be stopped and continued.

    python benchmarks/detection/adaptive.py BUNDLE DATA OUT [--images 100] [--guides 2] [--queries 100] [--weights 0 1]

It does what `pathprint evaluate BUNDLE --data DATA --images 256 --adaptive N` does, with less effort as its options
say. Each few images leave a file in OUT, and all files there are counted at the end. docs/results.md has the figures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from pathprint.profiling.attacks.adaptive.evade import Adaptive, better, unbeaten
from pathprint.profiling.attacks.adaptive.matching import Guides
from pathprint.profiling.data.correct import Correct, correct_images
from pathprint.profiling.data.roles import Test, split_again
from pathprint.profiling.detection.bundle import load_bundle
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.evaluation.adaptive import GREY, RGB, Tried
from pathprint.profiling.jobs.images import job_images

SEED = 1
TEST_IMAGES = 256


def tried(detector: Detector, clean: Correct[Test], rows: slice, effort: partial[Adaptive]) -> dict[str, Any]:
    """Return the scores that were found for some images at each budget; infinite where no wrong answer was."""
    pixels, labels = clean.pixels[rows].clone(), clean.labels[rows].clone()
    found, guides, budgets = unbeaten(pixels), Guides(clean.pixels, clean.labels), []
    for budget in GREY if pixels.shape[1] == 1 else RGB:
        one = Tried.of(detector, pixels, labels, effort(budget), SEED, guides)
        found = better(found, one.descended)
        ways = {str(steps): made.scores.tolist() for steps, made in one.by_steps.items()}
        parts = {"best": found.scores, "queried": one.queried.scores, "descended": one.descended.scores}
        budgets.append({"budget": budget, "ways": ways} | {name: part.tolist() for name, part in parts.items()})
    return {"threshold": detector.calibration.threshold, "rows": budgets}


def shares(files: Sequence[Path]) -> None:
    """Print, for each budget, the shares of images that are answered wrongly and that evade, and by which ways."""
    found = [json.loads(file.read_text()) for file in files]
    for number, row in enumerate(found[0]["rows"]):
        at = [part["rows"][number] for part in found]
        ways = {steps: [score for one in at for score in one["ways"][steps]] for steps in row["ways"]}
        parts = {name: [score for one in at for score in one[name]] for name in ("best", "queried", "descended")}
        count = len(parts["best"])
        wrong = sum(score < float("inf") for score in parts["best"]) / count
        evaded = {
            name: sum(score <= found[0]["threshold"] for score in scores) / count
            for name, scores in (ways | parts).items()
        }
        told = ", ".join(f"{name} {share:.1%}" for name, share in evaded.items())
        print(f"{row['budget']:.4f}: {count} images, wrong {wrong:.1%}; evaded: {told}")


def main() -> None:
    """Measure what is not yet in OUT, and print all that is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("data")
    parser.add_argument("out", type=Path)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument("--guides", type=int, default=2)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--weights", type=float, nargs="+", default=(0.0, 1.0))
    given = parser.parse_args()
    torch.set_num_threads(1)
    bundle = load_bundle(given.bundle)
    dataset = job_images(bundle.detector.network.labels, given.data, None, predicted=False).dataset
    clean = correct_images(bundle.detector.network, split_again(dataset, bundle.used).test, TEST_IMAGES)
    effort = partial(Adaptive, weights=tuple(given.weights), guides=given.guides, queries=given.queries)
    given.out.mkdir(parents=True, exist_ok=True)
    last = min(given.images, len(clean.labels))
    for first in range(0, last, given.at_once):
        file = given.out / f"{first:04d}.json"
        if not file.exists():
            rows = slice(first, min(first + given.at_once, last))
            file.write_text(json.dumps(tried(bundle.detector, clean, rows, effort)))
    shares(sorted(given.out.glob("*.json")))


if __name__ == "__main__":
    main()
