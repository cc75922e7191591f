"""Have an image judged, and tell those who listen what was decided."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, replace
from time import perf_counter

from starlette.requests import Request
from torch import Tensor

from pathprint.app.api.numbers import pixels_of_npy
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.deciding import decision_of
from pathprint.app.runtime.decoding import Upload
from pathprint.app.runtime.examiner import Examination
from pathprint.app.runtime.media import NPY, NPY_MAGIC
from pathprint.app.runtime.models import Loaded
from pathprint.app.runtime.out_of_memory import told_to_come_again
from pathprint.app.runtime.service import Service


@dataclass(frozen=True, slots=True)
class Numbers:
    """Pixels ``c h w`` in [0, 1] that were sent as numbers, and the SHA-256 of the bytes that were sent."""

    pixels: Tensor
    media_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the images of one request by one bundle, so that all its answers are of one version.

    Attributes:
        started: when the request came, in seconds of ``time.perf_counter``.
    """

    request: Request
    service: Service
    loaded: Loaded
    started: float

    @property
    def deadline(self) -> float | None:
        """Until when the answer is of use, in seconds of ``time.monotonic``."""
        found: float | None = getattr(self.request.state, "deadline", None)
        return found

    @property
    def milliseconds(self) -> float:
        """How long the request has taken so far."""
        return (perf_counter() - self.started) * 1000

    async def examine(self, image: Upload | Numbers, pictured: bool = False) -> Examination:
        """Return the verdict on an image.

        Args:
            pictured: whether to find out all that is behind the verdict, too.

        Raises:
            ImageError, ProblemError: it is not an image that we accept, or there is no room or time for it.
        """
        if isinstance(image, Upload):
            self._check_size(image)
        if isinstance(image, Upload) and _is_npy(image):
            with told_to_come_again():
                image = await asyncio.to_thread(self._numbers, image.data)
        if isinstance(image, Upload):
            examination = await self.service.examiner.examine(image, self.loaded, self.deadline, pictured)
        else:
            examination = await self._examine_numbers(image, pictured)
        decision = decision_of(examination, self.loaded, self.request.state, self.milliseconds)
        self.service.decisions.record(decision, examination.image.pixels)
        return examination

    def _check_size(self, image: Upload) -> None:
        """Hold each image to what it may have alone, in whatever body it came, and beside however many others."""
        most = self.service.settings.max_body_bytes
        if len(image.data) > most:
            raise ProblemError("body_too_large", f"An image may have at most {most:,} bytes.")

    def _numbers(self, data: bytes) -> Numbers:
        pixels = pixels_of_npy(data, self.loaded.detector.network.preprocessing)
        return Numbers(pixels, NPY, hashlib.sha256(data).hexdigest())

    async def _examine_numbers(self, numbers: Numbers, pictured: bool) -> Examination:
        found = await self.service.examiner.examine_pixels(numbers.pixels, self.loaded, self.deadline, pictured)
        return replace(found, image=replace(found.image, media_type=numbers.media_type, sha256=numbers.sha256))


def _is_npy(upload: Upload) -> bool:
    return upload.declared == NPY or (upload.declared is None and upload.data.startswith(NPY_MAGIC))
