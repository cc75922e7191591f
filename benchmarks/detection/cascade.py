"""Compare cascades with all views at once, on fit images alone: no calibration or test image is looked at.

Example: python benchmarks/detection/cascade.py PROFILE --data DATA --images 400 --cache attacked

Printed are the order of the views with the figures of all up to each; then, for all views at once and for the best
cascade within each budget, the views that are known by the end of each stage, mean and worst AUC over known attacks
and over attacks whose family was left out, and what a clean image costs on average, counted in inferences.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.datasets import matched_data
from pathprint.profiling.data.roles import split
from pathprint.profiling.errors import FitError
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.views import VIEWS
from pathprint.profiling.jobs.fit_data import FitData
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.jobs.stage_choice import Plan, all_plans, best_plan
from pathprint.profiling.jobs.view_choice import in_order
from pathprint.profiling.signatures.compact import served


def report(name: str, plan: Plan, lost: float) -> None:
    """Print the figures of one plan."""
    limits = plan.limits(lost)
    known, unseen = plan.areas(limits)
    figures = {"known": np.mean(known), "worst": min(known), "unseen": np.mean(unseen), "worst unseen": min(unseen)}
    found = {
        "cascade": name,
        "views known": [len(stage.views) for stage in plan.stages],
        **{key: round(float(value), 4) for key, value in figures.items()},
        "lost": lost,
        "reached": [round(share, 3) for share in plan.reached(limits)],
        "cost": round(plan.cost(limits), 2),
    }
    print(json.dumps(found), flush=True)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--classifier", default="logistic")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--budget", action="append", type=float)
    asked = parser.parse_args()
    made = NetworkProfile.load(asked.profile)
    network = made.extractor.network
    parts = split(matched_data(asked.data, network.labels, made.class_map), made.keys, made.seed)
    maker = FeatureMaker(made.extractor, served(made.signatures), tuple(VIEWS))
    clean = correct_images(network, parts.fit, asked.images)
    data = FitData.of(maker, clean, chosen(network, None), Crafting(made.seed, asked.cache))
    order = in_order(data)
    print(json.dumps(dict(order)), flush=True)
    plans = all_plans(asked.classifier, data.asking([view for view, _ in order]))
    at_once = next(plan for plan in plans if [len(stage.views) for stage in plan.stages] == [len(VIEWS)])
    report("all at once", at_once, 0.005)
    for budget in asked.budget or (2.5, 3.0, 3.5, 4.0, 5.0, 6.0):
        try:
            report(f"budget {budget:g}", *best_plan(plans, budget))
        except FitError as error:
            print(error, flush=True)


if __name__ == "__main__":
    main()
