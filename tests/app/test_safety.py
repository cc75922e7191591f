"""The guards, the watch for query attacks and the audit log around the real service."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import pytest
from PIL import Image

from pathprint.app.main import create_app
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from tests.app.admission.guarded import bearer, key_file
from tests.app.images import digit, encoded
from tests.app.server import post, problem, serving

SIMILAR = 4


class Guarded(NamedTuple):
    client: httpx.Client
    gate: str
    shop: str
    audit: Path


@pytest.fixture(scope="module")
def guarded(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    file, (gate, shop) = key_file(folder, {"id": "gate", "rate": "2/hour"}, {"id": "shop", "similar": "refuse"})
    settings = Settings(keys=file, similar_images=SIMILAR, audit=folder / "audit.jsonl")
    with serving(create_app(bundle, settings)) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield Guarded(client, gate, shop, folder / "audit.jsonl")


def test_an_image_without_a_key_is_refused_before_it_is_read(guarded: Guarded) -> None:
    assert problem(post(guarded.client, b"no image at all")) == (401, "missing_key")
    assert guarded.client.get("/readyz").status_code == 200


def test_a_decision_is_in_the_audit_log_with_the_hash_of_its_image(guarded: Guarded) -> None:
    image = encoded(digit(), "PNG")
    guarded.client.headers.update(bearer(guarded.gate))
    answer = post(guarded.client, image).json()
    deadline = time.monotonic() + 30
    while not guarded.audit.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    record = json.loads(guarded.audit.read_text().splitlines()[0])
    assert (record["key_id"], record["request_id"]) == ("gate", answer["request_id"])
    assert record["sha256"] == hashlib.sha256(image).hexdigest()
    assert record["score"] == answer["detection"]["score"]
    assert guarded.gate not in guarded.audit.read_text()


def test_a_client_beyond_its_rate_is_told_to_wait(guarded: Guarded) -> None:
    guarded.client.headers.update(bearer(guarded.gate))
    for _ in range(2):
        last = post(guarded.client, encoded(digit(), "PNG"))
    assert problem(last) == (429, "rate_limited")
    assert int(last.headers["retry-after"]) > 3000


def test_a_client_who_asks_about_one_image_in_many_versions_is_refused(guarded: Guarded) -> None:
    guarded.client.headers.update(bearer(guarded.shop))
    pixels = np.asarray(digit()).copy()
    for number in range(SIMILAR + 1):
        pixels[0, number] ^= 1
        assert post(guarded.client, encoded(Image.fromarray(pixels), "PNG")).status_code == 200
    refused = post(guarded.client, encoded(digit(7), "PNG"))
    assert problem(refused) == (429, "query_attack")
    assert 0 < int(refused.headers["retry-after"]) <= 600
