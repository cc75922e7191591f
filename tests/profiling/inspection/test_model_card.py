"""A model card is valid CycloneDX and says the figures of this very bundle, or is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.bundle_files import MANIFEST
from pathprint.profiling.errors import DataError
from pathprint.profiling.evaluation.evasion import EvasionPoint
from pathprint.profiling.evaluation.figures import (
    EVERYTHING,
    NOTHING,
    AttackDetection,
    AttackFigures,
    ControlDetection,
    DetectorFigures,
    Report,
)
from pathprint.profiling.evaluation.metrics import Estimate
from pathprint.profiling.inspection.model_card import model_card

NAN = float("nan")
UNDEFINED = Estimate(NAN, NAN, NAN, 0)
KNOWN = AttackFigures("one-step", "Linf", 0.2, "one step", 0.8, 0.8, 1.0, 0.2, 0.0, "taught")
NEVER = AttackFigures("search", "L0", None, "a search", 0.0, 0.0, NAN, NAN, NAN, "untaught")


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.05, value + 0.025, 40)


def detector(shift: float) -> DetectorFigures:
    found = AttackDetection(estimate(0.9 - shift), estimate(0.8 - shift), estimate(0.7 - shift), UNDEFINED)
    never = AttackDetection(UNDEFINED, UNDEFINED, UNDEFINED, estimate(0.1))
    controls = {"jpeg-50": ControlDetection("compressed", 0.99, estimate(0.06))}
    return DetectorFigures(
        "ours", estimate(0.05), estimate(0.01), UNDEFINED, {"fgsm-0.2": found, "never": never}, controls
    )


LEFT_OUT = {NOTHING: detector(0.1), "one-step": detector(0.2), "search": detector(0.3), EVERYTHING: detector(0.4)}


def report(bundle: Bundle, left_out: bool = True) -> Report:
    """Return figures of a full evaluation, or of a quick one."""
    return Report(
        network={"name": "digits-cnn", "fingerprint": bundle.detector.network.fingerprint},
        images=40,
        misclassified=1,
        clean_accuracy=0.98,
        target=0.05,
        flagged_clean=estimate(0.0625),
        attacks={"fgsm-0.2": KNOWN, "never": NEVER},
        detector=detector(0) if left_out else replace(detector(0), controls={}),
        left_out=LEFT_OUT if left_out else {},
        adaptive=[EvasionPoint(0.03125, estimate(0.5), estimate(0.4375), UNDEFINED)] if left_out else [],
        settings={"bundle_sha256": bundle.sha256},
    )


@pytest.fixture
def figures(bundle: Bundle, tmp_path: Path) -> Path:
    return written(tmp_path / "figures.json", report(bundle).to_dict())


def written(path: Path, figures: object) -> Path:
    path.write_text(json.dumps(figures))
    return path


def metrics(card: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = card["metadata"]["component"]["modelCard"]["quantitativeAnalysis"][
        "performanceMetrics"
    ]
    return found


def validated(card: dict[str, Any]) -> object:
    """Return what CycloneDX's own schema finds wrong; None if nothing is."""
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(card))


def test_a_card_is_valid_with_and_without_figures(
    bundle: Bundle, bundle_folder: Path, figures: Path, tmp_path: Path
) -> None:
    quick = written(tmp_path / "quick.json", report(bundle, left_out=False).to_dict())
    for evaluation in (None, quick, figures):
        assert validated(model_card(bundle, bundle_folder, evaluation)) is None
    card = model_card(bundle, bundle_folder)
    metrics(card)[0]["value"] = 0.05
    assert "0.05 is not of type 'string'" in str(validated(card))


