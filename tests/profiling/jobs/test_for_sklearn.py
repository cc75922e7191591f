"""Our detector is an outlier detector of scikit-learn: its own checks, its pipelines, its signs."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from pathprint.models.errors import PixelsError
from pathprint.models.network import Network
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.jobs.for_sklearn import PathDetector
from tests.profiling.jobs.held import QUICK, Held, Single, all_digits, held

NOT_OUR_IMAGES = "fits tables of a few columns, which are no images of the network"
FITTING = {
    "check_classifier_data_not_an_array",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit1d",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_outliers_fit_predict",
    "check_outliers_train",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
}


def as_shares(levels: Single) -> Single:
    """Return pixels in [0, 1] of levels from 0 to 16, which scikit-learn's digits have."""
    return (levels / 16).astype(np.float32)


@pytest.fixture(scope="module")
def images(digits_network: Network, digits: Dataset, digits_split: Split) -> Held:
    return held(digits_network, digits, digits_split)


@pytest.fixture(scope="module")
def ready(bundle: Bundle) -> PathDetector:
    return PathDetector(bundle).fit(np.zeros((1, 64)))


def test_the_librarys_own_checks_pass(digits_network: Network) -> None:
    """All pass that fit no tables; what the others would say of images, the tests below say."""
    expected = dict.fromkeys(FITTING, NOT_OUR_IMAGES)
    results = check_estimator(PathDetector(digits_network), expected_failed_checks=expected, on_fail=None, on_skip=None)
    by_status: dict[str, set[str]] = {}
    for one in results:
        by_status.setdefault(one["status"], set()).add(one["check_name"])
    assert "failed" not in by_status, [(one["check_name"], one["exception"]) for one in results if one["exception"]]
    assert by_status["xfail"] == FITTING
    assert len(by_status["passed"]) >= 15


def test_larger_scores_are_more_normal(ready: PathDetector, bundle: Bundle, images: Held) -> None:
    clean, attacked = ready.score_samples(images.clean), ready.score_samples(images.attacked)
    truth = np.repeat([1, -1], [len(clean), len(attacked)])
    assert roc_auc_score(truth, np.concatenate([clean, attacked])) > 0.8
    assert ready.offset_ == -bundle.detector.calibration.threshold
    np.testing.assert_array_equal(ready.decision_function(images.clean), clean - ready.offset_)
    answers = ready.predict(np.concatenate([images.clean, images.attacked]))
    assert set(answers.tolist()) == {-1, 1}
    flagged = [one.flagged for one in bundle.detector.examine(bundle.golden[None])]
    assert (ready.predict(bundle.golden[None].numpy()) == -1).tolist() == flagged


def test_an_image_has_one_score_in_any_company_and_shape(ready: PathDetector, images: Held) -> None:
    whole = ready.score_samples(images.clean)
    rows = images.clean.reshape(len(images.clean), -1)
    np.testing.assert_array_equal(ready.score_samples(rows), whole)
    np.testing.assert_array_equal(ready.score_samples(np.asfortranarray(images.clean)), whole)
    np.testing.assert_allclose(ready.score_samples(rows[::-1])[::-1], whole, atol=0.02)
    np.testing.assert_allclose(ready.score_samples(rows[:3].tolist()), whole[:3], atol=0.02)
    assert ready.n_features_in_ == 64


def test_it_stands_at_the_end_of_a_pipeline(digits_network: Network, digits: Dataset, images: Held) -> None:
    pixels, labels = all_digits(digits_network, digits)
    tables = [(array * 16).reshape(len(array), 64) for array in (pixels, images.clean, images.attacked)]
    options = {name: value for name, value in asdict(QUICK).items() if name != "seed"}
    scaled = FunctionTransformer(as_shares)
    pipeline = clone(make_pipeline(scaled, PathDetector(digits_network, **options)))
    pipeline.set_params(pathdetector__seed=3)
    pipeline.fit(tables[0], labels)
    clean, attacked = ((pipeline.predict(table) == -1).mean() for table in tables[1:])
    assert clean < 0.2
    assert attacked > 2 * clean
    made = pipeline[-1].bundle_
    assert not made.made_of.predicted
    assert pipeline[-1].n_features_in_ == 64


def test_without_classes_the_networks_answers_are_taken(digits_network: Network, digits: Dataset) -> None:
    pixels, _ = all_digits(digits_network, digits)
    found = PathDetector(digits_network, tier="fast", images_per_class=10, fit_images=40, calibration_images=60)
    answers = found.fit_predict(pixels)
    assert found.bundle_.made_of.predicted
    assert (answers == 1).mean() > 0.8


def test_clones_are_equal_and_not_fitted(ready: PathDetector, bundle_folder: Path, images: Held) -> None:
    again = clone(ready)
    with pytest.raises(NotFittedError):
        again.predict(images.clean)
    for other in (again, PathDetector(bundle_folder)):
        assert other.fit(images.clean).predict(images.clean).tolist() == ready.predict(images.clean).tolist()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (np.full((1, 64), np.nan), ValueError),
        (np.zeros((0, 64)), ValueError),
        (np.full((1, 64), 16.0), PixelsError),
        (np.zeros((1, 63)), PixelsError),
        (np.zeros((1, 8, 8)), PixelsError),
    ],
)
def test_wrong_images_are_refused(ready: PathDetector, wrong: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        ready.predict(wrong)


OPTIONS: dict[str, Any] = {
    "classifier": "one-class",
    "tier": "standard",
    "attacks": [],
    "target_fpr": 0.05,
    "images_per_class": 1,
    "fit_images": 400,
    "calibration_images": 1000,
    "seed": 0,
}


def test_each_option_beside_a_bundle_is_refused(bundle: Bundle, images: Held) -> None:
    """Also a value that the option has by default: it may not be the one that the bundle was made with."""
    assert {"protected", *OPTIONS} == set(PathDetector().get_params())
    for name, value in OPTIONS.items():
        with pytest.raises(OptionsError, match=f"^`{name}`: without effect on a bundle"):
            PathDetector(bundle, **{name: value}).fit(images.clean)


def test_something_has_to_be_protected(images: Held) -> None:
    with pytest.raises(OptionsError, match="`protected` is not given"):
        PathDetector().fit(images.clean)
