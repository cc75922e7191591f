"""Detectors of other libraries, of those that are installed (extra ``bench``)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from importlib import import_module

from pathprint.profiling.errors import FitError
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons

_log = logging.getLogger(__name__)
ADAPTERS = {"pytorch-ood": "from_pytorch_ood", "adversarial-robustness-toolbox": "from_art"}
"""By package, the module beside this one that needs it."""


def outside() -> dict[str, tuple[str, Callable[[Lessons], Baseline]]]:
    """Return what is known and what fits it, by detector; a library that cannot be imported is named."""
    found: dict[str, tuple[str, Callable[[Lessons], Baseline]]] = {}
    for package, adapter in ADAPTERS.items():
        try:
            found |= import_module(f"{__package__}.{adapter}").DETECTORS
        except ImportError as error:
            _log.warning("not measured: the detectors of %s, which the extra bench installs (%s)", package, error)
    return found


def fitted(
    known: Mapping[str, tuple[str, Callable[[Lessons], Baseline]]], lessons: Lessons
) -> dict[str, tuple[str, Baseline]]:
    """Return summaries and detectors by name; one that does not suit the network is named and left out."""
    found = {}
    for name, (summary, fit) in known.items():
        try:
            found[name] = (summary, fit(lessons))
        except FitError as error:
            _log.warning("not measured: %s; %s", name, error)
    return found
