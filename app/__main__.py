"""The service as a program: ``python -P -m pathprint.app BUNDLE --host 0.0.0.0 --port 8000``.

The container starts it; `pathprint serve` replaces its own process with it. Other settings are environment variables
that begin with ``PATHPRINT_``. ``--health URL`` asks a running service instead, for health checks of containers.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

from pathprint.app.admission.binding import refusal_to_listen
from pathprint.app.client.health import check
from pathprint.profiling.detection.bundle_files import named_folder

_PROGRAM = "python -P -m pathprint.app"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say in one sentence what was wrong with the call, and end with status 2."""
        self.exit(2, f"pathprint: {message}; see {_PROGRAM} --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=_PROGRAM,
        description="Answer over HTTP whether images are adversarial.",
        epilog=f"Example: {_PROGRAM} bundles/digits --port 8000\n\n"
        "Other settings are environment variables PATHPRINT_…; app/settings.py lists them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "bundles",
        metavar="BUNDLE",
        nargs="*",
        type=_bundle,
        help="folder that `pathprint fit` wrote, NAME=FOLDER, or a folder of such folders: name/version",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 listens on every network [%(default)s]"
    )
    parser.add_argument("--port", type=_port, default=8000, help="port to listen on [%(default)s]")
    parser.add_argument(
        "--health",
        metavar="URL",
        nargs="?",
        const="http://127.0.0.1:8000",
        help="ask the service at URL [%(const)s] whether it is ready, and end with status 0 or 1",
    )
    parser.add_argument("--workers", type=_count, default=1, help="processes that share the port [%(default)s]")
    # How the supervisor starts a worker:
    parser.add_argument("--fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--supervisor", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--wait", action="store_true", help=argparse.SUPPRESS)
    return parser


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 256):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 256, not {text!r}")
    return int(text)


def _bundle(text: str) -> str:
    _, folder = named_folder(text)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(folder)!r}")
    return text


def _port(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 65535, not {text!r}")
    return int(text)


def main() -> None:
    """Serve the bundles until the process is told to stop."""
    if hasattr(signal, "SIGHUP"):
        # By default it would end the process, which only reads files again once it serves.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    parser = _parser()
    given = parser.parse_args()
    if given.health is not None:
        sys.exit(check(given.health))
    if not given.bundles:
        parser.error("the following arguments are required: BUNDLE")
    if refusal := refusal_to_listen(given.host):
        parser.exit(2, f"pathprint: {refusal}\n")
    os.environ["PATHPRINT_BUNDLE"] = json.dumps(given.bundles)
    if given.supervisor is not None:
        _work(socket.socket(fileno=given.fd), given.supervisor, given.wait)
    # Imported here: a wrong call and a taken port are refused without waiting for the rest.
    from pathprint.app.server.listening import listen

    try:
        listener = listen(given.host, given.port)
    except OSError as error:
        parser.exit(2, f"pathprint: {error}\n")
    if given.workers > 1:
        _supervise(listener, given.workers)
    from pathprint.app.server.process import run

    run(listener, _load)


def _supervise(listener: socket.socket, workers: int) -> NoReturn:
    from pathprint.app.server.process import settings_or_exit
    from pathprint.app.server.supervisor import Supervisor, refusal_to_share

    if refusal := refusal_to_share(settings_or_exit()):
        sys.stderr.write(f"pathprint: {refusal}\n")
        raise SystemExit(2)
    command = [sys.executable, "-P", "-m", "pathprint.app", *sys.argv[1:]]
    raise SystemExit(Supervisor(listener, command, workers).run())


def _work(listener: socket.socket, supervisor: int, wait: bool) -> NoReturn:
    from pathprint.app.server.process import run
    from pathprint.app.server.server import Supervised

    run(listener, _load, Supervised(supervisor, wait))


def _load() -> ASGIApp:
    """Import what takes seconds, torch above all, while the port already answers that the service is not ready."""
    from pathprint.app.main import from_environment

    return from_environment()


if __name__ == "__main__":
    main()
