"""Signatures that are too large to be kept whole go the same way: profile, fit, bundle, verdicts, attacks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pathprint.profiling.attacks.adaptive.likeness import direction
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.bundle import load_bundle
from pathprint.profiling.errors import BundleError
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.jobs.fit import FitOptions, bundle_of, fit_detector
from pathprint.profiling.jobs.fit_inputs import Sizes
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.signatures.compact import CompactSignatures, served
from pathprint.profiling.signatures.counts import ClassSignatures
from pathprint.profiling.signatures.exact import SparseSignatures, each_class
from pathprint.profiling.signatures.gathering import SignatureWriter


@pytest.fixture(scope="module")
def profile(
    tmp_path_factory: pytest.TempPathFactory, extractor: Extractor, signatures: ClassSignatures, digits_split: Split
) -> NetworkProfile:
    """A profile as a network with many classes has it, loaded from its folder."""
    folder = tmp_path_factory.mktemp("many")
    with SignatureWriter(folder / "s", signatures.layout, signatures.extraction, dense_bytes=0) as writer:
        for found in each_class(signatures):
            writer.add(*found)
    exact = SparseSignatures.open(folder / "s")
    NetworkProfile(extractor, exact, digits_split.keys("profile"), "digits", 0, None).save(folder / "profile")
    return NetworkProfile.load(folder / "profile")


def test_its_detector_says_the_same_when_it_is_loaded(
    profile: NetworkProfile, digits: Dataset, digits_split: Split, tmp_path: Path
) -> None:
    assert isinstance(profile.signatures, SparseSignatures)
    maker = FeatureMaker(profile.extractor, served(profile.signatures))
    detector = fit_detector(maker, digits_split, [], FitOptions("one-class", "fast", sizes=Sizes(60, 100)))
    bundle_of(detector, digits_split).save(tmp_path / "bundle")
    loaded = load_bundle(tmp_path / "bundle").detector
    assert isinstance(loaded.signatures, CompactSignatures)
    pixels = digits.pixels(np.arange(20), profile.extractor.network.preprocessing)
    for one, other in zip(detector.examine(pixels), loaded.examine(pixels), strict=True):
        assert (one.predicted, one.score) == (other.predicted, other.score)
    assert torch.isfinite(direction(loaded, torch.from_numpy(digits.labels[:20]), 1.0, 1.0, pixels)).all()
    data = bytearray((tmp_path / "bundle" / "signatures.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bundle" / "signatures.safetensors").write_bytes(data)
    with pytest.raises(BundleError, match="was changed"):
        load_bundle(tmp_path / "bundle")


def test_its_features_go_with_the_exact_ones(
    profile: NetworkProfile, signatures: ClassSignatures, digits: Dataset
) -> None:
    pixels = digits.pixels(np.arange(60), profile.extractor.network.preprocessing)
    assert isinstance(profile.signatures, SparseSignatures)
    makers = [FeatureMaker(profile.extractor, found) for found in (signatures, served(profile.signatures))]
    exact, rounded = (maker.make(pixels)[1].values for maker in makers)
    vary = np.flatnonzero((exact.std(0) > 1e-9) & (rounded.std(0) > 1e-9))
    agree = [np.corrcoef(exact[:, i], rounded[:, i])[0, 1] for i in vary]
    assert np.median(agree) > 0.95
    assert min(agree) > 0
