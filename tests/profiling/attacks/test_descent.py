"""Descending the score follows what the score is made of, keeps the answer wrong, and never does worse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from pathprint.profiling.attacks.adaptive.descent import Descent
from pathprint.profiling.attacks.adaptive.evade import Adaptive, Evasion, evade, judged, unbeaten
from pathprint.profiling.attacks.adaptive.likeness import answers, soft_top
from pathprint.profiling.attacks.adaptive.slope import SHARINGS, Moving, Sharing, slopes, without_harm
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.cascade import one_stage
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.joined import ATTACKS, alone
from pathprint.profiling.detection.scores import LinearScore
from pathprint.profiling.features.probes import Probes
from pathprint.profiling.features.table import Feature

Images = tuple[Tensor, Tensor]
BUDGET = 0.3
OF_PATHS = ("containment", "coverage", "mean_frequency", "mean_log_frequency", "vote_runner_up", "vote_likelihood")


@pytest.fixture(scope="module")
def few(bundle: Bundle, digits_split: Split) -> Images:
    correct = correct_images(bundle.detector.network, digits_split.fit, 12)
    return correct.pixels, correct.labels


@pytest.fixture(scope="module")
def blind(bundle: Bundle, few: Images) -> Evasion:
    """What an attacker finds who ignores the detector."""
    return evade(bundle.detector, *few, Adaptive(BUDGET, steps=20, weights=(0.0,), leads=(0.5,), matched=()))


def moving(detector: Detector, pixels: Tensor) -> Moving:
    paths, graph = detector.maker.make(pixels)[0], detector.network.graph
    names = [node.name for node in graph.weighted]
    read = [average.activation for average in detector.extractor.plan.averages]
    values = graph.record(detector.network.preprocessing.normalise(pixels), [*names, *read])
    return Moving(detector, paths, values, answers(detector, pixels, values))


def seeing(bundle: Bundle, pixels: Tensor) -> Detector:
    """Return a detector that asks about views and reads its layers linearly."""
    extractor = replace(bundle.detector.extractor, averages=True)
    plan, rng = extractor.plan, np.random.default_rng(0)
    classes = len(bundle.detector.network.labels)
    weights = tuple(rng.normal(size=(one.size + 1, classes)).astype(np.float32) for one in plan.averages)
    probes = Probes(tuple(one.layer for one in plan.averages), weights)
    maker = replace(bundle.detector.maker, extractor=extractor, views=("mirrored", "tilted"), probes=probes)
    return replace(bundle.detector, maker=maker, features=maker.make(pixels[:1])[1].features)


def test_what_is_no_measure_of_a_path_has_the_values_that_the_detector_sees(bundle: Bundle, few: Images) -> None:
    detector = seeing(bundle, few[0])
    led, values = moving(detector, few[0]), detector.maker.make(few[0])[1].values
    found = {feature: led.alone(feature) for feature in detector.features}
    measured = {feature.measure for feature, value in found.items() if value is not None}
    probed = {"probe_reading", "probe_margin", "probe_lead"}
    assert measured == {"margin_loss_mirrored", "margin_loss_tilted", "confidence", "doubt", "entropy"} | probed
    for column, (feature, value) in enumerate(found.items()):
        if value is not None:
            expected = torch.from_numpy(values[:, column]).float()
            torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-3, msg=feature.name)


@pytest.mark.parametrize("measure", OF_PATHS)
def test_a_member_pulls_at_a_measure_as_much_as_it_changes_it(bundle: Bundle, few: Images, measure: str) -> None:
    """The measures are ratios of sums over the path, so their slopes are those of these ratios."""
    detector, (pixels, _) = bundle.detector, few
    led, values = moving(detector, pixels), detector.maker.make(pixels)[1].values
    layer = led.paths.layers[-2]
    name = layer.shape.name
    (column,) = [
        number
        for number, f in enumerate(detector.features)
        if (f.measure, f.layer, f.kind) == (measure, name, "neurons") and f.rank != 2
    ]
    slope = np.zeros_like(values)
    slope[:, column] = 1
    pull = led.pull(layer, [column], values, slope)
    member = torch.from_numpy(layer.neurons.mask()).double().requires_grad_()
    found = _measure(detector, measure, member, led)
    torch.testing.assert_close(found, torch.from_numpy(values[:, column]), rtol=1e-5, atol=1e-6)
    (expected,) = torch.autograd.grad(found.sum(), member)
    torch.testing.assert_close(pull.double().expand_as(expected), expected, rtol=1e-3, atol=1e-4)


def _measure(detector: Detector, measure: str, member: Tensor, led: Moving) -> Tensor:
    """Return a measure of the layer before the last one as a function of which neurons are members."""
    layer = led.paths.layers[-2]
    size, rows = member.sum(1), [detector.signatures.rows(led._classes[:, rank].numpy()) for rank in (0, 1)]
    name = f"{layer.shape.name}/neurons"
    log, other = (torch.from_numpy(detector.maker.lookup.log_frequency_of(name, row)) for row in rows)
    odds, odds_of_other = (one - torch.log1p(-one.exp()) for one in (log, other))
    absence, absence_of_other = (torch.from_numpy(detector.maker.lookup.absence[name][row]) for row in rows)
    used = torch.from_numpy(detector.maker.lookup.share_of(name, rows[0]) > 0).double()
    likelihood, of_other = (member * odds).sum(1) + absence, (member * odds_of_other).sum(1) + absence_of_other
    return {
        "containment": lambda: (member * used).sum(1) / size,
        "coverage": lambda: (member * log.exp()).sum(1) / log.exp().sum(1),
        "mean_frequency": lambda: (member * log.exp()).sum(1) / size,
        "mean_log_frequency": lambda: (member * log).sum(1) / size,
        "vote_runner_up": lambda: (likelihood - of_other) / size.sqrt(),
        "vote_likelihood": lambda: likelihood / size.sqrt(),
    }[measure]()


def test_what_nothing_leads_pulls_at_nothing(bundle: Bundle, few: Images) -> None:
    led, detector = moving(bundle.detector, few[0]), bundle.detector
    values, layer = detector.maker.make(few[0])[1].values, led.paths.layers[-2]
    columns = [number for number, f in enumerate(detector.features) if f.measure == "empty" and f.kind == "neurons"]
    assert not led.pull(layer, columns[:1], values, np.ones_like(values)).any()
    assert led.alone(Feature("coherence", layer.shape.name, "", 0, 0)) is None


def test_soft_membership_is_a_half_at_the_last_member() -> None:
    output, counts = torch.tensor([[3.0, -2.0, 0.5, 0.0], [1.0, 4.0, -3.0, 2.0]]), torch.tensor([2, 3])
    soft = soft_top(output, counts)
    torch.testing.assert_close(soft[[0, 1], [1, 3]], torch.full((2,), 0.5))
    assert ((soft >= 0.5).sum(1) == counts).all()


def test_the_slopes_of_a_linear_score_are_its_weights(bundle: Bundle, few: Images) -> None:
    detector = bundle.detector
    rng = np.random.default_rng(0)
    scale, weights = rng.uniform(0.5, 2, len(detector.features)), rng.normal(size=len(detector.features))
    score = LinearScore("linear", np.zeros(len(weights)), scale, weights, 0.0)
    linear = replace(detector, score=one_stage(alone(score, ATTACKS), detector.features))
    values = linear.maker.make(few[0])[1].values
    np.testing.assert_allclose(slopes(linear, values), np.tile(scale * weights, (len(values), 1)), rtol=1e-6, atol=1e-8)


def test_an_orthogonal_step_leaves_out_only_what_would_undo_the_wrong_answer() -> None:
    generator = torch.Generator().manual_seed(0)
    down, error = (torch.randn(8, 3, 2, 2, generator=generator) for _ in range(2))
    along = (down * error).flatten(1).sum(1)
    assert (along < 0).any() and (along > 0).any()
    found = without_harm(down, error)
    after = (found * error).flatten(1).sum(1)
    torch.testing.assert_close(found[along >= 0], down[along >= 0])
    torch.testing.assert_close(after[along < 0], torch.zeros(int((along < 0).sum())), rtol=0, atol=1e-5)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_descending_lowers_the_score_within_the_budget(
    bundle: Bundle, few: Images, blind: Evasion, sharing: Sharing
) -> None:
    pixels, labels = few
    descent = Descent(bundle.detector, BUDGET, 20, sharing)
    found, again = (descent.of(pixels, labels, blind) for _ in range(2))
    wrong = blind.wrong.numpy()
    assert wrong.sum() >= 8
    assert (found.scores <= blind.scores).all()
    assert np.median(found.scores[wrong]) < np.median(blind.scores[wrong]) - 0.1
    assert torch.equal(found.pixels, again.pixels)
    assert (found.pixels - pixels).abs().max() <= BUDGET + 0.5 / 255 + 1e-6
    np.testing.assert_array_equal(found.wrong, blind.wrong)
    seen = judged(bundle.detector, found.pixels, labels)
    np.testing.assert_allclose(seen.scores[wrong], found.scores[wrong], rtol=1e-5)


def test_what_is_good_enough_or_right_is_left_as_it_is(bundle: Bundle, few: Images, blind: Evasion) -> None:
    enough = float(np.median(blind.scores))
    found = Descent(bundle.detector, BUDGET, 10, "selective", enough).of(*few, blind)
    done = torch.from_numpy(blind.scores <= enough)
    assert done.any()
    assert torch.equal(found.pixels[done], blind.pixels[done])
    assert (found.scores[~done.numpy()] < blind.scores[~done.numpy()]).any()
    none = unbeaten(few[0])
    assert Descent(bundle.detector, BUDGET, 10, "selective").of(*few, none) is none
