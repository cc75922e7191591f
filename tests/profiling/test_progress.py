"""The engine is silent unless a program listens."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pathprint.profiling.progress import shown_by, track


def test_nobody_listens_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track([1, 2], "counting")) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_listener_sees_every_item_inside_the_block_only() -> None:
    seen: list[Any] = []

    def listener(items: Sequence[Any], description: str) -> Iterable[Any]:
        for item in items:
            seen.append((description, item))
            yield item

    with pytest.raises(RuntimeError), shown_by(listener):
        assert list(track([1, 2], "counting")) == [1, 2]
        raise RuntimeError
    assert list(track([3], "after")) == [3]
    assert seen == [("counting", 1), ("counting", 2)]


def test_listener_is_that_of_the_context_which_set_it() -> None:
    with shown_by(lambda items, _: reversed(items)), ThreadPoolExecutor(1) as pool:
        assert list(track([1, 2], "here")) == [2, 1]
        assert pool.submit(lambda: list(track([1, 2], "elsewhere"))).result() == [1, 2]
