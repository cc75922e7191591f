"""Send requests at fixed times, whatever the answers take, and note when each was answered.

Requests are written and answers read as bytes, over connections that are used again: a client library would take more
of the processors than the service.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any

PATIENCE = 12.0
"""Seconds that a client waits for an answer."""


@dataclass(frozen=True)
class Answer:
    """What came back, and when.

    Attributes:
        status: 0 if nothing came in time.
        seconds: from the time at which the request was due.
    """

    status: int
    seconds: float
    body: bytes

    @property
    def added(self) -> float:
        """Seconds beside those in which the service decoded and computed."""
        timing: dict[str, Any] = json.loads(self.body)["timing_ms"]
        return self.seconds - (timing["decode"] + timing["compute"]) / 1000


def post(image: bytes, path: str = "/v1/detect", media_type: str = "application/octet-stream") -> bytes:
    """Return a request with an image."""
    head = f"POST {path} HTTP/1.1\r\nHost: load\r\nContent-Type: {media_type}\r\nContent-Length: {len(image)}\r\n\r\n"
    return head.encode() + image


def get(path: str) -> bytes:
    """Return a request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: load\r\n\r\n".encode()


class Client:
    """Connections to one port of this machine; each carries one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: bytes, due: float | None = None) -> Answer:
        """Send a request; return its answer. Its time began at ``due``, of ``perf_counter``."""
        began = perf_counter() if due is None else due
        try:
            async with asyncio.timeout(PATIENCE):
                status, body = await self._exchange(request)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            status, body = 0, b""
        return Answer(status, perf_counter() - began, body)

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        reader, writer = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        kept = False
        try:
            writer.write(request)
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            kept = b"connection: close" not in head
            return int(head[9:12]), body
        finally:
            if kept:
                self._free.append((reader, writer))
            else:
                writer.close()

    async def open_loop(self, requests: Sequence[bytes], per_second: float, seconds: float) -> list[Answer]:
        """Send requests, in turn, at fixed times; return all answers."""
        start, asked = perf_counter(), list[asyncio.Task[Answer]]()
        for number in range(int(per_second * seconds)):
            due = start + number / per_second
            if (early := due - perf_counter()) > 0:
                await asyncio.sleep(early)
            asked.append(asyncio.create_task(self.ask(requests[number % len(requests)], due)))
        return list(await asyncio.gather(*asked))

    async def closed_loop(self, requests: Sequence[bytes], clients: int, seconds: float) -> list[Answer]:
        """Have a number of clients send one request after the other; return all answers."""
        end, answers = perf_counter() + seconds, list[Answer]()

        async def one(first: int) -> None:
            number = first
            while perf_counter() < end:
                answers.append(await self.ask(requests[number % len(requests)]))
                number += clients

        await asyncio.gather(*(one(first) for first in range(clients)))
        return answers

    async def all_of(self, requests: Iterable[bytes], at_once: int) -> list[Answer]:
        """Send each request once, a number of them at the same time."""
        slots = asyncio.Semaphore(at_once)

        async def one(request: bytes) -> Answer:
            async with slots:
                return await self.ask(request)

        return list(await asyncio.gather(*(one(request) for request in requests)))

    async def probed(self, path: str, every: float, until: asyncio.Event) -> list[Answer]:
        """Ask a probe again and again, over a connection of its own, until it is said to stop."""
        own, answers = Client(self._port), list[Answer]()
        while not until.is_set():
            answers.append(await own.ask(get(path)))
            with suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await until.wait()
        return answers


def share(values: Iterable[float], of: float) -> float:
    """Return the value that the share ``of`` all values does not exceed; nan if there are none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * of), len(ordered) - 1)] if ordered else float("nan")


def times(answers: Iterable[Answer], status: Callable[[int], bool] = lambda status: status == 200) -> list[float]:
    """Return the seconds of the answers with a status."""
    return [answer.seconds for answer in answers if status(answer.status)]
