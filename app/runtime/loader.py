"""Which models answer, and how others take their place: at the start, on SIGHUP, and on an admin call."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import perf_counter

import structlog

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime import memory
from pathprint.app.runtime.load_thread import LoadThread
from pathprint.app.runtime.loading import LOADED, WAITING, Reading, Wanted
from pathprint.app.runtime.models import Models
from pathprint.app.runtime.swapping import Swap, when_released
from pathprint.models.errors import ModelError
from pathprint.profiling.errors import ProfilingError

log = structlog.get_logger("app")
_FORESEEN = (ProfilingError, ModelError, OSError, MemoryError)
First = Callable[[Models], Awaitable[None]]


class Loader:
    """Holds the models that answer. They change by the assignment of one reference, on the event loop.

    Attributes:
        models: the models that answer; None until the first ones are loaded.
        stages: how far each bundle is that is being loaded now, in the order of loading.
        outcomes: how many loadings ended as ``swapped``, ``unchanged`` and ``failed``, the first one included.
    """

    def __init__(self, wanted: Wanted, first: First) -> None:
        """``first`` is awaited with the first models before they answer."""
        self.models: Models | None = None
        self.stages: dict[str, str] = {}
        self.outcomes: Counter[str] = Counter()
        self._wanted, self._first = wanted, first
        self._thread = LoadThread()
        self._running: asyncio.Task[Swap] | None = None
        self._next: asyncio.Task[None] | None = None

    async def begin_with(self, models: Models) -> None:
        """Let models answer that are in memory already."""
        await self._put(models)

    async def load(self) -> Swap:
        """Load what the wanted folders hold now, to the end, even if whoever called goes away; return what changed.

        Raises:
            ProblemError: bundles are being loaded already, or one was refused, and the log says why. The models that
                answered go on.
        """
        if self._running is not None:
            raise ProblemError("reload_in_progress", "Wait until this has ended.", {"Retry-After": "5"})
        self._running = asyncio.create_task(self._load())
        self._running.add_done_callback(_looked_at)
        return await asyncio.shield(self._running)

    def load_soon(self) -> None:
        """Load once what is being loaded now has ended; what goes wrong is in the log only."""
        if self._next is None:
            self._next = asyncio.create_task(self._load_next())

    async def _load_next(self) -> None:
        while self._running is not None:
            await asyncio.wait([self._running])
        self._next = None  # whoever asks from now on wants what the folders hold later
        with suppress(ProblemError):
            await self.load()

    def close(self) -> None:
        """End the thread, without waiting for what is being loaded."""
        self._thread.close()

    async def _load(self) -> Swap:
        started = perf_counter()
        try:
            models = await self._thread.run(Reading(self._wanted, self.models, self.stages.__setitem__).models)
            swap = await self._put(models)
        except Exception as error:
            self.outcomes["failed"] += 1
            raise self._refused(error) from error
        finally:
            self._running = None
            self.stages.clear()
        outcome = "swapped" if swap.changed else "unchanged"
        self.outcomes[outcome] += 1
        log.info("bundles loaded", outcome=outcome, seconds=round(perf_counter() - started, 3), **swap.facts)
        return swap

    async def _put(self, models: Models) -> Swap:
        if self.models is None:
            await self._first(models)
        swap = Swap.between(self.models, models)
        self.models = models
        for one in swap.loaded:
            when_released(one, self._on_release(one.bundle.sha256))
        return swap

    def _on_release(self, sha256: str) -> Callable[[], None]:
        def tell() -> None:
            memory.give_back()
            log.info("bundle released", bundle_sha256=sha256)

        return lambda: self._thread.post(tell)

    def _refused(self, error: Exception) -> ProblemError:
        """Log why bundles were refused; return what a client may know of that."""
        foreseen = isinstance(error, _FORESEEN)
        trace = {} if foreseen else {"traceback": "".join(traceback.format_exception(error))}
        title, stage = next(((t, s) for t, s in self.stages.items() if s not in (WAITING, LOADED)), ("", ""))
        log.error("bundles refused", reason=str(error), bundle=title, stage=stage, **trace)
        where = f"This failed for {title}, at the stage '{stage}'" if title else "This failed before any was loaded"
        return ProblemError("reload_failed", f"{where}; the log says why, under this request_id.")


def _looked_at(task: asyncio.Task[Swap]) -> None:
    """Note that somebody looked at what a loading raised: whoever asked may have gone, and the log has it."""
    if not task.cancelled():
        task.exception()
