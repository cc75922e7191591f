"""From verdicts to output tensors, one row for each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from pathprint.app.admission.keys import DETAILS, Detail
from pathprint.app.api.open_inference.framing import joined, member_problem
from pathprint.app.api.open_inference.schemas import BinarySize, Datatype, InferRequest, Tensor, TensorMetadata
from pathprint.app.api.shown import Shown
from pathprint.app.problems.kinds import ProblemError
from pathprint.profiling.detection.detector import Detector, Verdict

_NUMPY = {"BOOL": "?", "INT64": "<i8", "FP64": "<f8"}


@dataclass(frozen=True, slots=True)
class Output:
    """An output that a client can ask for.

    Attributes:
        detail: the least detail that a key must be allowed to be answered in.
        value: what is answered about an image, given the promised share of flagged clean images: one value, or one for
            each layer, in the order of the layers.
        by_layer: whether it is one for each layer.
    """

    datatype: Datatype
    detail: Detail
    value: Callable[[Verdict, Shown, float], Any]
    by_layer: bool = False


OUTPUTS: Mapping[str, Output] = MappingProxyType(
    {
        "verdict": Output("BYTES", "verdict", lambda verdict, *_: verdict.decision),
        "test": Output("BYTES", "verdict", lambda verdict, *_: verdict.test),
        "is_adversarial": Output("BOOL", "verdict", lambda verdict, *_: verdict.decision == "adversarial"),
        "predicted_class": Output("INT64", "verdict", lambda verdict, *_: verdict.predicted),
        "label": Output("BYTES", "verdict", lambda verdict, *_: verdict.label),
        "score": Output("FP64", "score", lambda verdict, shown, _: shown.round(verdict.score, verdict.threshold)),
        "threshold": Output("FP64", "score", lambda verdict, *_: verdict.threshold),
        "p_value": Output("FP64", "score", lambda verdict, shown, target: shown.round(verdict.p_value, target)),
        "usual_score": Output("FP64", "score", lambda verdict, *_: verdict.usual_score),
        "confidence": Output("FP64", "score", lambda verdict, shown, _: shown.round(verdict.confidence)),
        "stage": Output("INT64", "score", lambda verdict, *_: verdict.stage),
        "inferences": Output("INT64", "score", lambda verdict, *_: verdict.inferences),
        "layer": Output("BYTES", "evidence", lambda verdict, *_: [one.layer for one in _ordered(verdict)], True),
        "layer_contribution": Output(
            "FP64",
            "evidence",
            lambda verdict, shown, _: [shown.round(one.contribution) for one in _ordered(verdict)],
            True,
        ),
    }
)


def _ordered(verdict: Verdict) -> list[Any]:
    return sorted(verdict.layers, key=lambda layer: layer.layer)


def metadata(detector: Detector) -> list[TensorMetadata]:
    """Return what can be asked of a model."""
    layers = len({feature.layer for feature in detector.features})
    return [
        TensorMetadata(name=name, datatype=output.datatype, shape=[-1, layers] if output.by_layer else [-1])
        for name, output in OUTPUTS.items()
    ]


def wanted(request: InferRequest, shown: Shown) -> dict[str, bool]:
    """Return the outputs that a request is answered with, and whether each is answered in binary.

    Raises:
        ProblemError: one does not exist, is asked for twice, or is more than the API key allows.
    """
    binary = request.parameters.binary_data_output
    if request.outputs is None:
        most = min(DETAILS.index("score"), DETAILS.index(shown.detail))
        return {name: binary for name, output in OUTPUTS.items() if DETAILS.index(output.detail) <= most}
    found: dict[str, bool] = {}
    for place, output in enumerate(request.outputs):
        _check(output.name, f"outputs.{place}.name", found, shown)
        own = output.parameters.binary_data
        found[output.name] = binary if own is None else own
    return found


def _check(name: str, place: str, found: Mapping[str, bool], shown: Shown) -> None:
    if name not in OUTPUTS:
        raise member_problem(place, f"must be one of {', '.join(OUTPUTS)}")
    if name in found:
        raise member_problem(place, "is asked for twice")
    if DETAILS.index(OUTPUTS[name].detail) > DETAILS.index(shown.detail):
        raise ProblemError("detail_not_allowed", f"This key is answered with `{shown.detail}` at most, not `{name}`.")


def tensors(
    verdicts: Sequence[Verdict], names: Mapping[str, bool], shown: Shown, target: float
) -> tuple[list[Tensor], list[bytes]]:
    """Return the outputs about some images, and the bytes of those that are answered in binary.

    Args:
        target: the promised share of flagged clean images, on whose side a rounded p-value stays.
    """
    made = [_tensor(name, verdicts, binary, shown, target) for name, binary in names.items()]
    return [tensor for tensor, _ in made], [data for _, data in made if data is not None]


def _tensor(
    name: str, verdicts: Sequence[Verdict], binary: bool, shown: Shown, target: float
) -> tuple[Tensor, bytes | None]:
    output = OUTPUTS[name]
    rows = [output.value(verdict, shown, target) for verdict in verdicts]
    values = [value for row in rows for value in row] if output.by_layer else rows
    shape = [len(rows), len(rows[0])] if output.by_layer else [len(rows)]
    if not binary:
        return Tensor(name=name, datatype=output.datatype, shape=shape, data=values), None
    data = _binary(values, output.datatype)
    size = BinarySize(binary_data_size=len(data))
    return Tensor(name=name, datatype=output.datatype, shape=shape, parameters=size), data


def _binary(values: list[Any], datatype: Datatype) -> bytes:
    if datatype == "BYTES":
        return joined(value.encode() for value in values)
    return np.array(values, _NUMPY[datatype]).tobytes()
