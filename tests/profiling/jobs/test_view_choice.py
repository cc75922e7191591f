"""The view of a standard detector is the one that finds most on fit images, and is chosen on these alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from torch import Tensor

from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.correct import Correct, correct_images
from pathprint.profiling.data.roles import Fit, Images, Split
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.fitted_on import Fitting, ViewChoice
from pathprint.profiling.errors import FitError, OptionsError
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.table import Feature
from pathprint.profiling.features.views import VIEWS, view_of
from pathprint.profiling.jobs.fit import FitOptions, fit_detector
from pathprint.profiling.jobs.fit_data import FitData
from pathprint.profiling.jobs.fit_inputs import Sizes
from pathprint.profiling.jobs.view_choice import Comparison, candidates, choose
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.signatures.counts import ClassSignatures

SOURCES = 60
FEATURES = (Feature("path_size", "a", "neurons", 0, 0), *(Feature(f"margin_loss_{v}", "b", "", 0, 1) for v in VIEWS))


@dataclass(frozen=True)
class Named:
    """Of an attack, what the comparison reads."""

    name: str
    family: str


@pytest.fixture(scope="module")
def attacks(extractor: Extractor) -> list[Attack]:
    return chosen(extractor.network, ["fgsm-0.2", "pgd-0.2"])


@pytest.fixture(scope="module")
def clean(extractor: Extractor, digits_split: Split) -> Correct[Fit]:
    return correct_images(extractor.network, digits_split.fit, 40)


@pytest.fixture(scope="module")
def data(extractor: Extractor, signatures: ClassSignatures, clean: Correct[Fit], attacks: list[Attack]) -> FitData:
    maker = FeatureMaker(extractor, signatures, candidates("standard"))
    return FitData.of(maker, clean, attacks, Crafting(0))


def compared(shift: dict[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Return the figures of views of which two attacks of two families move the named ones by that many spreads."""
    kinds = np.repeat([-2, -1, 0, 1], SOURCES)
    values = np.random.default_rng(0).normal(size=(len(kinds), len(FEATURES)))
    for j, feature in enumerate(FEATURES):
        for attack, moved in enumerate(shift.get(view_of(feature) or "", (0, 0))):
            values[kinds == attack, j] += moved
    examples = Examples(FEATURES, values, (kinds >= 0).astype(np.int64), np.tile(np.arange(SOURCES), 4))
    named = (Named("x-1", "x"), Named("y-1", "y"))
    found = Comparison(examples, kinds, named).figures([(view,) for view in VIEWS])  # type: ignore[arg-type]
    return dict(zip(VIEWS, found, strict=True))


def test_what_a_view_shows_of_known_attacks_is_its_figure() -> None:
    figures = compared({"down": (3, 3), "noisy": (1, 1)})
    assert set(figures) == set(VIEWS)
    areas = {view: found["known"] for view, found in figures.items()}
    assert areas["down"] > 0.95 > areas["noisy"] > 0.65
    assert all(0.3 < areas[view] < 0.7 for view in VIEWS if view not in ("down", "noisy"))


def test_a_family_that_only_its_own_examples_give_away_is_not_found_unseen() -> None:
    figures = compared({"down": (3, -3), "up": (3, 3)})
    assert figures["up"]["unseen"] > 0.95
    assert figures["down"]["unseen"] < 0.3  # learning from one family turns the other around


def test_scores_are_those_of_a_ridge_regression(data: FitData) -> None:
    """The shared sums give what a regression on the columns of one view gives."""
    from sklearn.linear_model import Ridge

    from pathprint.profiling.detection.classifiers.examples import standardisation
    from pathprint.profiling.detection.classifiers.one_class import shares

    examples = data.examples(data.attacks)
    train, test = np.arange(0, len(examples.values), 2), np.arange(1, len(examples.values), 2)
    comparison = Comparison(examples, np.zeros(len(examples.values), dtype=np.int64), data.attacks)
    taught = examples.subset(train)
    mean, scale = standardisation(taught.values)
    portions = scale * np.sqrt(shares(taught.features))
    choices = [*((view,) for view in VIEWS), (), ("down", "up"), tuple(VIEWS)]
    for views, found in zip(choices, comparison._scores(choices, train, test), strict=True):
        columns = [j for j, feature in enumerate(examples.features) if view_of(feature) in (None, *views)]
        inputs: Floats = ((examples.values - mean) * portions)[:, columns]
        model = Ridge(alpha=1e-3).fit(inputs[train], taught.adversarial, taught.weights / taught.weights.sum())
        expected = model.predict(inputs[test])
        np.testing.assert_allclose(found - found.mean(), expected - expected.mean(), atol=1e-6)


