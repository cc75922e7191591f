"""Many at once: every request is answered, with the answer that it would get alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from typing import Any

import httpx
import pytest
from torch import Tensor

from pathprint.app.main import create_app
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detector import Detector, Verdict
from tests.app.images import digit, encoded
from tests.app.server import post, serving

IMAGES = [encoded(digit(index), "PNG") for index in range(20)]


@dataclass(frozen=True)
class Watched(Detector):
    """The detector, which also notes the threads that it is called from."""

    threads: set[str] = field(default_factory=set)
    busy: threading.Lock = field(default_factory=threading.Lock)

    def examine(self, pixels: Tensor) -> list[Verdict]:
        self.threads.add(threading.current_thread().name)
        assert self.busy.acquire(blocking=False), "two images are judged at the same time"
        try:
            return super().examine(pixels)
        finally:
            self.busy.release()


def judgement(response: httpx.Response) -> tuple[int, Any, Any]:
    body = response.json()
    return response.status_code, body.get("prediction", {}).get("label"), body.get("detection", {})


def all_at_once(client: httpx.Client) -> list[tuple[int, Any, Any]]:
    with ThreadPoolExecutor(len(IMAGES)) as pool:
        return list(pool.map(lambda data: judgement(post(client, data)), IMAGES))


def test_twenty_at_once_get_the_answers_they_would_get_alone(client: httpx.Client) -> None:
    alone = [judgement(post(client, data)) for data in IMAGES]
    assert all(status == 200 for status, _, _ in alone)
    together = all_at_once(client)
    assert [item[:2] for item in together] == [item[:2] for item in alone]
    for (_, _, found), (_, _, expected) in zip(together, alone, strict=True):
        assert found["verdict"] == expected["verdict"]
        assert found["score"] == pytest.approx(expected["score"], abs=expected["tolerance"])


def test_the_model_runs_on_one_thread_that_is_not_the_servers(bundle: Bundle) -> None:
    parts = {item.name: getattr(bundle.detector, item.name) for item in fields(bundle.detector)}
    watched = Watched(**parts)
    app = create_app(replace(bundle, detector=watched))
    with serving(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        assert all(status == 200 for status, _, _ in all_at_once(client))
    assert watched.threads == {"model_0"}


def test_bad_images_do_not_disturb_good_ones(client: httpx.Client) -> None:
    mixed = [data if index % 2 else data[:30] for index, data in enumerate(IMAGES)]
    with ThreadPoolExecutor(len(mixed)) as pool:
        statuses = list(pool.map(lambda data: post(client, data).status_code, mixed))
    assert statuses == [422, 200] * 10
