"""Unmet goals are SARIF, by the schema of OASIS as pydantic-sarif carries it."""

import json
from pathlib import Path

import pytest
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Log

from pathprint.profiling.evaluation.goal_file import read_goals
from pathprint.profiling.evaluation.goals import unmet
from pathprint.profiling.evaluation.report.sarif import Judged, sarif, write_sarif
from tests.profiling.evaluation.reports import NAN, report

GOALS = 'min_worst_auc = 0.85\nmin_accuracy = 0.5\n[attacks."pgd 0.1"]\nmin_auc = 0.8\n[attacks.cw]\nmin_tpr = 0.5\n'


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judged:
    monkeypatch.chdir(tmp_path)
    Path("ci goals").mkdir()
    path = Path("ci goals/goals.toml")
    path.write_text(GOALS)
    goals = read_goals(path, full=False)
    found = report({"pgd 0.1": 0.84, "cw": 0.9}, {"pgd 0.1": 0.7, "cw": NAN})
    return Judged(found, goals, unmet(goals, found), path, Path("/bundles/digits"))


def test_it_is_valid(judged: Judged) -> None:
    made = json.loads(json.dumps(sarif(judged), allow_nan=False))
    read = Log.model_validate(made)
    assert read.version.value == "2.1.0"
    broken = json.loads(json.dumps(made))
    broken["runs"][0]["results"][0]["level"] = "fatal"  # the schema is one
    with pytest.raises(ValueError, match="level"):
        Log.model_validate(broken)


def test_results_are_the_unmet_goals(judged: Judged) -> None:
    (run,) = sarif(judged)["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["min_worst_auc", "min_accuracy", "attacks.pgd 0.1.min_auc", "attacks.cw.min_tpr"]
    assert [one["ruleId"] for one in run["results"]] == ["min_worst_auc", "attacks.cw.min_tpr"]
    for one in run["results"]:
        assert rules[one["ruleIndex"]] == one["ruleId"]
        assert one["message"]["text"].endswith("is the goal.")
    assert [one["level"] for one in run["results"]] == ["warning", "error"]  # 0.84 ± 0.02, and not measured


def test_results_stand_where_the_goals_do(judged: Judged) -> None:
    first, last = sarif(judged)["runs"][0]["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "ci%20goals/goals.toml", "uriBaseId": "%SRCROOT%"}
    assert [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in (first, last)] == [1, 6]
    manifest = first["relatedLocations"][0]["physicalLocation"]["artifactLocation"]
    assert manifest == {"uri": "file:///bundles/digits/manifest.json"}


def test_a_goal_is_one_alert_in_every_run(judged: Judged) -> None:
    """Pipelines tell known results from new ones by their fingerprints."""
    other = report({"pgd 0.1": 0.7, "cw": 0.9}, {"pgd 0.1": 0.7, "cw": NAN})
    again = Judged(other, judged.goals, unmet(judged.goals, other), judged.goals_file, Path("/bundles/newer"))
    prints = [
        {one["ruleId"]: one["partialFingerprints"] for one in sarif(run)["runs"][0]["results"]}
        for run in (judged, again)
    ]
    assert prints[0].items() <= prints[1].items()
    assert len({json.dumps(value) for value in prints[1].values()}) == len(prints[1]) == 3


def test_all_met_is_an_empty_list(judged: Judged, tmp_path: Path) -> None:
    good = Judged(judged.report, judged.goals, (), judged.goals_file, judged.bundle)
    write_sarif(good, tmp_path / "new" / "out.sarif")
    read = json.loads((tmp_path / "new" / "out.sarif").read_text())
    assert read["runs"][0]["results"] == []  # which closes older alerts
    Log.model_validate(read)
