"""Decoding has a budget: small images do not wait behind large ones, memory is bounded, the unwanted is left out."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.decoders import Decoders, Further
from pathprint.app.runtime.pricing import Price
from tests.app.collection import without_collection

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


def test_large_images_of_other_callers_pass_those_of_one_who_sends_many() -> None:
    gate, order = Gate(), list[str]()
    with decoders(1) as made:
        made.decode(gate.named("first"), LARGE, caller="many")
        until(lambda: gate.begun == ["first"])
        for name in ("many", "many", "many", "other", "many", "third", "other"):
            last = made.decode(lambda name=name: order.append(name), LARGE, caller=name)  # type: ignore[misc]
        assert last
        gate.open.set()
    assert order == ["other", "third", "many", "other", "many", "many", "many"]


def test_an_image_that_there_is_no_memory_for_yet_lets_others_pass_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gates = {name: Gate() for name in ("first", "huge", "passes", "waits")}
    huge = Price(3 * LARGE.memory, LARGE.work)
    with decoders(4, 3 * LARGE.memory) as made:
        made.decode(gates["first"].named("first"), LARGE, caller="first")
        until(lambda: bool(gates["first"].begun))
        made.decode(gates["huge"].named("huge"), huge, caller="huge")
        made.decode(gates["passes"].named("passes"), LARGE, caller="other")
        until(lambda: bool(gates["passes"].begun))
        monkeypatch.setattr("pathprint.app.runtime.decoders._AGED", 0.0)
        made.decode(gates["waits"].named("waits"), LARGE, caller="third")
        gates["passes"].open.set()
        until(lambda: made.held == LARGE.memory)
        time.sleep(0.05)
        assert not gates["waits"].begun and not gates["huge"].begun
        for name in ("first", "huge", "waits"):
            gates[name].open.set()


@pytest.mark.parametrize("threads", [1, 2])
def test_what_a_first_step_finds_out_decides_who_waits(threads: int) -> None:
    gate = Gate()
    with decoders(threads) as made:
        large = [made.decode(lambda: Further(LARGE, gate.named("large")), SMALL) for _ in range(4)]
        small = [made.decode(lambda: Further(SMALL, lambda: Further(SMALL, lambda: "small")), SMALL) for _ in range(4)]
        if threads > 1:
            assert [done.result(SECONDS).value for done in small] == ["small"] * 4
            until(lambda: len(gate.begun) == 1)
            assert large[-1].cancel()  # also after its first step
            assert made.waiting == 2
        gate.open.set()
        assert [done.result(SECONDS).value for done in (*large[:3], *small)] == ["large"] * 3 + ["small"] * 4


def test_an_image_that_is_found_to_be_large_too_late_is_refused() -> None:
    gate = Gate()
    with decoders(2) as made:
        made.decode(lambda: time.sleep(0.1), LARGE).result(SECONDS)
        for _ in range(10):
            made.decode(gate.named("large"), LARGE)
        found = made.decode(lambda: Further(LARGE, lambda: 1), SMALL, time.monotonic() + 0.5)
        with pytest.raises(ProblemError, match="overloaded"):
            found.result(SECONDS)
        gate.open.set()


def test_the_bytes_of_an_image_are_free_when_it_is_decoded() -> None:
    class Bytes(bytearray):
        pass

    data = Bytes(10)
    gone = weakref.ref(data)
    with decoders(1) as made:
        done = made.decode(partial(len, data), SMALL)
        del data
        assert done.result(SECONDS).value == 10
        until(lambda: gone() is None)
    assert done.done()


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


def test_nothing_is_held_of_an_image_that_is_decoded() -> None:
    class Held:
        """What decoding needs."""

    with decoders(2) as made, without_collection():
        held = Held()
        known = weakref.ref(held)
        done = made.decode(lambda held=held: held is not None, SMALL)  # type: ignore[misc]
        done.add_done_callback(lambda done, held=held: None)  # type: ignore[misc]
        del held
        assert done.result(SECONDS).value
        del done
        until(lambda: known() is None)
