"""Detectors of those other libraries that are installed (extra ``bench``)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from importlib import import_module

from pathprint.profiling.errors import FitError
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons

log = logging.getLogger("pathprint")

ADAPTERS = {"pytorch-ood": "from_pytorch_ood", "adversarial-robustness-toolbox": "from_art"}
"""Name of the adapter in this folder, by the package that it needs."""


def outside() -> dict[str, tuple[str, Callable[[Lessons], Baseline]]]:
    """Return the summary and the fitting function of each detector, by name; log the libraries that are missing."""
    found: dict[str, tuple[str, Callable[[Lessons], Baseline]]] = {}
    for package, adapter in ADAPTERS.items():
        try:
            found |= import_module(f"{__package__}.{adapter}").DETECTORS
        except ImportError as error:
            log.warning(
                "not measured: the detectors of %s; install them with pip install 'pathprint[bench]' (%s)",
                package,
                error,
            )
    return found


def fitted(
    known: Mapping[str, tuple[str, Callable[[Lessons], Baseline]]], lessons: Lessons
) -> dict[str, tuple[str, Baseline]]:
    """Return the summary and the fitted detector by name; log and leave out those that cannot be fitted."""
    found = {}
    for name, (summary, fit) in known.items():
        try:
            found[name] = (summary, fit(lessons))
        except FitError as error:
            log.warning("not measured: detector %s; %s", name, error)
    return found
