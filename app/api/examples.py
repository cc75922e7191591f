"""A real answer, about a digit attacked with PGD, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Any

ANSWER: dict[str, Any] = {
    "request_id": "4f1c",
    "model": {
        "name": "digits-cnn",
        "fingerprint": "5e42d31d640b41a5388e86cdc30b6c33ee75064a04a7dbbe9fd969a688f80c55",
        "bundle_sha256": "8fbb6a03d22dbe526b44ed45646a411f5711f535e763325fa0dce364a6164039",
    },
    "prediction": {
        "class_id": 8,
        "label": "8",
        "confidence": 0.997946,
        "runner_up": {
            "class_id": 3,
            "label": "3",
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
            {
                "layer": "0",
                "contribution": 1.49578,
                "feature": "containment of neurons in the predicted class",
                "value": 0.5,
                "usual": 0.900637,
                "spread": 0.122095,
                "text": (
                    "0: +1.50 towards adversarial; containment of neurons in the predicted class is 0.5"
                    " where clean images of '8' have 0.901 ± 0.12"
                ),
            },
            {
                "layer": "2",
                "contribution": 1.34978,
                "feature": "containment of neurons in the predicted class",
                "value": 0.416667,
                "usual": 0.886063,
                "spread": 0.0911285,
                "text": (
                    "2: +1.35 towards adversarial; containment of neurons in the predicted class is 0.417"
                    " where clean images of '8' have 0.886 ± 0.091"
                ),
            },
            {
                "layer": "5",
                "contribution": 0.789192,
                "feature": "vote margin of neurons",
                "value": 1.52978,
                "usual": 4.80775,
                "spread": 0.882331,
                "text": (
                    "5: +0.79 towards adversarial; vote margin of neurons is 1.53"
                    " where clean images of '8' have 4.81 ± 0.88"
                ),
            },
            {
                "layer": "9",
                "contribution": 0.255458,
                "feature": "containment of weights in the runner-up class",
                "value": 0.545455,
                "usual": 0.173611,
                "spread": 0.240262,
                "text": (
                    "9: +0.26 towards adversarial; containment of weights in the runner-up class is 0.545"
                    " where clean images of '8' have 0.174 ± 0.24"
                ),
            },
            {
                "layer": "11",
                "contribution": 0.0546301,
                "feature": "vote runner up of weights",
                "value": 12.8592,
                "usual": 11.0032,
                "spread": 1.94114,
                "text": (
                    "11: +0.05 towards adversarial; vote runner up of weights is 12.9"
                    " where clean images of '8' have 11 ± 1.9"
                ),
            },
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
