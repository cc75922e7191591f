"""From an upload to a verdict, off the event loop: a few threads decode, exactly one runs the model.

Batching belongs here: routes only know ``Examiner.examine``.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Generic, TypeVar

import torch
from torch import Tensor

from pathprint.app.api.media import detected
from pathprint.app.api.problems import ProblemError
from pathprint.app.api.uploads import Upload
from pathprint.models.preprocessing import Preprocessing, decode, to_image
from pathprint.profiling.detection.detector import Detector, Verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decoded:
    """An image ready for the detector.

    Attributes:
        pixels: ``1 c h w`` in [0, 1].
        media_type: one of ``IMAGE_TYPES``, by the bytes themselves.
        width, height: of the image turned upright, before it was scaled to the network's size.
        sha256: of the bytes that were sent.
    """

    pixels: Tensor
    media_type: str
    width: int
    height: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Timed(Generic[T]):
    """What a piece of work returned, and the milliseconds that it waited for a thread and then took."""

    value: T
    waited: float
    took: float


@dataclass(frozen=True, slots=True)
class Examination:
    """The verdict on an image, and the milliseconds of decoding, waiting for threads, and computing."""

    image: Decoded
    verdict: Verdict
    decode: float
    queue: float
    compute: float


class Examiner:
    """Owns the threads. Only one runs the model, because torch keeps memory for each thread that has run it."""

    def __init__(self, detector: Detector, decode_threads: int) -> None:
        self._detector = detector
        self._decoders = ThreadPoolExecutor(decode_threads, "decode")
        self._model = ThreadPoolExecutor(1, "model")

    async def warm_up(self) -> None:
        """Examine a black image, so that the first request finds everything compiled and allocated."""
        black = io.BytesIO()
        to_image(torch.zeros(self._detector.network.preprocessing.input_shape)).save(black, "PNG")
        await self.examine(Upload(black.getvalue(), None))

    async def examine(self, upload: Upload) -> Examination:
        """Return the verdict on an upload.

        Raises:
            ImageError, ProblemError: it is not an image that we accept.
        """
        preprocessing = self._detector.network.preprocessing
        image = await _timed(self._decoders, partial(decode_upload, upload, preprocessing))
        judged = await _timed(self._model, partial(self._detector.examine, image.value.pixels))
        (verdict,) = judged.value
        return Examination(image.value, verdict, image.took, image.waited + judged.waited, judged.took)

    def close(self) -> None:
        """Let running work finish and end the threads."""
        self._decoders.shutdown()
        self._model.shutdown()


def decode_upload(upload: Upload, preprocessing: Preprocessing) -> Decoded:
    """Return the decoded image of an upload, fitted to the network that ``preprocessing`` belongs to.

    Raises:
        ImageError: it cannot be decoded, or is an image of a kind that we do not accept.
        ProblemError: it is of another format than the client declared.
    """
    image = decode(upload.data)
    found = detected(image)
    if upload.declared and found != upload.declared:
        raise ProblemError("media_type_mismatch", f"The image was declared as {upload.declared}, but it is {found}.")
    digest = hashlib.sha256(upload.data).hexdigest()
    return Decoded(preprocessing.pixels(image)[None], found, image.width, image.height, digest)


async def _timed(pool: Executor, work: Callable[[], T]) -> Timed[T]:
    """Run ``work`` on a thread of ``pool``; return its value with the time that it waited and took."""
    asked = perf_counter()

    def run() -> Timed[T]:
        started = perf_counter()
        value = work()
        return Timed(value, (started - asked) * 1000, (perf_counter() - started) * 1000)

    return await asyncio.get_running_loop().run_in_executor(pool, run)
