"""A hundred swaps while requests are answered: none fails, and every answer is of one version."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from pathprint.app.main import create_app
from pathprint.profiling.detection.bundle import Bundle
from tests.app.api.test_admin import Admin, opened, reload
from tests.app.bundles import variant
from tests.app.images import digit, encoded
from tests.app.server import post, serving

SWAPS = 100
CLIENTS = 4
IMAGES = [encoded(digit(index), "PNG") for index in range(8)]
MEBIBYTE = 1024 * 1024


class Traffic:
    """Clients that ask one question after the other, and count what they were answered.

    Attributes:
        failures: answers of another status than 200, and exceptions.
        versions: for each pair of bundle and threshold, how many answers had it.
    """

    def __init__(self, address: str) -> None:
        self.failures: list[str] = []
        self.versions: Counter[tuple[str, float]] = Counter()
        self._address, self._over = address, threading.Event()

    @contextmanager
    def flowing(self) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as pool:
            asking = [pool.submit(self._ask, number) for number in range(CLIENTS)]
            try:
                yield
            finally:
                self._over.set()
        for one in asking:
            one.result()

    def _ask(self, number: int) -> None:
        with httpx.Client(base_url=self._address, timeout=60) as client:
            while not self._over.is_set():
                number += 1
                answer = post(client, IMAGES[number % len(IMAGES)])
                if answer.status_code != 200:
                    self.failures.append(answer.text)
                    continue
                body = answer.json()
                self.versions[body["model"]["bundle_sha256"], body["detection"]["threshold"]] += 1


@pytest.mark.slow
def test_a_hundred_swaps_under_load_fail_no_request_and_mix_no_versions(bundle: Bundle, tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "two")]
    made = [variant(bundle, place, shift) for shift, place in enumerate(places)]
    belonging = {(one.sha256, one.detector.calibration.threshold) for one in made}
    current = tmp_path / "current"
    current.symlink_to(places[0])
    settings, key = opened(tmp_path, bundle=(str(current),))
    with serving(create_app(made[0], settings)) as address, httpx.Client(base_url=address, timeout=60) as admin:
        traffic = Traffic(address)
        with traffic.flowing():
            for number in range(SWAPS):
                point(current, places[(number + 1) % 2])
                swap = reload(Admin(admin, key))
                assert [one["bundle_sha256"] for one in swap.json()["loaded"]] == [made[(number + 1) % 2].sha256]
                if number == SWAPS // 2:
                    before = resident()
    growth = resident() - before
    sys.stdout.write(f"{SWAPS} swaps, {traffic.versions.total()} answers, {growth / MEBIBYTE:.1f} MiB more\n")
    assert traffic.failures == []
    assert set(traffic.versions) == belonging
    assert growth < 32 * MEBIBYTE


def point(link: Path, target: Path) -> None:
    """Let a link lead to another folder, in one step."""
    aside = link.with_name("aside")
    aside.symlink_to(target)
    aside.replace(link)


def resident() -> int:
    """Return the bytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096
