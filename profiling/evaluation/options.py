"""Options of an evaluation, and the record of its settings that goes with its figures."""

from __future__ import annotations

import platform
import shlex
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.evaluation.baselines.libraries import ADAPTERS
from pathprint.profiling.evaluation.figures import Report

_PACKAGES = ("pathprint", "torch", "numpy", "scikit-learn", "foolbox", *ADAPTERS)
NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    Attributes:
        images, profiled: most correctly classified test and profile images. Fit and calibration images are those that
            the bundle was made with.
        crafting: seed and cache of the attacks on test images.
        full: whether to measure benign controls, baselines, and classifiers that have not seen a family of attacks.
        paper: whether to measure with the papers' leaky split.
        adaptive: most images for the adaptive attack; 0 leaves it out.
        any_accuracy: whether to go on even if the network is right hardly more often than by chance.
    """

    images: int = 500
    profiled: int = 2000
    crafting: Crafting = field(default_factory=lambda: Crafting(seed=1))
    full: bool = False
    paper: bool = False
    adaptive: int = 0
    any_accuracy: bool = False


def settings(detector: Detector, split: Split, options: Options) -> dict[str, Any]:
    """Return the settings of an evaluation (data, options, seeds, versions) as JSON-able data."""
    return {
        "data": split.dataset.name,
        "classes": list(split.dataset.classes),
        "classifier": detector.score.kind,
        "tier": detector.tier,
        "views": list(detector.views),
        "policy": detector.extractor.policy.to_dict(),
        "calibration": detector.calibration.to_dict(),
        "images_of_role": {"profile": len(split.profile)}
        | {role: len(split.keys(role)) for role in ("fit", "calibrate", "test")},
        "most_images": {"test": options.images, "profiled": options.profiled, "adaptive": options.adaptive},
        "fitting": {"images": detector.fitting.images, "attacks": detector.fitting.names},
        "seeds": {"test_attacks": options.crafting.seed, "fit_attacks": detector.fitting.seed},
        "full": options.full,
        "paper_protocol": options.paper,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
    }


def recorded(report: Report, bundle: str) -> Report:
    """Return the report with the command line, the bundle's checksum and today's date added to its settings."""
    command = shlex.join(["pathprint", *sys.argv[1:]])
    known = {"command": command, "bundle_sha256": bundle, "day": datetime.now(UTC).date().isoformat()}
    return replace(report, settings={**known, **report.settings})


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED
