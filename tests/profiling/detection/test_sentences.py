"""Evidence in words: every measure has its own, they follow the numbers, and the glossary says the same."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.phrases import PHRASES, Phrase
from pathprint.profiling.detection.sentences import Classes, Finding, sentence, short_name
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.table import Feature
from pathprint.profiling.features.views import VIEWS
from pathprint.profiling.jobs.probe_fitting import with_probes
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import LayerShape
from pathprint.profiling.signatures.counts import ClassSignatures

GLOSSARY = Path(__file__).parents[3] / "docs" / "glossary.md"
CLASSES = Classes(8, "eight", "three")
VOTE = Feature("vote_runner_up", "conv3", "weights", 0, -1)
NUMBERS = st.floats(-1e6, 1e6)
SPREADS = st.one_of(st.just(0.0), st.floats(0, 1e6))


@pytest.fixture(scope="module")
def features(extractor: Extractor, signatures: ClassSignatures, digits_split: Split) -> tuple[Feature, ...]:
    """All features that a thorough detector has."""
    maker = with_probes(FeatureMaker(extractor, signatures, views=tuple(VIEWS)), digits_split.profiled)
    return maker.make(torch.rand(1, 1, 8, 8))[1].features


def said(finding: Finding) -> str:
    """Return the words between what the layer does and the numbers, after checking the sentence's form."""
    text = sentence(finding, CLASSES)
    place, moves = r"(?:layer \S+|the network's answer)", r"(?:does not move|moves .+? towards (?:adversarial|benign))"
    usual = r"(?:usual \S+ ± \S+|always \S+ on clean images)"
    found = re.fullmatch(
        rf"In {place} the score of this image {moves}(?:: |, although )(.+) \([^()]+; {usual}\)\.", text
    )
    assert found, text
    return found[1]


def filled(words: str, feature: Feature) -> str:
    compared = "'three'" if feature.rank == 2 else "'eight'"
    return words.format(
        units=feature.kind,
        predicted="'eight'",
        runner_up="'three'",
        compared=compared,
        clean="clean images of 'eight'",
    )


def test_every_measure_has_a_phrase(features: tuple[Feature, ...]) -> None:
    assert {feature.measure for feature in features} == set(PHRASES)


def test_every_feature_has_three_sentences_and_a_name_of_its_own(features: tuple[Feature, ...]) -> None:
    alike_but_for_layers = {(f.measure, f.kind, f.rank): f for f in features}
    names = [short_name(feature) for feature in alike_but_for_layers.values()]
    reasons = [
        said(Finding(feature, 1.0, value, 1.0, 0.1)) for feature in alike_but_for_layers.values() for value in (0, 1, 2)
    ]
    assert len({*names}) == len(names)
    assert len({*reasons}) == len(reasons)
    assert not [text for text in names + reasons if re.search(r"[{}_]|  |^\s|\s$", text)]


def test_sentences_name_the_classes_that_they_are_about(features: tuple[Feature, ...]) -> None:
    for feature in features:
        text = said(Finding(feature, 1.0, 2.0, 1.0, 0.1))
        assert "clean images of 'eight'" in text
        of_the_answer = (
            "vote",
            "margin_loss",
            "confidence",
            "doubt",
            "probe_margin",
            "probe_lead",
            "probe_settled",
            "probe_reading",
        )
        compares = feature.rank == 1 or feature.measure.startswith((*of_the_answer, "probe_jump"))
        assert text.count("'eight'") == 1 + compares, text
        assert text.count("'three'") == (feature.rank == 2 or feature.measure in ("vote_runner_up", "probe_lead")), text
        assert not feature.kind or feature.kind in text


@given(NUMBERS, NUMBERS, SPREADS, NUMBERS, st.sampled_from(sorted(PHRASES)), st.sampled_from([-1, 0, 1]))
def test_words_follow_the_numbers(
    value: float, usual: float, spread: float, contribution: float, name: str, trend: int
) -> None:
    feature, phrase = Feature(name, "conv3", "weights", 1, trend), PHRASES[name]
    text = sentence(Finding(feature, contribution, value, usual, spread), CLASSES)
    usually = r"(?:usual (\S+) ± (\S+)|always (\S+) on clean images)"
    shown = re.fullmatch(rf".+ \((\S+)(?: on a log scale)?; {usually}\)\.", text)
    assert shown
    near = abs(value - usual) <= spread / 2 or shown[1] == (shown[2] or shown[4])
    words = phrase.alike if near else phrase.more if value > usual else phrase.less
    assert filled(words, feature) in text
    assert ("towards adversarial" in text, "towards benign" in text) == (contribution > 0, contribution < 0)
    assert not re.search(r"nan|inf|\de[+-]?\d|  |-0(\.0+)?[; )]", text)
    assert text.count(". ") == 0
    numbers = [number for number in shown.groups() if number]
    assert len({len(number.partition(".")[2]) for number in numbers}) == 1  # all have as many decimals
    exact = 0.05 * (spread or abs(value - usual) or abs(usual)) + 5e-7
    assert [float(number) for number in numbers] == pytest.approx([value, usual, spread][: len(numbers)], abs=exact)


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ((12.8592, 11.0032, 1.94114), "(12.9; usual 11.0 ± 1.9)"),
        ((0.5, 0.900637, 0.122095), "(0.50; usual 0.90 ± 0.12)"),
        ((1.0, 0.0, 0.0), "(1; always 0 on clean images)"),
        ((0.9677, 1.0, 0.0), "(0.968; always 1.000 on clean images)"),
        ((123456.0, 98765.0, 4321.0), "(123456; usual 98765 ± 4321)"),
        ((0.0001, 0.0003, 0.0001), "(0.0001; usual 0.0003 ± 0.0001)"),
        ((-0.001, 0.0, 0.1), "(0.0; usual 0.0 ± 0.1)"),
        ((float("inf"), 1.0, 0.5), "(inf; usual 1.0 ± 0.5)"),
        ((1e30, 1.0, 0.5), "(1e+30; usual 1.0 ± 0.5)"),
    ],
)
def test_numbers_are_written_to_be_compared(numbers: tuple[float, float, float], shown: str) -> None:
    assert sentence(Finding(VOTE, 1.0, *numbers), CLASSES).endswith(f" {shown}.")


