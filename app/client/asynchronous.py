"""The client for programs that run on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import count
from typing import Any

import httpx

from pathprint.app.client import exchange
from pathprint.app.client.answers import Answer
from pathprint.app.client.errors import Refused
from pathprint.app.client.exchange import BATCH, DETECT, RAW, Connection, Image
from pathprint.app.client.retrying import Retries


class AsyncClient:
    """Asks a service for verdicts. It keeps connections open until it is closed, and serves one event loop.

    Args:
        address: such as ``http://127.0.0.1:8000``.
        key: the API key; by default the variable PATHPRINT_API_KEY of the environment, if it is set.
        seconds: in which the service must have answered.
        retries: when a request is sent again.

    Raises:
        Unreachable: the address is none that HTTP knows.
    """

    def __init__(
        self, address: str, *, key: str | None = None, seconds: float = 60.0, retries: Retries | None = None
    ) -> None:
        self._connection = Connection(address, key, seconds, retries or Retries())
        self._http = httpx.AsyncClient(**self._connection.options())
        self._one_by_one = False

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def detect(
        self, image: Image, *, model: str | None = None, version: str | None = None, detail: str | None = None
    ) -> Answer:
        """Return the verdict on an image.

        Args:
            image: the bytes of an image file, or the path of one.
            model, version: by which to judge; the service's own choice if left out.
            detail: how much the answer says, such as ``verdict``; as much as the service tells if left out.

        Raises:
            OSError: the file cannot be read.
            Refused: the service answered with a problem.
            Unreachable: there was no answer.
        """
        options = exchange.query(model, version, detail)
        return exchange.answer_in(
            await self._sent("POST", DETECT, params=options, content=exchange.content(image), headers=RAW)
        )

    async def detect_all(
        self,
        images: Iterable[Image],
        *,
        model: str | None = None,
        version: str | None = None,
        detail: str | None = None,
    ) -> AsyncIterator[Answer | Refused]:
        """Yield what became of each image, in order: the verdict, or why there is none. Several go in one request.

        Raises:
            OSError: a file cannot be read.
            Refused: the service refused a whole request, for a reason that lies in no image.
            Unreachable: there was no answer.
        """
        options = exchange.query(model, version, detail)
        for part in exchange.parts(map(exchange.content, images)):
            for image, found in zip(part, await self._together(part, options), strict=True):
                yield found or await self._alone(image, options)

    async def _together(self, part: list[bytes], options: dict[str, str]) -> list[Answer | Refused | None]:
        if len(part) == 1 or self._one_by_one:
            return [None] * len(part)
        response = await self._sent("POST", BATCH, params=options, files=exchange.form(part))
        self._one_by_one = exchange.has_no_batch(response)
        return exchange.answers_in(response, len(part))

    async def _alone(self, image: bytes, options: dict[str, str]) -> Answer | Refused:
        try:
            return await self.detect(image, **options)
        except Refused as refused:
            if not refused.of_the_image:
                raise
            return refused

    async def health(self, model: str) -> dict[str, Any]:
        """Return whether recent images look like those that a model was calibrated on.

        Raises:
            Refused: the service answered with a problem, as when there is no such model.
            Unreachable: there was no answer.
        """
        return dict(exchange.body_of(await self._sent("GET", exchange.health(model))))

    async def _sent(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Send a request, again if that may help, and return the last response."""
        retries = self._connection.retries
        for attempt in count(1):
            try:
                response = await self._http.request(method, path, **given)
                pause = retries.after(response, attempt)
                if pause is None:
                    return response
            except httpx.RequestError as error:
                pause = retries.after_error(error, attempt)
                if pause is None:
                    raise exchange.unreachable(error, self._connection.address) from error
            await asyncio.sleep(pause)
        raise AssertionError("counting never ends")
