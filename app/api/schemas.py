"""What the service answers, as types: the OpenAPI document is made from them.

Every number is finite: a NaN or an infinity here is our mistake and must not reach a client.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0)]


class Schema(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Model(Schema):
    """Which network and which bundle gave the answer."""

    name: str
    fingerprint: str = Field(description="SHA-256 of the network: graph, weights, labels, preprocessing.")
    bundle_sha256: str = Field(description="Checksum of the bundle's manifest, which covers every file in it.")


class ClassName(Schema):
    """A class of the protected network."""

    class_id: int = Field(ge=0)
    label: str


class Prediction(ClassName):
    """What the protected network answers for the image, whatever the verdict on it."""

    confidence: Share = Field(description="Softmax of the predicted class.")
    runner_up: ClassName = Field(description="The class with the second largest logit.")


class Calibration(Schema):
    """What the threshold promises, and on how many clean images that rests."""

    target_fpr: Share = Field(description="Largest share of clean images that may be flagged.")
    interval95: tuple[Share, Share] = Field(description="95 % interval of the share that is really flagged.")
    n_clean: int = Field(ge=1, description="Clean images the threshold was set on.")


class Detection(Schema):
    """The verdict on the image, and the numbers behind it."""

    verdict: Literal["benign", "adversarial", "uncertain"] = Field(
        description="`uncertain`: the predicted class has too few profiled images, or the score is too near the "
        "threshold; `note` says which."
    )
    score: float = Field(description="How suspicious the image is, on the logit scale unless one-class.")
    threshold: float = Field(description="Scores above it are adversarial, unless uncertain.")
    p_value: Share = Field(description="Share of clean images that are at least as suspicious.")
    higher_is: Literal["more_adversarial"] = "more_adversarial"
    usual_score: float = Field(description="Mean score of clean images.")
    note: str = Field(description="Why the verdict is uncertain; empty if it is not.")
    calibration: Calibration


class Layer(Schema):
    """What one layer of the network says about the image."""

    layer: str
    contribution: float = Field(description="What the layer adds to the score beyond what is usual.")
    feature: str = Field(description="The layer's feature that adds most in that direction.")
    value: float = Field(description="That feature's value for this image.")
    usual: float = Field(description="Its mean over clean images of the predicted class.")
    spread: float = Field(ge=0, description="Its standard deviation over them.")
    text: str = Field(description="All of this as a sentence.")


class Evidence(Schema):
    """Why the score is what it is."""

    layers: list[Layer] = Field(description="Heaviest first. The contributions add up to score - usual_score.")


class Input(Schema):
    """The image as it was received."""

    media_type: str = Field(description="What the bytes are, whatever was declared.")
    width: int = Field(ge=1, description="In pixels, after turning the image upright by its EXIF orientation.")
    height: int = Field(ge=1)
    sha256: str = Field(description="Of the image's bytes.")


class Timing(Schema):
    """Where the time went."""

    decode: Milliseconds = Field(description="From bytes to the pixels that the network sees.")
    queue: Milliseconds = Field(description="Waiting for a free decoder and for the model.")
    compute: Milliseconds = Field(description="Inference, path extraction and scoring.")
    total: Milliseconds = Field(description="All of that and receiving the body.")


class Answer(Schema):
    """The verdict on one image. `evidence` is absent with `detail=verdict`."""

    request_id: str
    model: Model
    prediction: Prediction
    detection: Detection
    evidence: Evidence | None = None
    input: Input
    timing_ms: Timing


class Alive(Schema):
    """The process runs."""

    status: Literal["alive"] = "alive"


class Ready(Schema):
    """The bundle is loaded and verified, and the model has judged an image."""

    status: Literal["ready"] = "ready"
    model: Model


class ParameterProblem(Schema):
    """What is wrong with one parameter."""

    parameter: str
    detail: str


class Problem(Schema):
    """An error as RFC 9457 has it, plus `code` for programs and `request_id` for support."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[ParameterProblem] | None = None
