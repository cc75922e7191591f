"""What fitting and evaluation can refuse before any work, and the data that they take where none are named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import profile_images
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.made_of import UNKNOWN, MadeOf
from pathprint.profiling.errors import CalibrationError, DataError, FitError, OptionsError
from pathprint.profiling.evaluation.evaluate import evaluate
from pathprint.profiling.jobs.fit import fit
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.signatures.counts import ClassSignatures

ACCURACY = {"share": 0.75, "images": 4, "confidence": 0.9}
FEW = {"attacks": ["fgsm-0.2"], "images": 10}


@pytest.fixture(scope="module")
def profiled(extractor: Extractor, signatures: ClassSignatures, digits: Dataset) -> NetworkProfile:
    keys = frozenset(digits.keys[profile_images(digits)].tolist())
    return NetworkProfile(extractor, signatures, keys, "digits", 0, None)


def only(digits: Dataset, profiled: NetworkProfile, count: int) -> Dataset:
    """Return the data set with that number of images that were not profiled."""
    rest = np.flatnonzero([key not in profiled.keys for key in digits.keys.tolist()])[:count]
    return replace(
        digits,
        labels=digits.labels[rest],
        content=lambda index: digits.content(int(rest[index])),
        image=lambda index: digits.image(int(rest[index])),
    )


@pytest.mark.parametrize("images", [10, 30, 50])
@pytest.mark.parametrize("classifier", ["logistic", "one-class"])
def test_data_too_small_for_the_promise_are_refused(
    profiled: NetworkProfile, digits: Dataset, images: int, classifier: str
) -> None:
    with pytest.raises(
        CalibrationError, match=r"cannot promise a false-positive rate of 0\.05; at least 19 are needed"
    ):
        fit(profiled, only(digits, profiled, images), classifier=classifier)


def test_data_too_small_to_fit_on_are_refused(profiled: NetworkProfile, digits: Dataset) -> None:
    with pytest.raises(FitError, match="has 9 images to fit on; at least 10 are needed"):
        fit(profiled, only(digits, profiled, 25), classifier="logistic", target_fpr=0.3)


def test_a_promise_beyond_the_asked_images_is_refused_before_the_profile_is_read(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="10 clean images cannot promise"):
        fit(tmp_path / "absent", calibration_images=10)


def test_a_bundle_is_measured_on_the_data_that_it_was_made_of(bundle: Bundle) -> None:
    assert bundle.made_of == MadeOf("digits", None)
    assert evaluate(bundle, **FEW).settings["data"] == "digits"  # type: ignore[arg-type]


@pytest.mark.parametrize("made_of", [MadeOf("photos/2019", {"cat": 3}), MadeOf("digits", None, ACCURACY), UNKNOWN])
def test_a_bundle_keeps_what_it_was_made_of(bundle: Bundle, tmp_path: Path, made_of: MadeOf) -> None:
    replace(bundle, made_of=made_of).save(tmp_path / "b")
    assert load_bundle(tmp_path / "b").made_of == made_of


def test_a_bundle_says_what_to_do_where_its_data_are_unknown_or_gone(bundle: Bundle) -> None:
    with pytest.raises(DataError, match="does not say what data it was made of; give images to measure on with `data`"):
        evaluate(replace(bundle, made_of=UNKNOWN))
    with pytest.raises(DataError, match=r"made of cannot be used: there is no data at photos/2019.*with `data`"):
        evaluate(replace(bundle, made_of=MadeOf("photos/2019")))


def test_the_class_map_of_a_bundle_goes_with_its_data(bundle: Bundle) -> None:
    turned = MadeOf("digits", {str(digit): (digit + 1) % 10 for digit in range(10)})
    assert evaluate(replace(bundle, made_of=MadeOf("digits", {})), **FEW).clean_accuracy > 0.9  # type: ignore[arg-type]
    assert evaluate(replace(bundle, made_of=turned), "digits", **FEW).clean_accuracy > 0.9  # type: ignore[arg-type]
    try:
        accuracy = evaluate(replace(bundle, made_of=turned), **FEW).clean_accuracy  # type: ignore[arg-type]
    except FitError:
        accuracy = 0.0
    assert accuracy < 0.1


def test_classes_can_be_named_for_an_evaluation(bundle: Bundle, digits: Dataset) -> None:
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    written = replace(digits, classes=names[::-1], labels=9 - digits.labels)
    with pytest.raises(DataError, match=r"names of the network's 10 classes are not known.*`class_names`"):
        evaluate(bundle, written)
    found = evaluate(bundle, written, class_names=names, **FEW)  # type: ignore[arg-type]
    assert found.clean_accuracy > 0.9
    assert found.settings["classes"] == list(names)
    with pytest.raises(DataError, match="`class_names` holds 9 names, but digits-cnn has 10 classes"):
        evaluate(bundle, written, class_names=names[:9])


def test_an_unknown_attack_is_refused_before_the_data_are_opened(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"there is no attack fgms-0\.2; known: "):
        evaluate(bundle, tmp_path / "absent", attacks=["fgms-0.2"])
