"""The figures of an evaluation as the performance metrics of a CycloneDX model card, each with slice and interval."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import DataError, unreadable
from pathprint.profiling.evaluation.figures import EVERYTHING, NOTHING, SCHEMA

Metric = dict[str, Any]
Figures = Mapping[str, Any]

_RATES = {"auc": "AUC", "tpr_at_5fpr": "true-positive rate at 5 % FPR", "tpr_at_1fpr": "true-positive rate at 1 % FPR"}
"""The figures of an attack, with what they are called in a card."""


def read_figures(path: Path, bundle: Bundle) -> Figures:
    """Return the figures of a bundle that ``pathprint evaluate --json`` printed into a file.

    Raises:
        DataError: the file holds something else, or figures of another bundle, or those of another version.
    """
    try:
        figures = json.loads(path.read_bytes())
        schema, measured = figures["schema"], figures["settings"]["bundle_sha256"]
    except OSError as error:
        raise unreadable(path, error) from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _no_figures(path, error) from error
    if schema != SCHEMA:
        raise DataError(f"{path} has figures of schema {schema!r}, but this version reads {SCHEMA}; evaluate again.")
    if measured != bundle.sha256:
        raise DataError(
            f"{path} has figures of the bundle {str(measured)[:12]}…, but this is {bundle.sha256[:12]}…; evaluate it."
        )
    return dict(figures)


def measured_metrics(figures: Figures, path: Path) -> list[Metric]:
    """Return the metrics of an evaluation: of clean images, attacks, benign changes, and who knows the detector.

    Undefined figures, such as those of an attack that never succeeded, are left out.

    Raises:
        DataError: the figures are not what ``pathprint evaluate --json`` prints.
    """
    try:
        found = [*_of_clean(figures), *_of_attacks(figures), *_of_controls(figures), *_of_adaptive(figures)]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _no_figures(path, error) from error
    return [metric for metric in found if metric is not None]


def promised_metrics(bundle: Bundle) -> list[Metric]:
    """Return the false-positive rate that the bundle promises, which needs no evaluation."""
    found = bundle.detector.calibration
    interval = {"lowerBound": _number(found.interval[0]), "upperBound": _number(found.interval[1])}
    metric = {"type": "false-positive rate, promised", "value": _number(found.target), "slice": "clean images"}
    return [metric | {"confidenceInterval": interval}]


def _of_clean(figures: Figures) -> Iterator[Metric | None]:
    yield _estimate("false-positive rate", "clean images", figures["flagged_clean"])
    accuracy = figures["clean_accuracy"]
    if accuracy is not None:
        yield {"type": "accuracy of the protected network", "slice": "clean images", "value": _number(accuracy)}


def _of_attacks(figures: Figures) -> Iterator[Metric | None]:
    for name, found in figures["detector"]["attacks"].items():
        fared = figures["attacks"][name]
        for rate, called in _RATES.items():
            yield _estimate(called, ", ".join(filter(None, (f"attack {name}", fared["teaching"]))), found[rate])
        left_out = figures["left_out"].get(fared["family"], figures["left_out"].get(NOTHING))
        if left_out is not None:
            yield _estimate("AUC", f"attack {name}, its family left out of fitting", left_out["attacks"][name]["auc"])
        if EVERYTHING in figures["left_out"]:
            without = figures["left_out"][EVERYTHING]["attacks"][name]["auc"]
            yield _estimate("AUC", f"attack {name}, fitted without any attack", without)


def _of_controls(figures: Figures) -> Iterator[Metric | None]:
    for name, found in figures["detector"]["controls"].items():
        yield _estimate("share flagged at 5 % FPR", f"control {name}", found["flagged"])


def _of_adaptive(figures: Figures) -> Iterator[Metric | None]:
    for point in figures["adaptive"]:
        who = f"attacker who knows the detector, Linf {float(point['budget']):.4f}"
        yield _estimate("share of images that evade", who, point["evaded"])


def _estimate(kind: str, among: str, found: Mapping[str, Any]) -> Metric | None:
    """Return a figure with its interval; None if it is undefined."""
    if found["value"] is None:
        return None
    metric: Metric = {
        "type": kind,
        "slice": f"{among}; {int(found['images'])} images",
        "value": _number(found["value"]),
    }
    if found["low"] is not None and found["high"] is not None:
        metric["confidenceInterval"] = {"lowerBound": _number(found["low"]), "upperBound": _number(found["high"])}
    return metric


def _number(value: float) -> str:
    """Return a number as cards have it: a text, which cannot lose digits on the way."""
    return f"{float(value):.4f}"


def _no_figures(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} is not what `pathprint evaluate --json` prints ({error!r}); write its output to a file.")
