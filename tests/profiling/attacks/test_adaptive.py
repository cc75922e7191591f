"""The adaptive attack breaks what is broken, gains by knowing the detector, and reports the truth."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from pathprint.profiling.attacks.adaptive import matching
from pathprint.profiling.attacks.adaptive.evade import Adaptive, evade
from pathprint.profiling.attacks.adaptive.likeness import straight_through
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.cascade import one_stage
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.joined import ATTACKS, alone
from pathprint.profiling.detection.scores import LinearScore, total
from pathprint.profiling.evaluation import adaptive
from pathprint.profiling.features.views import VIEWS
from pathprint.profiling.signatures.counts import ClassSignatures

Images = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def few(bundle: Bundle, digits_split: Split) -> Images:
    correct = correct_images(bundle.detector.network, digits_split.fit, 16)
    return correct.pixels, correct.labels


def looking_at(feature: str, detector: Detector, parts: Split) -> tuple[Detector, float]:
    """Return a detector that looks at one feature only, and its threshold for 5 % of clean images."""
    weights = np.array([-1.0 if f.name == feature else 0.0 for f in detector.features])
    assert weights.any()
    score = LinearScore("broken", np.zeros(len(weights)), np.ones(len(weights)), weights, 0.0)
    held = correct_images(detector.network, parts.calibrate, 100).pixels
    table, _ = detector.maker.make_all(held)
    return replace(detector, score=one_stage(alone(score, ATTACKS), detector.features)), float(
        np.quantile(total(score, table.values), 0.95)
    )


def test_broken_detector_is_evaded(bundle: Bundle, few: Images, digits_split: Split) -> None:
    broken, threshold = looking_at("mean_log_frequency/9/neurons/1", bundle.detector, digits_split)
    found = evade(broken, *few, Adaptive(0.3, steps=40, weights=(1.0,), leads=(0.5,), matched=()))
    assert found.evaded(threshold).float().mean() >= 0.85


def test_knowing_the_detector_helps(bundle: Bundle, few: Images, digits_split: Split) -> None:
    broken, _ = looking_at("mean_log_frequency/5/neurons/1", bundle.detector, digits_split)
    blind, knowing = (
        evade(broken, *few, Adaptive(0.3, steps=30, weights=(weight,), leads=(0.5,), matched=())).scores
        for weight in (0.0, 1.0)
    )
    assert np.median(knowing) < np.median(blind) - 0.2


def test_what_is_reported_is_what_the_detector_says(bundle: Bundle, few: Images) -> None:
    pixels, labels = few
    attempt = Adaptive(0.2, steps=10, weights=(0.0, 1.0), leads=(0.5,))
    found, again = (evade(bundle.detector, pixels, labels, attempt) for _ in range(2))
    assert torch.equal(found.pixels, again.pixels)
    assert ((found.pixels - pixels).abs().amax() <= 0.2 + 0.5 / 255 + 1e-6).item()
    verdicts = bundle.detector.examine(found.pixels)
    for verdict, wrong, score, label in zip(verdicts, found.wrong, found.scores, labels, strict=True):
        assert bool(wrong) == (verdict.predicted != int(label))
        assert score == pytest.approx(verdict.score) if wrong else np.isinf(score)
    threshold = bundle.detector.calibration.threshold
    expected = [not verdict.flagged and bool(wrong) for verdict, wrong in zip(verdicts, found.wrong, strict=True)]
    assert found.evaded(threshold).tolist() == expected


def test_more_tries_never_do_worse(bundle: Bundle, few: Images) -> None:
    fewer = evade(bundle.detector, *few, Adaptive(0.2, steps=10, weights=(1.0,), leads=(0.5,), matched=()))
    more = evade(bundle.detector, *few, Adaptive(0.2, steps=10, weights=(1.0, 3.0), leads=(0.5,), matched=()))
    assert (more.scores <= fewer.scores).all()


def test_what_a_smaller_budget_found_stays(bundle: Bundle, few: Images) -> None:
    quick = Adaptive(0.1, steps=10, weights=(0.0,), leads=(0.5,), matched=())
    smaller = evade(bundle.detector, *few, quick)
    larger = evade(bundle.detector, *few, replace(quick, budget=0.2), known=smaller)
    assert smaller.wrong.any()
    assert (larger.scores <= smaller.scores).all()
    kept = torch.from_numpy(larger.scores == smaller.scores) & smaller.wrong
    assert torch.equal(larger.pixels[kept], smaller.pixels[kept])


def test_only_answers_with_a_signature_count(bundle: Bundle, few: Images) -> None:
    """Elsewhere there is no verdict; so nothing is won there, and nobody aims there."""
    signatures, few_classes, known_classes = bundle.detector.signatures, [0, 1, 2], [0, 1, 2, 3]
    assert isinstance(signatures, ClassSignatures)
    counts = {name: rows[known_classes] for name, rows in signatures.counts.items()}
    images = np.array([50, 50, 50, 9])  # too few for a verdict on the last
    known = replace(signatures, classes=signatures.classes[known_classes], images=images)
    maker = replace(bundle.detector.maker, signatures=replace(known, counts=counts))
    detector = replace(bundle.detector, maker=maker)
    found = evade(detector, *few, Adaptive(0.4, steps=20, weights=(0.0, 1.0), leads=(0.5,), matched=()))
    answers = detector.network.predict(found.pixels)
    assert found.wrong.float().mean() >= 0.5
    assert set(answers[found.wrong].tolist()) <= set(few_classes)
    assert np.isinf(found.scores[~found.wrong.numpy()]).all()


def test_doubt_is_evaded_by_leading_far(bundle: Bundle, few: Images) -> None:
    """A detector that looks for doubtful answers alone is evaded by sure ones, which a small lead never gives."""
    weights = np.array([float(feature.name == "doubt/the answer") for feature in bundle.detector.features])
    score = LinearScore("doubt", np.zeros(len(weights)), np.ones(len(weights)), weights, 0.0)
    doubting = replace(bundle.detector, score=one_stage(alone(score, ATTACKS), bundle.detector.features))
    near, far = (
        evade(doubting, *few, Adaptive(0.3, steps=20, weights=(0.0,), leads=(lead,), matched=())) for lead in (0.5, 8.0)
    )
    assert np.median(far.scores) < np.median(near.scores) / 2


def test_views_of_a_thorough_detector_are_attacked_too(bundle: Bundle, few: Images) -> None:
    """Judged by what margins lose in views, knowing the views must help."""
    maker = replace(bundle.detector.maker, views=tuple(VIEWS))
    features = maker.make(few[0][:1])[1].features
    weights = np.array([float(feature.measure.startswith("margin_loss")) for feature in features])
    score = LinearScore("views", np.zeros(len(weights)), np.ones(len(weights)), weights, 0.0)
    thorough = replace(
        bundle.detector, score=one_stage(alone(score, ATTACKS), features), features=features, maker=maker
    )
    attempt = Adaptive(0.3, steps=20, weights=(0.0,), leads=(0.5,), matched=())
    blind = evade(bundle.detector, *few, attempt).pixels
    knowing = evade(thorough, *few, attempt)
    found = total(score, maker.make(blind)[1].values)
    assert np.median(knowing.scores) < np.median(found) - 0.2


def test_membership_is_the_path_and_its_gradient_the_soft_top_k() -> None:
    output = torch.tensor([[3.0, -2.0, 0.5, 0.0]], requires_grad=True)
    path = torch.tensor([[False, True, True, False]])
    member = straight_through(output, path)
    torch.testing.assert_close(member, path.float())
    size = output.detach().abs()
    expected = torch.sigmoid((size - 2) / size.std(1, keepdim=True))
    (gradient,) = torch.autograd.grad(member.sum(), output)
    torch.testing.assert_close(gradient, expected * (1 - expected) / size.std(1, keepdim=True) * output.detach().sign())


def test_guides_are_distinct_images_of_other_classes_with_verdicts(few: Images) -> None:
    pixels, labels = few
    guides, draws, judged = matching.Guides(pixels, labels), Draws(pixels, 0), np.array([1, 2, 3])
    number = {image.numpy().tobytes(): index for index, image in enumerate(pixels)}
    chosen = [[number[image.numpy().tobytes()] for image in one] for one in guides.choose(labels, judged, 3, draws)]
    for image, own in enumerate(zip(*chosen, strict=True)):
        admissible = [i for i, label in enumerate(labels.tolist()) if label in judged and label != int(labels[image])]
        assert set(own) <= set(admissible) or len(admissible) < len(own)
        assert len(set(own)) == len(own)
    alone = matching.Guides(pixels[:1], labels[:1])
    assert alone.choose(labels[:1], np.arange(10), 5, Draws(pixels[:1], 0)) == []


def test_more_guides_find_more(bundle: Bundle, few: Images) -> None:
    attempt = Adaptive(0.3, steps=30, weights=(), leads=(), matched=(None,))
    one, five = (evade(bundle.detector, *few, replace(attempt, guides=count)).scores for count in (1, 5))
    assert np.count_nonzero(five < one) >= 6
    assert np.count_nonzero(five > one) <= 2  # which random points are drawn depends on how many guides are


def test_a_single_image_is_made_like_others(bundle: Bundle, few: Images) -> None:
    pixels, labels = few
    attempt = Adaptive(0.8, steps=30, weights=(), leads=(), matched=(None,))
    assert not evade(bundle.detector, pixels[:1], labels[:1], attempt).wrong.any()
    assert evade(bundle.detector, pixels[:1], labels[:1], attempt, guides=matching.Guides(*few)).wrong.all()


def test_the_curve_never_falls(bundle: Bundle, digits_split: Split) -> None:
    little = partial(Adaptive, steps=10, weights=(0.0,), leads=(0.5,), guides=1, descents=10)
    clean = correct_images(bundle.detector.network, digits_split.test, 12)
    points = adaptive.curve(bundle.detector, clean, 12, seed=0, effort=little)
    for one, more in pairwise(points):
        assert one.wrong.value <= more.wrong.value
        assert one.evaded.value <= more.evaded.value
    assert points[0].wrong.value < points[-1].wrong.value


@pytest.mark.parametrize("layers", [1, None])
@pytest.mark.parametrize("views", [(), ("smaller",), tuple(VIEWS)])
def test_matching_takes_an_image_to_its_guide(
    bundle: Bundle, few: Images, layers: int | None, views: tuple[str, ...]
) -> None:
    (pixels, labels), maker = few, replace(bundle.detector.maker, views=views)
    detector = replace(bundle.detector, maker=maker)
    (guide,) = matching.Guides(pixels, labels).choose(labels, detector.judged, 1, Draws(pixels, 0))
    target = matching.Target.of(detector, guide, layers)
    assert len(target.names) == (layers or len(detector.extractor.layout.layers))
    assert matching.direction(target, guide).abs().max() == 0  # it is there
    made = pixels.clone()
    for _ in range(60):
        made = (made + 0.02 * matching.direction(target, made).sign()).clamp(0, 1)
    assert (detector.network.predict(made) == detector.network.predict(guide)).float().mean() >= 0.9


def test_matching_alone_evades(bundle: Bundle, few: Images) -> None:
    """With a budget that lets an image become another one, only its path matters."""
    found = evade(bundle.detector, *few, Adaptive(0.8, steps=60, weights=(), leads=(), matched=(None,)))
    threshold = bundle.detector.calibration.threshold
    assert found.evaded(threshold).float().mean() >= 0.5
