"""What `pathprint evaluate` writes beside its figures, and what it refuses before any work."""

import json
from pathlib import Path

import pytest

from tests.profiling.cli.calling import Command, closing_json


def test_scores_and_attacks_of_another_network(bundle_folder: Path, tmp_path: Path, pathprint: Command) -> None:
    scores = tmp_path / "scores.jsonl"
    asked = ("--attack", "replaced-0.1", "--images", 12, "--transfer-from", "digits-cnn", "--scores", scores, "--json")
    called = pathprint("evaluate", bundle_folder, *asked)
    figures = closing_json(called)
    assert isinstance(figures["attacks"], dict)
    assert list(figures["attacks"]) == ["replaced-0.1", "transfer-0.2", "transfer-0.3"]
    assert figures["attacks"]["transfer-0.3"]["technique"] == "AML.T0043.002"
    lines = [json.loads(line) for line in scores.read_text().splitlines()]
    assert {line["attack"] for line in lines} == {None, *figures["attacks"]}
    assert f"the scores are in {scores}" in called.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--scores", "scores.txt", "has to end in .parquet, .jsonl, .csv, which says how it is written"),
        ("--scores", "scores", "has to end in .parquet, .jsonl, .csv"),
        ("--transfer-from", "resnet", "resnet"),
        ("--transfer-from", "absent.pt2", "file 'absent.pt2' does not exist"),
    ],
)
def test_what_cannot_be_is_refused_before_the_bundle_is_opened(
    option: str, value: str, said: str, tmp_path: Path, pathprint: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    complaint = pathprint("evaluate", "empty", option, value, status=2).stderr
    assert said in " ".join(complaint.split())
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_networks_for_other_images_are_refused(bundle_folder: Path, pathprint: Command) -> None:
    complaint = pathprint("evaluate", bundle_folder, "--transfer-from", "lenet5", status=2).stderr
    assert "nothing can be transferred from lenet5: it takes images 1x28x28" in " ".join(complaint.split())
