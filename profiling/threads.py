"""How many threads torch uses, and how our own work is spread over that number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.processors import processors

_SMALL = 32 * 32
Item = TypeVar("Item")
Result = TypeVar("Result")


def settle_threads(preprocessing: Preprocessing) -> None:
    """Have torch use as many threads as there are processors for this process, and one if inputs are small.

    Below 32 x 32 more threads wait longer than they work.
    """
    height, width = preprocessing.size
    torch.set_num_threads(1 if height * width < _SMALL else min(torch.get_num_threads(), processors()))


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside the block: how many there are decides how sums are rounded."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_parallel(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``work(item)`` of each item, in order, computed on as many threads as torch may use.

    Worth it if ``work`` is mostly compiled code or torch: Python itself runs on one thread at a time.
    """
    threads = torch.get_num_threads()
    if threads == 1 or len(items) < 2:
        return [work(item) for item in items]
    return list(_pool(threads).map(work, items))


def on_one_thread_each(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``work(item)`` of each item, in order, on as many threads as torch may use, each of which it uses alone.

    Where ``in_parallel`` lets torch spread each item over further threads, here an item keeps to its own.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return [work(item) for item in items]
    return list(_lone_pool(threads).map(work, items))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="pathprint")


@cache
def _lone_pool(threads: int) -> ThreadPoolExecutor:
    """Return a pool of threads on each of which torch computes with that thread alone."""
    started = Barrier(threads)

    def settle() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # a thread takes over the number for good when it first asks for it
        started.wait()

    pool = ThreadPoolExecutor(threads, thread_name_prefix="pathprint-alone")
    list(pool.map(lambda _: settle(), range(threads)))  # none ends before all have begun, so each thread settles once
    torch.set_num_threads(threads)  # new threads begin with the number that was set last, whoever set it
    return pool
