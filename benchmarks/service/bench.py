"""What every measurement of the service is given, and how it prints what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import Client


@dataclass(frozen=True)
class Bench:
    """The running service, and requests with one image each.

    Attributes:
        pid: its process; with several workers, that which keeps them running.
        scale: share of the usual length of a measurement.
    """

    client: Client
    pid: int
    images: Sequence[bytes]
    scale: float
    bundle: Path
    workers: int = 1

    def resident(self) -> float:
        """Return the resident memory of the service in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def show(name: str, value: float, unit: str, goal: str = "") -> None:
    """Print one figure."""
    print(f"{name:62} {value:10.1f} {unit:12} {goal}", flush=True)
