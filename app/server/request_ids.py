"""The id of a request: the client's own if it is harmless in logs and headers, otherwise a new one."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable

_HARMLESS = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return what the one ``X-Request-ID`` says; a new id if there is none, several, or one of other characters."""
    asked = [value for name, value in headers if name == b"x-request-id"]
    if len(asked) == 1 and _HARMLESS.fullmatch(asked[0]):
        return asked[0].decode()
    return new_request_id()


def new_request_id() -> str:
    """Return an id that no other request has."""
    return uuid.uuid4().hex
