"""The thread of the models: batches of what waits, nobody spoilt by others, nothing computed in vain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.batching import ModelThread
from pathprint.app.runtime.models import Loaded
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detector import Detector, Verdict
from tests.profiling.detection.alike import assert_alike

SECONDS = 60


@dataclass(frozen=True)
class Watched(Detector):
    """The detector, which waits until it may go on, and notes the batches that it is given.

    Images without any light are poison: a batch with one of them fails.
    """

    batches: list[int] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)

    def examine(self, pixels: Tensor) -> list[Verdict]:
        self.batches.append(len(pixels))
        assert self.open.wait(SECONDS)
        if any(not bool(one.any()) for one in pixels):
            raise RuntimeError("poison")
        return super().examine(pixels)


def watched(bundle: Bundle) -> Watched:
    parts = {item.name: getattr(bundle.detector, item.name) for item in fields(bundle.detector)}
    far = replace(bundle.detector.calibration, threshold=1e9, uncertain=(1e9, 1e9))  # no image is examined again
    return Watched(**(parts | {"calibration": far}))


def served(bundle: Bundle, detector: Watched) -> Loaded:
    return replace(Loaded.of(bundle), bundle=replace(bundle, detector=detector))


@contextmanager
def running(**options: Any) -> Iterator[ModelThread]:
    thread = ModelThread(**options)
    try:
        yield thread
    finally:
        thread.close()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture(scope="module")
def images(bundle: Bundle, digits: Dataset) -> list[Tensor]:
    return [bundle.detector.network.preprocessing.pixels(digits.image(index)) for index in range(20)]


def test_what_waits_is_examined_together_with_the_verdicts_of_each_alone(bundle: Bundle, images: list[Tensor]) -> None:
    detector = watched(bundle)
    loaded = served(bundle, detector)
    with running(most=16) as thread:
        judged = [thread.examine(one, loaded, None) for one in images]
        until(lambda: bool(detector.batches))
        detector.open.set()
        found = [done.result(SECONDS) for done in judged]
    assert sum(detector.batches) == 20
    assert max(detector.batches) <= 16
    assert len(detector.batches) <= 4
    assert {one.batch for one in found} == set(detector.batches)
    alone = [replace(bundle.detector, calibration=detector.calibration).examine(one[None])[0] for one in images]
    assert_alike([one.verdict for one in found], alone)


def test_one_image_does_not_wait_for_others(bundle: Bundle, images: list[Tensor]) -> None:
    detector = watched(bundle)
    detector.open.set()
    with running() as thread:
        assert thread.examine(images[0], served(bundle, detector), None).result(SECONDS).batch == 1


def test_a_delay_gathers_images(bundle: Bundle, images: list[Tensor]) -> None:
    detector = watched(bundle)
    detector.open.set()
    loaded = served(bundle, detector)
    with running(most=4, delay=30) as thread:
        judged = [thread.examine(one, loaded, None) for one in images[:4]]
        assert [done.result(SECONDS).batch for done in judged] == [4] * 4


def test_a_bad_image_spoils_nobodys_batch(bundle: Bundle, images: list[Tensor]) -> None:
    detector = watched(bundle)
    loaded = served(bundle, detector)
    with running() as thread:
        first = thread.examine(images[0], loaded, None)
        until(lambda: bool(detector.batches))
        judged = [thread.examine(one, loaded, None) for one in (images[1], torch.zeros_like(images[1]), images[2])]
        detector.open.set()
        assert first.result(SECONDS).batch == judged[0].result(SECONDS).batch == judged[2].result(SECONDS).batch == 1
        with pytest.raises(RuntimeError, match="poison"):
            judged[1].result(SECONDS)
        assert thread.works(SECONDS)
    assert detector.batches == [1, 3, 1, 1, 1]


def test_what_nobody_waits_for_is_not_computed(bundle: Bundle, images: list[Tensor]) -> None:
    detector = watched(bundle)
    loaded = served(bundle, detector)
    with running() as thread:
        first = thread.examine(images[0], loaded, None)
        until(lambda: bool(detector.batches))
        left = [thread.examine(one, loaded, None) for one in images[:5]]
        late = thread.examine(images[6], loaded, time.monotonic() + 0.01)
        assert all(done.cancel() for done in left)
        time.sleep(0.02)
        detector.open.set()
        first.result(SECONDS)
        with pytest.raises(ProblemError, match="deadline_exceeded"):
            late.result(SECONDS)
    assert detector.batches == [1]


def test_a_batch_is_of_one_bundle_and_those_of_others_keep_their_turn(bundle: Bundle, images: list[Tensor]) -> None:
    one, other = watched(bundle), watched(bundle)
    other.open.set()
    loaded, another = served(bundle, one), served(bundle, other)
    with running() as thread:
        first = thread.examine(images[0], loaded, None)
        until(lambda: bool(one.batches))
        judged = [thread.examine(image, (loaded, another)[index % 2], None) for index, image in enumerate(images[:6])]
        one.open.set()
        for done in (first, *judged):
            done.result(SECONDS)
    assert (one.batches, other.batches) == ([1, 3], [3])


def test_a_stuck_batch_is_seen_and_so_is_a_dead_thread(bundle: Bundle, images: list[Tensor]) -> None:
    detector = watched(bundle)
    with running() as thread:
        assert thread.works(0)
        done = thread.examine(images[0], served(bundle, detector), None)
        until(lambda: not thread.works(0.01))
        assert thread.works(SECONDS)
        detector.open.set()
        done.result(SECONDS)
        until(lambda: thread.works(0.01))
    assert not thread.works(SECONDS)
    with pytest.raises(ProblemError, match="not_ready"):
        thread.examine(images[0], served(bundle, detector), None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_whoever_waits_when_the_thread_dies_is_told(bundle: Bundle, images: list[Tensor]) -> None:
    class Dying(Watched):
        def examine(self, pixels: Tensor) -> list[Verdict]:
            super().examine(pixels)
            raise SystemExit

    detector = Dying(**{item.name: getattr(watched(bundle), item.name) for item in fields(Watched)})
    loaded = served(bundle, detector)
    thread = ModelThread()
    first = thread.examine(images[0], loaded, None)
    until(lambda: bool(detector.batches))
    second = thread.examine(images[1], loaded, None)
    detector.open.set()
    for done in (first, second):
        with pytest.raises(RuntimeError, match="ended"):
            done.result(SECONDS)
    until(lambda: not thread.works(SECONDS))
