"""The thread that runs the models: it takes what waits, up to a number of images, and examines it as one batch."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import monotonic, perf_counter

import structlog
from torch import Tensor

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.models import Loaded
from pathprint.profiling.detection.detector import Verdict
from pathprint.profiling.detection.together import AT_ONCE, examine_together
from pathprint.profiling.pictures.explained import Explained, explain_pixels

log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, the milliseconds that its image waited, those of its batch, and the batch's number of images.

    Attributes:
        explained: what is behind the verdict, for an image that was to be pictured.
    """

    verdict: Verdict
    waited: float
    took: float
    batch: int
    explained: Explained | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """An image ``c h w`` that waits for the model; ``deadline`` is in seconds of ``time.monotonic``.

    Attributes:
        pictured: whether all that is behind the verdict is asked for; then it is examined alone.
    """

    pixels: Tensor
    loaded: Loaded
    deadline: float | None
    pictured: bool = False
    judged: Future[Judged] = field(default_factory=Future)
    asked: float = field(default_factory=perf_counter)


class ModelThread:
    """Runs all models. There is one, because torch keeps memory for each thread that has run it."""

    def __init__(self, most: int = AT_ONCE, delay: float = 0.0) -> None:
        self._most, self._delay = most, delay
        self._waiting: deque[Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._began: float | None = None
        self._thread = threading.Thread(target=self._run, name="model_0", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many images wait."""
        return len(self._waiting)

    def works(self, seconds: float) -> bool:
        """Say whether the thread is alive and no batch has taken more than ``seconds`` so far."""
        began = self._began
        return self._thread.is_alive() and (began is None or monotonic() - began <= seconds)

    def examine(self, pixels: Tensor, loaded: Loaded, deadline: float | None, pictured: bool = False) -> Future[Judged]:
        """Have an image ``c h w`` examined. Cancel what is returned to take the image out of the queue.

        Args:
            pictured: whether to find out all that is behind the verdict, too.

        Raises:
            ProblemError: the thread is being closed, or is dead.
        """
        item = Waiting(pixels, loaded, deadline, pictured)
        with self._changed:
            if self._closed or not self._thread.is_alive():
                raise ProblemError("not_ready", "The service is stopping; try again soon.", {"Retry-After": "1"})
            self._waiting.append(item)
            self._changed.notify()
        return item.judged

    def close(self) -> None:
        """Examine what waits, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        batch: list[Waiting] = []
        try:
            while batch := self._next():
                self._began = monotonic()
                _judge(batch)
                self._began = None
                batch = []  # or its bundle, and its images, would live until the next image comes
        finally:
            self._give_up(batch)

    def _next(self) -> list[Waiting]:
        """Wait for images; return those of one bundle that are still wanted. None at all means: closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return []
                if self._delay:
                    self._changed.wait_for(lambda: len(self._waiting) >= self._most or self._closed, self._delay)
                taken = self._take()
            if wanted := [item for item in taken if _is_wanted(item)]:
                return wanted

    def _take(self) -> list[Waiting]:
        """Take the image that came first, and others for its bundle in the order in which they came.

        An image that is to be pictured is taken alone.
        """
        if self._waiting[0].pictured:
            return [self._waiting.popleft()]
        loaded = self._waiting[0].loaded
        taken: list[Waiting] = []
        others: deque[Waiting] = deque()
        while self._waiting and len(taken) < self._most:
            item = self._waiting.popleft()
            (taken if item.loaded is loaded and not item.pictured else others).append(item)
        self._waiting.extendleft(reversed(others))
        return taken

    def _give_up(self, batch: Sequence[Waiting]) -> None:
        """Fail the batch in work and what waits: nothing examines them any more."""
        with self._changed:
            self._closed = True
            ended = RuntimeError("the thread that runs the models has ended")
            waiting = [item for item in self._waiting if item.judged.set_running_or_notify_cancel()]
            for item in (*batch, *waiting):
                if not item.judged.done():
                    item.judged.set_exception(ended)
            self._waiting.clear()


def _is_wanted(item: Waiting) -> bool:
    """Say whether anybody still waits for an image; tell whoever waits for one that is too late."""
    if not item.judged.set_running_or_notify_cancel():
        return False
    if item.deadline is not None and monotonic() > item.deadline:
        item.judged.set_exception(ProblemError("deadline_exceeded", "The image waited until its deadline had passed."))
        return False
    return True


def _judge(batch: Sequence[Waiting]) -> None:
    """Examine images as one batch; if that fails, each alone, so that one does not spoil the others."""
    started = perf_counter()
    explained = None
    try:
        if batch[0].pictured:
            explained = explain_pixels(batch[0].loaded.detector, batch[0].pixels)
            verdicts = [explained.verdict]
        else:
            verdicts = examine_together(batch[0].loaded.detector, [item.pixels for item in batch])
    except Exception as error:
        if len(batch) == 1:
            batch[0].judged.set_exception(error)
            return
        log.warning("a batch failed; its images are examined alone", images=len(batch), error=type(error).__name__)
    else:
        took = (perf_counter() - started) * 1000
        for item, verdict in zip(batch, verdicts, strict=True):
            item.judged.set_result(Judged(verdict, (started - item.asked) * 1000, took, len(batch), explained))
        return
    for item in batch:  # only now, as the error would keep what the batch had taken of the memory
        _judge([item])
