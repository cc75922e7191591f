"""Worker processes of these tests import their work from the tests."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def tests_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
