"""The engine is silent unless a program listens."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from pathprint.profiling.progress import Meter, meter, shown_by, track

Seen = list[tuple[str, int]]


class Noting:
    """A listener that keeps what it is told, by the step's description."""

    def __init__(self) -> None:
        self.seen: Seen = []

    @contextmanager
    def __call__(self, description: str, total: int) -> Iterator[Meter]:
        self.seen.append((f"{description} of", total))
        noting = self

        class Noted:
            def advance(self, count: int, bad: int = 0) -> None:
                noting.seen.append((description, count))

            def expect(self, total: int) -> None:
                noting.seen.append((f"{description} of", total))

        yield Noted()


def test_nobody_listens_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track([1, 2], "counting")) == [1, 2]
    with meter("counting", 2) as shown:
        shown.advance(1, bad=1)
        shown.expect(1)
    assert capsys.readouterr() == ("", "")


def test_listener_hears_of_every_item_inside_the_block_only() -> None:
    noting = Noting()
    with pytest.raises(RuntimeError), shown_by(noting):
        assert list(track(["a", "bc"], "counting", len)) == ["a", "bc"]
        raise RuntimeError
    assert list(track([3], "after")) == [3]
    assert noting.seen == [("counting of", 3), ("counting", 1), ("counting", 2)]


def test_listener_is_that_of_the_context_which_set_it() -> None:
    noting = Noting()
    with shown_by(noting), ThreadPoolExecutor(1) as pool:
        assert list(track([1], "here")) == [1]
        assert pool.submit(lambda: list(track([1], "elsewhere"))).result() == [1]
    assert noting.seen == [("here of", 1), ("here", 1)]
