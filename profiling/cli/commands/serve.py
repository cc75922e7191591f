"""``pathprint serve``: start the service."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from pathprint.profiling.cli.options import Bundle


def serve(
    bundle: Bundle,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 listens on every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Answer over HTTP whether images are adversarial.

    This starts `python -P -m pathprint.app`, the program that the container runs too.

    Example:
        pathprint serve lenet5-bundle --port 8000
    """
    sys.stdout.flush()
    # Named, not imported: the service depends on this package, never the reverse.
    program = [sys.executable, "-P", "-m", "pathprint.app", str(bundle), "--host", host, "--port", str(port)]
    os.execv(sys.executable, program)  # noqa: S606  # no shell is meant; the service takes the place of this process
