"""The table of an evaluation has a line for each image, with what its verdict says, from which the figures follow."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import OptionsError, OutputError
from pathprint.profiling.evaluation.evaluate import evaluate
from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.per_image import COLUMNS

Lines = list[dict[str, Any]]
ATTACKS = ("pgd-0.1", "noise-images", "spatial-30")


@pytest.fixture(scope="module")
def measured(bundle: Bundle, digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Lines]:
    path = tmp_path_factory.mktemp("scores") / "scores.jsonl"
    report = evaluate(bundle, digits, attacks=ATTACKS, images=30, full=False, scores=path)
    return report, [json.loads(line) for line in path.read_text().splitlines()]


def test_every_image_has_a_line(measured: tuple[Report, Lines]) -> None:
    report, lines = measured
    assert all(list(line) == list(COLUMNS) for line in lines)
    number = {kind: sum(line["kind"] == kind for line in lines) for kind in ("clean", "misclassified", "attack")}
    assert number == {"clean": 30, "misclassified": report.misclassified, "attack": 30 * len(ATTACKS)}
    assert len(lines) == sum(number.values())
    assert [line["attack"] for line in lines if line["attack"]] == [name for name in ATTACKS for _ in range(30)]


def test_figures_follow_from_the_lines(measured: tuple[Report, Lines]) -> None:
    report, lines = measured
    clean = [line for line in lines if line["kind"] == "clean"]
    assert np.mean([line["flagged"] for line in clean]) == pytest.approx(report.flagged_clean.value)
    for name, fared in report.attacks.items():
        own = [line for line in lines if line["attack"] == name]
        assert np.mean([line["succeeded"] for line in own]) == pytest.approx(fared.success)
        assert {(line["family"], line["technique"], line["teaching"]) for line in own} == {
            (fared.family, fared.technique, fared.teaching)
        }
        won = [line["score"] for line in own if line["succeeded"]]
        above = np.mean([np.mean([score > line["score"] for line in clean]) for score in won])
        assert above == pytest.approx(report.detector.attacks[name].auc.value, abs=0.01)


def test_a_line_agrees_with_itself(measured: tuple[Report, Lines], digits: Dataset) -> None:
    position = {name: number for number, name in enumerate(digits.names)}
    for line in measured[1]:
        source = position[line["name"]]
        assert line["sha256"] == hashlib.sha256(digits.content(source)).hexdigest()
        assert line["flagged"] == (line["score"] > line["threshold"])
        assert 0 < line["p_value"] <= 1
        if line["attack"] == "noise-images":
            assert (line["true_class"], line["true_label"], line["succeeded"]) == (None, None, True)
            continue
        assert line["true_class"] == digits.labels[source]
        assert line["true_label"] == digits.classes[line["true_class"]]
        wrong = line["predicted"] != line["true_class"]
        expected = {"clean": False, "misclassified": True}.get(line["kind"], line["succeeded"])
        assert wrong == expected


def test_benign_changes_have_lines_and_every_format_has_them(bundle: Bundle, digits: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from pyarrow.parquet import read_table

    for ending in (".csv", ".parquet"):
        evaluate(bundle, digits, attacks=["fgsm-0.1"], images=12, full=False, scores=tmp_path / f"s{ending}")
    with (tmp_path / "s.csv").open(newline="") as file:
        of_csv = list(csv.DictReader(file))
    of_parquet = read_table(tmp_path / "s.parquet").to_pylist()
    assert len(of_csv) == len(of_parquet) > 24
    for cells, line in zip(of_csv, of_parquet, strict=True):
        assert list(cells) == list(line) == list(COLUMNS)
        assert cells["flagged"] == str(line["flagged"]).lower()
        assert float(cells["score"]) == line["score"]
        assert cells["attack"] == (line["attack"] or "")
        assert type(line["predicted"]) is int


def test_a_wrong_place_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"has to end in \.parquet, \.jsonl, \.csv"):
        evaluate("no-bundle", scores=tmp_path / "scores.txt")
    with pytest.raises(OutputError, match="is a folder"):
        evaluate("no-bundle", scores=tmp_path)
