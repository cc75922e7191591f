"""Give verdicts on some images of a data set: what workers do for `scan`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from torch import Tensor

from pathprint.models.errors import ImageError
from pathprint.profiling.data.identity import picture
from pathprint.profiling.data.pictures import Pictures, printable
from pathprint.profiling.detection.detector import Detector, Verdict
from pathprint.profiling.detection.together import AT_ONCE, examine_together
from pathprint.profiling.errors import DataError
from pathprint.profiling.jobs.scanned_image import ScannedImage
from pathprint.profiling.jobs.sources import DetectorSource, PictureSource
from pathprint.profiling.jobs.tasks import Task
from pathprint.profiling.signatures.storage import Stored
from pathprint.profiling.threads import one_thread

_KEY = 16
"""Hexadecimal digits of a key: those of the 8 bytes that ``keys_of`` takes."""


@dataclass(frozen=True, eq=False)
class Scanning:
    """Gives verdicts: the recipe for the work."""

    detector: DetectorSource
    pictures: PictureSource

    def work(self) -> Scanner:
        """Open detector and images."""
        return Scanner(self.detector.open(), self.pictures.open())


@dataclass(frozen=True, eq=False)
class _Decoded:
    """An image on its way to a verdict: its line if it gets none, else the pixels ``c h w`` that the network takes."""

    line: ScannedImage
    key: str = ""
    pixels: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Scanner:
    """Gives verdicts on images."""

    detector: Detector
    pictures: Pictures

    def probe(self, task: Task) -> None:
        """Decode the images."""
        for position in task.positions.tolist():
            with suppress(DataError):
                self.pictures.image(position)

    def do(self, task: Task) -> Stored:
        """Return the lines of the task's images, in their order, and how many of them have no verdict."""
        positions, bad = task.positions.tolist(), task.bad
        with one_thread():
            lines = [
                line
                for start in range(0, len(positions), AT_ONCE)
                for line in self._lines([self._decoded(at, bad.get(at, "")) for at in positions[start:][:AT_ONCE]])
            ]
        facts = {"lines": [line.to_dict() for line in lines], "bad": sum(line.error is not None for line in lines)}
        return Stored(facts, {})

    def _decoded(self, position: int, blamed: str) -> _Decoded:
        """Read an image once; decode it unless it was ``blamed`` for the loss of workers."""
        name, sha256 = self.pictures.names[position], None
        try:
            content = self.pictures.content(position)
            sha256 = hashlib.sha256(content).hexdigest()
            if blamed:
                raise DataError(f"{self.pictures.name}: {name}: {blamed}")
            image = self.pictures.decode(position, content)
            key = hashlib.sha256(picture(image)).hexdigest()[:_KEY]
            pixels = self.detector.network.preprocessing.pixels(image)
        except (DataError, ImageError) as error:
            return _Decoded(ScannedImage(name, sha256, error=printable(str(error))))
        return _Decoded(ScannedImage(name, sha256), key, pixels)

    def _lines(self, decoded: Sequence[_Decoded]) -> list[ScannedImage]:
        good = [one.pixels for one in decoded if one.pixels is not None]
        verdicts = iter(examine_together(self.detector, good))
        return [one.line if one.pixels is None else _judged(one, next(verdicts)) for one in decoded]


def content_hash(pictures: Pictures, position: int) -> str | None:
    """Return the SHA-256 of the bytes that hold an image; None if they cannot be read."""
    try:
        return hashlib.sha256(pictures.content(position)).hexdigest()
    except DataError:
        return None


def _judged(decoded: _Decoded, verdict: Verdict) -> ScannedImage:
    assert decoded.line.sha256 is not None
    return ScannedImage.judged(decoded.line.name, decoded.line.sha256, decoded.key, verdict)
