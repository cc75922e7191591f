"""The model card of a bundle as the Hugging Face hub reads it: a head of YAML, then Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.errors import BundleError

_TAGS = ("adversarial-detection", "adversarial-robustness", "anomaly-detection", "security")
_TASK = "image-classification"
_SHOWN_CLASSES = 20


def card(detector: Detector, name: str, licence: str = "", figures: Mapping[str, Any] | None = None) -> str:
    """Return the card of a detector.

    Args:
        name: of the repository.
        licence: the hub's name of a licence; empty to leave it out.
        figures: JSON of an evaluation of the detector.

    Raises:
        BundleError: the figures are of another network, or no figures of an evaluation.
    """
    if figures is not None:
        _check(detector, figures)
    head = _head(name, licence, figures)
    parts = [f"# {name}", _about(detector), _use(name), _limits(), *([_table(figures)] if figures else [])]
    return "\n\n".join([head, *parts]) + "\n"


def _check(detector: Detector, figures: Mapping[str, Any]) -> None:
    try:
        of, _ = figures["network"]["fingerprint"], figures["detector"]["attacks"]
    except (KeyError, TypeError) as error:
        raise BundleError(
            "the figures are none of an evaluation; give what `pathprint evaluate --json` prints."
        ) from error
    if of != detector.network.fingerprint:
        raise BundleError(
            f"the figures are of the network {str(of)[:12]}…, but the bundle protects "
            f"{detector.network.fingerprint[:12]}…; evaluate this bundle."
        )


def _head(name: str, licence: str, figures: Mapping[str, Any] | None) -> str:
    """Return the head; each value is JSON, which is YAML, so that no name can break it."""
    held: dict[str, Any] = {"library_name": "pathprint", "tags": list(_TAGS)}
    held |= {"license": licence} if licence else {}
    held |= {"model-index": [_index(name, figures)]} if figures else {}
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in held.items()), "---"])


def _index(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures as the hub's ``model-index``, in which a result is about one data set."""
    data = str(figures["settings"].get("data", "unknown"))
    flagged = figures["flagged_clean"]["value"]
    measured = [("auc", figures["mean_auc"], "Mean AUC over attacks"), ("fpr", flagged, "Clean images flagged")]
    measured += [
        ("auc", one["auc"]["value"], f"AUC, {attack}") for attack, one in figures["detector"]["attacks"].items()
    ]
    metrics = [{"type": kind, "value": value, "name": said} for kind, value, said in measured if value is not None]
    task = {"type": _TASK, "name": "Detection of adversarial images"}
    return {"name": name, "results": [{"task": task, "dataset": {"type": data, "name": data}, "metrics": metrics}]}


def _about(detector: Detector) -> str:
    network, calibration = detector.network, detector.calibration
    labels = ", ".join(network.labels[:_SHOWN_CLASSES]) + (", …" if len(network.labels) > _SHOWN_CLASSES else "")
    shape = " x ".join(map(str, network.preprocessing.input_shape))
    low, high = calibration.interval
    fitted = ", ".join(detector.fitting.names) or "none: clean images alone"
    return f"""A detector of adversarial images, made by Pathprint. It protects one classifier, whose graph and
weights it contains, and says of each image whether it is adversarial, and why.

| | |
|---|---|
| network | {_cell(network.name)} (`{network.fingerprint[:12]}`), images of {shape} |
| classes | {len(network.labels)}: {_cell(labels)} |
| tier | {detector.tier} |
| fitted on attacks | {_cell(fitted)} |
| promised share of clean images that are flagged | {calibration.target:.1%} (95 % interval {low:.1%} to {high:.1%}) |
| threshold | {calibration.threshold:.4g}, set on {calibration.images} clean images |"""


def _use(name: str) -> str:
    return f"""## Use

```python
import pathprint
from pathprint.profiling.detection.for_hugging_face import from_pretrained

bundle = from_pretrained({json.dumps(name)})
for verdict in pathprint.detect(bundle, ["suspect.png"]):
    print(verdict.decision, verdict.layers[0].text)
```

The files are JSON and safetensors. Loading them runs no code and verifies every checksum."""


def _limits() -> str:
    return """## Limits

The detector knows this one network. It finds attacks that do not know about it, and is no guarantee
of robustness: somebody who knows the detector may evade it. The promised share holds for images
like those that it was calibrated on."""


def _table(figures: Mapping[str, Any]) -> str:
    data = _cell(str(figures["settings"].get("data", "unknown")))
    flagged, attacks = _rate(figures["flagged_clean"]), figures["detector"]["attacks"]
    rows = [f"| {_cell(name)} | {_rate(one['auc'])} | {_rate(one['tpr_at_5fpr'])} |" for name, one in attacks.items()]
    said = f"""## Figures

Measured on {figures["images"]} clean images of {data} that the bundle was not made from, with 95 %
intervals. Share of clean images that are flagged: {flagged}.

| attack | AUC | share flagged at 5 % FPR |
|---|---|---|"""
    return "\n".join([said, *rows])


def _rate(estimate: Mapping[str, Any]) -> str:
    value, low, high = (estimate.get(key) for key in ("value", "low", "high"))
    if value is None:
        return "not measured"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
