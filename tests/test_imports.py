"""The program that the container starts loads nothing that only the offline steps need."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.app.test_startup import free_port, wait_until_ready
from tests.deploy.starting import start

OFFLINE = ("sklearn", "scipy.stats", "scipy.optimize", "foolbox", "typer")
"""What only the offline steps need. Where they are installed, numba loads other parts of scipy, structlog loads rich,
and uvicorn loads click, whatever we import."""
ROOMS = {"attacks", "jobs", "evaluation", "studies", "cli"}


def program(bundle: Path, port: int) -> list[str]:
    """Return what the container starts, with this Python, a bundle of ours, and only for this machine."""
    _, *options = start.command([], bundle)
    here = [word if word != "0.0.0.0" else "127.0.0.1" for word in options]
    return [sys.executable, "-X", "importtime", *here, "--port", str(port)]


@pytest.mark.slow
def test_the_container_loads_no_offline_library(bundle_folder: Path, tmp_path: Path) -> None:
    port = free_port()
    log = tmp_path / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            program(bundle_folder, port), stdout=errors, stderr=errors, env=os.environ, text=True
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                wait_until_ready(client, process)
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        finally:
            process.kill()
    imports = [line for line in log.read_text().splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip() for line in imports}
    assert {"torch", "fastapi", "pathprint.app.runtime.service"} <= loaded
    assert {name for name in loaded for library in OFFLINE if f"{name}.".startswith(f"{library}.")} == set()
    assert {name for name in loaded for room in ROOMS if name.startswith(f"pathprint.profiling.{room}.")} == set()
