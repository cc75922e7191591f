"""Make the engine that a user asks for."""

from __future__ import annotations

from pathprint.profiling.jobs.engines.engine import Engine
from pathprint.profiling.jobs.engines.here import Here
from pathprint.profiling.jobs.engines.local import Local
from pathprint.profiling.jobs.engines.options import FEW, Workers
from pathprint.profiling.processors import processors


def engine_of(workers: Workers, images: int, in_memory: bool) -> Engine:
    """Return the engine for a job.

    Args:
        images: number of images of the job.
        in_memory: whether they lie decoded in memory, where no decoder can fail.

    Raises:
        MissingExtraError: Ray is asked for and not installed.
    """
    if workers.engine == "ray":
        from pathprint.profiling.jobs.engines.ray import Ray  # an optional library, slow to import

        return Ray.of(workers)
    number = workers.number
    if number is None:
        number = 0 if in_memory and images <= FEW else processors()
    return Local(number) if number else Here()
