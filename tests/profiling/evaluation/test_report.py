"""The report on a real evaluation: complete, well-formed, self-contained, and safe to open."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree

import pytest

from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split, split_again
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.evaluation import protocol
from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.report.page import page

ATTACKS = ["pgd-0.2", "jsma-0.15"]
VOID = {"meta"}


class Outline(HTMLParser):
    """Checks that elements close in order; collects what the tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.json: dict[str, Any] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.open and self.open[-1] == "pre":
            key = str(self.found[-1][1]["id"]).removeprefix("json-")
            self.json[key] = json.loads(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


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


def bare(full: Report) -> Report:
    detector = replace(full.detector, controls={})
    return replace(full, left_out={}, baselines={}, paper_protocol={}, adaptive=(), detector=detector)


def test_page_is_well_formed_and_every_picture_is_xml(written: str) -> None:
    outline = Outline(written)
    pictures = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", written, re.DOTALL)]
    assert len(pictures) == 4 * len(ATTACKS) + 3  # ROC, scores, two of layers; others, adaptive, calibration
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


def test_text_from_data_is_escaped(full: Report) -> None:
    evil = "<b>&\"'</b><script>"
    attacks = {evil if name == "pgd-0.2" else name: found for name, found in full.attacks.items()}
    detected = {evil if name == "pgd-0.2" else name: found for name, found in full.detector.attacks.items()}
    drawn = full.distributions
    assert drawn.histogram is not None
    histogram = replace(drawn.histogram, adversarial={evil: drawn.histogram.adversarial["pgd-0.2"]})
    report = replace(
        bare(full),
        network={"name": evil, "fingerprint": "0"},
        attacks=attacks,
        detector=replace(full.detector, attacks=detected, controls={}),
        distributions=replace(drawn, roc={evil: drawn.roc["pgd-0.2"]}, histogram=histogram),
        settings={"classes": ["<b>&", evil]},
    )
    written = page(report)
    outline = Outline(written)
    assert "<b>" not in written
    assert "<script" not in written
    assert "<b>&, " + evil in outline.text
    for svg in re.findall(r"<svg.*?</svg>", written, re.DOTALL):
        ElementTree.fromstring(svg)


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
