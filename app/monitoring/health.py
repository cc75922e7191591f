"""What ``/v1/models/{model}/health`` answers: whether recent images look like those of the calibration."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from pathprint.app.monitoring.drift import Drift, Reference, Window
from pathprint.app.schema import Schema

Share = Annotated[float, Field(ge=0, le=1)]
_SENTENCES = {
    "too_few": "Too few images were judged so far to compare them with the calibration.",
    "as_calibrated": "Recent images look like those that the threshold was calibrated on.",
    (True, False): "Another share of recent images is flagged than the calibration promises: either attacks come in, "
    "or clean images have changed. Look at flagged images before you calibrate again.",
    (False, True): "The scores of recent images are distributed differently from those of the calibration images: "
    "clean images have probably changed. Consider `pathprint recalibrate`.",
    (True, True): "Recent images are scored and flagged differently from calibration images: either many attacks come "
    "in, or clean images have changed. Look at flagged images before you calibrate again.",
}


class FlaggedShare(Schema):
    """How many of the recent images are flagged, compared with what the calibration promises."""

    share: Share | None = Field(description="Share of recent images with a score above the threshold; null if none.")
    interval95: tuple[Share, Share] = Field(description="95 % confidence interval of this share (Wilson).")
    target: Share = Field(description="The promise: a clean image is flagged with at most this probability.")
    calibrated95: tuple[Share, Share] = Field(
        description="95 % confidence interval of the share of clean images that the threshold flags."
    )
    drifted: bool = Field(description="Whether the two intervals have nothing in common.")


class ScoreDistance(Schema):
    """How differently scores are distributed among recent images and among calibration images."""

    distance: Share = Field(description="Kolmogorov-Smirnov distance: the largest difference of the two distributions.")
    by_chance: Share = Field(description="Distance that chance alone exceeds once in a thousand times.")
    drifted: bool = Field(description="Whether the distance is above both `by_chance` and 0.1.")


class ModelHealth(Schema):
    """Whether recent images look like those that a bundle was calibrated on."""

    name: str = Field(description="The name under which the bundle is loaded.")
    version: str = Field(description="The version under which the bundle is loaded.")
    bundle_sha256: str = Field(description="SHA-256 that stands for the whole bundle.")
    state: Literal["too_few", "as_calibrated", "drifted"] = Field(description="The result in one word.")
    text: str = Field(description="The result as a sentence, with what to do.")
    images: int = Field(ge=0, description="Number of recent images that this rests on.")
    since: datetime | None = Field(description="When the first of them was judged; null if there are none.")
    until: datetime | None = Field(description="When the last of them was judged; null if there are none.")
    n_clean: int = Field(ge=1, description="Number of clean images that the threshold was set on.")
    flagged: FlaggedShare
    scores: ScoreDistance


def health_of(name: str, version: str, bundle_sha256: str, reference: Reference, drift: Drift | None) -> ModelHealth:
    """Return the health of a bundle; ``drift`` is None if no image was judged by it yet."""
    found = drift or Window(reference, 1, 1).drift()
    which = (found.rate_drifted, found.scores_drifted)
    calibration = reference.calibration
    return ModelHealth(
        name=name,
        version=version,
        bundle_sha256=bundle_sha256,
        state=found.state,
        text=_SENTENCES[which if found.state == "drifted" else found.state],
        images=found.images,
        since=found.since,
        until=found.until,
        n_clean=calibration.images,
        flagged=FlaggedShare(
            share=found.flagged if found.images else None,
            interval95=found.interval,
            target=calibration.target,
            calibrated95=calibration.interval,
            drifted=found.rate_drifted,
        ),
        scores=ScoreDistance(distance=found.distance, by_chance=found.by_chance, drifted=found.scores_drifted),
    )
