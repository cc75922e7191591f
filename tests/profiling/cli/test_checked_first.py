"""What can be known at once is said at once: before networks, data and bundles are opened, and nothing is written."""

import re
from pathlib import Path

import pytest

from tests.profiling.cli.calling import Command

DIGITS = ("--network", "digits-cnn")
WRITERS: dict[str, tuple[object, ...]] = {
    "profile": ("profile", *DIGITS, "--out"),
    "fit": ("fit", ".", "--out"),
    "quickstart": ("quickstart", "--out"),
    "sanity": ("sanity", *DIGITS, "--out"),
    "train": ("train", "digits-cnn", "--out"),
    "paths": ("paths", *DIGITS, __file__, "--out"),
    "explain": ("explain", ".", __file__, "--out"),
    "scan": ("scan", ".", "digits", "--out"),
    "study": ("study", "density", *DIGITS, "--out"),
    "card": ("card", ".", "--out"),
    "report": ("evaluate", ".", "--report"),
    "scores": ("evaluate", ".", "--scores"),
    "cache of fit": ("fit", ".", "--out", "b", "--cache"),
    "cache of evaluate": ("evaluate", ".", "--cache"),
    "cache of a study": ("study", "detection", *DIGITS, "--cache"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_place_below_a_file_is_refused(
    writer: str, tmp_path: Path, pathprint: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    _, written, complaint = pathprint(*WRITERS[writer], "file/x", status=2)
    assert written == ""
    option = "" if writer == "quickstart" else f"{WRITERS[writer][-1]}: "
    assert f"{option}file/x cannot be written: {tmp_path / 'file'} is not a folder" in complaint
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("writer", ["profile", "fit", "quickstart", "sanity"])
def test_a_folder_of_something_else_is_refused(
    writer: str, tmp_path: Path, pathprint: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mine/manifest.json").write_text('{"name": "my app"}')
    for out, said in {"mine": "mine exists and is not a ", ".": ". is the current folder"}.items():
        assert f"--out: {said}" in pathprint(*WRITERS[writer], out, status=2).stderr
    assert Path("mine/manifest.json").read_text() == '{"name": "my app"}'


@pytest.mark.parametrize("arguments", [("profile", *DIGITS, "--out"), ("sanity", *DIGITS, "--out")], ids=lambda a: a[0])
def test_an_older_result_is_replaced(
    arguments: tuple[object, ...], tmp_path: Path, pathprint: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    few = ("--images-per-class", 2) if arguments[0] == "profile" else ("--images", 4, "--theta", 0.5)
    pathprint(*arguments, "deep/down/result", *few)
    names = {path.name for path in Path("deep/down/result").iterdir()}
    pathprint(*arguments, "deep/down/result", *few)
    assert {path.name for path in Path("deep/down/result").iterdir()} == names
    assert [path.name for path in Path("deep/down").iterdir()] == ["result"]


@pytest.mark.parametrize(
    "content",
    [b"", b"cat", b"[3]", b"3", b"null", b'{"cat": "3"}', b'{"cat": 3.5}', b'{"cat": true}', b'{"cat": -1}', b"\xff"],
)
@pytest.mark.parametrize("call", [("profile", *DIGITS, "--out", "p"), ("evaluate", ".")], ids=lambda call: call[0])
def test_what_is_no_class_map_is_refused(
    call: tuple[object, ...], content: bytes, tmp_path: Path, pathprint: Command
) -> None:
    (tmp_path / "map.json").write_bytes(content)
    done = pathprint(*call, "--class-map", tmp_path / "map.json", status=2)
    assert f"{tmp_path / 'map.json'} is not a class map" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("fit", ".", "--out", "b", "--calibration-images", 10), "10 clean images cannot promise .* 0.05; at least 19"),
        (
            ("fit", ".", "--out", "b", "--target-fpr", 0.0001),
            "1000 clean images cannot promise .* 0.0001; at least 9999",
        ),
        (("bench", "--network", "lenet5"), "lenet5 needs images of its own: name them with --data"),
        (("profile", "--network", "torchvision:resnet18", "--out", "p"), "resnet18 needs images .* with --data"),
        (
            ("sanity", "--network", "json:load", "--out", "s"),
            "json:load needs images of its own: name them with --data",
        ),
        (("study", "growth", "--network", "json:load"), "json:load needs images of its own: name them with --data"),
        (("train", "lenet5"), "lenet5 needs images of its own: name them with --data"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_senseless_call_is_refused(
    call: tuple[object, ...], said: str, tmp_path: Path, pathprint: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, written, complaint = pathprint(*call, status=2)
    assert (written, len(complaint.splitlines())) == ("", 1)
    assert re.search(said, complaint)
    assert list(tmp_path.iterdir()) == []
