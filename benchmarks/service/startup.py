"""What it costs to start the service until it is ready: processor time and memory, beside ``import torch`` alone.

    python benchmarks/service/startup.py BUNDLE [--repeats 5] [--heaviest 15]

Each start is a process of its own, the first of which is not counted: it may have to compile. The smallest of the
repeats is printed, as everything else on the machine only adds to it. ``--heaviest`` also lists which modules beside
torch take most of the time of importing. Needs Linux.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from load import free_port

_TICKS = os.sysconf("SC_CLK_TCK")
_READY_SECONDS = 180
_MEMORY_LINES = ("VmRSS", "RssAnon")
_TORCH = "import sys, torch; print(flush=True); sys.stdin.read()"
_SERVICE = "from pathprint.app.main import from_environment"


@dataclass(frozen=True)
class Cost:
    """Seconds of processor time, and MiB of memory: all that is resident, and what is the process's own of it."""

    seconds: float
    resident: float
    own: float

    def beyond(self, other: Cost) -> Cost:
        """Return what this costs more than another."""
        return Cost(self.seconds - other.seconds, self.resident - other.resident, self.own - other.own)

    def smaller(self, other: Cost) -> Cost:
        """Return the smaller of each two numbers."""
        return Cost(min(self.seconds, other.seconds), min(self.resident, other.resident), min(self.own, other.own))


def cost_of(process: int) -> Cost:
    """Return what a process has cost so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    resident, own = (int(status[name].split()[0]) / 1024 for name in _MEMORY_LINES)
    return Cost((int(fields[11]) + int(fields[12])) / _TICKS, resident, own)


def torch_alone() -> Cost:
    """Return what ``import torch`` costs."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", _TORCH], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        return cost_of(process.pid)


def service(bundle: Path) -> Cost:
    """Return what the service has cost when it is ready."""
    port = free_port()
    command = [sys.executable, "-P", "-m", "pathprint.app", str(bundle), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "PATHPRINT_PAUSE_SECONDS": "0"})
    try:
        end = time.monotonic() + _READY_SECONDS
        while not _is_ready(port):
            assert process.poll() is None and time.monotonic() < end, "the service did not get ready"
            time.sleep(0.1)
        return cost_of(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def heaviest(number: int) -> list[tuple[str, float]]:
    """Return the packages beside torch whose own modules take most milliseconds to import for the service."""
    command = [sys.executable, "-X", "importtime", "-c", _SERVICE]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    spent: Counter[str] = Counter()
    for line in lines:
        own, _, name = line.removeprefix("import time:").split("|")
        package = name.strip().partition(".")[0]
        if own.strip().isdecimal() and package != "torch":
            spent[package] += int(own)
    return [(package, microseconds / 1000) for package, microseconds in spent.most_common(number)]


def main() -> None:
    """Read the call, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--repeats", type=int, default=5, help="starts that are counted [%(default)s]")
    parser.add_argument("--heaviest", type=int, default=0, help="packages whose imports are listed [%(default)s]")
    given = parser.parse_args()
    service(given.bundle)
    alone, whole = torch_alone(), service(given.bundle)
    for _ in range(given.repeats - 1):
        alone, whole = alone.smaller(torch_alone()), whole.smaller(service(given.bundle))
    for name, cost in (("import torch", alone), ("ready", whole), ("beyond import torch", whole.beyond(alone))):
        print(f"{name:22} {cost.seconds:6.2f} s {cost.resident:8.1f} MiB resident {cost.own:8.1f} MiB of its own")
    print("goal                     3.00 s    150.0 MiB beyond import torch")
    for package, milliseconds in heaviest(given.heaviest) if given.heaviest else []:
        print(f"{package:22} {milliseconds:8.1f} ms")


if __name__ == "__main__":
    main()
