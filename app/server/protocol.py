"""One connection: uvicorn's HTTP/1.1 on h11, with limits on time and size and with problems as answers.

h11 and not httptools, which accepts heads of any size: h11 refuses them, and says what was wrong.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.server.answering import problem_bytes, refusal
from pathprint.app.server.at_once import answered_at_once
from pathprint.app.server.closing import LingeringTransport
from pathprint.app.server.request_ids import request_id_of

if TYPE_CHECKING:
    from pathprint.app.server.server import Config

_READ_BYTES = 64 * 1024
"""Bytes read at once from one connection; this is also about what waits unread by the application."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FIRST_QUESTION_SECONDS = 0.25
"""Time after a client's end of the stream until it is found out whether it is gone; each further time is doubled."""
_PIPELINED = 8
"""Requests that came together and are answered at once; further ones take their turn on the event loop."""
_LAST_WORD_SECONDS = 1.0
"""Time that a connection without a whole request still has when the service takes no more connections."""


class Connection(H11Protocol):
    """A client's connection. It waits for a request's head or is busy with a request."""

    transport: LingeringTransport
    config: Config

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        client: str,
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.settings, self.crowd, self.client_key = config.settings, config.crowd, client
        self._evicted, self._is_new, self._to_drop = False, True, 0
        self.waiting_since = self.loop.time()
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._question: asyncio.TimerHandle | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the application has a request of this connection."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        if hasattr(transport, "max_size"):
            transport.max_size = _READ_BYTES
        super().connection_made(LingeringTransport(transport, self.loop))
        if self._evicted:
            self.transport.abort()
        if self._is_new:
            self._attend()
        else:
            self._keep_alive()

    def answer_waiting(self, accepted: socket.socket) -> None:
        """Answer what has come before the connection is set up, if that is possible at once.

        Setting it up takes four turns of the event loop, each of which is long when there is much to do.
        """
        try:
            found = answered_at_once(accepted.recv(_READ_BYTES, socket.MSG_PEEK), self.config.door.at_once)
            if found is not None:
                accepted.recv(found.size)
                accepted.send(found.answer)  # fits into the buffer of a new connection
                self._to_drop, self._is_new = found.missing, False
        except OSError:
            return  # nothing has come, or the client is gone, which is noticed later

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; the application learns that its client is gone."""
        self.transport.lost()
        self.crowd.leave(self)
        for timer in (self._head_timer, self._write_timer, self._question, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def evict(self) -> None:
        """Cut the connection, which has no request, so that another can be served."""
        self._evicted = True
        if self.transport is not None:  # otherwise it is about to be made
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read on, unless the last answer is given: then what still comes is dropped."""
        if self.transport.is_closing():
            return
        data = self._dropped(data)
        for _ in range(_PIPELINED):
            rest = self._answered_at_once(data) if data else None
            if rest is None:
                break
            data = rest
        if data:
            super().data_received(data)
            self._attend()

    def _dropped(self, data: bytes) -> bytes:
        """Return what comes after the body of a request that was answered without it."""
        rest, self._to_drop = data[self._to_drop :], max(0, self._to_drop - len(data))
        return rest

    def _answered_at_once(self, data: bytes) -> bytes | None:
        """Answer the request that ``data`` begin with, if that is possible at once; return what comes after it."""
        waits = not (self.is_busy or self._has_begun() or self.flow.write_paused)
        if not waits or (found := answered_at_once(data, self.config.door.at_once)) is None:
            return None
        self.transport.write(found.answer)
        self._to_drop = found.missing
        self.waiting_since, self._is_new = self.loop.time(), False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self._keep_alive()
        return data[found.size :]

    def _keep_alive(self) -> None:
        """Wait for the next request as long as between two others."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio knows this answer
        """Answer a whole request of a client that sends no more. Return whether to keep the connection for that."""
        self.transport.client_ended = True
        return not self.transport.is_closing() and self._answers_yet()

    def _answers_yet(self) -> bool:
        """Return whether a client that sends no more has a whole request to be answered; else close the connection."""
        if self.is_busy and not self.cycle.more_body:
            self._ask_whether_gone(_FIRST_QUESTION_SECONDS)
            return True
        if self.is_busy or self._has_begun():
            self._refuse(ProblemError("bad_request", "The connection was closed before the request was complete."))
        else:
            self.transport.close()
        return False

    def _ask_whether_gone(self, seconds: float) -> None:
        """Find out, while a request is worked on, whether its client has ended its side only or is gone.

        Both look alike until something is sent: where nobody is left, the system answers with a reset, at which the
        transport ends the connection. RFC 9110 lets a server say 100 at any time, and clients pass over it.
        """

        def ask() -> None:
            if self.is_busy and not self.cycle.response_started and not self.transport.is_closing():
                self.transport.write(_CONTINUE)
                self._ask_whether_gone(seconds * 2)

        if self.scope["http_version"] == "1.1":  # clients of 1.0 do not know such answers
            self._question = self.loop.call_later(seconds, ask)

    def on_response_complete(self) -> None:
        """Wait for the next request, if the client may still send one."""
        self.waiting_since = self.loop.time()
        super().on_response_complete()
        if self.transport.client_ended and not self.transport.is_closing():
            self._answers_yet()
        self._attend()

    def _waits_for_first(self) -> bool:
        """Whether no request has come yet."""
        return self.cycle is None and self._is_new

    def _has_begun(self) -> bool:
        """Whether a part of the head of the next request is there."""
        return bool(self.conn.trailing_data[0])

    def _attend(self) -> None:
        """Limit the time for a head. Between two requests uvicorn's own timer runs, until the first byte."""
        if self.is_busy or self.transport.is_closing():
            if self._head_timer is not None:
                self._head_timer.cancel()
            self._head_timer = None
        elif self._head_timer is None and (self._waits_for_first() or self._has_begun()):
            self._unset_keepalive_if_required()
            self._head_timer = self.loop.call_later(self.settings.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        if self._has_begun():
            seconds = self.settings.head_seconds
            self._refuse(ProblemError("head_timeout", f"The request's head must arrive within {seconds:g} seconds."))
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what h11 could not read as a request; uvicorn calls this while it handles h11's error."""
        error = sys.exc_info()[1]
        assert isinstance(error, h11.RemoteProtocolError)
        self._refuse(self._problem_of(error))

    def _problem_of(self, error: h11.RemoteProtocolError) -> ProblemError:
        settings = self.settings
        match error.error_status_hint:
            case 431 if not self.is_busy and b"\n" not in self.conn.trailing_data[0]:
                return too_long_request_line(settings.max_request_line_bytes)
            case 431:
                return too_large_head(settings.max_head_bytes)
            case 501:
                return ProblemError("unsupported_transfer_encoding", "The only transfer encoding is 'chunked'.")
        return ProblemError("bad_request", "This is not a well-formed HTTP/1.1 request.")

    def _refuse(self, found: ProblemError) -> None:
        """Answer by the server itself and close. h11 is passed by: after an error it writes nothing."""
        if not self.is_busy:
            self.transport.write(refusal(found))
        else:
            self.give_up(found)
        self.transport.close()

    def give_up(self, found: ProblemError) -> None:
        """Answer a request in place of the application, which finds its client gone. A begun answer is cut."""
        begun, self.cycle.disconnected = self.cycle.response_started, True
        self.cycle.message_event.set()
        if begun:
            self.transport.abort()
            return
        # If the application has not begun yet, it will take this id too.
        request_id = self.scope["state"].setdefault("request_id", request_id_of(self.scope["headers"]))
        self.transport.write(problem_bytes(found, request_id))
        self.transport.close()

    def shutdown(self) -> None:
        """Let a request finish; close the connection if none is under way or on its way."""
        if self.is_busy:
            self.cycle.keep_alive = False
        elif self._waits_for_first() or self._has_begun():
            self.loop.call_later(_LAST_WORD_SECONDS, self._close_unless_busy)
        else:
            self.transport.close()

    def _close_unless_busy(self) -> None:
        if self.is_busy:
            self.cycle.keep_alive = False
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        """Limit the time for which the client leaves our answer unread."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.settings.write_seconds, self.transport.reset)

    def resume_writing(self) -> None:
        """Go on after the client has read enough."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        self.transport.drained()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has been without a request for too long."""
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Ignore a wish for another protocol, as RFC 9110 allows, without a line in the log."""


def too_long_request_line(limit: int) -> ProblemError:
    """Return the problem of a request line with more than ``limit`` bytes."""
    return ProblemError("request_line_too_long", f"A request line may have at most {limit:,} bytes.")


def too_large_head(limit: int) -> ProblemError:
    """Return the problem of a head, or of the headers of a body's parts, with more than ``limit`` bytes."""
    return ProblemError("head_too_large", f"The head of a request may have at most {limit:,} bytes.")
