"""What all tests share: a small real bundle, real data where it is at hand, quiet threads."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads, as the command line does

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # before Triton loads: its kernels then run on the CPU

from pathprint.models.network import Network
from pathprint.models.zoo import catalogue
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.datasets import Dataset, open_dataset
from pathprint.profiling.data.roles import Split, profile_images, split
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.jobs.class_signatures import class_signatures
from pathprint.profiling.jobs.fit import FitOptions, bundle_of, fit_detector
from pathprint.profiling.jobs.fit_inputs import Sizes
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.signatures.counts import ClassSignatures

DATA = Path(os.environ.get("PATHPRINT_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


THREADS = int(os.environ.get("PATHPRINT_TEST_THREADS", "1"))
"""Small networks are fastest on one thread; ``make test-processors`` also takes two."""


@pytest.fixture(autouse=True, scope="session")
def threads() -> Iterator[None]:
    """Give torch its threads; tests of threading set their own number."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real images and weights; tests that need it say so where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}; set PATHPRINT_TEST_DATA")
    return DATA


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return open_dataset("digits")


@pytest.fixture(scope="session")
def digits_network() -> Network:
    """The shipped digits network."""
    return catalogue.build("digits-cnn")


@pytest.fixture(scope="session")
def extractor(digits_network: Network) -> Extractor:
    return Extractor(digits_network)


@pytest.fixture(scope="session")
def digits_split(digits: Dataset) -> Split:
    return split(digits, frozenset(digits.keys[profile_images(digits)].tolist()))


@pytest.fixture(scope="session")
def signatures(extractor: Extractor, digits: Dataset) -> ClassSignatures:
    return class_signatures(extractor, digits, profile_images(digits), per_class=50)


@pytest.fixture(scope="session")
def bundle_folder(
    tmp_path_factory: pytest.TempPathFactory, extractor: Extractor, signatures: ClassSignatures, digits_split: Split
) -> Path:
    """A small real bundle on disk; copy it before damaging it."""
    attacks = chosen(extractor.network, ["fgsm-0.2", "pgd-0.2"])
    options = FitOptions("logistic", "fast", sizes=Sizes(100, 200))
    detector = fit_detector(FeatureMaker(extractor, signatures), digits_split, attacks, options)
    folder = tmp_path_factory.mktemp("bundles") / "digits"
    bundle_of(detector, digits_split).save(folder)
    return folder


@pytest.fixture(scope="session")
def bundle(bundle_folder: Path) -> Bundle:
    return load_bundle(bundle_folder)
