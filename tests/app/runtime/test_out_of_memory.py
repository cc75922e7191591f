"""Memory that runs out costs only the images that there is none for, and their clients are told to come again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from torch import Tensor

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.examiner import Examination, Examiner
from pathprint.app.runtime.models import Loaded
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detector import Detector, Verdict
from tests.app.server import problem, serving
from tests.app.server.small import small_app
from tests.profiling.detection.alike import assert_alike

FAR_TOO_MUCH = 1 << 60


def on_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory.")


WAYS: dict[str, Callable[[], object]] = {
    "torch": lambda: torch.empty(FAR_TOO_MUCH),
    "numpy": lambda: np.empty(FAR_TOO_MUCH, np.uint8),
    "cuda": on_a_gpu,
}


@dataclass(frozen=True)
class Hungry(Detector):
    """The detector, for which there is too little memory where a batch holds more than ``most`` images."""

    most: int = 0
    ask: Callable[[], object] = on_a_gpu

    def examine(self, pixels: Tensor) -> list[Verdict]:
        if len(pixels) > self.most:
            self.ask()
        return super().examine(pixels)


def hungry(bundle: Bundle, most: int, way: str) -> Loaded:
    parts = {item.name: getattr(bundle.detector, item.name) for item in fields(bundle.detector)}
    return replace(Loaded.of(bundle), bundle=replace(bundle, detector=Hungry(**parts, most=most, ask=WAYS[way])))


def examined(loaded: list[Loaded], images: Tensor) -> list[Examination | BaseException]:
    """Examine images in one batch for each bundle in turn."""

    async def scenario() -> list[Examination | BaseException]:
        examiner = Examiner(Settings(max_batch=len(images), batch_delay_ms=1000))
        try:
            found: list[Examination | BaseException] = []
            for one in loaded:
                work = (examiner.examine_pixels(image, one) for image in images)
                found += await asyncio.gather(*work, return_exceptions=True)
            assert examiner.works
            return found
        finally:
            examiner.close()

    return asyncio.run(scenario())


@pytest.fixture
def images(bundle: Bundle) -> Tensor:
    return torch.rand(4, *bundle.detector.network.preprocessing.input_shape)


@pytest.mark.parametrize("way", WAYS)
def test_images_that_are_too_many_together_are_examined_alone(bundle: Bundle, images: Tensor, way: str) -> None:
    found = examined([hungry(bundle, 1, way)], images)
    alone = [bundle.detector.examine(image[None])[0] for image in images]
    assert_alike([one.verdict for one in found if isinstance(one, Examination)], alone)


@pytest.mark.parametrize("way", WAYS)
def test_whoever_finds_no_memory_is_told_to_come_again_and_the_next_is_examined(
    bundle: Bundle, images: Tensor, way: str
) -> None:
    *refused, last = examined([hungry(bundle, 0, way), Loaded.of(bundle)], images[:1])
    for error in refused:
        assert isinstance(error, ProblemError)
        assert (error.code, error.headers) == ("overloaded", {"Retry-After": "1"})
        assert "alloc" not in error.detail
    assert isinstance(last, Examination)


@pytest.mark.parametrize("way", ["torch", "numpy"])
@pytest.mark.parametrize("path", ["/v1/detect", "/v1/detect/batch", "/v2/models/{}/infer"])
def test_memory_that_runs_out_while_numbers_are_read_is_no_500(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, way: str, path: str
) -> None:
    def fails(*_: object) -> None:
        WAYS[way]()

    for module in ("judging.pixels_of_npy", "routes.open_inference.images_of"):
        monkeypatch.setattr(f"pathprint.app.api.{module}", fails)
    path = path.format(client.get("/readyz").json()["model"]["name"])
    npy = b"\x93NUMPY" + bytes(100)
    request: dict[str, Any] = {"content": npy, "headers": {"Content-Type": "application/x-npy"}}
    if "batch" in path:
        request = {"files": [("file", ("a", npy, "application/x-npy"))]}
    if "v2" in path:
        request = {"json": {"inputs": [{"name": "image", "datatype": "FP32", "shape": [1], "data": [0.5]}]}}
    answer = client.post(path, **request)
    if "batch" in path:
        assert answer.json()["results"][0]["problem"]["code"] == "overloaded"
    else:
        assert problem(answer) == (503, "overloaded")
        assert answer.headers["retry-after"] == "1"


def test_memory_that_runs_out_anywhere_in_a_request_is_a_problem() -> None:
    app = small_app()

    @app.get("/much")
    async def much() -> None:
        np.empty(FAR_TOO_MUCH, np.uint8)

    with serving(app) as address:
        assert problem(httpx.get(f"{address}/much")) == (503, "overloaded")


def test_another_error_is_none_of_memory(bundle: Bundle, images: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WAYS, "other", lambda: torch.empty(2).reshape(3))
    (error,) = examined([hungry(bundle, 0, "other")], images[:1])
    assert isinstance(error, RuntimeError) and not isinstance(error, ProblemError)
