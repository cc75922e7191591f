"""``pathprint recalibrate`` sets a threshold that keeps its promise, says what speaks against it, and edits nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pathprint.models.preprocessing import to_image
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.calibration import calibrate
from pathprint.profiling.errors import CalibrationError, DataError, OptionsError
from pathprint.profiling.jobs.recalibrate import recalibrate
from tests.app.monitoring.decided import decision
from tests.profiling.cli.calling import Command, closing_json

Log = Callable[..., Path]


@pytest.fixture
def saved(bundle_folder: Path) -> Bundle:
    return load_bundle(bundle_folder)


@pytest.fixture
def log(saved: Bundle, tmp_path: Path) -> Log:
    """Write a log as the service does, with one image a score."""

    def write(scores: object, sha256: str = saved.sha256) -> Path:
        facts = [
            {"event": "decision", "score": float(score), "sha256": f"{i:064x}", "bundle_sha256": sha256}
            for i, score in enumerate(np.asarray(scores))
        ]
        lines = [json.dumps(one) for one in facts]
        lines.insert(1, '{"event": "request", "status": 200}')
        path = tmp_path / "service.log"
        path.write_text("\n".join(["Uvicorn says hello", *lines, '{"event": "decision", "sco']))
        return path

    return write


def test_the_threshold_is_that_of_the_new_scores_and_all_else_stays(saved: Bundle, log: Log, tmp_path: Path) -> None:
    scores = np.random.default_rng(1).normal(saved.detector.clean_scores.mean(), 1, 300)
    made = recalibrate(saved, scores=log(scores), target_fpr=0.1)
    assert made.after == calibrate(scores, 0.1)
    written = made.bundle.save(tmp_path / "new")
    assert written.sha256 != saved.sha256
    again = load_bundle(tmp_path / "new")
    assert again.detector.calibration == made.after
    assert again.detector.clean_scores.tolist() == sorted(scores)
    assert again.detector.fitting == saved.detector.fitting
    assert again.used == saved.used
    (record,) = again.made_of.recalibrated
    assert record["before"] == {
        "bundle_sha256": saved.sha256,
        "calibration": json.loads(json.dumps(saved.detector.calibration.to_dict())),
    }
    assert (record["images"], record["source"]) == (300, str(tmp_path / "service.log"))
    twice = recalibrate(again, scores=log(scores, again.sha256))
    assert [one["before"]["bundle_sha256"] for one in twice.bundle.made_of.recalibrated] == [saved.sha256, again.sha256]


def test_the_decision_log_has_what_is_read() -> None:
    from pathprint.app.monitoring.decision_log import FIELDS

    assert {"score", "bundle_sha256", "sha256"} <= set(FIELDS)
    assert json.dumps({name: getattr(decision(), name) for name in FIELDS})


def test_too_few_images_and_scores_of_others_are_refused(saved: Bundle, log: Log, tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="at least 50 are needed"):
        recalibrate(saved, scores=log(range(49)))
    with pytest.raises(CalibrationError, match="at least 999 are needed"):
        recalibrate(saved, scores=log(range(60)), target_fpr=0.001)
    with pytest.raises(CalibrationError, match="between 0 and 1"):
        recalibrate(saved, scores=log(range(60)), target_fpr=1)
    with pytest.raises(DataError, match="60 in it are of other bundles"):
        recalibrate(saved, scores=log(range(60), "0" * 64))
    (tmp_path / "empty.log").write_text("")
    with pytest.raises(DataError, match="no scores of this bundle"):
        recalibrate(saved, scores=tmp_path / "empty.log")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no report"):
        recalibrate(saved, scores=tmp_path / "other.csv")
    with pytest.raises(OptionsError, match="either"):
        recalibrate(saved)


HOSTILE = ["1e999", "NaN", "true", '"high"', "null", "[]", "1" * 400, "9" * 5000, "[" * 100_000]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: value[:8])
def test_lines_that_hold_no_score_are_passed_over(saved: Bundle, log: Log, value: str) -> None:
    path = log(np.arange(60) / 7)
    line = f'\n{{"score": {value}, "sha256": "x", "bundle_sha256": "{saved.sha256}"}}\n'
    path.write_bytes(path.read_bytes() + line.encode() + b"\xff\x00\n[]\n7\n")
    assert recalibrate(saved, scores=path).after.images == 60


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.parquet"])
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"name,key\n1,2\n", b'{"name": 1, "threshold": 2, "error": 3}\n']
)
def test_what_is_no_report_is_refused_in_a_sentence(saved: Bundle, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        recalibrate(saved, scores=tmp_path / name)


def test_an_image_that_is_sent_again_and_again_counts_once(saved: Bundle, log: Log) -> None:
    path = log(range(60))
    path.write_text(path.read_text() + "\n" + path.read_text())
    made = recalibrate(saved, scores=path)
    assert (made.after.images, made.scores.repeated) == (60, 60)


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_attacks_among_the_images_are_warned_of(saved: Bundle, log: Log, share: float) -> None:
    chance = np.random.default_rng(3)
    clean = chance.choice(saved.detector.clean_scores, 400)
    attacked = chance.random(400) < share
    made = recalibrate(saved, scores=log(np.where(attacked, saved.detector.clean_scores.max() + 5, clean)))
    assert len(made.warnings) == (2 if share else 0)


def test_images_and_the_report_of_their_scan_give_one_threshold(
    bundle_folder: Path, digits: Dataset, digits_split: Split, tmp_path: Path, pathprint: Command
) -> None:
    (tmp_path / "images").mkdir()
    preprocessing = load_bundle(bundle_folder).detector.network.preprocessing
    positions = [*digits_split.test.positions[:70], *digits_split.fit.positions[:5]]
    for i, pixels in enumerate(digits.pixels(np.array(positions), preprocessing)):
        to_image(pixels).save(tmp_path / "images" / f"{i:03}.png")
    before = {path.name: path.read_bytes() for path in bundle_folder.iterdir()}
    pathprint("scan", bundle_folder, tmp_path / "images", "--out", tmp_path / "report.csv", "--fail-on", "never")
    found = {}
    for name, given in {"a": ("--images", tmp_path / "images"), "b": ("--scores", tmp_path / "report.csv")}.items():
        done = pathprint("recalibrate", bundle_folder, *given, "--out", tmp_path / name, "--json")
        found[name] = closing_json(done)
        assert "left out: 5 of images that the detector has learnt from" in done.stderr
    assert found["a"]["after"] == found["b"]["after"]
    assert found["a"]["after"]["images"] == 70  # type: ignore[index]
    assert {path.name: path.read_bytes() for path in bundle_folder.iterdir()} == before
    assert (
        "stays as it is"
        in pathprint(
            "recalibrate", bundle_folder, "--scores", tmp_path / "report.csv", "--out", bundle_folder, status=2
        ).stderr
    )
    assert "either --scores or --images" in pathprint("recalibrate", bundle_folder, "--out", "x", status=2).stderr
    other = replace(load_bundle(bundle_folder), sha256="")
    changed = replace(other.detector.calibration, threshold=9.0)
    replace(other, detector=replace(other.detector, calibration=changed)).save(tmp_path / "other")
    refused = pathprint("recalibrate", tmp_path / "other", "--scores", tmp_path / "report.csv", "--out", "x", status=2)
    assert "of other bundles" in refused.stderr
