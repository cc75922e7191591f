"""Pictures in the docs are what their scripts draw today."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["architecture", "idea"])
def test_picture_is_what_its_script_draws(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = DOCS / f"draw_{name}.py"
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, script.stem, module)  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    stored = (DOCS / f"{name}.svg").read_text(encoding="utf-8")
    assert stored == module.drawing(), f"docs/{name}.svg is not up to date; run: python docs/draw_{name}.py"
