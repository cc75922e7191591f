"""Callers take turns by work, and each caller's own items keep their order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pathprint.app.runtime.fair_queue import FairQueue


@dataclass(frozen=True, eq=False)
class Item:
    caller: str
    amount: int


def emptied(queue: FairQueue[Item]) -> list[Item]:
    taken = []
    while queue:
        taken.append(next(iter(queue)))
        queue.take(taken[-1])
    return taken


ITEMS = st.lists(st.builds(Item, st.sampled_from("abc"), st.integers(1, 50)), max_size=40)


@given(ITEMS)
def test_nobody_who_waits_gets_less_than_others_by_more_than_one_item_of_each(items: list[Item]) -> None:
    queue: FairQueue[Item] = FairQueue()
    for item in items:
        queue.add(item)
    left, done = Counter(item.caller for item in items), Counter[str]()
    largest = max((item.amount for item in items), default=0)
    for item in emptied(queue):
        waiting = [caller for caller in left if left[caller] > 0]
        assert max(done[caller] for caller in waiting) - min(done[caller] for caller in waiting) <= 2 * largest
        done[item.caller] += item.amount
        left[item.caller] -= 1
    for caller in "abc":
        assert done[caller] == sum(item.amount for item in items if item.caller == caller)


@given(ITEMS)
def test_items_of_one_caller_keep_their_order_and_none_is_lost(items: list[Item]) -> None:
    queue: FairQueue[Item] = FairQueue()
    for item in items:
        queue.add(item)
    taken = emptied(queue)
    for caller in "abc":
        own = [item for item in items if item.caller == caller]
        assert [id(item) for item in taken if item.caller == caller] == list(map(id, own))


@given(ITEMS, st.sampled_from("abcd"))
def test_what_is_said_to_come_before_an_item_is_what_comes_before_it(items: list[Item], caller: str) -> None:
    queue: FairQueue[Item] = FairQueue()
    for item in items:
        queue.add(item)
    new = Item(caller, 1)
    said = queue.amount_before(new)
    queue.add(new)
    before = emptied(queue)
    assert said == sum(item.amount for item in before[: before.index(new)])


def test_a_new_caller_owes_nothing_and_earns_nothing_by_waiting() -> None:
    queue: FairQueue[Item] = FairQueue()
    many = [Item("many", 10) for _ in range(5)]
    for item in many:
        queue.add(item)
    for item in many[:3]:
        queue.take(item)
    late = [Item("late", 10) for _ in range(3)]
    for item in late:
        queue.add(item)
    assert emptied(queue) == [late[0], many[3], late[1], many[4], late[2]]


def test_what_is_dropped_is_gone() -> None:
    queue: FairQueue[Item] = FairQueue()
    items = [Item("a", 1), Item("a", 1)]
    for item in items:
        queue.add(item)
    assert queue.drop(items[0])
    assert not queue.drop(items[0])
    assert emptied(queue) == items[1:]
