"""What the service answers, as types: the OpenAPI document is made from them.

Every number is finite: a NaN or an infinity here is our mistake and must not reach a client.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pathprint.app.schema import Schema

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0)]


class Model(Schema):
    """Which network and which bundle gave the answer."""

    name: str = Field(description="The name of the network.")
    fingerprint: str = Field(description="SHA-256 of the network: its graph, weights, labels and preprocessing.")
    bundle_sha256: str = Field(
        description="SHA-256 that stands for the whole bundle: it covers the checksums of all files."
    )


class Version(Schema):
    """A loaded bundle, by the name and version that requests ask for it by."""

    name: str = Field(description="The name of the model.")
    version: str = Field(description="The version of the model.")
    bundle_sha256: str = Field(description="SHA-256 that stands for the whole bundle.")


class ClassName(Schema):
    """A class of the protected network."""

    class_id: int = Field(ge=0, description="The position of the class among the network's outputs, from 0.")
    label: str = Field(description="The name of the class.")


class Prediction(ClassName):
    """What the protected network answers for the image, whatever the verdict on it."""

    confidence: Share = Field(description="The probability (softmax) that the network gives to its answer.")
    runner_up: ClassName = Field(description="The class that the network finds second likeliest.")


class Calibration(Schema):
    """What the threshold promises, and on how many clean images that rests."""

    target_fpr: Share = Field(description="The promise: a clean image is flagged with at most this probability.")
    interval95: tuple[Share, Share] = Field(
        description="95 % confidence interval of the share of clean images that this threshold flags."
    )
    n_clean: int = Field(ge=1, description="Number of clean images that the threshold was set on.")


class Detection(Schema):
    """The verdict on the image, and the numbers behind it."""

    verdict: Literal["benign", "adversarial", "uncertain"] = Field(
        description="`adversarial` if the score is above the threshold, else `benign`; `uncertain` if the score is too "
        "near the threshold or too few images of the predicted class were profiled: `note` says which."
    )
    score: float = Field(
        description="How suspicious the image is: larger is more. Not a probability; compare it with `threshold`."
    )
    threshold: float = Field(
        description="Scores above it mean adversarial; for scores near it the verdict is uncertain."
    )
    p_value: Share = Field(
        description="Estimated share of clean images with a score at least this high. Small means suspicious."
    )
    higher_is: Literal["more_adversarial"] = "more_adversarial"
    usual_score: float = Field(description="The mean score of the clean images that the threshold was set on.")
    note: str = Field(description="Why the verdict is uncertain; empty if it is not.")
    calibration: Calibration


class Layer(Schema):
    """What one layer of the network says about the image."""

    layer: str = Field(description="The name of the layer; `the answer` stands for the network's output as a whole.")
    contribution: float = Field(
        description="How far the layer moves the score from `usual_score`: up (positive, towards adversarial) or down "
        "(negative, towards benign)."
    )
    feature: str = Field(description="What moves the score most in that direction; docs/glossary.md explains each.")
    value: float = Field(description="The value of this feature for the image.")
    usual: float = Field(
        description="The mean of this feature over clean images of the predicted class; over clean images of all "
        "classes if too few of that class were seen."
    )
    spread: float = Field(ge=0, description="The standard deviation of this feature over the images behind `usual`.")
    text: str = Field(description="What the layer says about the image, as a sentence.")


class Evidence(Schema):
    """Why the score is what it is."""

    layers: list[Layer] = Field(
        description="What moves the score most comes first. The contributions add up to `score - usual_score`."
    )


class Input(Schema):
    """The image as it was received."""

    media_type: str = Field(description="The media type of the bytes themselves, whatever was declared.")
    width: int = Field(ge=1, description="In pixels, after the image was turned upright by its EXIF orientation.")
    height: int = Field(ge=1, description="In pixels, after the image was turned upright by its EXIF orientation.")
    sha256: str = Field(description="SHA-256 of the bytes of the image.")


class Timing(Schema):
    """Where the time went, in milliseconds."""

    decode: Milliseconds = Field(description="Turning the bytes into the pixels that the network sees.")
    queue: Milliseconds = Field(description="Waiting for a free decoder, and then for the model.")
    compute: Milliseconds = Field(description="Running the network, extracting the path and scoring it.")
    total: Milliseconds = Field(
        description="From the start of the request to its answer: receiving the body, decoding, waiting and computing."
    )


class Answer(Schema):
    """The verdict on one image. `evidence` is absent with `detail=verdict`."""

    request_id: str = Field(description="Identifies the request in the log; also in the header `X-Request-ID`.")
    model: Model
    prediction: Prediction
    detection: Detection
    evidence: Evidence | None = None
    input: Input
    timing_ms: Timing


class Reloaded(Schema):
    """What a reload changed."""

    loaded: list[Version] = Field(description="What answers now and did not before.")
    kept: list[Version] = Field(description="What answered before and still does.")
    removed: list[Version] = Field(description="What answered before and no longer does.")


class Alive(Schema):
    """The process is running."""

    status: Literal["alive"] = "alive"


class Ready(Schema):
    """The bundles are loaded and verified, and each has judged a first image."""

    status: Literal["ready"] = "ready"
    model: Model = Field(description="The model that requests mean which name none; the first one if they must.")
    models: list[Version] = Field(description="Every loaded version of every model, the current one of a model first.")
