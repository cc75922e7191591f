"""Compare what is taught, on fit images alone: no calibration or test image is looked at.

Example: python benchmarks/detection/taught.py PROFILE --data DATA --images 400 --cache attacked --without ddn

Each ``--without`` names attacks, separated by commas, that are not taught for once. Printed is a line of JSON for
everything taught, and one for each ``--without``: the AUC of each attack by the test fitted on attacks alone, and by
the larger of both tests. Attacks of ``--other`` are measured and never taught. Folds share no image.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from on_fit_images import Study, groups_of

from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.datasets import matched_data
from pathprint.profiling.data.roles import split
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.jobs.fit_data import FitData
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.signatures.compact import served


def both(study: Study, columns: list[int], kept: np.ndarray) -> dict[str, Floats]:
    """Return the scores of all rows by the fitted test alone and by both tests, learnt from the rows ``kept``."""
    fitted, clean = (study.scores(columns, kept, clean_only) for clean_only in (False, True))
    return {"fitted": fitted, "joined": np.maximum(*(scaled(scores, study.kinds < 0) for scores in (fitted, clean)))}


def scaled(scores: Floats, benign: np.ndarray) -> Floats:
    """Return scores as distances from the median of benign rows, in units of that of their 95 % quantile."""
    middle, high = np.quantile(scores[benign], [0.5, 0.95])
    found: Floats = (scores - middle) / (high - middle)
    return found


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--view", default="mirrored")
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--other", action="append", default=[])
    asked = parser.parse_args()
    made = NetworkProfile.load(asked.profile)
    network = made.extractor.network
    parts = split(matched_data(asked.data, network.labels, made.class_map), made.keys, made.seed)
    maker = FeatureMaker(made.extractor, served(made.signatures), (asked.view,))
    names = [attack.name for attack in chosen(network, None)]
    attacks = chosen(network, [*names, *asked.other])
    clean = correct_images(network, parts.fit, asked.images)
    study = Study(FitData.of(maker, clean, attacks, Crafting(made.seed, asked.cache)))
    columns = [j for j, feature in enumerate(study.examples.features) if groups_of(feature)]
    for without in ("", *asked.without):
        out = [j for j, attack in enumerate(attacks) if attack.name in (*without.split(","), *asked.other)]
        for test, scores in both(study, columns, ~np.isin(study.kinds, out)).items():
            areas = {attack.name: round(study.area(scores, j), 3) for j, attack in enumerate(attacks)}
            print(
                json.dumps({"without": without, "test": test, "mean": round(np.mean(list(areas.values())), 4), **areas})
            )


if __name__ == "__main__":
    main()
