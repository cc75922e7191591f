"""``pathprint detect --url`` says what a detection here says, and both can write events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
import torch

from pathprint.app.main import create_app
from pathprint.models.preprocessing import to_image
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.detect import detect
from tests.app.server import serving
from tests.profiling.cli.calling import Command
from tests.profiling.detection.finding import check_finding


@pytest.fixture(scope="module")
def url(bundle_folder: Path) -> Iterator[str]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # its lines would mix with the command's
    with serving(create_app(load_bundle(bundle_folder))) as address:
        yield address


@pytest.fixture(scope="module")
def noise(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that the detector of the tests flags."""
    preprocessing = bundle.detector.network.preprocessing
    folder = tmp_path_factory.mktemp("noise")
    for seed in range(50):
        path = folder / "noise.png"
        levels = np.random.default_rng(seed).integers(0, 256, preprocessing.input_shape, dtype=np.uint8)
        to_image(torch.from_numpy(levels) / 255).save(path)
        (verdict,) = detect(bundle, path)
        if verdict.decision == "adversarial":
            return path
    raise AssertionError("no noise is flagged")


def approximately(line: str) -> Any:
    """Return a line of JSON with its numbers rounded: images judged together differ in the last digits."""
    return json.loads(line, parse_float=lambda text: round(float(text), 3))


@pytest.mark.parametrize("fail_on", ["adversarial", "never"])
def test_output_and_status_are_those_of_a_detection_here(
    bundle_folder: Path, url: str, image: Path, noise: Path, tmp_path: Path, pathprint: Command, fail_on: str
) -> None:
    files, status = [image, noise, image], 1 if fail_on == "adversarial" else 0
    here = pathprint("detect", bundle_folder, *files, "--fail-on", fail_on, "--json", status=status)
    there = pathprint("detect", "--url", url, *files, "--fail-on", fail_on, "--json", status=status)
    assert list(map(approximately, there.stdout.splitlines())) == list(map(approximately, here.stdout.splitlines()))
    for line, other in zip(there.stdout.splitlines(), here.stdout.splitlines(), strict=True):
        assert list(json.loads(line)) == list(json.loads(other))
    words = pathprint("detect", *files, "--url", url, "--fail-on", fail_on, status=status).stdout
    assert words == pathprint("detect", bundle_folder, *files, "--fail-on", fail_on, status=status).stdout


def test_bad_files_are_told_apart_from_a_service_that_fails(
    bundle_folder: Path, url: str, image: Path, tmp_path: Path, pathprint: Command
) -> None:
    (tmp_path / "text.png").write_text("just text")
    (tmp_path / "empty.png").write_text("")
    (tmp_path / "cut.png").write_bytes(image.read_bytes()[:60])
    (tmp_path / "good.png").write_bytes(image.read_bytes())
    here = pathprint("detect", bundle_folder, tmp_path, "--json", status=2)
    there = pathprint("detect", "--url", url, tmp_path, "--json", status=2)
    assert there.stderr == here.stderr
    assert list(map(approximately, there.stdout.splitlines())) == list(map(approximately, here.stdout.splitlines()))
    gone = pathprint("detect", "--url", "http://127.0.0.1:9", image, status=2)
    assert gone.stdout == ""
    assert "http://127.0.0.1:9 cannot be reached" in gone.stderr


def test_calls_that_mix_both_are_refused(bundle_folder: Path, url: str, image: Path, pathprint: Command) -> None:
    assert "leave it out" in pathprint("detect", bundle_folder, image, "--url", url, status=2).stderr
    assert "IMAGE is missing" in pathprint("detect", bundle_folder, status=2).stderr
    assert "'absent.png' does not exist" in pathprint("detect", "absent.png", "--url", url, status=2).stderr
    assert "is no address" in pathprint("detect", image, "--url", "nowhere", status=2).stderr


def test_flagged_images_are_events_wherever_they_are_judged(
    bundle_folder: Path, url: str, image: Path, noise: Path, tmp_path: Path, pathprint: Command
) -> None:
    events = tmp_path / "new" / "events.jsonl"
    for judge in ((bundle_folder,), ("--url", url)):
        pathprint("detect", *judge, image, noise, "--events", events, status=1)
    pathprint("scan", bundle_folder, noise, "--out", tmp_path / "report.csv", "--events", events, status=1)
    found = [json.loads(line) for line in events.read_text().splitlines()]
    assert [event["evidences"][0]["file"]["name"] for event in found] == ["noise.png"] * 3
    for event in found:
        check_finding(event)
        assert event["evidences"][0]["data"]["stage"] >= 1
        assert event["evidences"][0]["data"]["inferences"] >= 2
    assert len({event["observables"][0]["value"] for event in found}) == 1
