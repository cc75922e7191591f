"""The first loading of bundles, while the service already listens; and the end of a service without bundles."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.loader import Loader
from pathprint.app.server.ending import END, end_service


@asynccontextmanager
async def loading_meanwhile(loader: Loader, exit_if_refused: bool) -> AsyncIterator[None]:
    """Load the first models while the service already listens.

    If a bundle is refused and ``exit_if_refused``, one line on standard error says why, and the process ends with
    status 2.
    """
    task = asyncio.create_task(_load_first(loader, exit_if_refused))
    try:
        yield
    finally:
        task.cancel()


async def _load_first(loader: Loader, exit_if_refused: bool) -> None:
    try:
        await loader.load()
    except ProblemError as problem:
        if exit_if_refused and problem.code == "reload_failed":
            end = refused(str(problem.__cause__))
            if END.get() is None:  # another server than ours: only the event loop can end it
                raise end from None
            end_service(2)


def refused(reason: str) -> SystemExit:
    """Say on standard error why the service does not run; return the exception that ends it with status 2."""
    sys.stderr.write(f"pathprint: {' '.join(reason.split())}\n")
    return SystemExit(2)
