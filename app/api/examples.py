"""A real answer, about a digit attacked with PGD, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Any

from pathprint.app.api.answers import layer_of
from pathprint.profiling.detection.evidence import LayerEvidence
from pathprint.profiling.detection.sentences import Classes, Finding
from pathprint.profiling.features.table import Feature

_CLASSES = Classes(predicted=8, label="8", runner_up_label="3")


def _layer(feature: Feature, contribution: float, value: float, usual: float, spread: float) -> dict[str, Any]:
    """Return one layer's evidence, with the sentence that a client would read."""
    return layer_of(LayerEvidence.of(Finding(feature, contribution, value, usual, spread), _CLASSES)).model_dump()


ANSWER: dict[str, Any] = {
    "request_id": "4f1c",
    "model": {
        "name": "digits-cnn",
        "fingerprint": "5e42d31d640b41a5388e86cdc30b6c33ee75064a04a7dbbe9fd969a688f80c55",
        "bundle_sha256": "8fbb6a03d22dbe526b44ed45646a411f5711f535e763325fa0dce364a6164039",
    },
    "prediction": {
        "class_id": _CLASSES.predicted,
        "label": _CLASSES.label,
        "confidence": 0.997946,
        "runner_up": {
            "class_id": 3,
            "label": _CLASSES.runner_up_label,
        },
    },
    "detection": {
        "verdict": "adversarial",
        "score": 2.19736,
        "threshold": 0.620748,
        "p_value": 0.00826446,
        "higher_is": "more_adversarial",
        "usual_score": -1.74748,
        "note": "",
        "calibration": {
            "target_fpr": 0.05,
            "interval95": [0.0185676, 0.0945588],
            "n_clean": 120,
        },
    },
    "evidence": {
        "layers": [
            _layer(Feature("containment", "0", "neurons", 1, -1), 1.49578, 0.5, 0.900637, 0.122095),
            _layer(Feature("containment", "2", "neurons", 1, -1), 1.34978, 0.416667, 0.886063, 0.0911285),
            _layer(Feature("vote_margin", "5", "neurons", 0, -1), 0.789192, 1.52978, 4.80775, 0.882331),
            _layer(Feature("containment", "9", "weights", 2, 1), 0.255458, 0.545455, 0.173611, 0.240262),
            _layer(Feature("vote_runner_up", "11", "weights", 0, -1), 0.0546301, 12.8592, 11.0032, 1.94114),
        ],
    },
    "input": {
        "media_type": "image/png",
        "width": 8,
        "height": 8,
        "sha256": "4d73e9d419a7714db6a2b6ff0c6edfd94c9cae7287f2da5e23eab36440c729dd",
    },
    "timing_ms": {
        "decode": 0.653,
        "queue": 0.133,
        "compute": 7.329,
        "total": 8.675,
    },
}
