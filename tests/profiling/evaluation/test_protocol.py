"""The protocol on the small real bundle: what is reported is what was measured, on unseen images."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from pathprint.profiling.attacks.attack import Attack, Crafted
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.methods.noise_images import NoiseImages
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.correct import Correct, correct_images
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Fit, Images, Split, Test, split_again
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import BundleError, SplitError
from pathprint.profiling.evaluation import protocol
from pathprint.profiling.evaluation.baselines.libraries import outside
from pathprint.profiling.evaluation.figures import EVERYTHING, NOTHING, SCHEMA
from pathprint.profiling.evaluation.left_out import left_out
from pathprint.profiling.evaluation.paper_protocol import paper_protocol
from pathprint.profiling.evaluation.trial import Scores, Trial, judge
from pathprint.profiling.features.table import Feature
from pathprint.profiling.jobs.fit_data import FitData

ATTACKS = ["pgd-0.2", "jsma-0.15", "noise-images"]


@pytest.fixture(scope="module")
def parts(bundle: Bundle, digits: Dataset) -> Split:
    return split_again(digits, bundle.used)


@pytest.fixture(scope="module")
def outcome(bundle: Bundle, parts: Split, tmp_path_factory: pytest.TempPathFactory) -> protocol.Outcome:
    crafting = Crafting(1, tmp_path_factory.mktemp("attacked"))
    options = protocol.Options(40, 100, crafting, full=True, paper=True)
    return protocol.measured_outcome(bundle.detector, parts, chosen(bundle.detector.network, ATTACKS), options)


def test_everything_is_reported(outcome: protocol.Outcome) -> None:
    data = json.loads(json.dumps(outcome.report.to_dict(), allow_nan=False))
    assert data["schema"] == SCHEMA
    assert list(data["attacks"]) == list(data["detector"]["attacks"]) == ATTACKS
    assert set(data["baselines"]) == {
        *("max-softmax", "margin", "entropy", "energy", "squeezing", "knn", "mahalanobis", "lid"),
        *outside(),
    }
    assert set(data["left_out"]) == {"one-step", "linf-steps", NOTHING, EVERYTHING}
    assert data["settings"]["fitting"] == {"images": 100, "attacks": ["fgsm-0.2", "pgd-0.2"]}
    for detector in (data["detector"], *data["baselines"].values(), *data["left_out"].values()):
        assert set(detector["attacks"]) == set(ATTACKS)
        assert {"noise-linf-0.2", "noise-linf-0.2-half", "jpeg-75", "brightness-1.1-half"} <= set(detector["controls"])
        assert detector["fpr_at_5"]["images"] == data["images"] == 40
        assert detector["fpr_at_1"]["value"] <= detector["fpr_at_5"]["value"]
    assert data["attacks"]["pgd-0.2"]["success"] > 0.8
    fared = data["attacks"]
    assert [fared[name]["teaching"] for name in ATTACKS] == ["taught", "untaught", "untaught"]
    assert [fared[name]["technique"] for name in ATTACKS] == ["AML.T0043.000", "AML.T0043.000", "AML.T0043.003"]
    untaught = [data["detector"]["attacks"][name]["auc"]["value"] for name in ATTACKS[1:]]
    assert data["mean_untaught_auc"] == pytest.approx(np.mean(untaught))
    assert set(data["paper_protocol"]) == {"fgsm-0.2", "pgd-0.2"}
    assert data["detector"]["mean_auc"] == data["mean_auc"] > 0.8
    worst = data["detector"]["worst"]
    assert worst["auc"] == min(found["auc"]["value"] for found in data["detector"]["attacks"].values())


def test_unseen_families_are_judged_by_classifiers_that_have_not_seen_them(outcome: protocol.Outcome) -> None:
    left_out = outcome.report.left_out
    expected = [
        left_out["linf-steps"].attacks["pgd-0.2"].auc.value,
        left_out[NOTHING].attacks["jsma-0.15"].auc.value,
        left_out[NOTHING].attacks["noise-images"].auc.value,
    ]
    assert outcome.report.mean_left_out_auc == pytest.approx(np.mean(expected))


def test_test_images_are_the_bundles_unseen_ones(outcome: protocol.Outcome, bundle: Bundle, parts: Split) -> None:
    tested = frozenset(parts.dataset.keys[outcome.trial.clean.indices].tolist())
    assert not tested & frozenset().union(*bundle.used.values())


def test_detector_is_judged_at_its_own_threshold(outcome: protocol.Outcome, bundle: Bundle) -> None:
    verdicts = bundle.detector.examine(outcome.trial.clean.pixels)
    assert outcome.report.flagged_clean.value == np.mean([verdict.flagged for verdict in verdicts])


def test_other_data_cannot_teach_other_detectors(bundle: Bundle, parts: Split) -> None:
    lonely = replace(parts, fit=Images(parts.dataset, np.zeros(0, dtype=np.int64)))
    with pytest.raises(SplitError, match="does not contain the images that the bundle was built from"):
        protocol.measured_outcome(bundle.detector, lonely, [], protocol.Options(10, full=True))


def test_bundle_is_fitted_again_on_what_it_saw(bundle: Bundle, parts: Split, outcome: protocol.Outcome) -> None:
    """Leaving nothing out gives the bundle's own scores back."""
    again = outcome.report.left_out[NOTHING].attacks["pgd-0.2"].auc
    assert again == outcome.report.detector.attacks["pgd-0.2"].auc


