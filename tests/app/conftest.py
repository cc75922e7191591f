"""A small real bundle and the real service on it, once for all tests of the service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from app.main import create_app
from models import zoo
from profiling import building
from profiling.attacks.registry import suite
from profiling.bundle import Bundle, load_bundle, save_bundle
from profiling.datasets import open_dataset
from profiling.paths.extraction import Extractor
from profiling.splits import profile_images, split
from profiling.threads import settle_threads
from tests.app.server import serving


def build_bundle(folder: Path) -> None:
    """Write a bundle for the digits network: real, but from few images."""
    network = zoo.build("digits-cnn")
    settle_threads(network.preprocessing)
    dataset = open_dataset("digits")
    images = profile_images(dataset)
    parts = split(dataset, frozenset(dataset.keys[images].tolist()))
    extractor = Extractor(network)
    signatures = building.profile(extractor, dataset, images, per_class=20)
    options, sizes = building.FitOptions(classifier="logistic"), building.Sizes(fit=60, calibrate=120)
    detector = building.fit_detector(extractor, signatures, parts, [suite(network)["fgsm-0.2"]], options, sizes)
    save_bundle(detector, parts, dataset.pixels(parts.calibrate[:1], network.preprocessing)[0], folder)


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    """Servers log from threads of their own, also between two tests, where pytest captures nothing."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "digits"
    build_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def bundle(bundle_folder: Path) -> Bundle:
    return load_bundle(bundle_folder)


@pytest.fixture(scope="session")
def address(bundle: Bundle) -> Iterator[str]:
    with serving(create_app(bundle)) as found:
        yield found


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as made:
        yield made
