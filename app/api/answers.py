"""Turn the engine's verdict into the parts of the answer that a client receives."""

from __future__ import annotations

from pathprint.app.api import schemas
from pathprint.app.runtime.decoding import Decoded
from pathprint.app.runtime.examiner import Examination
from pathprint.profiling.detection.calibration import Calibration
from pathprint.profiling.detection.detector import Verdict
from pathprint.profiling.detection.evidence import LayerEvidence


def prediction(verdict: Verdict) -> schemas.Prediction:
    """Return what the network predicts for the image."""
    return schemas.Prediction(
        class_id=verdict.predicted,
        label=verdict.label,
        confidence=verdict.confidence,
        runner_up=schemas.ClassName(class_id=verdict.runner_up, label=verdict.runner_up_label),
    )


def detection(verdict: Verdict, calibration: Calibration) -> schemas.Detection:
    """Return the verdict and score, and what the threshold between them promises."""
    return schemas.Detection(
        verdict=verdict.decision,
        score=verdict.score,
        threshold=verdict.threshold,
        p_value=verdict.p_value,
        usual_score=verdict.usual_score,
        note=verdict.note,
        calibration=schemas.Calibration(
            target_fpr=calibration.target, interval95=calibration.interval, n_clean=calibration.images
        ),
    )


def evidence(verdict: Verdict) -> schemas.Evidence:
    """Return what each layer adds to the score, in numbers and words."""
    return schemas.Evidence(layers=[layer_of(layer) for layer in verdict.layers])


def layer_of(evidence: LayerEvidence) -> schemas.Layer:
    """Return what one layer says about the image."""
    return schemas.Layer(
        layer=evidence.layer,
        contribution=evidence.contribution,
        feature=evidence.feature,
        value=evidence.value,
        usual=evidence.usual,
        spread=evidence.spread,
        text=evidence.text,
    )


def received(image: Decoded) -> schemas.Input:
    """Return the type, size and checksum of the image that was received."""
    return schemas.Input(media_type=image.media_type, width=image.width, height=image.height, sha256=image.sha256)


def timing(examination: Examination, total: float) -> schemas.Timing:
    """Return the milliseconds of each step and the ``total`` ones, rounded to microseconds."""
    return schemas.Timing(
        decode=round(examination.decode, 3),
        queue=round(examination.queue, 3),
        compute=round(examination.compute, 3),
        total=round(total, 3),
    )
