"""docs/licences.md names every package that the images install, with the licence that it declares."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("list_licences", ROOT / "docs" / "list_licences.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pinned_once() -> set[tuple[str, str]]:
    """Return name and version of each package that has one version for every platform and Python."""
    found: dict[str, set[str]] = {}
    for file in ("service.txt", "batch.txt"):
        for name, version in re.findall(
            r"^([\w.-]+)(?:\[.*?\])?==(\S+)", (ROOT / "requirements" / file).read_text(), re.MULTILINE
        ):
            found.setdefault(name, set()).add(version)
    return {(name, min(versions)) for name, versions in found.items() if len(versions) == 1}


def test_the_page_lists_the_packages_of_the_images(program: ModuleType) -> None:
    wanted = {use: set(program.names(ROOT / file)) for use, file in program.FILES.items()}
    listed = {(name, use) for name, _, uses in program.listed() for use in uses.split(", ")}
    assert listed == {(name, use) for use, names in wanted.items() for name in names}, "run make licences"


def test_each_licence_is_what_the_installed_package_declares(program: ModuleType) -> None:
    pinned, compared = pinned_once(), 0
    for name, said, _ in program.listed():
        try:
            found = metadata(name)
        except PackageNotFoundError:
            continue
        if (name, found["Version"]) in pinned:
            assert said == program.licence(found).replace("|", "/"), f"{name}: run make licences"
            compared += 1
    assert compared > 50


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: other", "MIT OR Apache-2.0"),
        ("Classifier: License :: OSI Approved :: MIT License\nLicense: The whole text", "MIT License"),
        ("Classifier: License :: Other/Proprietary License", "Other/Proprietary License"),
        ("License: BSD", "BSD"),
        ("License: Permission is hereby granted, free of charge, to any person obtaining a copy", "not declared"),
        ("Summary: nothing", "not declared"),
    ],
)
def test_a_licence_is_read_wherever_it_is_declared(program: ModuleType, declared: str, said: str) -> None:
    from email import message_from_string

    assert program.licence(message_from_string(declared)) == said


def test_a_package_that_is_not_installed_keeps_what_the_page_says(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pins.txt").write_text("no-such-package==1 \\\n    --hash=sha256:00\nanother==2\n")
    (tmp_path / "page.md").write_text(
        "| package | licence | used by |\n|---|---|---|\n| no-such-package | MIT | jobs |\n"
    )
    monkeypatch.setattr(program, "ROOT", tmp_path)
    monkeypatch.setattr(program, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(program, "FILES", {"service": "pins.txt"})
    assert list(program.rows()) == [
        ("another", program.UNSEEN, "service"),
        ("no-such-package", "MIT", "service"),
    ]
