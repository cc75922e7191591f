"""Processes decode as threads do; one that goes beyond a limit is killed, and the next image finds another."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import torch
from PIL import Image

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.decoding import Decoded, Upload, decode_opened, open_upload
from pathprint.app.runtime.limited import LimitedDecoders
from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import Preprocessing
from tests.app.images import coloured, digit, encoded, png_of

GREY = Preprocessing(1, (8, 8), 8, (0.0,), (1.0,))


@pytest.fixture(scope="module")
def decoders() -> Iterator[LimitedDecoders]:
    made = LimitedDecoders(1, 64 << 20, 20)
    yield made
    made.close()


def decoded(decoders: LimitedDecoders, data: bytes) -> Decoded:
    return decoders.decode(open_upload(Upload(data, None)), GREY)


@pytest.mark.parametrize(
    "data",
    [encoded(digit(), "PNG"), encoded(digit(), "JPEG"), encoded(coloured("RGBA"), "WEBP"), png_of(300, 200)],
    ids=["png", "jpeg", "webp", "bits"],
)
def test_images_are_those_of_threads(decoders: LimitedDecoders, data: bytes) -> None:
    found, expected = decoded(decoders, data), decode_opened(open_upload(Upload(data, None)), GREY)
    assert torch.equal(found.pixels, expected.pixels)
    assert (found.width, found.height, found.sha256, found.media_type, found.transforms) == (
        expected.width,
        expected.height,
        expected.sha256,
        expected.media_type,
        expected.transforms,
    )


def test_damage_is_told_as_by_threads(decoders: LimitedDecoders) -> None:
    with pytest.raises(ImageError) as raised:
        decoded(decoders, encoded(coloured("RGB", 64), "PNG")[:-200])
    assert raised.value.code == "truncated_image"


def test_too_much_memory_is_refused_and_others_go_on(decoders: LimitedDecoders) -> None:
    with pytest.raises(ProblemError, match="decoder_failed"):
        decoded(decoders, encoded(Image.new("RGB", (4900, 4900)), "PNG"))
    assert decoded(decoders, encoded(digit(), "PNG")).width == 8


def test_a_process_that_died_while_idle_is_replaced(decoders: LimitedDecoders) -> None:
    decoded(decoders, encoded(digit(), "PNG"))
    process = decoders._idle.get()
    assert process is not None
    os.kill(process._process.pid or 0, signal.SIGKILL)
    process._process.join()
    decoders._idle.put(process)
    assert decoded(decoders, encoded(digit(), "PNG")).width == 8
