"""The report on a real evaluation: complete, well-formed, self-contained, and safe to open."""

import json
from dataclasses import fields, is_dataclass, replace
from importlib.util import find_spec
from typing import Any

import pytest

from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split, split_again
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.evaluation import protocol
from pathprint.profiling.evaluation.figures import EVERYTHING, NOTHING, Report
from pathprint.profiling.evaluation.report.page import page
from tests.profiling.outline import HOSTILE, Outline, assert_same_but_for_names

ATTACKS = ["pgd-0.2", "jsma-0.15"]
MARK = "(marked)"
ASKED_FOR = {"name", "fitting", "attacks", NOTHING, EVERYTHING}


@pytest.fixture(scope="module")
def parts(bundle: Bundle, digits: Dataset) -> Split:
    return split_again(digits, bundle.used)


@pytest.fixture(scope="module")
def full(bundle: Bundle, parts: Split, tmp_path_factory: pytest.TempPathFactory) -> Report:
    crafting = Crafting(1, tmp_path_factory.mktemp("attacked"))
    options = protocol.Options(40, 100, crafting, full=True, paper=True, adaptive=1)
    return protocol.measured_outcome(bundle.detector, parts, chosen(bundle.detector.network, ATTACKS), options).report


@pytest.fixture(scope="module")
def written(full: Report) -> str:
    return page(full)


def marked(value: Any, mark: str) -> Any:
    """Append ``mark`` to every name and to every other string, but for the keys that the report asks for."""
    if isinstance(value, str):
        return value + mark
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: marked(getattr(value, field.name), mark) for field in fields(value)})
    if isinstance(value, dict):
        return {key if key in ASKED_FOR else key + mark: marked(found, mark) for key, found in value.items()}
    if isinstance(value, list | tuple):
        return tuple(marked(found, mark) for found in value)
    return value


def bare(full: Report) -> Report:
    detector = replace(full.detector, controls={})
    return replace(full, left_out={}, baselines={}, paper_protocol={}, adaptive=(), detector=detector)


def test_page_is_well_formed_and_every_picture_is_xml(written: str, full: Report) -> None:
    outline = Outline(written)
    pictures = outline.pictures
    # ROC, scores, two of layers; others, adaptive, calibration; two of each typical image
    assert len(pictures) == 4 * len(ATTACKS) + 3 + 2 * len(full.typical)
    assert all(picture.get("aria-label") and picture.get("role") == "img" for picture in pictures)
    assert all(picture.find("title") is not None for picture in pictures)
    assert all(attributes.get("scope") for tag, attributes in outline.found if tag == "th")
    identifiers = [attributes["id"] for _, attributes in outline.found if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    links = [str(attributes["href"]) for tag, attributes in outline.found if tag == "a"]
    assert {link.removeprefix("#") for link in links} <= set(identifiers)


def test_page_loads_nothing(written: str) -> None:
    assert "http://" not in written
    assert "https://" not in written
    assert "url(" not in written
    tags = {tag for tag, _ in Outline(written).found}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not [a for _, attributes in Outline(written).found for a in attributes if a == "src" or a.startswith("on")]
    assert "default-src 'none'" in written


def test_every_attack_layer_and_detector_is_named(written: str, full: Report, bundle: Bundle) -> None:
    headers = {word.strip() for word in Outline(written).words}
    names = {*ATTACKS, *full.baselines, *full.detector.controls, *bundle.detector.extractor.layout.names}
    assert names <= headers
    assert "worst" in headers


def test_every_figure_of_the_json_is_on_the_page(written: str, full: Report) -> None:
    assert Outline(written).json == json.loads(json.dumps(full.to_dict(), allow_nan=False))


def test_shown_figures_are_the_jsons(written: str, full: Report) -> None:
    text, data = Outline(written).text, full.to_dict()
    for name in ATTACKS:
        found = data["detector"]["attacks"][name]
        area, rate = found["auc"], found["tpr_at_5fpr"]
        assert f"{area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f})" in text
        assert f"{100 * rate['value']:.1f}% ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})" in text
        assert f"{data['attacks'][name]['median_l2']:.3g}" in text
    assert "fgsm-0.2, pgd-0.2" in text  # seen in fitting
    assert data["settings"]["seeds"] == {"test_attacks": 1, "fit_attacks": 0}
    assert data["network"]["fingerprint"] in text


def test_pictures_are_drawn_from_consistent_figures(full: Report) -> None:
    drawn = full.distributions
    assert drawn.histogram is not None
    assert sum(drawn.histogram.clean) == full.images
    for name, roc in drawn.roc.items():
        assert (roc.fpr[0], roc.tpr[0], roc.fpr[-1], roc.tpr[-1]) == (0, 0, 1, 1)
        assert len(roc.fpr) <= 200
        area = sum(
            (b - a) * (u + v) / 2 for a, b, u, v in zip(roc.fpr, roc.fpr[1:], roc.tpr, roc.tpr[1:], strict=False)
        )
        assert area == pytest.approx(full.detector.attacks[name].auc.value, abs=0.01)
        assert sum(drawn.histogram.adversarial[name]) == full.detector.attacks[name].auc.images
    at_5 = next(point for point in drawn.calibration if point.target == 0.05)
    assert at_5.realised == full.detector.fpr_at_5


def test_what_was_not_run_says_so(full: Report) -> None:
    text = Outline(page(bare(full))).text
    for title in ("Unseen attacks", "Other detectors", "Benign changes", "The papers' split"):
        assert title in text
    assert text.count("Not run:") == 5
    outside = all(find_spec(library) for library in ("pytorch_ood", "art"))  # of the extra `bench`
    assert ("Not run:" in Outline(page(full)).text) == (not outside)


def test_names_are_text_wherever_they_stand(full: Report) -> None:
    figures = replace(full, typical=())  # in whose drawings long names are cut off; tests of these look at them
    harmless, hostile = marked(figures, MARK), marked(figures, HOSTILE)
    outline = Outline(page(hostile))
    assert_same_but_for_names(Outline(page(harmless)), outline, MARK)
    assert outline.json == json.loads(json.dumps(hostile.to_dict()))


def test_evaluation_without_success_is_a_page_too(bundle: Bundle, parts: Split) -> None:
    report = protocol.measured_outcome(bundle.detector, parts, [], protocol.Options(20)).report
    outline = Outline(page(report))
    assert "No attack was run." in outline.text
    assert outline.json["roc"] == {}


def test_libraries_that_are_not_installed_are_named(full: Report) -> None:
    settings = full.settings
    both = {"pytorch-ood": "0.4.0", "adversarial-robustness-toolbox": "1.20.1"}
    for versions, said in ((both, False), (both | {"pytorch-ood": "not installed"}, True)):
        shown = page(replace(full, settings={**settings, "versions": versions}))
        assert ("Not run: the detectors of pytorch-ood." in Outline(shown).text) == said
