"""A scan says of each image what a detection says of it, whoever works, whatever stops it, in every format."""

import csv
import hashlib
import json
import multiprocessing
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pathprint.models.preprocessing import to_image
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.pictures import Pictures, open_pictures
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detect import detect
from pathprint.profiling.detection.joined import TESTS
from pathprint.profiling.detection.together import AT_ONCE
from pathprint.profiling.errors import DataError, JobError, OptionsError
from pathprint.profiling.jobs import scan as scanning
from pathprint.profiling.jobs.engines.options import Workers
from pathprint.profiling.jobs.job import Job
from pathprint.profiling.jobs.places import run_folder
from pathprint.profiling.jobs.scan import scan
from pathprint.profiling.jobs.scan_report import report
from pathprint.profiling.jobs.scan_summary import Tally
from pathprint.profiling.jobs.scanned_image import COLUMNS, ScannedImage
from pathprint.profiling.jobs.scanning import Scanner
from pathprint.profiling.jobs.sources import DetectorSource, PictureSource
from pathprint.profiling.jobs.tasks import Task
from pathprint.profiling.progress import shown_by
from pathprint.profiling.writing import table
from pathprint.profiling.writing.table import BETWEEN

_IMAGES = 40


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a task for each 16 images, so that few images are several tasks."""
    monkeypatch.setattr(scanning, "_MOST", AT_ONCE)


@pytest.fixture
def folder(digits: Dataset, bundle: Bundle, tmp_path: Path) -> Path:
    """Images at several depths, one in five of them changed so much that it is suspicious."""
    pixels = digits.pixels(range(_IMAGES), bundle.detector.network.preprocessing)
    pixels[::5] = (pixels[::5] + 0.4 * torch.rand(pixels[::5].shape, generator=torch.manual_seed(0))).clamp(0, 1)
    for i, one in enumerate(pixels):
        path = tmp_path / "photos" / ("deep/er" if i % 3 else "") / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        to_image(one).save(path)
    return tmp_path / "photos"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_say_what_detections_say(bundle_folder: Path, folder: Path, digits: Dataset, tmp_path: Path) -> None:
    summary = scan(bundle_folder, folder, tmp_path / "out.jsonl")
    lines = lines_of(tmp_path / "out.jsonl")
    files = [folder / line["name"] for line in lines]
    assert set(files) == {path for path in folder.rglob("*") if path.is_file()}
    for line, path, verdict in zip(lines, files, detect(bundle_folder, files), strict=True):
        assert tuple(line) == COLUMNS
        exact = ("predicted", "label", "flagged", "threshold", "note")
        assert [line[name] for name in exact] == [getattr(verdict, name) for name in exact]
        assert (line["verdict"], line["error"], len(line["reasons"])) == (verdict.decision, None, 3)
        assert line["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert [line[name] for name in ("score", "confidence")] == pytest.approx(
            [verdict.score, verdict.confidence], abs=1e-3
        )
    plain = {key.to_bytes(8, "little").hex() for key in digits.keys[:_IMAGES].tolist()}
    assert len(plain & {line["key"] for line in lines}) >= _IMAGES * 3 // 4
    verdicts = [line["verdict"] for line in lines]
    assert {"benign", "adversarial"} <= set(verdicts)
    counted = {verdict: verdicts.count(verdict) for verdict in ("benign", "adversarial", "uncertain")}
    assert {verdict: getattr(summary, verdict) for verdict in counted} == counted
    assert [one.name for one in summary.most_suspicious] == [
        line["name"] for line in sorted(lines, key=lambda line: -line["score"])[:10]
    ]
    for number, own in summary.classes.items():
        answered = [line["verdict"] for line in lines if line["predicted"] == number]
        assert (own.images, own.adversarial, own.uncertain) == (
            len(answered),
            answered.count("adversarial"),
            answered.count("uncertain"),
        )


def test_rounding_decides_no_verdict(bundle: Bundle, tmp_path: Path) -> None:
    """A threshold that is just the score of an image examined alone: in a batch the score may be rounded upwards."""
    detector, digits = bundle.detector, open_pictures("digits")
    pixels = torch.stack([detector.network.preprocessing.pixels(digits.image(i)) for i in range(AT_ONCE)])
    alone = [detector.examine(one[None])[0].score for one in pixels]
    highest = int(np.argmax([v.score - a for v, a in zip(detector.examine(pixels), alone, strict=True)]))
    line = alone[highest]
    close = replace(detector, calibration=replace(detector.calibration, threshold=line, uncertain=(line, line)))
    found = Scanner(close, digits).do(Task(0, np.arange(AT_ONCE))).facts["lines"]
    assert found[highest]["score"] == line
    assert [one["flagged"] for one in found] == [score > line for score in alone]


def interrupted(pictures: Pictures, at: int) -> Pictures:
    """Return pictures whose reading is interrupted once, at an image."""
    read: list[int] = []

    def content(index: int) -> bytes:
        read.append(index)
        if index == at and read.count(at) == 1:
            raise KeyboardInterrupt
        return pictures.content(index)

    return replace(pictures, content=content)


def test_an_interrupted_scan_goes_on_where_it_stopped(
    bundle: Bundle, folder: Path, tmp_path: Path, small_parts: None
) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    scan(bundle, open_pictures(str(folder)), whole)
    pictures = interrupted(open_pictures(str(folder)), AT_ONCE + 3)
    with pytest.raises(KeyboardInterrupt):
        scan(bundle, pictures, out)
    assert not out.exists() and run_folder(out).is_dir()
    decoded: list[int] = []

    def decode(index: int, content: bytes) -> Any:
        decoded.append(index)
        return pictures.decode(index, content)

    scan(bundle, replace(pictures, decode=decode), out)
    assert decoded == list(range(AT_ONCE, _IMAGES))
    assert out.read_bytes() == whole.read_bytes()
    assert not run_folder(out).exists()


def test_images_that_changed_meanwhile_are_judged_anew(
    bundle_folder: Path, folder: Path, tmp_path: Path, small_parts: None
) -> None:
    files = sorted(path for path in folder.rglob("*.png"))
    good, out = files[0].read_bytes(), tmp_path / "out.csv"
    for broken in (files[-1], files[5]):
        broken.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"2 of 40 images cannot be used, more than the share of 2\.5%"):
        scan(bundle_folder, folder, out, job=Job(max_bad_fraction=0.025))
    files[5].write_bytes(good)  # was bad
    files[20].write_bytes(good)  # was another image
    scan(bundle_folder, folder, out, job=Job(max_bad_fraction=0.05))
    scan(bundle_folder, folder, tmp_path / "anew.csv", job=Job(max_bad_fraction=0.05))
    assert out.read_bytes() == (tmp_path / "anew.csv").read_bytes()


def test_bad_images_have_lines_and_few_of_them_do_no_harm(bundle_folder: Path, folder: Path, tmp_path: Path) -> None:
    bad = {folder / name: content for name, content in {"0.png": b"", "zz.jpg": b"text", "cut.png": None}.items()}
    whole = (folder / "00.png").read_bytes()
    for path, content in bad.items():
        path.write_bytes(whole[:60] if content is None else content)
    summary = scan(bundle_folder, folder, tmp_path / "out.jsonl", job=Job(max_bad_fraction=0.1))
    lines = {folder / line["name"]: line for line in lines_of(tmp_path / "out.jsonl")}
    assert (summary.bad, summary.images) == (3, _IMAGES + 3) == (len(bad), len(lines))
    for path, line in lines.items():
        assert (line["error"] is not None) == (line["verdict"] is None) == (path in bad)
        assert line["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    for path in bad:
        assert path.name in lines[path]["error"]
        assert {name for name, value in lines[path].items() if value} == {"name", "sha256", "error"}


def test_an_image_that_is_blamed_has_a_line_with_the_reason(bundle: Bundle) -> None:
    scanner = Scanner(bundle.detector, open_pictures("digits"))
    facts = scanner.do(Task(0, np.arange(3), bad={1: "workers were lost"})).facts
    assert [line["error"] for line in facts["lines"]] == [None, "digits: digits/1: workers were lost", None]
    assert facts["bad"] == 1


class Killing:
    """Kills a worker when the first part is done."""

    def __init__(self) -> None:
        self.killed: list[int | None] = []

    def advance(self, count: int, bad: int = 0) -> None:
        workers = multiprocessing.active_children()
        if count and workers and not self.killed:
            workers[0].kill()
            self.killed.append(workers[0].pid)

    def expect(self, total: int) -> None:
        """The number of images is known."""


@pytest.mark.slow
def test_the_report_is_the_same_whoever_works_and_dies(
    bundle: Bundle, bundle_folder: Path, folder: Path, tmp_path: Path, small_parts: None
) -> None:
    killing = Killing()
    with shown_by(lambda description, total: nullcontext(killing)):
        scan(bundle_folder, folder, tmp_path / "two.parquet", job=Job(Workers(number=2)))
    assert len(killing.killed) == 1
    scan(bundle, folder, tmp_path / "none.parquet")
    assert (tmp_path / "two.parquet").read_bytes() == (tmp_path / "none.parquet").read_bytes()


def test_data_and_bundles_that_changed_are_not_mixed(
    bundle_folder: Path, bundle: Bundle, folder: Path, tmp_path: Path
) -> None:
    source = replace(PictureSource.of(folder), opened=None)
    assert len(source.open()) == _IMAGES
    (folder / "00.png").rename(folder / "another.png")
    with pytest.raises(JobError, match="images have come, gone, or were renamed"):
        source.open()
    detector = DetectorSource(bundle_folder, bundle.sha256)
    assert detector.open().features == bundle.detector.features
    with pytest.raises(JobError, match="was replaced by another bundle"):
        replace(detector, sha256="0" * 64).open()


ODD = ["plain.png", 'a "quoted", name.png', "two\nlines\r.png", "grün/日本.png", "back\\slash\t.png", "=1+1.png", ""]


def some_lines(number: int) -> Iterator[ScannedImage]:
    for i in range(number):
        name = ODD[i % len(ODD)]
        if i % 4 == 3:
            yield ScannedImage(name, None if i % 8 == 3 else "ab" * 32, error=f"{name}: it cannot be decoded.")
        else:
            verdict = ("benign", "adversarial", "uncertain")[i % 3]
            reasons = (f"In layer {i} the score moves 1 ± 0.5.", name)[: i % 3]
            judged = (1 / (i + 3), verdict, i % 2 == 0, TESTS[i % 2])
            numbers = (i / 7 - 1e-17, 0.1 + 0.2, 1 / (i + 1))
            cost, note = (1 + i % 3, 2 + i % 9), "a note" if i % 3 else ""
            yield ScannedImage(name, "0" * 64, "0f" * 8, i % 5, f"'{i % 5}'", *judged, *numbers, *cost, reasons, note)


def read_json(path: Path) -> list[dict[str, Any]]:
    return lines_of(path)


def read_csv(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: _typed(name, text) for name, text in line.items()} for line in csv.DictReader(file)]


def _typed(name: str, text: str) -> Any:
    if name == "reasons":
        return text.split(BETWEEN) if text else []
    if not text:
        return None
    numbers = {"predicted", "score", "threshold", "confidence", "p_value", "stage", "inferences"}
    return json.loads(text) if name in {"flagged", *numbers} else text


def read_parquet(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    return found


READERS: dict[str, Callable[[Path], list[dict[str, Any]]]] = {
    ".jsonl": read_json,
    ".csv": read_csv,
    ".parquet": read_parquet,
}


@pytest.mark.parametrize("ending", [*READERS, ".CSV"])
def test_every_format_has_the_lines(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_GROUP", 5)
    expected = list(some_lines(26))
    with report(tmp_path / f"r{ending}") as write:
        write(expected[:4])
        write([])
        write(expected[4:])
    found = READERS[ending.lower()](tmp_path / f"r{ending}")
    empty = "" if ending.lower() != ".csv" else None  # a cell of CSV does not say whether nothing or no text is in it
    for line, wanted in zip(found, expected, strict=True):
        assert line == {name: empty if value == "" else value for name, value in wanted.to_dict().items()}


@pytest.mark.parametrize("ending", READERS)
def test_memory_does_not_grow_with_the_number_of_lines(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_GROUP", 64)
    peaks = [peak(tmp_path / f"{number}{ending}", number) for number in (200, 200, 4000)]  # the first one imports
    assert peaks[2] < peaks[1] + 100_000


def peak(path: Path, number: int) -> int:
    """Return the most bytes that are allocated while a report is written."""
    tally, source = Tally(), some_lines(number)
    tracemalloc.start()
    try:
        with report(path) as write:
            while lines := [line for _, line in zip(range(50), source, strict=False)]:
                write(lines)
                tally.add(lines)
        assert tally.summary(0.05).images == number
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["report", "report.txt", "report.json", "report.csv.gz"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"has to end in \.parquet, \.jsonl, \.csv"):
        scan(tmp_path, "digits", tmp_path / name)
