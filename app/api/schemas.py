"""What the service answers, as types: the OpenAPI document is made from them.

Every number is finite: a NaN or an infinity here is our mistake and must not reach a client.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from pathprint.app.admission.keys import Detail
from pathprint.app.problems.document import Problem
from pathprint.app.schema import Schema
from pathprint.profiling.detection.joined import TestName

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0)]
Absent = SkipJsonSchema[None]
"""Of a member that some answers do not have; none has it as ``null``."""
Decision: TypeAlias = Literal["benign", "adversarial", "uncertain"]


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


class AnsweringModel(Model):
    """Which network, which bundle and which version gave the answer."""

    version: str = Field(description="The version of the model, as requests can name it.")


class ClassName(Schema):
    """A class of the protected network."""

    class_id: int = Field(ge=0, description="The position of the class among the network's outputs, from 0.")
    label: str = Field(description="The name of the class.")


class Prediction(ClassName):
    """What the protected network answers for the image, whatever the verdict on it."""

    confidence: Share | Absent = Field(
        default=None,
        description="The probability (softmax) that the network gives to its answer. Absent with `detail=verdict`.",
    )
    runner_up: ClassName | Absent = Field(
        default=None, description="The class that the network finds second likeliest. Absent with `detail=verdict`."
    )


class Calibration(Schema):
    """What the threshold promises, and on how many clean images that rests."""

    target_fpr: Share = Field(description="The promise: a clean image is flagged with at most this probability.")
    interval95: tuple[Share, Share] = Field(
        description="95 % confidence interval of the share of clean images that this threshold flags."
    )
    n_clean: int = Field(ge=1, description="Number of clean images that the threshold was set on.")


class Detection(Schema):
    """The verdict on the image, and the numbers behind it, which are absent with `detail=verdict`."""

    verdict: Decision = Field(
        description="`adversarial` if the score is above the threshold, else `benign`; `uncertain` if the score is too "
        "near the threshold or too few images of the predicted class were profiled: `note` says which."
    )
    test: TestName = Field(
        description="Which test gave the score and the evidence: that with the larger score, whether the image is "
        "flagged or not. `fitted_on_attacks` looks for what attacked images have in common, `fitted_on_clean_images` "
        "for what clean images never have. A model has one of them or both, with one threshold."
    )
    score: float | Absent = Field(
        default=None,
        description="How suspicious the image is: larger is more. Not a probability; compare it with `threshold`.",
    )
    threshold: float | Absent = Field(
        default=None, description="Scores above it mean adversarial; for scores near it the verdict is uncertain."
    )
    tolerance: float | Absent = Field(
        default=None,
        ge=0,
        description="How much the score may differ when the service judges the image again, together with others.",
    )
    p_value: Share | Absent = Field(
        default=None,
        description="Estimated share of clean images with a score at least this high. Small means suspicious.",
    )
    higher_is: Literal["more_adversarial"] = "more_adversarial"
    usual_score: float | Absent = Field(
        default=None,
        description="The score that this test gives an image for which every feature has its `usual` value.",
    )
    stage: int | Absent = Field(
        default=None,
        ge=1,
        description="The stage in which the image ended, from 1. Every stage but the last can only find it benign; an "
        "image in doubt goes on to the next, which costs more. Score and evidence are those of this stage.",
    )
    inferences: int | Absent = Field(
        default=None,
        ge=2,
        description="What the verdict cost, counted in inferences of the network: 2 for the first look at the image, "
        "and 1 for each slightly altered copy of it.",
    )
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
    text: str | Absent = Field(
        default=None,
        description="What the layer says about the image, as a sentence. Absent where the key has numbers rounded.",
    )


class Rest(Schema):
    """The layers that `top_k` left out."""

    layers: int = Field(ge=1, description="Number of these layers.")
    contribution: float = Field(description="How far they move the score together.")


class Evidence(Schema):
    """Why the score is what it is."""

    layers: list[Layer] = Field(
        description="What moves the score most comes first. The contributions, with that of `rest`, add up to "
        "`score - usual_score`."
    )
    rest: Rest | Absent = Field(
        default=None, description="The sum of the layers that are not listed; absent if all are."
    )


class Input(Schema):
    """The image as it was received, and what was done to it before the network saw it."""

    media_type: str = Field(description="The media type of the bytes themselves, whatever was declared.")
    width: int = Field(ge=1, description="In pixels, after the image was turned upright by its EXIF orientation.")
    height: int = Field(ge=1, description="In pixels, after the image was turned upright by its EXIF orientation.")
    transforms: list[str] = Field(
        description="What made the network's input of the image, in this order; empty if nothing was changed. "
        "`turned_upright`, `over_black` (transparency), `to_grey`, `to_rgb`, `resize:…:bilinear`, `crop_centre`."
    )
    sha256: str = Field(description="SHA-256 of the bytes of the image.")


class Timing(Schema):
    """Where the time went, in milliseconds."""

    decode: Milliseconds = Field(description="Turning the bytes into the pixels that the network sees.")
    queue: Milliseconds = Field(description="Waiting for a free decoder, and then for the model.")
    compute: Milliseconds = Field(description="Running the network, extracting the path and scoring it.")
    total: Milliseconds = Field(
        description="From the start of the request to its answer: receiving the body, decoding, waiting and computing."
    )
    batch_size: int = Field(ge=1, description="Number of images that the model judged together, this one included.")


class Answer(Schema):
    """The verdict on one image."""

    request_id: str = Field(description="Identifies the request in the log; also in the header `X-Request-ID`.")
    detail: Detail = Field(description="How much this answer says: what was asked for, or less if the key allows less.")
    model: AnsweringModel
    prediction: Prediction
    detection: Detection
    evidence: Evidence | Absent = Field(default=None, description="Present with `detail=evidence`.")
    input: Input
    timing_ms: Timing | Absent = Field(default=None, description="Absent with `include_timing=false`.")


class Explanation(Answer):
    """The verdict on one image, with all that is behind it."""

    reasons: list[str] | Absent = Field(
        default=None,
        description="What the layers say that move the score most, as sentences. Absent where the key has numbers "
        "rounded.",
    )
    evidence: Evidence


class Item(Schema):
    """The answer for one image of several: either `result` or `problem`."""

    index: int = Field(ge=0, description="The place of the image in the request, from 0.")
    status: int = Field(description="The HTTP status that the image would have got alone.")
    result: Answer | Absent = Field(default=None, description="The verdict, with status 200.")
    problem: Problem | Absent = Field(default=None, description="What was wrong with this image, with other statuses.")


class Summary(Schema):
    """How many images of a request got which answer."""

    images: int = Field(ge=1)
    benign: int = Field(ge=0)
    adversarial: int = Field(ge=0)
    uncertain: int = Field(ge=0)
    failed: int = Field(ge=0, description="Images with a problem in place of a verdict.")


class Answers(Schema):
    """The verdicts on several images, in the order in which they were sent."""

    request_id: str = Field(description="Identifies the request in the log; also in the header `X-Request-ID`.")
    results: list[Item]
    summary: Summary


class Classified(Schema):
    """The network's answer, which the verdict did not withhold."""

    request_id: str = Field(description="Identifies the request in the log; also in the header `X-Request-ID`.")
    model: AnsweringModel
    action: Literal["pass", "flag"] = Field(
        description="`flag` asks for caution: the verdict gives a reason for doubt, but does not withhold the answer."
    )
    prediction: Prediction


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
