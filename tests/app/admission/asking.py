"""Call a pure-ASGI layer without a server: a request that says when its parts arrive, and an answer that is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Scope


@dataclass
class Asking:
    """One request to a layer, part by part.

    Attributes:
        sent: messages of the answer.
        read: how many parts of the body were received.
    """

    path: str = "/v1/detect"
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    sent: list[Message] = field(default_factory=list)
    read: int = 0

    def body(self, content: bytes = b"x", more: bool = False) -> Asking:
        """Let a part of the body arrive."""
        self.parts.put_nowait({"type": "http.request", "body": content, "more_body": more})
        return self

    def leave(self) -> None:
        """Close the connection."""
        self.parts.put_nowait({"type": "http.disconnect"})

    @property
    def scope(self) -> Scope:
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        return {
            "type": "http",
            "method": self.method,
            "path": self.path,
            "query_string": b"",
            "headers": headers,
            "state": {"request_id": "test"},
        }

    async def of(self, layer: ASGIApp) -> Asking:
        """Have the layer answer."""
        await layer(self.scope, self._receive, self._send)
        return self

    async def _receive(self) -> Message:
        message = await self.parts.get()
        self.read += message["type"] == "http.request"
        return message

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def answer_headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def problem(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.sent[1]["body"])
        return found
