"""Scores are sums of contributions, follow the known signs, and survive storage."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, sampled_from, tuples

from pathprint.profiling.arrays import Arrays, Floats
from pathprint.profiling.detection.classifiers import NAMES, additive
from pathprint.profiling.detection.classifiers.bounded import bounded_logistic
from pathprint.profiling.detection.classifiers.classifier import classifier_named
from pathprint.profiling.detection.classifiers.cross_validation import best_of, tried
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.classifiers.fitting import UNIT_AT, fit, stored_score
from pathprint.profiling.detection.classifiers.one_class import KIND, one_class
from pathprint.profiling.detection.joined import ATTACKS, CLEAN, JoinedScore, alone
from pathprint.profiling.detection.scores import LinearScore, Score, total
from pathprint.profiling.errors import FitError
from pathprint.profiling.features.table import Feature

LEARNING = [name for name in NAMES if classifier_named(name).needs_attacks]
FEATURES = (
    Feature("containment", "a", "weights", 1, -1),
    Feature("containment", "a", "weights", 2, 1),
    Feature("coherence", "a", "", 0, 0),
    Feature("empty", "a", "weights", 0, 0),
)


def examples(n: int = 400, seed: int = 0) -> Examples:
    """Return adversarial rows with less of the predicted class and more of the runner-up; one noise column."""
    generator = np.random.default_rng(seed)
    adversarial = np.arange(n) % 2
    values = generator.normal(size=(n, 4))
    values[:, 0] -= 1.5 * adversarial
    values[:, 1] += 1.0 * adversarial
    values[:, 3] = 0
    return Examples(FEATURES, values, adversarial, np.arange(n) // 2)


def stored(score: JoinedScore) -> JoinedScore:
    """Return the score after it was stored and read back."""
    arrays: Arrays = {name: np.array(array) for name, array in score.arrays().items()}
    return stored_score(score.kind, score.names, arrays, len(FEATURES))


@cache
def joined(kind: str) -> JoinedScore:
    """Return the score that is fitted on the usual examples."""
    return fit(kind, examples())


def fitted(kind: str, data: Examples) -> Score:
    """Return the best score of a classifier, without the other test."""
    return best_of(classifier_named(kind).fits, data).fitter(data)


@pytest.mark.parametrize("kind", LEARNING)
def test_it_separates_what_can_be_separated(kind: str) -> None:
    assert best_of(classifier_named(kind).fits, examples()).auc > 0.85


@pytest.mark.parametrize("kind", LEARNING)
def test_each_test_is_intercept_plus_contributions_and_survives_storage(kind: str) -> None:
    score, values = joined(kind), examples(seed=1).values
    np.testing.assert_array_equal(stored(score).each(values), score.each(values))
    np.testing.assert_array_equal(score.total(values), score.each(values).max(axis=1))
    for column, one in enumerate(score.tests.values()):
        np.testing.assert_allclose(one.contributions(values).sum(1) + one.intercept, score.each(values)[:, column])
        np.testing.assert_array_equal(one.contributions(values)[:, 3], 0)


@pytest.mark.parametrize("kind", NAMES)
def test_scores_have_the_tests_that_their_classifier_declares(kind: str) -> None:
    found = classifier_named(kind)
    expected = {(True, True): (ATTACKS, CLEAN), (True, False): (ATTACKS,), (False, True): (CLEAN,)}
    assert joined(kind).names == expected[found.needs_attacks, found.joined]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("edges", np.zeros((4, 3)), "one curve per feature"),
        ("edges", np.array([[2.0, 1.0]] * 4), "edges must be ascending"),
        ("heights", np.full((4, 3), np.inf), "heights finite"),
    ],
)
def test_stored_curves_that_are_malformed_are_refused(name: str, value: Floats, said: str) -> None:
    arrays = {"edges": np.array([[1.0, 2.0]] * 4), "heights": np.zeros((4, 3)), "intercept": np.zeros(1)}
    assert additive.load(arrays, 4).kind == "additive"
    with pytest.raises(ValueError, match=f"the stored score is malformed: .*{said}"):
        additive.load({**arrays, name: value}, 4)


@pytest.mark.parametrize("tests", [[], ["guard"], [CLEAN, ATTACKS], [ATTACKS, ATTACKS], [ATTACKS, CLEAN, "guard"]])
def test_unknown_tests_are_refused(tests: list[str]) -> None:
    score = fit("logistic", examples())
    with pytest.raises(ValueError, match="a score has tests of fitted_on_attacks, fitted_on_clean_images"):
        stored_score("logistic", tests, score.arrays(), 4)


def steps(score: Score, column: int) -> Floats:
    """Return by how much the score rises in small steps of one feature in its suspicious direction."""
    line = np.zeros((200, 4))
    line[:, column] = np.linspace(-6, 6, 200)
    found: Floats = np.diff(total(score, line)) * FEATURES[column].trend
    return found


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("column", [0, 1])
def test_known_signs_hold_everywhere(kind: str, column: int) -> None:
    for score in joined(kind).tests.values():
        assert (steps(score, column) >= -1e-12).all()
        assert steps(score, column).max() > 0


@pytest.mark.parametrize("kind", NAMES)
@given(seed=integers(0, 1000), signs=tuples(*[sampled_from((-1, 1))] * 4))
@settings(max_examples=5, deadline=None)
def test_moving_a_feature_in_its_clean_direction_never_raises_the_score(
    kind: str, seed: int, signs: tuple[int, ...]
) -> None:
    """Whatever the examples say: with turned signs, adversarial ones look more benign than clean ones."""
    drawn = examples(100, seed)
    score = classifier_named(kind).fits[0](replace(drawn, values=drawn.values * signs))
    values = np.random.default_rng(seed).normal(0, 3, size=(200, 4))
    away = np.random.default_rng(seed + 1).exponential(2, size=(200, 4))
    for column, feature in enumerate(FEATURES):
        if feature.trend:
            cleaner = values.copy()
            cleaner[:, column] -= feature.trend * away[:, column]
            assert (total(score, cleaner) <= total(score, values) + 1e-9).all()


def test_bounded_regression_is_the_usual_one_where_nothing_binds() -> None:
    from sklearn.linear_model import LogisticRegression

    data = examples()
    usual = LogisticRegression(C=0.3, tol=1e-8).fit(data.values, data.adversarial)
    sides = np.where(data.adversarial, 1.0, -1.0)
    found = bounded_logistic(data.values, sides, np.full(len(sides), 0.3), np.array([-1.0, 1, 0, 0]))
    np.testing.assert_allclose(found, [*usual.coef_[0], usual.intercept_[0]], atol=1e-4)


def test_one_class_adds_up_deviations_in_the_suspicious_direction() -> None:
    """Two features of one measure weigh half as much each; where no direction is known, both count."""
    features = (*FEATURES[:3], replace(FEATURES[2], layer="b"))
    clean = np.random.default_rng(0).normal(5, 2, size=(300, 4))
    score, mean, spread = one_class(features, clean), clean.mean(axis=0), clean.std(axis=0)
    for steps, expected in (
        ((0, 0, 0, 0), 0),
        ((-1, 0, 0, 0), 1 / 3),  # less of the predicted class
        ((1, -1, 0, 0), 0),  # more of it, less of the runner-up's
        ((0, 2, 0, 0), 2 / 3),
        ((0, 0, -3, 0), 3 / 6),
        ((0, 0, 0, 3), 3 / 6),
    ):
        assert total(score, (mean + spread * np.array(steps))[None])[0] == pytest.approx(expected)


def test_one_class_survives_storage_and_ignores_what_never_changes() -> None:
    clean, values = examples().values, examples(seed=1).values
    score = alone(one_class(FEATURES, clean), CLEAN)
    assert score.kind == KIND
    np.testing.assert_array_equal(stored(score).total(values), score.total(values))
    np.testing.assert_array_equal(score.tests[CLEAN].contributions(values)[:, 3], 0)


def test_one_class_counts_what_never_changed_before_by_what_other_layers_do() -> None:
    features = (FEATURES[2], replace(FEATURES[2], layer="b"), FEATURES[0])
    clean = np.random.default_rng(0).normal(5, 2, size=(300, 3))
    clean[:, 1] = 7
    score, spread = one_class(features, clean), clean[:, 0].std()
    values = clean.mean(axis=0) + np.array([[0, 1, 0], [0, 100, 0]])
    expected = 1 / (0.1 * spread / 2) / 4  # a tenth of both layers' mean deviation; half of the measure, half of all
    assert total(score, values) == pytest.approx([expected, 30 / 4])  # no more than 30 units


@pytest.mark.parametrize("kind", NAMES)
def test_benign_images_that_were_not_fitted_on_lie_where_the_scale_says(kind: str) -> None:
    data = examples(2000)
    score, found = fit(kind, data), examples(4000, seed=1)
    for each in score.each(found.benign).T:
        assert np.median(each) == pytest.approx(0, abs=0.1)
        assert (each < 1).mean() == pytest.approx(UNIT_AT, abs=0.02)


def test_a_scale_is_left_alone_where_all_benign_images_are_alike() -> None:
    alike = Examples(FEATURES, np.zeros((100, 4)), np.zeros(100, dtype=np.int64), np.arange(100))
    assert fit(KIND, alike).tests[CLEAN].unit == 1


def test_the_test_on_clean_images_stands_in_for_attacks_that_were_never_seen() -> None:
    """All that was taught is the first feature; clean images show that the third has never been so far off."""
    taught = examples()
    taught.values[:, 1] = 0
    score, strange = fit("logistic", taught), np.array([[3.0, 0, 40, 0]])  # the first is as clean as can be
    ordinary = score.total(taught.benign)
    assert score.total(strange)[0] > ordinary.max()
    assert score.names[score.each(strange)[0].argmax()] == CLEAN
    assert score.tests[CLEAN].contributions(strange)[0].argmax() == 2


def test_no_image_is_scored_by_a_fit_that_has_seen_it() -> None:
    """A fit that only remembers tells nothing about images left out."""

    def remembering(seen: Examples) -> Score:
        assert len(np.unique(seen.sources)) == 160
        return LinearScore("memory", np.zeros(4), np.zeros(4), np.zeros(4), float(seen.sources.sum()))

    data = examples()
    found = tried(remembering, data).scores
    of_all = data.sources.sum()
    assert {of_all - data.sources[found == score].sum() for score in np.unique(found)} == set(np.unique(found))


def test_joint_similarity_uses_containment_alone() -> None:
    line = np.zeros((50, 4))
    line[:, 2] = np.linspace(-6, 6, 50)
    assert np.ptp(joined("joint-similarity").total(line)) == 0


def test_additive_score_is_the_boosted_model() -> None:
    values = examples(seed=2).values
    score = fitted("additive", examples())
    separate = total(score, values)
    moved = [total(score, np.where(np.arange(4) == j, values, 0.0)) for j in range(4)]
    origin = total(score, np.zeros((1, 4)))
    np.testing.assert_allclose(separate, sum(moved) - 3 * origin, atol=1e-9)


def test_auto_takes_the_better_one() -> None:
    assert fit("auto", examples()).kind in ("logistic", "additive")


def test_fitting_is_refused_where_it_cannot_work() -> None:
    with pytest.raises(FitError, match="both clean and adversarial"):
        fit("auto", Examples(FEATURES, np.zeros((20, 4)), np.zeros(20, dtype=np.int64), np.arange(20)))
    with pytest.raises(FitError, match="from 5 images; at least 10"):
        fit("logistic", examples(10))
    with pytest.raises(FitError, match="no classifier 'forest2'; allowed: auto, logistic"):
        fit("forest2", examples())


def test_every_name_has_a_classifier_and_every_file_with_one_a_name() -> None:
    folder = Path(additive.__file__).parent
    files = {path.stem.replace("_", "-") for path in folder.glob("*.py") if "\nCLASSIFIER =" in path.read_text()}
    assert files == set(NAMES)
    assert sum(classifier_named(name).automatic for name in NAMES) >= 2