def test_the_chosen_view_has_the_best_figures(extractor: Extractor, data: FitData) -> None:
    choice = choose(extractor.network, data)
    means = {view: np.mean(list(found.values())) for view, found in choice.figures.items()}
    assert list(means) == list(VIEWS)
    assert means[choice.view] == max(means.values())
    assert f"'{choice.view}' was chosen on fit images, where it has the best mean AUC: " in choice.reason


def test_without_attacks_a_view_has_to_keep_the_answers(extractor: Extractor, data: FitData) -> None:
    alone = replace(data, attacks=(), values={}, crafted={})
    choice = choose(extractor.network, alone)
    kept = {view: found["kept"] for view, found in choice.figures.items()}
    for view, share in kept.items():
        answers = extractor.network.predict(VIEWS[view].change(data.clean.pixels))
        assert share == pytest.approx(float((answers == data.clean.labels).float().mean()))
    assert kept["mirrored"] < 0.9  # a mirrored digit is hardly any digit
    assert kept[choice.view] >= 0.9 or kept[choice.view] == max(kept.values())
    assert "of the clean ones keep their answer in it" in choice.reason


def test_attacks_that_never_succeed_are_refused(extractor: Extractor, data: FitData) -> None:
    nothing = {name: values[:0] for name, values in data.values.items()}
    with pytest.raises(FitError, match="none of these attacks succeeded"):
        choose(extractor.network, replace(data, values=nothing))


@pytest.mark.parametrize("tier", ["fast", "standard", pytest.param("thorough", marks=pytest.mark.slow)])
def test_a_detector_asks_about_the_views_of_its_tier(
    extractor: Extractor, signatures: ClassSignatures, digits_split: Split, attacks: list[Attack], tier: str
) -> None:
    options = FitOptions("logistic", tier, sizes=Sizes(40, 40))  # type: ignore[arg-type]
    detector = fit_detector(FeatureMaker(extractor, signatures), digits_split, attacks, options)
    asked = [view for view in map(view_of, detector.features) if view]
    choice = detector.fitting.view_choice
    order = [view for view, _ in detector.fitting.stage_choice.order] if detector.fitting.stage_choice else []
    expected = {"fast": [], "standard": [choice.view] if choice else None, "thorough": order[: len(asked)]}
    assert (detector.tier, list(detector.views), asked) == (tier, expected[tier], expected[tier])
    assert (choice is not None) == (tier == "standard")
    assert (sorted(order) == sorted(VIEWS)) == (tier == "thorough")
    assert Fitting.from_dict(detector.fitting.to_dict()) == detector.fitting
    pixels: Tensor = digits_split.dataset.pixels(digits_split.test.positions[:2], extractor.network.preprocessing)
    assert len(detector.examine(pixels)) == 2


def test_calibration_images_have_no_say_in_the_choice(
    extractor: Extractor, signatures: ClassSignatures, digits_split: Split, attacks: list[Attack]
) -> None:
    first, second = digits_split.calibrate.positions, digits_split.test.positions
    data = digits_split.dataset
    swapped = replace(digits_split, calibrate=Images(data, second), test=Images(data, first))
    choices = [
        fit_detector(
            FeatureMaker(extractor, signatures), parts, attacks, FitOptions("logistic", sizes=Sizes(40, 40))
        ).fitting.view_choice
        for parts in (digits_split, swapped)
    ]
    assert choices[0] == choices[1] is not None


def test_unknown_tiers_are_refused() -> None:
    with pytest.raises(OptionsError, match="there is no tier 'quick'; allowed: fast, standard, thorough"):
        FitOptions(tier="quick")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        (
            {"up": {"known": 0.9, "unseen": 0.8}},
            "of 1 views 'up' was chosen on fit images, where it has the best mean AUC: 0.900 on known attacks, "
            "0.800 on attacks whose family was left out",
        ),
        (
            {"up": {"known": 0.9}},
            "of 1 views 'up' was chosen on fit images, where it has the best mean AUC: 0.900 on known attacks",
        ),
        (
            {"up": {"kept": 0.97}},
            "of 1 views 'up' was chosen on fit images, as 97% of the clean ones keep their answer in it",
        ),
    ],
)
def test_the_reason_of_a_choice_is_a_sentence(figures: dict[str, dict[str, float]], sentence: str) -> None:
    assert ViewChoice("up", figures).reason == sentence
