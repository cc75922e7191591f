"""From an upload to a verdict, off the event loop: a few threads decode, exactly one runs the model.

Batching belongs here: routes only know ``Examiner.examine``.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Generic, TypeVar

import torch
from torch import Tensor

from pathprint.app.runtime.decoding import Decoded, Upload, decode_upload, received_pixels
from pathprint.app.runtime.models import Loaded
from pathprint.models.preprocessing import to_image
from pathprint.profiling.detection.detector import Verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timed(Generic[T]):
    """What a piece of work returned, and the milliseconds that it waited for a thread and then took."""

    value: T
    waited: float
    took: float


@dataclass(frozen=True, slots=True)
class Examination:
    """The verdict on an image, and the milliseconds of decoding, waiting for threads, and computing.

    Attributes:
        batch: number of images that were examined together.
    """

    image: Decoded
    verdict: Verdict
    decode: float
    queue: float
    compute: float
    batch: int = 1


class Examiner:
    """Owns the threads. Only one runs the model, because torch keeps memory for each thread that has run it."""

    def __init__(self, decode_threads: int) -> None:
        self._decoders = ThreadPoolExecutor(decode_threads, "decode")
        self._model = ThreadPoolExecutor(1, "model")

    async def warm_up(self, loaded: Loaded) -> None:
        """Examine a black image, so that the first request finds everything compiled and allocated."""
        black = io.BytesIO()
        to_image(torch.zeros(loaded.detector.network.preprocessing.input_shape)).save(black, "PNG")
        await self.examine(Upload(black.getvalue(), None), loaded)

    async def examine(self, upload: Upload, loaded: Loaded, deadline: float | None = None) -> Examination:
        """Return the verdict of a loaded bundle on an upload.

        Args:
            deadline: seconds of ``time.monotonic`` after which nobody waits for the answer.

        Raises:
            ImageError, ProblemError: it is not an image that we accept.
        """
        preprocessing = loaded.detector.network.preprocessing
        image = await _timed(self._decoders, partial(decode_upload, upload, preprocessing))
        judged = await _timed(self._model, partial(loaded.detector.examine, image.value.pixels))
        (verdict,) = judged.value
        return Examination(image.value, verdict, image.took, image.waited + judged.waited, judged.took)

    async def examine_pixels(self, pixels: Tensor, loaded: Loaded, deadline: float | None = None) -> Examination:
        """Return the verdict of a loaded bundle on pixels ``c h w`` in [0, 1] that a client sent as numbers.

        Args:
            deadline: seconds of ``time.monotonic`` after which nobody waits for the answer.

        Raises:
            PixelsError: they are not float32 in [0, 1], or not of the network's input shape.
        """
        judged = await _timed(self._model, partial(loaded.detector.examine, pixels[None]))
        (verdict,) = judged.value
        return Examination(received_pixels(pixels), verdict, 0.0, judged.waited, judged.took)

    def close(self) -> None:
        """Let running work finish and end the threads."""
        self._decoders.shutdown()
        self._model.shutdown()


async def _timed(pool: Executor, work: Callable[[], T]) -> Timed[T]:
    """Run ``work`` on a thread of ``pool``; return its value with the time that it waited and took."""
    asked = perf_counter()

    def run() -> Timed[T]:
        started = perf_counter()
        value = work()
        return Timed(value, (started - asked) * 1000, (perf_counter() - started) * 1000)

    return await asyncio.get_running_loop().run_in_executor(pool, run)
