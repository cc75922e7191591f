"""Receive the body of a request within its limits, before anything looks at its content."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.media import media_type_of


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request, and the limits on it.

    Attributes:
        most: largest number of bytes.
        seconds: time in which it must have arrived.
    """

    request: Request
    most: int
    seconds: float

    @property
    def headers(self) -> Headers:
        return self.request.headers

    async def read(self) -> bytes:
        """Return the whole body.

        Raises:
            ProblemError: it is too large or too slow.
        """
        async with self.in_time():
            return b"".join([chunk async for chunk in self.chunks()])

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Give the body its time to arrive during the block.

        Raises:
            ProblemError: it is too slow.
        """
        try:
            async with asyncio.timeout(self.seconds):
                yield
        except TimeoutError:
            raise ProblemError("body_timeout", f"The body must arrive within {self.seconds:g} seconds.") from None

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives.

        Raises:
            ProblemError: it is known to be too large.
        """
        refusal = ProblemError("body_too_large", f"The body may have at most {self.most:,} bytes.")
        announced = self.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self.most:
            raise refusal
        received = 0
        async for chunk in self.request.stream():
            received += len(chunk)
            if received > self.most:
                raise refusal
            yield chunk

    def media_type(self, accepted: tuple[str, ...]) -> str:
        """Return the media type of the body.

        Raises:
            ProblemError: it is not one of those ``accepted``, or the body is compressed.
        """
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            detail = "Send the body without a Content-Encoding: a small one could unpack to a huge one."
            raise ProblemError("unsupported_content_encoding", detail, {"Accept-Encoding": "identity"})
        return accepted_type(self.headers.get("content-type", ""), accepted)


def accepted_type(content_type: str, accepted: tuple[str, ...]) -> str:
    """Return a Content-Type without parameters, by its usual name.

    Raises:
        ProblemError: it is not one of those ``accepted``.
    """
    media_type = media_type_of(content_type)
    if media_type not in accepted:
        listed = ", ".join(accepted)
        raise ProblemError(
            "unsupported_media_type", f"The Content-Type must be one of {listed}.", {"Accept-Post": listed}
        )
    return media_type
