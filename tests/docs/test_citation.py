"""CITATION.cff names the version of the package."""

from __future__ import annotations

import tomllib

from tests.docs.pages import ROOT


def test_citation_names_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
