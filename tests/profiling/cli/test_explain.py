"""``pathprint explain`` says why, and draws it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from pathprint.models.preprocessing import to_image
from pathprint.profiling.detection.bundle import Bundle
from tests.profiling.cli.calling import Command, closing_json


@pytest.fixture(scope="module")
def image(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "digit.png"
    to_image(bundle.golden).save(path)
    return path


def test_it_says_why_and_draws_it(bundle_folder: Path, image: Path, tmp_path: Path, pathprint: Command) -> None:
    done = pathprint("explain", bundle_folder, image, "--out", tmp_path / "reasons.png")
    assert done.stdout.startswith(f"{image}: ")
    assert "the road" in done.stdout
    assert "the drawing is in" in done.stderr
    assert Image.open(tmp_path / "reasons.png").format == "PNG"
    assert "verdict" in closing_json(pathprint("explain", bundle_folder, image, "--json"))


def test_an_attacked_copy_is_drawn_beside_the_image(
    bundle_folder: Path, image: Path, tmp_path: Path, pathprint: Command
) -> None:
    noise = tmp_path / "noise.png"
    Image.effect_noise((8, 8), 90).save(noise)
    page = tmp_path / "deep" / "reasons.html"
    done = pathprint("explain", bundle_folder, image, "--adversarial", noise, "--out", page, "--json")
    assert [json.loads(line)["image"] for line in done.stdout.splitlines()] == [str(image), str(noise)]
    assert "the attacked copy" in page.read_text()


def test_what_cannot_be_drawn_is_refused_at_once(image: Path, tmp_path: Path, pathprint: Command) -> None:
    told = pathprint("explain", tmp_path, image, "--out", tmp_path / "reasons.pdf", status=2).stderr
    assert "--out must end in .png, .svg or .html, not '.pdf'" in told
    told = pathprint("explain", tmp_path, tmp_path / "absent.png", status=2).stderr
    assert "absent.png' does not exist" in told
    told = pathprint("explain", tmp_path, image, "--adversarial", "absent.png", status=2).stderr
    assert "absent.png' does not exist" in told


def test_a_file_that_is_no_image_is_named(bundle_folder: Path, tmp_path: Path, pathprint: Command) -> None:
    (tmp_path / "text.png").write_text("no image")
    told = pathprint("explain", bundle_folder, tmp_path / "text.png", status=2).stderr
    assert f"{tmp_path / 'text.png'}: " in told
