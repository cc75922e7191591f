"""What requests and answers of the Open Inference Protocol hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from pathprint.app.api.schemas import Absent
from pathprint.app.schema import Schema

INPUT = "image"
InputType: TypeAlias = Literal["FP32", "UINT8", "BYTES"]
Datatype: TypeAlias = Literal["BOOL", "INT64", "FP64", "BYTES"]


class Strict(BaseModel):
    """Base of what clients send; an unknown member is refused, as it would be a misspelt one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InputParameters(Strict):
    """How the numbers of an input are sent."""

    binary_data_size: int | None = Field(default=None, ge=0, description="Bytes of this input after the JSON.")
    content_type: Literal["base64"] | None = Field(default=None, description="Needed for `BYTES` in JSON.")


class InferInput(Strict):
    """The images, as one tensor."""

    name: Literal["image"] = Field(description="The one input.")
    datatype: InputType = Field(
        description="`FP32`: pixels in [0, 1]; `UINT8`: pixels in 0 .. 255; `BYTES`: image files."
    )
    shape: list[Annotated[int, Field(ge=0, le=2**31)]] = Field(
        max_length=8,
        fail_fast=True,
        description="`[images, channels, height, width]` of just the model's size, or `[images]` for `BYTES`.",
    )
    parameters: InputParameters = InputParameters()
    data: list[Any] | None = Field(
        default=None, description="Row-major, flat or nested; absent if the numbers follow in binary."
    )


class OutputParameters(Strict):
    """How the numbers of an output are answered."""

    binary_data: bool | None = Field(default=None, description="Whether in binary, after the JSON.")


class InferOutput(Strict):
    """An output that is asked for."""

    name: str = Field(description="One of the outputs that the model's metadata list.")
    parameters: OutputParameters = OutputParameters()


class InferParameters(Strict):
    """What holds for the whole request."""

    binary_data_output: bool = Field(default=False, description="Whether outputs are answered in binary by default.")


class InferRequest(Strict):
    """The JSON part of a request for verdicts."""

    id: Annotated[str, Field(max_length=128)] | None = Field(default=None, description="Comes back in the answer.")
    parameters: InferParameters = InferParameters()
    inputs: list[InferInput] = Field(min_length=1, max_length=1, fail_fast=True)
    outputs: list[InferOutput] | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        fail_fast=True,
        description="Without it, all outputs come but those of the evidence.",
    )


class BinarySize(Schema):
    """Where the numbers of an output are."""

    binary_data_size: int = Field(ge=0, description="Bytes of this output after the JSON.")


class Tensor(Schema):
    """An output: one row for each image."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: BinarySize | Absent = None
    data: list[Any] | Absent = Field(default=None, description="Row-major; absent if the numbers follow in binary.")


class AnswerParameters(Schema):
    """What else belongs to an answer."""

    bundle_sha256: str = Field(description="SHA-256 that stands for the whole bundle.")
    request_id: str = Field(description="Identifies the request in the log; also in the header `X-Request-ID`.")
    tolerance: float | Absent = Field(
        default=None, description="How much a score may differ when its image is judged again, together with others."
    )


class InferAnswer(Schema):
    """The JSON part of the verdicts."""

    id: str | Absent = None
    model_name: str
    model_version: str
    parameters: AnswerParameters
    outputs: list[Tensor]


class TensorMetadata(Schema):
    """An input or output of a model; a side of -1 is the number of images."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(Schema):
    """A model, its versions, and what it takes and gives."""

    name: str
    versions: list[str] = Field(description="The current one comes first.")
    platform: str
    inputs: list[TensorMetadata] = Field(description="`UINT8` of this shape and `BYTES` of shape [-1] are taken too.")
    outputs: list[TensorMetadata] = Field(description="What can be asked for.")


class ServerMetadata(Schema):
    """The server, and which extensions of the protocol it speaks."""

    name: str
    version: str
    extensions: list[str]


class Live(Schema):
    """The process is running."""

    live: Literal[True] = True


class ServerReady(Schema):
    """Models are loaded and warm."""

    ready: Literal[True] = True


class ModelReady(Schema):
    """A model is loaded and warm."""

    name: str
    ready: Literal[True] = True
