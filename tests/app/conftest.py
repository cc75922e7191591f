"""The real service on the small real bundle, once for all tests of the service."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import structlog

from pathprint.app.main import create_app
from pathprint.profiling.detection.bundle import Bundle
from tests.app.server import serving


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    """Servers log from threads of their own, also between two tests, where pytest captures nothing."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture(scope="session")
def address(bundle: Bundle) -> Iterator[str]:
    with serving(create_app(bundle)) as found:
        yield found


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as made:
        yield made
