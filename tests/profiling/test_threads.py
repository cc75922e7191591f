"""Work that is spread over threads keeps its order, and leaves torch's own threads as they were."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from pathprint.profiling.threads import in_parallel, on_one_thread_each

Spread = Callable[[Callable[[int], int], Sequence[int]], list[int]]


@pytest.fixture(params=[1, 3])
def number(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("spread", [in_parallel, on_one_thread_each])
def test_results_keep_the_order_of_items(spread: Spread, number: int) -> None:
    assert spread(lambda item: item * item, range(10)) == [item * item for item in range(10)]


def test_each_item_has_one_thread_of_torch(number: int) -> None:
    together = Barrier(number)

    def seen(_: int) -> int:
        together.wait(60)  # passes only if there are as many threads as torch may use
        return torch.get_num_threads()

    assert on_one_thread_each(seen, range(number)) == [1] * number


def test_threads_that_begin_afterwards_have_all_of_torch() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(5)  # a number that no other test uses, so that the pool is made here
    try:
        on_one_thread_each(str, range(5))
        assert torch.get_num_threads() == 5
        with ThreadPoolExecutor(1) as other:
            assert other.submit(torch.get_num_threads).result() == 5
    finally:
        torch.set_num_threads(before)
