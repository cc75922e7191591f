"""One of those who come together goes on in each turn of the event loop, in order."""

from __future__ import annotations

import asyncio

from pathprint.app.server.turns import Turns


def test_those_who_come_together_go_on_one_in_each_turn_of_the_loop() -> None:
    async def scenario() -> list[tuple[int, int]]:
        turns, turn, went = Turns(), 0, list[tuple[int, int]]()

        async def one(number: int) -> None:
            await turns.mine()
            went.append((turn, number))

        tasks = [asyncio.create_task(one(number)) for number in range(6)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            turn += 1
        return went

    went = asyncio.run(scenario())
    assert [number for _, number in went] == list(range(6))
    assert len({turn for turn, _ in went}) == 6


def test_whoever_leaves_takes_no_turn_and_blocks_nobody() -> None:
    async def scenario() -> None:
        turns = Turns()
        await turns.mine()
        leaving = [asyncio.create_task(turns.mine()) for _ in range(3)]
        await asyncio.sleep(0)
        staying = asyncio.create_task(turns.mine())
        for task in leaving:
            task.cancel()
        async with asyncio.timeout(10):
            await staying
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await turns.mine()

    asyncio.run(scenario())
