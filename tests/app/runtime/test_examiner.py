"""The verdicts of the service are those of `detect` and `scan` for the same bytes, whatever comes beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import TypeVar

import numpy as np
import pytest
import torch
from PIL import Image

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.decoding import Upload
from pathprint.app.runtime.examiner import Examiner
from pathprint.app.runtime.models import Loaded
from pathprint.app.settings import Settings
from pathprint.models.errors import ImageError, PixelsError
from pathprint.profiling.data.pictures import open_pictures
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detect import detect
from pathprint.profiling.jobs.scanning import Scanner
from pathprint.profiling.jobs.tasks import Task
from tests.app.images import coloured, digit, encoded, png_of

T = TypeVar("T")
FILES = {
    **{f"{index:02}.png": encoded(digit(index), "PNG") for index in range(14)},
    "20.jpg": encoded(digit(20), "JPEG"),
    "21.webp": encoded(digit(21), "WEBP"),
    "22.bmp": encoded(digit(22), "BMP"),
    "23.png": encoded(coloured("RGBA", 40), "PNG"),
    "24.png": encoded(coloured("LA", 40), "PNG"),
    "25.jpg": encoded(Image.effect_noise((1500, 1100), 60), "JPEG"),
    "26.png": png_of(2500, 2000),
}


def with_examiner(work: Callable[[Examiner], Awaitable[T]], **settings: float) -> T:
    async def scenario() -> T:
        examiner = Examiner(Settings.model_validate(settings))
        try:
            return await work(examiner)
        finally:
            examiner.close()
            assert examiner.inside == 0

    return asyncio.run(scenario())


def test_verdicts_are_those_of_detect_and_scan(bundle: Bundle, tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    loaded = Loaded.of(bundle)

    async def all_at_once(examiner: Examiner) -> list[object]:
        uploads = [Upload(data, None) for data in FILES.values()]
        return list(await asyncio.gather(*(examiner.examine(upload, loaded) for upload in uploads)))

    served = with_examiner(all_at_once)
    assert max(one.batch for one in served) > 1  # type: ignore[attr-defined]
    verdicts = [one.verdict for one in served]  # type: ignore[attr-defined]
    assert verdicts == detect(bundle, [tmp_path / name for name in FILES])
    pictures = open_pictures(str(tmp_path))
    lines = Scanner(bundle.detector, pictures).do(Task(0, np.arange(len(FILES)))).facts["lines"]
    by_name = {Path(line["name"]).name: line for line in lines}
    for name, verdict in zip(FILES, verdicts, strict=True):
        line = by_name[name]
        assert (line["verdict"], line["score"], line["p_value"], tuple(line["reasons"])) == (
            verdict.decision,
            verdict.score,
            verdict.p_value,
            verdict.reasons,
        )


def test_pixels_get_the_verdict_of_the_detector(bundle: Bundle) -> None:
    pixels = bundle.detector.network.preprocessing.pixels(digit())
    found = with_examiner(lambda examiner: examiner.examine_pixels(pixels, Loaded.of(bundle)))
    assert found.verdict == bundle.detector.examine(pixels[None])[0]
    assert (found.image.width, found.image.height, found.decode) == (8, 8, 0)


@pytest.mark.parametrize("pixels", [torch.zeros(1, 8, 9), torch.zeros(1, 8, 8).double(), torch.full((1, 8, 8), 2.0)])
def test_pixels_of_another_form_are_refused(bundle: Bundle, pixels: torch.Tensor) -> None:
    with pytest.raises(PixelsError):
        with_examiner(lambda examiner: examiner.examine_pixels(pixels, Loaded.of(bundle)))


def test_images_inside_are_bounded_and_bad_ones_leave_their_place(bundle: Bundle) -> None:
    loaded, upload = Loaded.of(bundle), Upload(FILES["00.png"], None)

    async def many(examiner: Examiner) -> list[object]:
        for _ in range(5):
            with pytest.raises(ImageError):
                await examiner.examine(Upload(b"no image", None), loaded)
        return list(await asyncio.gather(*(examiner.examine(upload, loaded) for _ in range(6)), return_exceptions=True))

    found = with_examiner(many, max_images=4)
    refused = [one for one in found if isinstance(one, ProblemError)]
    assert [one.code for one in refused] == ["overloaded"] * 2


def test_the_warm_up_needs_no_more_room_than_there_is(bundle: Bundle) -> None:
    with_examiner(lambda examiner: examiner.warm_up(Loaded.of(bundle)), max_images=1, max_batch=4)


def test_a_deadline_that_has_passed_costs_nothing(bundle: Bundle) -> None:
    work = lambda examiner: examiner.examine(Upload(FILES["00.png"], None), Loaded.of(bundle), monotonic() - 1)  # noqa: E731
    with pytest.raises(ProblemError, match="deadline_exceeded"):
        with_examiner(work)


def test_images_of_clients_that_left_are_not_decoded(bundle: Bundle) -> None:
    large, loaded = Upload(png_of(5000, 5000), None), Loaded.of(bundle)

    async def leaving(examiner: Examiner) -> float:
        left = [asyncio.create_task(examiner.examine(large, loaded)) for _ in range(20)]
        await asyncio.sleep(0.2)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        assert examiner.inside == 0
        assert examiner._decoders.waiting == 0
        return (await examiner.examine(Upload(FILES["00.png"], None), loaded)).queue

    with_examiner(leaving)


def test_processes_decode_as_threads_do(bundle: Bundle) -> None:
    upload = Upload(FILES["23.png"], None)
    found = with_examiner(lambda examiner: examiner.examine(upload, Loaded.of(bundle)), decode_in_processes=True)
    assert found.verdict == with_examiner(lambda examiner: examiner.examine(upload, Loaded.of(bundle))).verdict
