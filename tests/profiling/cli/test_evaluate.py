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


def test_goals_decide_the_status_and_are_written_as_sarif(
    bundle_folder: Path, tmp_path: Path, pathprint: Command
) -> None:
    goals, sarif = tmp_path / "goals.toml", tmp_path / "unmet.sarif"
    asked = ("evaluate", bundle_folder, "--attack", "fgsm-0.2", "--images", 12, "--goals", goals, "--sarif", sarif)
    goals.write_text("min_accuracy = 0.1\nmin_worst_auc = 0.0\n")
    assert "2 of 2 goals are met" in pathprint(*asked).stderr
    assert json.loads(sarif.read_text())["runs"][0]["results"] == []
    goals.write_text('min_accuracy = 0.1\n[attacks."fgsm-0.2"]\nmin_auc = 1.0\nmin_tpr = 1.0\n')
    for options, status in (((), 1), (("--fail-on", "never", "--json"), 0)):
        done = pathprint(*asked, *options, status=status)
        assert "goal not met: the AUC of fgsm-0.2 is" in done.stderr
    assert isinstance(closing_json(done)["attacks"], dict)
    (run,) = json.loads(sarif.read_text())["runs"]
    assert {one["ruleId"] for one in run["results"]} >= {"attacks.fgsm-0.2.min_auc"}
    assert run["invocations"][0]["commandLine"].startswith("pathprint evaluate")


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("min_auc = 1", ("--goals", "goals.toml"), "there is no goal 'min_auc'"),
        ("max_flagged_controls = 0.1", ("--goals", "goals.toml"), "what only --full measures; ask for it"),
        ("[attacks.pgd]\nmin_auc = 1", ("--goals", "goals.toml"), "there is no attack 'pgd'"),
        (
            '[attacks."pgd-0.2"]\nmin_auc = 1',
            ("--goals", "goals.toml", "--attack", "fgsm-0.2"),
            "the attack pgd-0.2, which is not measured; add it with --attack",
        ),
        ("", ("--sarif", "out.sarif"), "give these with --goals"),
        ("", ("--goals", "absent.toml"), "'absent.toml' does not exist"),
    ],
)
def test_goals_are_checked_before_the_bundle_is_opened(
    text: str, options: tuple[str, ...], said: str, tmp_path: Path, pathprint: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("goals.toml").write_text(text)
    complaint = pathprint("evaluate", "empty", *options, status=2).stderr
    assert said in " ".join(complaint.split())
    assert not Path("out.sarif").exists()
