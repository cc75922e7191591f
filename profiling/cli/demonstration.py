"""Start the real service on a bundle and ask it about images, as a user would."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from pathprint.models.preprocessing import to_image
from pathprint.profiling.errors import BundleError

_START_SECONDS = 60


@contextmanager
def running_service(bundle: Path) -> Iterator[str]:
    """Serve ``bundle`` in a process of its own; yield its address; stop it in any case.

    Raises:
        BundleError: the service does not get ready.
    """
    port = _free_port()
    command = [sys.executable, "-m", "pathprint.profiling.cli", "serve", str(bundle), "--port", str(port)]
    # The packages may be used from a checkout, so the child gets the same search path.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address, server)
        yield address
    finally:
        server.terminate()
        server.communicate(timeout=30)


def ask(address: str, pixels: Tensor) -> dict[str, Any]:
    """Post pixels ``c h w`` as a PNG to the service; return its answer."""
    buffer = io.BytesIO()
    to_image(pixels).save(buffer, "PNG")
    request = urllib.request.Request(f"{address}/v1/detect", buffer.getvalue(), {"Content-Type": "image/png"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    if server.poll() is None:
        server.kill()
    lines = (server.communicate()[1] or b"").decode(errors="replace").strip().splitlines()
    raise BundleError(f"the service did not get ready: {lines[-1] if lines else 'no reason given'}")
