"""Each decision of the service, and who listens to them: metrics, drift, events, the audit log, query attacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import structlog
from torch import Tensor

log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the service decided about one image, for whoever looks after the service. It never holds the image.

    Attributes:
        time: when it was decided, with time zone UTC.
        key_id: of the API key that asked; None for a client without one.
        model, version: name and version under which the bundle is loaded.
        verdict: ``benign``, ``adversarial`` or ``uncertain``.
        flagged: whether the score is above the threshold, even if the verdict is ``uncertain``.
        test: the test that gave the score: ``fitted_on_attacks`` or ``fitted_on_clean_images``.
        p_value: estimated share of clean images with a score at least this high.
        predicted, label: number and name of the class that the network predicted.
        confidence: softmax of the predicted class, in [0, 1].
        stage: the stage in which the image ended, from 1; only the last can find it adversarial.
        inferences: what the verdict cost, counted in inferences of the network.
        sha256: of the bytes that were sent.
        milliseconds: of the whole request.
        decode, queue, compute: milliseconds of these steps.
        batch: number of images that the model judged together with this one, itself included.
        reasons: what the layers say that move the score most, as sentences.
        note: why the verdict is uncertain; empty if it is not.
    """

    time: datetime
    request_id: str
    key_id: str | None
    model: str
    version: str
    bundle_sha256: str
    verdict: str
    flagged: bool
    test: str
    score: float
    threshold: float
    p_value: float
    predicted: int
    label: str
    confidence: float
    stage: int
    inferences: int
    sha256: str
    milliseconds: float
    decode: float = 0.0
    queue: float = 0.0
    compute: float = 0.0
    batch: int = 1
    reasons: tuple[str, ...] = ()
    note: str = ""


Listener: TypeAlias = Callable[[Decision, Tensor | None], None]
"""Takes a decision and the pixels ``1 c h w`` that it is about, if there are any; returns at once."""


class Decisions:
    """Passes each decision to all listeners, on the thread that decided. Listeners neither block nor keep pixels."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with each decision from now on."""
        self._listeners.append(listener)

    def record(self, decision: Decision, pixels: Tensor | None = None) -> None:
        """Tell all listeners. One that fails is logged: the client has its answer nevertheless."""
        for listener in tuple(self._listeners):
            try:
                listener(decision, pixels)
            except Exception as error:
                log.error("a listener to decisions failed", listener=repr(listener), error=repr(error))
