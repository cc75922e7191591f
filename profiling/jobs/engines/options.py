"""Which engine a user asks for. Nothing heavy is imported here, because the command line reads it for its help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pathprint.profiling.errors import OptionsError

EngineName = Literal["local", "ray"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
FEW = 2000
"""Images up to which a job whose images lie decoded in memory starts no further processes by itself."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Who does the work.

    Attributes:
        engine: ``local``: processes of this machine; ``ray``: actors of a Ray cluster.
        number: workers, each on one thread, or on one GPU; 0 for none but this process; None for what suits the job.
        address: of the Ray cluster; ``auto`` for the one that this machine belongs to, None for one that is started.
        gpu: have each worker use a GPU.
    """

    engine: EngineName = "local"
    number: int | None = 0
    address: str | None = None
    gpu: bool = False

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise OptionsError(f"`engine` is {self.engine!r}; allowed: {', '.join(ENGINES)}.")
        if self.number is not None and self.number < 0:
            raise OptionsError(f"`workers` is {self.number}; 0 or more are allowed.")
        if self.engine == "ray" and self.number == 0:
            raise OptionsError("the engine ray needs at least one worker; give their number with `workers`.")
