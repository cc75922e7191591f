"""Options of the commands that run long jobs: who works, what is kept, what may be bad."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.profiling.jobs.engines.options import EngineName, Workers

if TYPE_CHECKING:
    from pathprint.profiling.jobs.job import Job

WorkerNumber = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Number of worker processes, each on one thread; 0 for none but this process. Default: one for each "
        "processor, or none for a few images that lie decoded in memory.",
    ),
]
EngineChoice = Annotated[
    EngineName,
    typer.Option(
        "--engine",
        help="Where the workers run: on this machine (local), or on a Ray cluster (ray), whose nodes have to find the "
        "images, and the folder of the result, under the same names.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="ADDRESS",
        help="Address of the Ray cluster; auto for the one that this machine belongs to. Default: one is started here.",
    ),
]
Gpu = Annotated[bool, typer.Option("--gpu", help="Have each Ray worker use a GPU.")]
Restart = Annotated[
    bool, typer.Option("--restart", help="Discard what an interrupted run has left, instead of going on with it.")
]
MaxBadFraction = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Largest share of images that may be unreadable. They are named and left out; more of them end the job.",
    ),
]


def job_for(
    run: Path,
    workers: int | None,
    engine: EngineName,
    address: str | None,
    gpu: bool,
    restart: bool,
    max_bad_fraction: float,
) -> Job:
    """Return how a job is to run that keeps what is done in the folder ``run``."""
    from pathprint.profiling.jobs.job import Job

    return Job(Workers(engine, workers, address, gpu), run, restart, max_bad_fraction)
