"""Every point of a study is what the ordinary commands would find."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.evaluation import protocol
from pathprint.profiling.evaluation.figures import DetectorFigures, finite
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.jobs.fit import FitOptions, fit_detector
from pathprint.profiling.jobs.fit_inputs import Sizes
from pathprint.profiling.studies.detection import EVERY, Effort, detection
from pathprint.profiling.studies.subject import Subject

ATTACKS = ["fgsm-0.2", "pgd-l2-1.5"]


@pytest.fixture(scope="module")
def effort(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Effort:
    attacks = chosen(subject.extractor.network, ATTACKS)
    return Effort(attacks, "logistic", 60, Sizes(60, 120), tmp_path_factory.mktemp("attacked"))


def plain(figures: DetectorFigures) -> dict[str, Any]:
    """Return figures that compare: nan would differ from itself."""
    found: dict[str, Any] = finite(figures.to_dict())
    return found


def usual(subject: Subject, effort: Effort, fitted_on: list[str], **policy: float) -> dict[str, Any]:
    """Return what profiling, fitting and evaluating find, fitted on some attacks."""
    made, attacks = subject.at(**policy), chosen(subject.extractor.network, fitted_on)
    options = FitOptions("logistic", "fast", sizes=effort.sizes, crafting=Crafting(0, effort.cache))
    detector = fit_detector(FeatureMaker(made.extractor, made.signatures()), subject.split, attacks, options)
    asked = protocol.Options(60, crafting=Crafting(1, effort.cache))
    return plain(protocol.measured_outcome(detector, subject.split, effort.attacks, asked).report.detector)


def test_a_point_is_what_evaluation_finds(subject: Subject, effort: Effort) -> None:
    found = detection(subject, "layers", [2.0, 5.0], effort)
    assert list(found.points) == ["2", "5"]
    assert plain(found.points["2"]) == usual(subject, effort, ATTACKS, layers=2)
    assert found.points["5"].mean_auc > found.points["2"].mean_auc


@pytest.mark.slow
def test_fitting_on_one_attack_is_what_fitting_on_it_alone_finds(subject: Subject, effort: Effort) -> None:
    found = detection(subject, "attack", (), effort)
    assert list(found.points) == [*ATTACKS, EVERY]
    assert plain(found.points[ATTACKS[0]]) == usual(subject, effort, ATTACKS[:1])
    assert plain(found.points[EVERY]) == usual(subject, effort, ATTACKS)
    assert found.points[ATTACKS[0]].mean_auc != found.points[EVERY].mean_auc


def test_what_learns_from_no_attack_crafts_for_the_test_only(subject: Subject, effort: Effort, tmp_path: Path) -> None:
    found = detection(subject, "layers", [2.0], replace(effort, classifier="one-class", cache=tmp_path))
    assert found.points["2"].mean_auc > 0.5
    assert len(list(tmp_path.rglob("*.safetensors"))) == len(ATTACKS)


@pytest.mark.slow
def test_fewer_profiled_images_are_those_of_a_smaller_subject(subject: Subject, effort: Effort) -> None:
    few = detection(subject, "images", [2.0], effort).points["2"]
    assert plain(few) == usual(Subject(subject.extractor, subject.dataset, 2), effort, ATTACKS)


@pytest.mark.parametrize(
    ("varied", "values", "message"),
    [
        ("colour", (), "`vary` is 'colour'; allowed: theta, layers, images, attack"),
        ("layers", (2.5,), "layers must be a whole number"),
        ("images", (0.0,), "at least 1"),
        ("layers", (float("inf"),), "layers must be a whole number"),
        ("attack", (1.0,), "`value` does not go with `vary` attack"),
        ("theta", (2.0,), "theta is 2.0; it must be above 0"),
    ],
)
def test_what_cannot_be_varied_is_refused(
    subject: Subject, effort: Effort, varied: str, values: tuple[float, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(OptionsError, match=message):
        detection(subject, varied, values, effort)


@pytest.mark.slow
def test_usual_values_go_up_to_what_there_is(subject: Subject, effort: Effort) -> None:
    assert list(detection(subject.at(layers=2), "layers", (), effort).points) == ["1", "2"]
    few = Subject(subject.extractor, subject.dataset, 3)
    assert list(detection(few, "images", (), effort).points) == ["2", "3"]
