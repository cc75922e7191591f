"""The answers of the service, as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any

from pathprint.app.client.errors import Refused, Unreachable

_REASONS = 3


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer of the network says about the image; members as in the HTTP interface."""

    layer: str
    contribution: float
    feature: str
    value: float
    usual: float
    spread: float
    text: str


@dataclass(frozen=True, slots=True)
class Model:
    """Which bundle gave the answer; ``version`` is empty if the service does not say it."""

    name: str
    version: str
    fingerprint: str
    bundle_sha256: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict on one image. Numbers are None where the service keeps them to itself.

    Attributes:
        decision: ``benign``, ``adversarial`` or ``uncertain``.
        predicted, label: number and name of the class that the protected network answers with.
        runner_up, runner_up_label: the class that it finds second likeliest.
        confidence: softmax of the predicted class, in [0, 1].
        test: the test that gave the score, ``fitted_on_attacks`` or ``fitted_on_clean_images``.
        score: larger is more suspicious; scores above ``threshold`` are flagged.
        p_value: estimated share of clean images with a score at least this high, in (0, 1].
        usual_score: what the test gives an image that is as usual in all that it looks at.
        layers: evidence per layer, largest contribution first.
        note: why the verdict is uncertain; empty if it is not.
        stage: the stage in which the image ended, from 1; only the last can find it adversarial.
        inferences: what the verdict cost, counted in inferences of the network.
        sha256: of the bytes that the service received.
        body: the whole answer, as the service sent it.
    """

    decision: str
    predicted: int
    label: str
    runner_up: int | None
    runner_up_label: str | None
    confidence: float | None
    test: str
    score: float | None
    threshold: float | None
    p_value: float | None
    usual_score: float | None
    layers: tuple[Layer, ...]
    note: str
    stage: int | None
    inferences: int | None
    request_id: str
    model: Model
    sha256: str
    body: Mapping[str, Any]

    @property
    def flagged(self) -> bool:
        """Whether the score is above the threshold; without these numbers, whether the verdict is adversarial."""
        if self.score is None or self.threshold is None:
            return self.decision == "adversarial"
        return self.score > self.threshold

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the three layers say that move the score most, as sentences; none where numbers are rounded."""
        return tuple(layer.text for layer in self.layers[:_REASONS] if layer.text)

    def to_dict(self) -> dict[str, Any]:
        """Return what `pathprint detect` says of an image, as JSON-able data."""
        whole = {name: getattr(self, name) for name in _VERDICT}
        return whole | {"layers": [asdict(layer) for layer in self.layers]}


_VERDICT = tuple(field.name for field in fields(Answer) if field.name not in ("request_id", "model", "sha256", "body"))


@contextmanager
def understood() -> Iterator[None]:
    """Turn what is missing or of another type in a response into an error that says so.

    Raises:
        Unreachable: the response is not one of a service of ours.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Unreachable(f"the answer is not one of a Pathprint service ({error!r}); check the address.") from error


def answer_of(body: Mapping[str, Any]) -> Answer:
    """Return the answer in a response's body.

    Raises:
        Unreachable: the body is not an answer of the service.
    """
    with understood():
        prediction, detection, model = body["prediction"], body["detection"], body["model"]
        runner_up = prediction.get("runner_up") or {}
        layers = (body.get("evidence") or {}).get("layers", [])
        return Answer(
            decision=_text(detection["verdict"]),
            predicted=_integer(prediction["class_id"]),
            label=_text(prediction["label"]),
            runner_up=_integer(runner_up["class_id"]) if runner_up else None,
            runner_up_label=_text(runner_up["label"]) if runner_up else None,
            confidence=_number(prediction.get("confidence")),
            test=_text(detection["test"]),
            score=_number(detection.get("score")),
            threshold=_number(detection.get("threshold")),
            p_value=_number(detection.get("p_value")),
            usual_score=_number(detection.get("usual_score")),
            layers=tuple(_layer(layer) for layer in layers),
            note=_text(detection.get("note", "")),
            stage=_count(detection.get("stage")),
            inferences=_count(detection.get("inferences")),
            request_id=_text(body["request_id"]),
            model=Model(
                _text(model["name"]),
                _text(model.get("version", "")),
                _text(model["fingerprint"]),
                _text(model["bundle_sha256"]),
            ),
            sha256=_text(body["input"]["sha256"]),
            body=body,
        )


def refusal_of(problem: Mapping[str, Any], retry_after: float | None = None) -> Refused:
    """Return the error that a problem document stands for.

    Raises:
        Unreachable: the body is no problem document.
    """
    with understood():
        status = _integer(problem["status"])
        detail = str(problem.get("detail", problem.get("title", "")))
        code, request_id = str(problem.get("code", f"http_{status}")), str(problem.get("request_id", ""))
        return Refused(code, status, detail, request_id, retry_after=retry_after)


def _layer(layer: Mapping[str, Any]) -> Layer:
    return Layer(
        layer=_text(layer["layer"]),
        contribution=_number(layer["contribution"]),
        feature=_text(layer["feature"]),
        value=_number(layer["value"]),
        usual=_number(layer["usual"]),
        spread=_number(layer["spread"]),
        text=_text(layer.get("text", "")),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _count(value: Any) -> int | None:
    return None if value is None else _integer(value)


def _number(value: Any) -> Any:
    """Return a finite number or None as it is."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value)):
        raise TypeError(f"{value!r} is no number")
    return value
