"""``pathprint card`` writes a file of JSON, or says in one sentence why not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.profiling.cli.calling import Command


def test_the_card_is_written_where_it_should_be(pathprint: Command, bundle_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "card.json"
    done = pathprint("card", bundle_folder, "--out", out)
    assert done.stdout == ""
    assert json.loads(out.read_text())["bomFormat"] == "CycloneDX"


def test_wrong_figures_and_places_are_refused(pathprint: Command, bundle_folder: Path, tmp_path: Path) -> None:
    figures, out = tmp_path / "figures.json", tmp_path / "card.json"
    figures.write_text("{}")
    complaint = pathprint("card", bundle_folder, "--evaluation", figures, "--out", out, status=2).stderr
    assert f"{figures} is not what `pathprint evaluate --json` prints" in complaint
    assert not out.exists()
    assert "is a directory" in pathprint("card", bundle_folder, "--out", tmp_path, status=2).stderr
