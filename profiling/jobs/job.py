"""How a long job is to run: who works, where it keeps what is done, and how many bad images it bears."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pathprint.models.network import Network
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.jobs.engines.choice import engine_of
from pathprint.profiling.jobs.engines.engine import Engine
from pathprint.profiling.jobs.engines.here import Here
from pathprint.profiling.jobs.engines.options import Workers
from pathprint.profiling.jobs.run import Run, opened
from pathprint.profiling.jobs.sources import NetworkSource


@dataclass(frozen=True, slots=True)
class Begun:
    """A job under way.

    Attributes:
        run: keeps what is done.
        engine: does it.
    """

    run: Run
    engine: Engine

    def stored(self, network: Network) -> NetworkSource:
        """Store the network where workers find it."""
        return NetworkSource.stored(network, self.run.folder and self.run.folder / "network")


@dataclass(frozen=True, slots=True)
class Job:
    """How a long job is to run.

    Attributes:
        workers: who does the work; the default is this process alone.
        run: folder that keeps what is done, so that the same call goes on after anything that stopped it; None
            keeps nothing.
        restart: discard what ``run`` has of an unfinished job.
        max_bad_fraction: largest share of images that may be unreadable, in [0, 1]; they are named and left out.
    """

    workers: Workers = field(default_factory=Workers)
    run: Path | None = None
    restart: bool = False
    max_bad_fraction: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.max_bad_fraction <= 1:
            raise OptionsError(f"`max_bad_fraction` is {self.max_bad_fraction}; it must be between 0 and 1.")

    @contextmanager
    def begun(self, plan: Mapping[str, Any], images: int, in_memory: bool) -> Iterator[Begun]:
        """Yield the job under way; see ``run.opened`` and ``engine_of``."""
        with closing(engine_of(self.workers, images, in_memory)) as engine, self._opened(engine, plan) as run:
            yield Begun(run, engine)

    @contextmanager
    def _opened(self, engine: Engine, plan: Mapping[str, Any]) -> Iterator[Run]:
        """Open the run, which is a temporary one where nothing is to be kept; other processes need its folder."""
        if self.run is None and not isinstance(engine, Here):
            with tempfile.TemporaryDirectory(prefix="pathprint-") as folder, opened(Path(folder) / "run", plan) as run:
                yield run
            return
        with opened(self.run, plan, self.restart) as run:
            yield run


THIS_PROCESS = Job()
"""Works in this process alone, and keeps nothing."""
