"""Close a connection so that the client can still read the answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterable
from typing import Any

LINGER_SECONDS = 2.0
"""Time that a client has for reading the last answer and closing its side."""


class LingeringTransport(asyncio.Transport):
    """A transport whose ``close`` ends our side first and waits for the client to end its own.

    A socket that is closed while bytes of the client are unread makes the system reset the connection, and the client
    may lose the answer: for instance that its body, of which it is still sending the rest, is too large (RFC 9112 9.6).

    Attributes:
        client_ended: whether the client has ended its side; set by the connection.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport, self._loop = transport, loop
        self._end: asyncio.TimerHandle | None = None
        self._written: list[bytes | bytearray | memoryview] = []
        self.is_lingering = self.client_ended = False

    def close(self) -> None:
        """Send what is buffered and the end of the stream; then wait a moment for the client to end its side."""
        if self.is_closing():
            return
        self._flush()
        self.is_lingering = True
        try:
            self._transport.set_write_buffer_limits(high=0)  # the connection is told when the system has taken all
            if self.client_ended:
                self._transport.close()  # once all is sent
                return
            self._transport.write_eof()
            self._transport.resume_reading()  # what comes is dropped, until the client's end of the stream
        except OSError:  # the client is gone
            self._transport.abort()
        if not self._transport.get_write_buffer_size():
            self.drained()

    def drained(self) -> None:
        """Note that the system has taken all that was written. After the last answer a client's time begins here.

        Until then a client that reads slowly has the time that the connection gives it to read an answer.
        """
        if self.is_lingering and self._end is None:
            self._end = self._loop.call_later(LINGER_SECONDS, self._transport.abort)

    def lost(self) -> None:
        """Note that the connection has ended."""
        if self._end is not None:
            self._end.cancel()

    def is_closing(self) -> bool:
        return self.is_lingering or self._transport.is_closing()

    def abort(self) -> None:
        self._transport.abort()

    def reset(self) -> None:
        """Cut the connection and forget what is not sent; the system would keep it for as long as nobody reads it."""
        with contextlib.suppress(OSError):
            self.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write what is written in one turn of the event loop together.

        The head of an answer and its body then take one call to the system. During each, another thread takes Python
        to itself, and the event loop has to wait for it.
        """
        if self.is_closing():
            return
        if not self._written:
            self._loop.call_soon(self._flush)
        self._written.append(data)

    def _flush(self) -> None:
        written, self._written = self._written, []
        if written and not self._transport.is_closing():
            self._transport.write(written[0] if len(written) == 1 else b"".join(written))

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        self.write(b"".join(list_of_data))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        if not self.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._transport.resume_reading()
