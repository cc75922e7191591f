"""Goals are met, or are said not to be; a file that says something else is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathprint.profiling.errors import OptionsError
from pathprint.profiling.evaluation.goal_file import read_goals
from pathprint.profiling.evaluation.goals import KINDS, attacks_in, unmet
from tests.profiling.evaluation.reports import NAN, report

MEASURED = report(
    {"pgd-0.1": 0.9, "fgsm-0.1": 0.8}, {"pgd-0.1": 0.7, "fgsm-0.1": 0.5}, 0.04, {"noise": 0.1, "jpeg": 0.06}
)
FIGURES = {
    "min_mean_auc": 0.85,
    "min_worst_auc": 0.8,
    "min_mean_tpr": 0.6,
    "min_worst_tpr": 0.5,
    "min_accuracy": 0.99,
    "max_flagged_clean": 0.04,
    "max_flagged_controls": 0.1,
}
"""What the figures of ``MEASURED`` are, by the name of the goal that is about them."""


def written(folder: Path, text: str, name: str = "goals.toml") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_every_kind_of_goal_is_here() -> None:
    assert set(FIGURES) == set(KINDS)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(("step", "met"), [(-0.001, False), (1e-12, True), (0.001, True)])
def test_goals_are_met_up_to_the_figure(name: str, step: float, met: bool, tmp_path: Path) -> None:
    towards = step if name.startswith("max") else -step
    goals = read_goals(written(tmp_path, f"{name} = {FIGURES[name] + towards}"), full=True)
    missed = unmet(goals, MEASURED)
    assert not missed if met else [one.goal.name for one in missed] == [name]


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "min_accuracy"])
@pytest.mark.parametrize("limit", [0, 1])
def test_what_was_not_measured_meets_no_goal(name: str, limit: int, tmp_path: Path) -> None:
    nothing = report({"pgd-0.1": NAN}, {"pgd-0.1": NAN}, NAN)
    (missed,) = unmet(read_goals(written(tmp_path, f"{name} = {limit}"), full=True), nothing)
    assert "was not measured" in missed.text
    assert missed.surely


def test_goals_of_one_attack(tmp_path: Path) -> None:
    text = 'min_accuracy = 0.5\n[attacks."pgd-0.1"]\nmin_auc = 0.9\nmin_tpr = 0.71\n[attacks.cw]\nmin_auc = 0.1\n'
    goals = read_goals(written(tmp_path, text), full=False)
    assert attacks_in(goals) == ["pgd-0.1", "cw"]
    missed = unmet(goals, MEASURED)
    assert [one.goal.name for one in missed] == ["attacks.pgd-0.1.min_tpr", "attacks.cw.min_auc"]
    assert [one.goal.line for one in missed] == [4, 6]
    assert missed[0].text == (
        "the share of images attacked by pgd-0.1 that are flagged at 5 % FPR is 0.700 (95 % interval 0.680 "
        "to 0.720); at least 0.71 is the goal."
    )


def test_the_worst_is_named_and_chance_is_told_from_certainty(tmp_path: Path) -> None:
    goals = read_goals(written(tmp_path, "min_worst_auc = 0.81\nmin_worst_tpr = 0.9\nmin_mean_auc = 0.9"), full=False)
    auc, tpr, mean = unmet(goals, MEASURED)
    assert "0.800 on fgsm-0.1" in auc.text
    assert (auc.surely, tpr.surely, mean.surely) == (False, True, True)


def test_json_says_what_toml_says(tmp_path: Path) -> None:
    held = {"min_mean_auc": 0.9, "attacks": {"pgd-0.1": {"min_auc": 1}}}
    text = 'min_mean_auc = 0.9\n[attacks."pgd-0.1"]\nmin_auc = 1\n'
    from_json = read_goals(written(tmp_path, json.dumps(held, indent=1), "goals.json"), full=False)
    from_toml = read_goals(written(tmp_path, text), full=False)
    assert [(goal.name, goal.limit) for goal in from_json] == [(goal.name, goal.limit) for goal in from_toml]
    assert [goal.line for goal in from_json] == [2, 5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no goals; allowed are min_mean_auc"),
        ("# nothing", "has no goals"),
        ("min_auc = 0.9", "there is no goal 'min_auc'; allowed are"),
        ("min_mean_auc = 95", "is 95; a number from 0 to 1"),
        ("min_mean_auc = -0.1", "a number from 0 to 1"),
        ("min_mean_auc = nan", "a number from 0 to 1"),
        ("min_mean_auc = true", "a number from 0 to 1"),
        ("min_mean_auc = '0.9'", "a number from 0 to 1"),
        ("min_mean_auc = ", "is no TOML file of goals"),
        ("[min_mean_auc]\nx = 1", "a number from 0 to 1"),
        ("attacks = 1", "there is no goal 'attacks'"),
        ("[attacks]\npgd = 1", "attacks.pgd is no table"),
        ("[attacks.pgd]\nmin_mean_auc = 1", "there is no goal 'min_mean_auc' of an attack"),
        ("[attacks.pgd]\nmin_auc = 2", "the goal attacks.pgd.min_auc is 2"),
        ("max_flagged_controls = 0.1", "what only `full` measures"),
    ],
)
def test_other_files_are_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=said):
        read_goals(written(tmp_path, text), full=False)


@pytest.mark.parametrize(("text", "said"), [("[1]", "holds list"), ("{", "is no JSON file"), ("NaN", "holds float")])
def test_other_json_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=said):
        read_goals(written(tmp_path, text, "goals.json"), full=False)


def test_bytes_and_absent_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "goals.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "goals.toml", tmp_path / "absent.toml", tmp_path):
        with pytest.raises(OptionsError, match=r"is no TOML file|cannot be read"):
            read_goals(path, full=False)


@given(limit=st.floats(0, 1), value=st.floats(0, 1))
def test_a_minimum_is_met_exactly_if_the_figure_reaches_it(
    limit: float, value: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.getbasetemp(), f"min_worst_auc = {limit!r}\nmax_flagged_clean = {limit!r}")
    missed = {one.goal.name for one in unmet(read_goals(path, False), report({"a": value}, {"a": value}, value))}
    assert ("min_worst_auc" in missed) == (value < limit)
    assert ("max_flagged_clean" in missed) == (value > limit)
