"""A client of the service; it needs neither torch nor anything else of this package.

    with Client("http://127.0.0.1:8000") as client:
        answer = client.detect("suspect.png")
        print(answer.decision, *answer.reasons)

``AsyncClient`` has the methods of ``Client`` as coroutines. Names are imported when they are first used, because the
health check of a container, which lies here too, does without httpx.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathprint.app.client.answers import Answer, Layer, Model
    from pathprint.app.client.asynchronous import AsyncClient
    from pathprint.app.client.errors import ClientError, Refused, Unreachable
    from pathprint.app.client.retrying import Retries
    from pathprint.app.client.synchronous import Client

_MODULES = {
    "Answer": "answers",
    "AsyncClient": "asynchronous",
    "Client": "synchronous",
    "ClientError": "errors",
    "Layer": "answers",
    "Model": "answers",
    "Refused": "errors",
    "Retries": "retrying",
    "Unreachable": "errors",
}
__all__ = [
    "Answer",
    "AsyncClient",
    "Client",
    "ClientError",
    "Layer",
    "Model",
    "Refused",
    "Retries",
    "Unreachable",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
