"""Decoding has a budget: small images do not wait behind large ones, memory is bounded, the unwanted is left out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.decoders import Decoders
from pathprint.app.runtime.pricing import Price

SMALL, LARGE = Price(1000, 1000), Price(40 << 20, 40 << 20)
SECONDS = 30


@contextmanager
def decoders(threads: int, most_memory: int = 1 << 40) -> Iterator[Decoders]:
    made = Decoders(threads, most_memory)
    try:
        yield made
    finally:
        made.close()


class Gate:
    """Work that waits until it is opened; it notes what has begun."""

    def __init__(self) -> None:
        self.open, self.begun = threading.Event(), list[str]()

    def named(self, name: str) -> Callable[[], str]:
        def work() -> str:
            self.begun.append(name)
            assert self.open.wait(SECONDS)
            return name

        return work


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_small_images_pass_large_ones(threads: int) -> None:
    gate = Gate()
    with decoders(threads) as made:
        large = [made.decode(gate.named("large"), LARGE) for _ in range(10)]
        until(lambda: len(gate.begun) == threads - 1)
        assert made.decode(lambda: "small", SMALL).result(SECONDS).value == "small"
        assert not any(done.done() for done in large)
        gate.open.set()
        assert all(done.result(SECONDS).value == "large" for done in large)


def test_one_thread_takes_small_images_first_but_no_large_one_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pathprint.app.runtime.decoders._AGED", 0.2)
    gate, order = Gate(), list[str]()

    def small() -> None:
        order.append("small")
        time.sleep(0.05)

    with decoders(1) as made:
        made.decode(gate.named("first"), SMALL)
        until(lambda: gate.begun == ["first"])
        made.decode(lambda: order.append("large"), LARGE)
        last = [made.decode(small, SMALL) for _ in range(20)][-1]
        gate.open.set()
        last.result(SECONDS)
    assert order[0] == "small"
    assert order.index("large") < 20


@pytest.mark.parametrize(("most", "at_once"), [(1, 1), (LARGE.memory, 1), (2 * LARGE.memory, 2), (9 * LARGE.memory, 3)])
def test_the_memory_of_all_images_in_decoding_is_bounded(most: int, at_once: int) -> None:
    gate = Gate()
    with decoders(4, most) as made:
        waiting = [made.decode(gate.named("large"), LARGE) for _ in range(6)]
        until(lambda: len(gate.begun) == at_once)
        time.sleep(0.05)
        assert len(gate.begun) == at_once
        assert made.held == at_once * LARGE.memory
        gate.open.set()
        for done in waiting:
            done.result(SECONDS)
        until(lambda: made.held == 0)


@pytest.mark.parametrize("price", [SMALL, LARGE], ids=["small", "large"])
def test_what_nobody_waits_for_is_never_decoded(price: Price) -> None:
    gate = Gate()
    with decoders(1) as made:
        made.decode(gate.named("first"), price)
        until(lambda: gate.begun == ["first"])
        left = [made.decode(gate.named("left"), price) for _ in range(5)]
        late = made.decode(gate.named("late"), price, time.monotonic() + 0.01)
        assert made.waiting == 6
        assert all(done.cancel() for done in left)
        assert made.waiting == 1
        time.sleep(0.02)
        gate.open.set()
        with pytest.raises(ProblemError, match="deadline_exceeded"):
            late.result(SECONDS)
    assert gate.begun == ["first"]


def test_a_large_image_that_would_be_too_late_is_refused_at_once() -> None:
    gate = Gate()
    with decoders(2) as made:
        made.decode(lambda: time.sleep(0.1), LARGE).result(SECONDS)
        until(lambda: made.held == 0)
        made.decode(gate.named("large"), LARGE)
        until(lambda: gate.begun == ["large"])
        for _ in range(10):
            made.decode(gate.named("large"), LARGE, time.monotonic() + 60)
        with pytest.raises(ProblemError, match="overloaded") as refused:
            made.decode(gate.named("late"), LARGE, time.monotonic() + 0.5)
        assert int((refused.value.headers or {})["Retry-After"]) >= 1
        made.decode(gate.named("small"), SMALL, time.monotonic() + 0.5)
        gate.open.set()


def test_an_error_is_the_images_own() -> None:
    def fails() -> None:
        raise ValueError("bad")

    with decoders(1) as made:
        with pytest.raises(ValueError, match="bad"):
            made.decode(fails, SMALL).result(SECONDS)
        assert made.decode(lambda: 1, SMALL).result(SECONDS).value == 1


def test_closed_threads_take_nothing() -> None:
    made = Decoders(2, 1)
    made.close()
    with pytest.raises(ProblemError, match="not_ready"):
        made.decode(lambda: 1, SMALL)
