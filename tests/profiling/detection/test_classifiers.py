"""Scores are sums of contributions, follow the known signs, and survive storage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pathprint.profiling.arrays import Arrays, Floats
from pathprint.profiling.detection.classifiers import NAMES, additive
from pathprint.profiling.detection.classifiers.bounded import bounded_logistic
from pathprint.profiling.detection.classifiers.classifier import classifier_named
from pathprint.profiling.detection.classifiers.cross_validation import cross_validated_auc
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.detection.classifiers.fitting import fit, stored_score
from pathprint.profiling.detection.classifiers.guard import guarded
from pathprint.profiling.detection.classifiers.one_class import KIND, one_class
from pathprint.profiling.detection.scores import Score, total
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


def arrays_of(score: Score) -> Arrays:
    """Return what would be read back."""
    return {name: np.array(array) for name, array in score.arrays().items()}


def score_of(kind: str, values: Floats) -> Floats:
    return total(fit(kind, examples()), values)


@pytest.mark.parametrize("kind", LEARNING)
def test_it_separates_what_can_be_separated(kind: str) -> None:
    assert cross_validated_auc(classifier_named(kind).fit, examples()) > 0.85


@pytest.mark.parametrize("kind", LEARNING)
def test_score_is_intercept_plus_contributions_and_survives_storage(kind: str) -> None:
    score, values = fit(kind, examples()), examples(seed=1).values
    stored = stored_score(kind, classifier_named(kind).guarded, arrays_of(score), 4)
    np.testing.assert_array_equal(total(stored, values), total(score, values))
    np.testing.assert_allclose(score.contributions(values).sum(1) + score.intercept, total(score, values))
    np.testing.assert_array_equal(score.contributions(values)[:, 3], 0)


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
    assert stored_score("additive", False, arrays, 4).kind == "additive"
    with pytest.raises(ValueError, match=f"the stored score is malformed: .*{said}"):
        stored_score("additive", False, {**arrays, name: value}, 4)


@pytest.mark.parametrize("kind", LEARNING)
@pytest.mark.parametrize("column", [0, 1])
def test_known_signs_hold_everywhere(kind: str, column: int) -> None:
    line = np.zeros((200, 4))
    line[:, column] = np.linspace(-6, 6, 200)
    steps = np.diff(score_of(kind, line)) * FEATURES[column].trend
    assert (steps >= -1e-12).all()
    assert steps.max() > 0


@pytest.mark.parametrize("kind", LEARNING)
def test_no_credit_is_given_for_what_is_suspicious_even_if_the_examples_say_so(kind: str) -> None:
    """Here adversarial rows look more benign than clean ones."""
    given = examples()
    misleading = replace(given, values=given.values * [-1, -1, 1, 1])
    for column in (0, 1):
        line = np.zeros((200, 4))
        line[:, column] = np.linspace(-6, 6, 200)
        steps = np.diff(total(fit(kind, misleading), line)) * FEATURES[column].trend
        assert (steps >= -1e-12).all()


def test_bounded_regression_is_the_usual_one_where_nothing_binds() -> None:
    from sklearn.linear_model import LogisticRegression

    given = examples()
    usual = LogisticRegression(C=0.3, tol=1e-8).fit(given.values, given.adversarial)
    sides = np.where(given.adversarial, 1.0, -1.0)
    found = bounded_logistic(given.values, sides, np.full(len(sides), 0.3), np.array([-1.0, 1, 0, 0]))
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
    score = one_class(FEATURES, clean)
    stored = stored_score(KIND, False, arrays_of(score), 4)
    np.testing.assert_array_equal(total(stored, values), total(score, values))
    np.testing.assert_array_equal(score.contributions(values)[:, 3], 0)


def test_one_class_counts_what_never_changed_before_by_what_other_layers_do() -> None:
    features = (FEATURES[2], replace(FEATURES[2], layer="b"), FEATURES[0])
    clean = np.random.default_rng(0).normal(5, 2, size=(300, 3))
    clean[:, 1] = 7
    score, spread = one_class(features, clean), clean[:, 0].std()
    values = clean.mean(axis=0) + np.array([[0, 1, 0], [0, 100, 0]])
    expected = 1 / (0.1 * spread / 2) / 4  # a tenth of both layers' mean deviation; half of the measure, half of all
    assert total(score, values) == pytest.approx([expected, 30 / 4])  # no more than 30 units


def test_guard_adds_nothing_within_what_is_benign_and_rises_beyond() -> None:
    benign = np.random.default_rng(0).normal(size=(500, 4))
    base = additive.fit(examples())
    score, usual = guarded(base, FEATURES, benign), total(one_class(FEATURES, benign), benign)
    limit = np.quantile(usual, 0.99)
    added = total(score, benign) - total(base, benign)
    np.testing.assert_allclose(added, 3 * np.maximum(usual - limit, 0) / usual.std(), atol=1e-9)
    assert np.count_nonzero(added > 1e-9) == 5


def test_guard_stands_in_for_attacks_that_were_never_seen() -> None:
    """All that was taught is the first feature; the guard knows that the third has never been so far off."""
    taught = examples()
    taught.values[:, 1] = 0
    strange = np.array([[0.0, 0, 40, 0]])
    score = fit("logistic", taught)
    benign = taught.values[taught.adversarial == 0]
    assert total(score, strange)[0] > total(score, benign).max()
    assert score.contributions(strange)[0].argmax() == 2


def test_joint_similarity_uses_containment_alone() -> None:
    line = np.zeros((50, 4))
    line[:, 2] = np.linspace(-6, 6, 50)
    assert np.ptp(score_of("joint-similarity", line)) == 0


def test_additive_score_is_the_boosted_model() -> None:
    values = examples(seed=2).values
    score = additive.fit(examples())
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
