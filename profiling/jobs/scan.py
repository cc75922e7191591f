"""The job that judges all images of a data set, and writes a report with a line for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pathprint.profiling.data.pictures import Pictures
from pathprint.profiling.data.places import DIGITS
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.together import AT_ONCE
from pathprint.profiling.jobs.bad_images import BadImages
from pathprint.profiling.jobs.job import THIS_PROCESS, Job
from pathprint.profiling.jobs.places import discard, run_folder
from pathprint.profiling.jobs.scan_report import report
from pathprint.profiling.jobs.scan_summary import Summary, Tally
from pathprint.profiling.jobs.scanned_image import ScannedImage
from pathprint.profiling.jobs.scanning import Scanning, content_hash
from pathprint.profiling.jobs.shards import Shards
from pathprint.profiling.jobs.sources import DetectorSource, PictureSource
from pathprint.profiling.jobs.stage import Stage, sound
from pathprint.profiling.jobs.tasks import Task
from pathprint.profiling.jobs.version import version
from pathprint.profiling.paths.cost import multiply_adds
from pathprint.profiling.processors import processors
from pathprint.profiling.progress import meter
from pathprint.profiling.signatures.storage import Stored
from pathprint.profiling.writing.table import check_table

_WORK = 1 << 35
"""Multiply-adds of the inferences of one task: some seconds, as a detection costs a few inferences."""
_MOST = 256
"""Images of one task."""
_COMPARED = 64
"""Tasks whose images are compared with the files before the next ones are."""


def scan(
    bundle: Bundle | str | Path,
    data: Pictures | str | Path,
    out: str | Path,
    *,
    job: Job | None = None,
    trusted_keys: Sequence[Path | str] | None = None,
) -> Summary:
    """Judge all images of a data set, and write a report with a line for each of them.

    Lines are those of ``ScannedImage``, in the order of the data, and equal for any number of workers. An image that
    cannot be read has a line that says why. The call goes on after anything that stopped it: what is done is kept in
    the folder ``OUT.run``, unless ``job`` names another, until the report is there. An image whose bytes have changed
    since is judged anew.

    Args:
        bundle: what ``pathprint.fit`` returned, or the folder that it was saved in.
        data: images, or what names them: see ``open_pictures``. No labels are needed.
        out: the report; its ending says the format: ``.parquet``, ``.jsonl`` or ``.csv``.
        job: who does the work, where it is kept, and how many bad images it bears; None for this process alone.
        trusted_keys: files of public keys, one of which must have signed the bundle in a folder; None asks for no
            signature.

    Raises:
        OptionsError: ``out`` has another ending, or a file holds no public key that can be used.
        BundleError: the bundle cannot be read, or none of the trusted keys has signed it.
        DataError: there are no images, or too many of them cannot be read.
        MissingExtraError: pyarrow is needed, or Ray or a signature is asked for, and what that takes is not installed.
        JobError: the folder of the run belongs to another job, or workers are lost again and again, or the data or
            the bundle were changed meanwhile.
        OutputError: the report or the run cannot be written, as when the disk is full.
    """
    out = Path(out)
    check_table(out)
    job = job or THIS_PROCESS
    job = replace(job, run=job.run or run_folder(out))
    source = PictureSource.of(data)
    with _stored(bundle, trusted_keys) as detector:
        summary = _scanned(job, Scanning(detector, source), out)
    assert job.run is not None
    discard(job.run)
    return summary


@contextmanager
def _stored(bundle: Bundle | str | Path, trusted_keys: Sequence[Path | str] | None) -> Iterator[DetectorSource]:
    """Yield the detector of a bundle, which is stored meanwhile if it is in memory only."""
    if not isinstance(bundle, Bundle):
        loaded = load_bundle(bundle, trusted_keys=trusted_keys)
        yield DetectorSource(Path(bundle).absolute(), loaded.sha256, loaded.detector)
        return
    with TemporaryDirectory(prefix="pathprint-") as folder:
        saved = bundle.save(Path(folder) / "bundle")
        yield DetectorSource(Path(folder) / "bundle", saved.sha256, bundle.detector)


def _scanned(job: Job, scanning: Scanning, out: Path) -> Summary:
    """Judge the images and write the report."""
    detector, pictures = scanning.detector.open(), scanning.pictures.open()
    plan = {
        "job": "scan",
        "bundle": scanning.detector.sha256,
        "data": pictures.name,
        "images": len(pictures),
        "names": scanning.pictures.names,
        "version": version(),
    }
    with job.begun(plan, len(pictures), _in_memory(scanning.pictures.spec)) as begun:
        parts = Parts(len(pictures), _size(detector))
        stage = Stage(begun.engine, scanning, begun.run.shards("scanned", size=parts.size))
        bad = BadImages(pictures.name, len(pictures), job.max_bad_fraction)
        _do(stage, parts, pictures, bad)
        tally = Tally()
        with report(out) as write:
            for task in parts.tasks():
                lines = _lines(stage.read(task))
                write(lines)
                tally.add(lines)
    bad.log("have no verdict")
    return tally.summary(detector.calibration.target)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that all images are divided into.

    Attributes:
        images: number of images.
        size: images of each part but the last.
    """

    images: int
    size: int

    def __len__(self) -> int:
        return -(-self.images // self.size)

    def task(self, number: int) -> Task:
        """Return the work on one part."""
        start = number * self.size
        return Task(number, np.arange(start, min(start + self.size, self.images)))

    def tasks(self) -> Iterator[Task]:
        """Yield the work on each part, in order."""
        return map(self.task, range(len(self)))


def _size(detector: Detector) -> int:
    """Return how many images a task has: whole batches, whose images are then the same whoever works."""
    cost = multiply_adds(detector.network) * (1 + len(detector.views))
    return AT_ONCE * max(1, min(_MOST, _WORK // max(cost, 1)) // AT_ONCE)


def _in_memory(spec: str) -> bool:
    return spec in ("", DIGITS) or spec.endswith(".npz")


def _do(stage: Stage, parts: Parts, pictures: Pictures, bad: BadImages) -> None:
    """Have all parts done that are not; stop as soon as too many images are bad."""
    there = sound(stage.shards)
    there -= _changed(stage.shards, pictures, [parts.task(number) for number in sorted(there)])
    with meter("scanning", parts.images) as shown:
        for task in (parts.task(number) for number in sorted(there)):
            shown.advance(len(task.positions), _note(stage.shards, task, bad))
        for task in stage.do(task for task in parts.tasks() if task.number not in there):
            shown.advance(len(task.positions), _note(stage.shards, task, bad))


def _note(shards: Shards, task: Task, bad: BadImages) -> int:
    """Take note of the bad images of a part that is done; return their number."""
    facts = shards.facts(task.number) or {"bad": 0}
    if facts["bad"]:
        errors = [line["error"] for line in facts["lines"]]
        bad.add({int(at): error for at, error in zip(task.positions, errors, strict=True) if error is not None})
    return int(facts["bad"])


def _changed(shards: Shards, pictures: Pictures, tasks: list[Task]) -> set[int]:
    """Return the numbers of the parts that were done with other bytes of an image than there are now."""
    found: set[int] = set()
    with ThreadPoolExecutor(processors()) as pool:
        for start in range(0, len(tasks), _COMPARED):  # not all at once: what a pool is given takes memory
            block = tasks[start : start + _COMPARED]
            same = pool.map(partial(_is_unchanged, shards, pictures), block)
            found |= {task.number for task, is_same in zip(block, same, strict=True) if not is_same}
    return found


def _is_unchanged(shards: Shards, pictures: Pictures, task: Task) -> bool:
    stored = shards.read(task.number)
    if stored is None:
        return False
    hashes = (content_hash(pictures, int(position)) for position in task.positions)
    return all(line.sha256 == now for line, now in zip(_lines(stored), hashes, strict=True))


def _lines(stored: Stored) -> list[ScannedImage]:
    return [ScannedImage.from_dict(line) for line in stored.facts["lines"]]
