"""``pathprint verify`` and ``sign``: what was checked is printed, and what is wrong ends them with one sentence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pathprint.profiling.detection.bundle_files import FILES, MANIFEST, SIGNATURE
from tests.profiling.cli.calling import Command, closing_json
from tests.profiling.detection.keys import KeyPair, key_pair


@pytest.fixture
def copy(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return key_pair(tmp_path)


CHECKS = ["manifest", "files", "network", "golden image"]


def test_a_whole_bundle_is_verified(pathprint: Command, copy: Path) -> None:
    done = pathprint("verify", copy)
    outcome, *checks = done.stdout.splitlines()
    assert outcome == f"{copy}: verified"
    assert [line.strip().partition(":")[0] for line in checks] == CHECKS
    assert done.stderr == ""


def test_a_signed_bundle_says_whose_key_it_was(pathprint: Command, copy: Path, pair: KeyPair) -> None:
    signed = closing_json(pathprint("sign", copy, "--private-key", pair.private, "--json"))
    assert signed["signature"] == str(copy / SIGNATURE)
    found = closing_json(pathprint("verify", copy, "--public-key", pair.public, "--json"))
    assert found["verified"] is True
    assert found["bundle_sha256"] == signed["bundle_sha256"]
    assert (found["error"], found["warnings"]) == (None, [])
    checks = found["checks"]
    assert isinstance(checks, list)
    assert [one["check"] for one in checks] == ["manifest", "files", "signature", "network", "golden image"]
    assert str(signed["key"])[:16] in checks[2]["found"]
    assert "was not checked; name the key" in pathprint("verify", copy).stderr


def test_a_signature_may_lie_elsewhere(pathprint: Command, copy: Path, pair: KeyPair, tmp_path: Path) -> None:
    pathprint("sign", copy, "--private-key", pair.private)
    (copy / SIGNATURE).rename(tmp_path / "elsewhere.sig")
    assert "is not signed" in pathprint("verify", copy, "--public-key", pair.public, status=2).stderr
    options = ("--public-key", pair.public, "--signature", tmp_path / "elsewhere.sig")
    assert "elsewhere.sig" in pathprint("verify", copy, *options).stdout
    assert "--signature needs --public-key" in pathprint("verify", copy, *options[2:], status=2).stderr
    (copy / FILES[0]).write_bytes((copy / FILES[0]).read_bytes() + b" ")
    assert "is not what was signed" in pathprint("verify", copy, *options, status=2).stderr


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    """Put a link to a file in the file's place."""
    elsewhere = path.parent.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte more": (lambda folder: (folder / FILES[1]).open("ab").write(b"x"), "was changed"),
    "a file more": (
        lambda folder: (folder / "weights.pkl").touch(),
        "has files that do not belong there: weights.pkl; remove them.",
    ),
    "a hidden file": (lambda folder: (folder / ".hidden").touch(), "do not belong there: .hidden"),
    "a folder more": (lambda folder: (folder / "more").mkdir(), "do not belong there: more"),
    "a file less": (
        lambda folder: (folder / FILES[2]).unlink(),
        f"has missing files: {FILES[2]}; copy the bundle again.",
    ),
    "a pipe": (lambda folder: pipe(folder / FILES[3]), "is not a plain file"),
    "a manifest that is a pipe": (lambda folder: pipe(folder / MANIFEST), "is not a plain file"),
    "a manifest that is a link": (lambda folder: link(folder / MANIFEST), "is not a plain file"),
    "a signature that is a link": (lambda folder: (folder / SIGNATURE).symlink_to("/etc/hostname"), "not a plain file"),
    "no manifest": (lambda folder: (folder / MANIFEST).unlink(), "is not a bundle"),
    "a list": (lambda folder: (folder / MANIFEST).write_text("[]"), "is not a bundle"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_said_in_one_sentence(pathprint: Command, copy: Path, kind: str) -> None:
    spoil, said = WRONG[kind]
    spoil(copy)
    done = pathprint("verify", copy, status=2)
    assert done.stdout.startswith(f"{copy}: REFUSED\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith("pathprint: ")
    assert said in line
    found = closing_json(pathprint("verify", copy, "--json", status=2))
    assert found["verified"] is False
    assert found["bundle_sha256"] is None
    assert said in str(found["error"])


def test_who_else_may_change_the_files_is_said(pathprint: Command, copy: Path, tmp_path: Path) -> None:
    (copy / FILES[0]).chmod(0o666)
    (tmp_path / "second name").hardlink_to(copy / FILES[1])
    tmp_path.chmod(0o777)
    warnings = pathprint("verify", copy).stderr.splitlines()
    assert [line.startswith("warning: ") for line in warnings] == [True] * 3
    assert f"every user may replace {copy}" in warnings[0]
    assert f"every user may write to {copy / FILES[0]}" in warnings[1] + warnings[2]
    assert f"{copy / FILES[1]} has 2 names" in warnings[1] + warnings[2]


def test_a_changed_bundle_is_not_signed(pathprint: Command, copy: Path, pair: KeyPair) -> None:
    (copy / FILES[0]).write_bytes(b"{}")
    assert "was changed" in pathprint("sign", copy, "--private-key", pair.private, status=2).stderr
    assert not (copy / SIGNATURE).exists()


def test_a_key_with_a_password_takes_it_from_a_file(pathprint: Command, copy: Path, tmp_path: Path) -> None:
    pair = key_pair(tmp_path, "secret", password=b"open sesame")
    call = ("sign", copy, "--private-key", pair.private)
    assert "holds no private key that can be used" in pathprint(*call, status=2).stderr
    (tmp_path / "password").write_text("open sesame\n")
    pathprint(*call, "--password-file", tmp_path / "password")
    pathprint("verify", copy, "--public-key", pair.public)


@pytest.mark.parametrize("command", ["detect", "scan"])
def test_only_signed_bundles_judge_where_a_key_is_named(
    pathprint: Command, copy: Path, pair: KeyPair, image: Path, tmp_path: Path, command: str
) -> None:
    rest = ("--out", tmp_path / "report.csv") if command == "scan" else ()
    call = (command, copy, image, "--public-key", pair.public, "--fail-on", "never", *rest)
    assert "is not signed" in pathprint(*call, status=2).stderr
    assert not (tmp_path / "report.csv").exists()
    pathprint("sign", copy, "--private-key", pair.private)
    pathprint(*call)


def test_a_service_is_asked_by_its_own_keys(pathprint: Command, image: Path, pair: KeyPair) -> None:
    call = ("detect", image, "--url", "http://127.0.0.1:9", "--public-key", pair.public)
    assert "--public-key is for a bundle" in pathprint(*call, status=2).stderr
