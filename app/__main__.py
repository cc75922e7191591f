"""The service as a program: ``python -P -m pathprint.app BUNDLE --host 0.0.0.0 --port 8000``.

The container starts it; `pathprint serve` replaces its own process with it. Other settings are environment variables
that begin with ``PATHPRINT_``.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NoReturn

from pathprint.app.admission.binding import refusal_to_listen

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
    parser.add_argument("bundle", metavar="BUNDLE", type=_folder, help="folder that `pathprint fit` wrote")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 listens on every network [%(default)s]"
    )
    parser.add_argument("--port", type=_port, default=8000, help="port to listen on [%(default)s]")
    return parser


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text!r}")
    return Path(text)


def _port(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 65535, not {text!r}")
    return int(text)


def main() -> None:
    """Serve the bundle until the process is told to stop."""
    parser = _parser()
    given = parser.parse_args()
    if refusal := refusal_to_listen(given.host):
        parser.exit(2, f"pathprint: {refusal}\n")
    import uvicorn  # not at the top: a wrong call is refused without waiting for it

    os.environ["PATHPRINT_BUNDLE"] = str(given.bundle)
    uvicorn.run(
        "pathprint.app.main:from_environment",
        factory=True,
        host=given.host,
        port=given.port,
        access_log=False,  # the service writes its own
        server_header=False,
        timeout_keep_alive=65,  # longer than a proxy does, or it would use closed connections
        timeout_graceful_shutdown=30,
    )


if __name__ == "__main__":
    main()