def test_every_figure_has_its_value_slice_and_interval(bundle: Bundle, bundle_folder: Path, figures: Path) -> None:
    promised, *measured = metrics(model_card(bundle, bundle_folder, figures))
    assert promised["value"] == "0.0500"
    expected = {
        ("false-positive rate", "clean images"): 0.0625,
        ("accuracy of the protected network", "clean images"): None,
        ("AUC", "attack fgsm-0.2, taught"): 0.9,
        ("true-positive rate at 5 % FPR", "attack fgsm-0.2, taught"): 0.8,
        ("true-positive rate at 1 % FPR", "attack fgsm-0.2, taught"): 0.7,
        ("AUC", "attack fgsm-0.2, its family left out of fitting"): 0.7,
        ("AUC", "attack fgsm-0.2, fitted without any attack"): 0.5,
        ("share flagged at 5 % FPR", "control jpeg-50"): 0.06,
        ("share of images that evade", "attacker who knows the detector, Linf 0.0312"): 0.4375,
    }
    assert [(one["type"], one["slice"].removesuffix("; 40 images")) for one in measured] == list(expected)
    for one, value in zip(measured, expected.values(), strict=True):
        if value is not None:
            assert float(one["value"]) == pytest.approx(value, abs=6e-5)
            interval = {end: float(bound) for end, bound in one["confidenceInterval"].items()}
            assert interval == pytest.approx({"lowerBound": value - 0.05, "upperBound": value + 0.025}, abs=6e-5)


def test_the_files_have_the_hashes_of_the_manifest(bundle: Bundle, bundle_folder: Path) -> None:
    card = model_card(bundle, bundle_folder)
    manifest = json.loads((bundle_folder / MANIFEST).read_bytes())
    found = {one["name"]: one["hashes"][0]["content"] for one in card["components"]}
    assert card["metadata"]["component"]["hashes"][0]["content"] == found.pop(MANIFEST)
    assert found == manifest["files"]


def test_what_it_was_made_of_and_is_for_is_said(bundle: Bundle, bundle_folder: Path) -> None:
    card = model_card(bundle, bundle_folder)
    model = card["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    properties = [(one["name"], one["value"]) for one in model["properties"]]
    assert ("pathprint:bundle_sha256", bundle.sha256) in properties
    taught = [value for name, value in properties if name == "pathprint:taught_attack"]
    assert taught == [f"{one.name}, {one.successes} images" for one in bundle.detector.fitting.attacks]
    assert {"users", "useCases", "technicalLimitations"} <= set(model["modelCard"]["considerations"])
    (data,) = model["modelCard"]["modelParameters"]["datasets"]
    assert {one["value"] for one in data["contents"]["properties"]} == {str(len(keys)) for keys in bundle.used.values()}


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda figures: figures.pop(name)


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another bundle": (lambda figures: figures["settings"].update(bundle_sha256="0" * 64), "of the bundle 0000"),
    "another version": (lambda figures: figures.update(schema=2), "figures of schema 2"),
    "no bundle": (lambda figures: figures.update(settings={}), "is not what `pathprint evaluate --json` prints"),
    "no attacks": (without("attacks"), "is not what"),
    "no detector": (without("detector"), "is not what"),
    "no rate": (without("flagged_clean"), "is not what"),
    "a word for a number": (lambda figures: figures["flagged_clean"].update(value="low"), "is not what"),
    "a number for a figure": (lambda figures: figures.update(flagged_clean=0.05), "is not what"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_figures_of_something_else_are_refused(bundle: Bundle, bundle_folder: Path, figures: Path, kind: str) -> None:
    found = json.loads(figures.read_text())
    spoil, said = WRONG[kind]
    spoil(found)
    with pytest.raises(DataError, match=said):
        model_card(bundle, bundle_folder, written(figures, found))


@pytest.mark.parametrize("text", ["", "no figures", "[]", "3", "null", "[" * 100_000, "{}", '{"schema": 3}\n{}'])
def test_what_holds_no_figures_is_refused(bundle: Bundle, bundle_folder: Path, figures: Path, text: str) -> None:
    figures.write_text(text)
    with pytest.raises(DataError, match="is not what `pathprint evaluate --json` prints"):
        model_card(bundle, bundle_folder, figures)
