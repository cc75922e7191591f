"""From an upload to a verdict, off the event loop: a few threads decode, exactly one runs the models.

Routes only know ``Examiner.examine`` and ``Examiner.examine_pixels``.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pathprint.app.admission.callers import current_caller
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.batching import ModelThread
from pathprint.app.runtime.chaining import chained
from pathprint.app.runtime.decoders import Decoders, Further, Step, Timed
from pathprint.app.runtime.decoding import Decoded, Upload, decode_opened, open_upload, received_pixels
from pathprint.app.runtime.models import Loaded
from pathprint.app.runtime.out_of_memory import told_to_come_again
from pathprint.app.runtime.pricing import TO_LOOK, price_of_opening
from pathprint.app.server.turns import Turns
from pathprint.app.settings import Settings
from pathprint.models.network import check_range
from pathprint.models.preprocessing import Preprocessing, to_image
from pathprint.profiling.detection.detector import Verdict
from pathprint.profiling.pictures.explained import Explained

if TYPE_CHECKING:
    from pathprint.app.runtime.limited import LimitedDecoders


@dataclass(frozen=True, slots=True)
class Examination:
    """The verdict on an image, and the milliseconds of decoding, waiting for threads, and computing.

    Attributes:
        compute: of the whole batch that the image was examined in.
        batch: number of images in it.
        explained: what is behind the verdict, if the image was to be pictured.
    """

    image: Decoded
    verdict: Verdict
    decode: float
    queue: float
    compute: float
    batch: int = 1
    explained: Explained | None = None


class Examiner:
    """Owns the threads, and bounds how many images are inside at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._decoders = Decoders(settings.decode_threads, settings.decode_bytes)
        self._limited = _limited(settings)
        self._model = ModelThread(settings.max_batch, settings.batch_delay_ms / 1000)
        self._turns = Turns()
        self._inside = 0

    @property
    def inside(self) -> int:
        """How many images are being decoded, examined, or wait for it."""
        return self._inside

    @property
    def works(self) -> bool:
        """Whether images get verdicts: False once the thread of the models is dead, or stuck in a batch."""
        return self._model.works(self._settings.stuck_seconds)

    async def warm_up(self, loaded: Loaded) -> None:
        """Examine black images, so that the first requests find everything compiled and allocated."""
        black = torch.zeros(loaded.detector.network.preprocessing.input_shape)
        file = io.BytesIO()
        to_image(black).save(file, "PNG")
        await self.examine(Upload(file.getvalue(), None), loaded)
        together = min(self._settings.max_batch, self._settings.max_images)
        await asyncio.gather(*(self.examine_pixels(black, loaded) for _ in range(together)))

    async def examine(
        self, upload: Upload, loaded: Loaded, deadline: float | None = None, pictured: bool = False
    ) -> Examination:
        """Return the verdict of a loaded bundle on an upload. Cancel it to take the image out of all queues.

        Args:
            deadline: seconds of ``time.monotonic`` after which nobody waits for the answer.
            pictured: whether to find out all that is behind the verdict, too.

        Raises:
            ImageError: it is not an image that we accept.
            ProblemError: it is of another format than declared, there is no room for it, or its deadline passes.
        """
        with self._place(deadline), told_to_come_again():
            work = self._decoding(upload, loaded.detector.network.preprocessing)
            decoding: Future[Timed[Decoded]] = self._decoders.decode(work, TO_LOOK, deadline, _caller())
            del work, upload  # the bytes; only pixels wait for the model
            both = chained(decoding, lambda one: self._model.examine(one.value.pixels[0], loaded, deadline, pictured))
            decoded, judged = await asyncio.wrap_future(both)
            await self._turns.mine()
        waited = decoded.waited + judged.waited
        return Examination(
            decoded.value, judged.verdict, decoded.took, waited, judged.took, judged.batch, judged.explained
        )

    async def examine_pixels(
        self, pixels: Tensor, loaded: Loaded, deadline: float | None = None, pictured: bool = False
    ) -> Examination:
        """Return the verdict of a loaded bundle on pixels ``c h w`` in [0, 1] that a client sent as numbers.

        Args:
            deadline: seconds of ``time.monotonic`` after which nobody waits for the answer.
            pictured: whether to find out all that is behind the verdict, too.

        Raises:
            PixelsError: they are not float32 in [0, 1], or not of the network's input shape.
            ProblemError: there is no room for them, or their deadline passes.
        """
        loaded.detector.network.check_form(pixels[None])
        check_range(pixels)  # here, so that they do not spoil a batch
        with self._place(deadline), told_to_come_again():
            judged = await asyncio.wrap_future(self._model.examine(pixels, loaded, deadline, pictured))
            await self._turns.mine()
        return Examination(
            received_pixels(pixels), judged.verdict, 0.0, judged.waited, judged.took, judged.batch, judged.explained
        )

    @contextmanager
    def _place(self, deadline: float | None) -> Iterator[None]:
        """Hold one of the places for images; a batch request takes one for each image."""
        if deadline is not None and monotonic() > deadline:
            raise ProblemError("deadline_exceeded", "The deadline of the request has passed.")
        if self._inside >= self._settings.max_images:
            raise ProblemError("overloaded", "Too many images wait; send it again later.", {"Retry-After": "1"})
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    def _decoding(self, upload: Upload, preprocessing: Preprocessing) -> Step:
        """Return the steps of decoding: look at the bytes, read the header, decode. Each says what the next costs."""
        decode = decode_opened if self._limited is None else self._limited.decode

        def open_() -> Further:
            file = open_upload(upload)
            return Further(file.price, partial(decode, file, preprocessing))

        return lambda: Further(price_of_opening(upload.data), open_)

    def close(self) -> None:
        """Let running work finish and end the threads."""
        self._decoders.close()
        if self._limited is not None:
            self._limited.close()
        self._model.close()


def _caller() -> str:
    """Return who shares the decoders with other callers."""
    caller = current_caller()
    return caller.name if caller else ""


def _limited(settings: Settings) -> LimitedDecoders | None:
    if not settings.decode_in_processes:
        return None
    from pathprint.app.runtime.limited import LimitedDecoders  # not everywhere are there limits and such processes

    return LimitedDecoders(settings.decode_threads, settings.decode_bytes, settings.decode_seconds)
