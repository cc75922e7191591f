"""Two pieces of work with one future: what ends one of them ends both, and whoever cancels cancels what waits."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError, Future
from weakref import ref

import pytest

from pathprint.app.runtime.chaining import chained
from tests.app.collection import without_collection


def parts() -> tuple[Future[int], Future[int], Future[tuple[int, int]]]:
    first: Future[int] = Future()
    second: Future[int] = Future()
    return first, second, chained(first, lambda one: second)


def test_both_values_come_when_both_are_there() -> None:
    first, second, both = parts()
    first.set_result(1)
    assert not both.done()
    second.set_result(2)
    assert both.result(0) == (1, 2)


@pytest.mark.parametrize("ended", [0, 1])
def test_an_error_or_the_end_of_a_part_is_that_of_both(ended: int) -> None:
    *each, both = parts()
    each[0].set_result(1) if ended else None
    each[ended].set_exception(ValueError("bad"))
    with pytest.raises(ValueError, match="bad"):
        both.result(0)
    *each, both = parts()
    each[0].set_result(1) if ended else None
    each[ended].cancel()
    with pytest.raises(CancelledError):
        both.result(0)


def test_a_second_part_that_cannot_begin_is_an_error_of_both() -> None:
    def refuses(one: int) -> Future[int]:
        raise ValueError("closed")

    first: Future[int] = Future()
    both = chained(first, refuses)
    first.set_result(1)
    with pytest.raises(ValueError, match="closed"):
        both.result(0)


@pytest.mark.parametrize("waiting", [0, 1])
def test_whoever_leaves_cancels_what_waits(waiting: int) -> None:
    *each, both = parts()
    each[0].set_result(1) if waiting else None

    async def leaving() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(both), 0.01)

    asyncio.run(leaving())
    assert each[waiting].cancelled()


def test_a_part_that_ends_after_whoever_waited_has_left_is_no_error() -> None:
    first, second, both = parts()
    first.set_running_or_notify_cancel()
    both.cancel()
    first.set_result(1)
    assert second.cancelled()


@pytest.mark.parametrize("cancelled", [False, True])
def test_nothing_is_held_once_both_have_ended(cancelled: bool) -> None:
    class Held:
        """What the beginning of the second part needs."""

    def scenario() -> ref[Held]:
        held, (first, second) = Held(), (Future[int](), Future[int]())
        both = chained(first, lambda one, held=held: second)  # type: ignore[misc]
        first.set_result(1)
        both.cancel() if cancelled else second.set_result(2)
        assert both.done()
        assert second.done()
        return ref(held)

    with without_collection():
        assert scenario()() is None