@pytest.mark.parametrize(
    ("contribution", "moves"),
    [(1.5, "moves 1.50 towards"), (-0.004, "moves less than 0.01 towards benign"), (0.0, "does not move: ")],
)
def test_a_layer_moves_the_score_by_its_contribution(contribution: float, moves: str) -> None:
    assert f"In layer conv3 the score of this image {moves}" in sentence(Finding(VOTE, contribution, 1, 1, 1), CLASSES)


@pytest.mark.parametrize(
    ("trend", "contribution", "value", "although"),
    [
        (-1, 0.5, -9.0, False),  # what is suspicious moves the score towards adversarial
        (-1, 0.5, 9.0, True),
        (-1, -0.5, -9.0, True),
        (1, -0.5, -9.0, False),
        (0, 0.5, 9.0, False),  # nobody knows what such a feature speaks for
        (0, 0.5, 0.0, True),  # but what is usual is not suspicious
        (0, -0.5, 0.0, False),
    ],
)
def test_a_reason_that_points_the_other_way_is_conceded(
    trend: int, contribution: float, value: float, although: bool
) -> None:
    finding = Finding(replace(VOTE, trend=trend), contribution, value, 0.0, 1.0)
    assert (", although its weights" in sentence(finding, CLASSES)) == although


def test_classes_with_too_few_clean_images_are_compared_with_all() -> None:
    text = sentence(Finding(VOTE, 1.0, 0.0, 5.0, 1.0, of_class=False), CLASSES)
    assert "its weights favour 'eight' over 'three' less than clean images do (0; usual 5 ± 1)." in text


def test_layers_are_called_by_their_names() -> None:
    for layer, place in (
        ("4", "layer 4"),
        ("layer1.0.conv1", "layer1.0.conv1"),
        ("the answer", "the network's answer"),
    ):
        text = sentence(Finding(replace(VOTE, layer=layer), 1.0, 0.0, 5.0, 1.0), CLASSES)
        assert text.startswith(f"In {place} the score of this image moves ")


@pytest.mark.parametrize(
    ("shape", "place"),
    [
        (LayerShape("4", (16, 8, 8), (16, 3, 3, 3)), "layer 4 (a convolution to 16 channels)"),
        (LayerShape("2.0@2", (10,), (10, 64)), "layer 2.0@2 (a linear layer to 10 units)"),
        (LayerShape("fc1", (10,), (10, 64)), "layer fc1"),
    ],
)
def test_layers_without_a_name_are_described(shape: LayerShape, place: str) -> None:
    finding = Finding(replace(VOTE, layer=shape.name), 1.0, 0.0, 5.0, 1.0, kind=shape.kind)
    assert sentence(finding, CLASSES).startswith(f"In {place} the score of this image moves ")


def test_an_unknown_measure_is_still_said_plainly() -> None:
    unknown = Feature("ring_size", "4", "neurons", 2, 1)
    assert short_name(unknown) == "ring size of neurons in the runner-up class"
    assert said(Finding(unknown, 1.0, 2.0, 1.0, 0.1)) == (
        "the ring size of neurons in 'three' is larger than in clean images of 'eight'"
    )


def test_the_glossary_quotes_a_real_sentence() -> None:
    finding = Finding(
        Feature("vote_margin", "5", "neurons", 0, -1),
        0.789192,
        1.52978,
        4.80775,
        0.882331,
        kind="a convolution to 16 channels",
    )
    assert sentence(finding, Classes(8, "8", "3")) in GLOSSARY.read_text().replace("\n> ", " ")


def test_the_glossary_has_the_words_of_the_table(features: tuple[Feature, ...]) -> None:
    first = {feature.measure: feature for feature in reversed(features)}  # the one of rank 1, where there are two
    rows = [_row(first[name], phrase) for name, phrase in PHRASES.items()]
    section = GLOSSARY.read_text().partition("\n## Evidence\n")[2].partition("\n## ")[0]
    found = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert found == rows, "docs/glossary.md should have these rows:\n" + "\n".join(rows)
    assert max(len(cell) for row in rows for cell in row.split("|")) <= 200


def _row(feature: Feature, phrase: Phrase) -> str:
    """Return a row of the glossary; it quotes what is said of a suspicious value, or else of a large one."""
    units, predicted, runner_up = "neurons or weights", "the predicted class", "the runner-up class"
    compared = "the predicted or the runner-up class"
    name = phrase.name.format(units=units, predicted=predicted, runner_up=runner_up, compared=compared)
    said = (phrase.less if feature.trend == -1 else phrase.more).format(
        units="neurons", predicted="'8'", runner_up="'3'", compared="'8'", clean="clean images of '8'"
    )
    return f"| {name} (`{feature.measure}`) | {said} | {phrase.meaning.format(units=units)} |"