def test_attack_of_another_version_is_refused(bundle: Bundle, parts: Split) -> None:
    seen = bundle.detector.fitting.attacks[0]
    other = replace(seen, declaration={**seen.declaration, "methods": 0})
    detector = replace(bundle.detector, fitting=replace(bundle.detector.fitting, attacks=(other,)))
    with pytest.raises(BundleError, match=r"makes them differently: fgsm-0\.2\. Build it again"):
        protocol.measured_outcome(detector, parts, [], protocol.Options(10, full=True))


def test_without_its_only_family_a_classifier_knows_clean_images_only(bundle: Bundle, parts: Split) -> None:
    clean = correct_images(bundle.detector.network, parts.fit, 30)
    attacks = chosen(bundle.detector.network, ["bim-0.2", "pgd-0.2"])
    scores = left_out("logistic", FitData.of(bundle.detector.maker, clean, attacks, Crafting(0)))
    assert list(scores) == [NOTHING, "linf-steps", EVERYTHING]
    assert scores["linf-steps"] is scores[EVERYTHING]


def test_figures_of_known_scores() -> None:
    pixels = torch.zeros(4, 1, 2, 2)
    clean: Correct[Test] = Correct(
        np.arange(4), pixels, torch.zeros(4, dtype=torch.int64), 1.0, pixels[:2], np.arange(4, 6)
    )
    attack = Attack("a", "f", "Linf", 0.1, "s", NoiseImages())
    success = torch.tensor([True, True, False, True])
    trial = Trial(clean, [attack], {"a": Crafted(pixels + 0.1, success, success)}, [], {}, {"a": np.arange(4)})
    calibration = np.arange(100.0)  # thresholds 95 and 99
    scores = Scores(
        calibration, np.array([0.0, 50, 96, 99.5]), np.array([97.0, 0]), {"a": np.array([96.0, 200, 97, 0])}, {}
    )
    found = judge(scores, trial, "test")
    assert (found.fpr_at_5.value, found.fpr_at_1.value, found.misclassified_flagged.value) == (0.5, 0.25, 0.5)
    detection = found.attacks["a"]
    assert detection.tpr_at_5fpr.value == pytest.approx(2 / 3)
    assert detection.tpr_at_1fpr.value == pytest.approx(1 / 3)
    assert detection.failed_flagged.value == 1
    assert detection.auc.value == pytest.approx((2.5 + 4 + 0.5) / 12)
    fared = trial.figures(np.array([0, 2, 3]), [])["a"]
    assert fared.success == 0.75
    assert fared.median_linf == pytest.approx(0.1)
    assert fared.unprofiled == pytest.approx(1 / 3)  # of the images 0, 1 and 3 that succeeded, answered 0, 1 and 3


def test_leaky_split_flatters_a_forest() -> None:
    """Pure chance: features that say nothing about attacks, but that tell images apart."""
    generator = np.random.default_rng(0)
    n, names = 300, [f"a{i}" for i in range(8)]
    clean, other = generator.normal(size=(2, n, 8))
    attacks = [Attack(name, name, "Linf", 0.1, "", NoiseImages()) for name in names]
    success = torch.ones(n, dtype=torch.bool)
    crafted = {name: Crafted(torch.zeros(n, 1, 1, 1), success, success) for name in names}
    # Every attack turns an image into almost the same other one.
    values = {name: other + 0.05 * generator.normal(size=(n, 8)) for name in names}
    correct: Correct[Fit] = Correct(
        np.arange(n), torch.zeros(n, 1, 1, 1), success.long(), 1.0, torch.zeros(0, 1, 1, 1), np.arange(0)
    )
    features = tuple(Feature("containment", str(i), "neurons", 1, -1) for i in range(8))
    found = paper_protocol(FitData(correct, attacks, crafted, {}, features, clean, {}, values))
    leaky, disjoint = (np.mean([getattr(f, kind) for f in found.values()]) for kind in ("leaky", "disjoint"))
    assert leaky > 0.8
    assert 0.4 < disjoint < 0.6


def test_typical_images_are_what_they_are_called(outcome: protocol.Outcome, bundle: Bundle) -> None:
    """Each is flagged or not as its name says, and of its kind half score higher, and half lower."""
    threshold = bundle.detector.calibration.threshold
    trial, scores = outcome.trial, outcome.scores
    won = np.concatenate([scores.attacks[a.name][trial.crafted[a.name].success.numpy()] for a in trial.attacks])
    kinds = {"Found": won[won > threshold], "Missed": won[won <= threshold], "A false alarm": scores.clean}
    kinds["A false alarm"] = kinds["A false alarm"][kinds["A false alarm"] > threshold]
    found = {one.what.partition(":")[0]: one.explained.verdict.score for one in outcome.report.typical}
    assert set(found) == {name for name, values in kinds.items() if len(values)}
    for name, score in found.items():
        assert score == pytest.approx(np.sort(kinds[name])[len(kinds[name]) // 2], abs=1e-6)
