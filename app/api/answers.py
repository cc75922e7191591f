"""Turn the engine's verdict into the parts of the answer that a client receives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pathprint.app.api import schemas
from pathprint.app.api.judging import Judge
from pathprint.app.api.picture_schemas import Picture, PictureAnswer
from pathprint.app.api.shown import Shown
from pathprint.app.runtime.decoding import Decoded
from pathprint.app.runtime.examiner import Examination
from pathprint.app.runtime.models import Loaded
from pathprint.profiling.detection.calibration import Calibration
from pathprint.profiling.detection.detector import Detector, Verdict
from pathprint.profiling.detection.evidence import LayerEvidence
from pathprint.profiling.detection.together import TOLERANCE


def answer(judge: Judge, examination: Examination, shown: Shown) -> schemas.Answer:
    """Return the answer about one image."""
    return schemas.Answer(**members(judge, examination, shown))


def explanation(judge: Judge, examination: Examination, shown: Shown) -> schemas.Explanation:
    """Return the answer about one image with the reasons for it."""
    reasons = list(examination.verdict.reasons) if shown.sentences else None
    return schemas.Explanation(**members(judge, examination, shown), reasons=reasons)


def pictured(judge: Judge, examination: Examination, shown: Shown) -> PictureAnswer:
    """Return the answer about one image with all that is behind it, to draw."""
    assert examination.explained is not None, "the image was examined in order to be pictured"
    picture = Picture(**examination.explained.beside_the_verdict())
    reasons = list(examination.verdict.reasons)
    return PictureAnswer(**members(judge, examination, shown), reasons=reasons, picture=picture)


def members(judge: Judge, examination: Examination, shown: Shown) -> dict[str, Any]:
    """Return what every answer about one image has."""
    verdict = examination.verdict
    return {
        "request_id": judge.request.state.request_id,
        "detail": shown.detail,
        "model": model(judge.loaded),
        "prediction": prediction(verdict, shown),
        "detection": detection(verdict, judge.loaded.detector, shown),
        "evidence": evidence(verdict.layers, shown) if shown.evidence else None,
        "input": received(examination.image),
        "timing_ms": timing(examination, judge.milliseconds) if shown.timing else None,
    }


def model(loaded: Loaded) -> schemas.AnsweringModel:
    """Return which model and version answers."""
    return schemas.AnsweringModel(**loaded.facts, version=loaded.version)


def prediction(verdict: Verdict, shown: Shown) -> schemas.Prediction:
    """Return what the network predicts for the image."""
    runner_up = schemas.ClassName(class_id=verdict.runner_up, label=verdict.runner_up_label)
    return schemas.Prediction(
        class_id=verdict.predicted,
        label=verdict.label,
        confidence=shown.round(verdict.confidence) if shown.numbers else None,
        runner_up=runner_up if shown.numbers else None,
    )


def detection(verdict: Verdict, detector: Detector, shown: Shown) -> schemas.Detection:
    """Return the verdict and score, and what the threshold between them promises."""
    always: dict[str, Any] = {
        "verdict": verdict.decision,
        "test": verdict.test,
        "note": verdict.note,
        "calibration": promise(detector.calibration),
    }
    if not shown.numbers:
        return schemas.Detection(**always)
    return schemas.Detection(
        **always,
        score=shown.round(verdict.score, verdict.threshold),
        threshold=verdict.threshold,
        tolerance=TOLERANCE,
        p_value=shown.round(verdict.p_value, detector.calibration.target),
        usual_score=verdict.usual_score,
        stage=verdict.stage,
        inferences=verdict.inferences,
    )


def promise(calibration: Calibration) -> schemas.Calibration:
    """Return what a threshold promises."""
    return schemas.Calibration(
        target_fpr=calibration.target, interval95=calibration.interval, n_clean=calibration.images
    )


def evidence(layers: Iterable[LayerEvidence], shown: Shown) -> schemas.Evidence:
    """Return what each layer adds to the score, in numbers and words; what is not listed is summed up."""
    every = list(layers)
    listed, others = every[: shown.top], every[len(every[: shown.top]) :]
    added = shown.round(sum(layer.contribution for layer in others))
    rest = schemas.Rest(layers=len(others), contribution=added) if others else None
    return schemas.Evidence(layers=[layer_of(layer, shown) for layer in listed], rest=rest)


def layer_of(evidence: LayerEvidence, shown: Shown) -> schemas.Layer:
    """Return what one layer says about the image."""
    return schemas.Layer(
        layer=evidence.layer,
        contribution=shown.round(evidence.contribution),
        feature=evidence.feature,
        value=shown.round(evidence.value),
        usual=evidence.usual,
        spread=evidence.spread,
        text=evidence.text if shown.sentences else None,
    )


def received(image: Decoded) -> schemas.Input:
    """Return what was received, and what was done to it."""
    return schemas.Input(
        media_type=image.media_type,
        width=image.width,
        height=image.height,
        transforms=list(image.transforms),
        sha256=image.sha256,
    )


def timing(examination: Examination, total: float) -> schemas.Timing:
    """Return the milliseconds of each step and the ``total`` ones, rounded to microseconds."""
    return schemas.Timing(
        decode=round(examination.decode, 3),
        queue=round(examination.queue, 3),
        compute=round(examination.compute, 3),
        total=round(total, 3),
        batch_size=examination.batch,
    )
