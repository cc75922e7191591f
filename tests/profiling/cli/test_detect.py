"""``pathprint detect`` examines every image that it can, and says which it could not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pathprint.profiling.cli.verdicts import in_words
from pathprint.profiling.detection.detect import detect
from tests.app.images import png_of
from tests.profiling.cli.calling import Command


def saved(path: Path, mode: str, **options: Any) -> Path:
    Image.new(mode, (8, 8)).save(path, **options)
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def bad_files(folder: Path, good: Path) -> list[Path]:
    """Return one file of each kind that cannot be examined."""
    return [
        written(folder / "empty.png", b""),
        written(folder / "text.png", b"just text"),
        written(folder / "cut.png", good.read_bytes()[:60]),
        saved(folder / "cmyk.jpg", "CMYK"),
        saved(folder / "sixteen.png", "I;16"),
        saved(folder / "float.tiff", "F"),
        saved(folder / "frames.webp", "RGB", save_all=True, append_images=[Image.new("RGB", (8, 8), "red")]),
        written(folder / "large.png", png_of(9000, 9000)),
    ]


def test_bad_files_are_reported_and_the_others_examined(
    bundle_folder: Path, image: Path, tmp_path: Path, pathprint: Command
) -> None:
    bad = bad_files(tmp_path, image)
    files = [image, *(file for one in bad for file in (one, image))]
    done = pathprint("detect", bundle_folder, *files, "--json", status=2)
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    assert [entry["image"] for entry in entries] == list(map(str, files))
    for entry in entries:
        wrong = Path(entry["image"]) in bad
        assert ("error" in entry) == wrong
        assert ("decision" in entry) != wrong
        assert not wrong or entry["image"] in entry["error"]
    assert done.stderr == f"pathprint: {len(bad)} of {len(files)} files could not be examined.\n"
    words = pathprint("detect", bundle_folder, *files, status=2).stdout
    assert [line for line in words.splitlines() if line.startswith("NOT EXAMINED: ")] == [
        f"NOT EXAMINED: {entry['error']}" for entry in entries if "error" in entry
    ]
    assert words.count("answered '") == len(files) - len(bad)


def test_a_folder_stands_for_the_files_in_and_below_it(
    bundle_folder: Path, image: Path, tmp_path: Path, pathprint: Command
) -> None:
    names = ["b.png", "a.PNG", "below/c.png", ".hidden.png", ".git/d.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(image.read_bytes())
    done = pathprint("detect", bundle_folder, tmp_path, "--json")
    shown = [json.loads(line)["image"] for line in done.stdout.splitlines()]
    assert shown == [str(tmp_path / name) for name in ("a.PNG", "b.png", "below/c.png")]


def test_an_empty_folder_is_a_mistake(tmp_path: Path, pathprint: Command) -> None:
    assert f"the folder {tmp_path} holds no files" in pathprint("detect", tmp_path, tmp_path, status=2).stderr


@pytest.mark.parametrize("verdict", [True, False], ids=["adversarial", "benign"])
def test_rarity_is_said_in_shares_of_clean_images(bundle_folder: Path, image: Path, verdict: bool) -> None:
    (found,) = detect(bundle_folder, image)
    made = replace(found, score=found.threshold + (1 if verdict else -1), p_value=0.022)
    only = "only " if verdict else ""
    assert f"; {only}2.2 % of clean images score this high" in in_words("a.png", made).splitlines()[0]
