"""The ``pathprint`` command."""

from __future__ import annotations

import os
import sys

import typer

from pathprint.models.errors import ModelError
from pathprint.profiling.cli.lazy import Commands
from pathprint.profiling.cli.mistakes import in_one_sentence
from pathprint.profiling.cli.stopping import stoppable
from pathprint.profiling.cli.terminal import bars, say, warnings_shown
from pathprint.profiling.errors import ProfilingError
from pathprint.profiling.progress import shown_by
from pathprint.profiling.writing.places import POSIX_ONLY

SECTIONS = {
    "Start here": {
        "quickstart": "Build, evaluate and serve a detector for handwritten digits, in about a minute.",
    },
    "Make a detector": {
        "networks": "List the networks that can be protected.",
        "train": "Train one of our own networks on your images.",
        "profile": "Record which paths images of each class take through a network.",
        "merge": "Add up profiles that were made on different machines or days.",
        "fit": "Fit a detector to a profile; write it as a bundle.",
        "evaluate": "Measure a bundle on images that nothing has seen, clean and attacked.",
    },
    "Use it": {
        "detect": "Say for each image whether it is adversarial, and why.",
        "explain": "Draw why an image is adversarial, or why not: as a picture or as a page.",
        "recalibrate": "Set the threshold of a bundle anew, on newer clean images; write it as a new bundle.",
        "inspect": "Show what is in a run, a profile or a bundle.",
        "scan": "Judge all images of a data set; write a report with a line for each.",
        "paths": "Write the path that an image takes, as arrays.",
        "serve": "Answer over HTTP whether images are adversarial.",
        "keys": "Make API keys for the service.",
    },
    "Hand it on": {
        "verify": "Check that a bundle is whole and unchanged, and who signed it.",
        "sign": "Sign a bundle with a key.",
        "card": "Describe a bundle and its figures for others, as a model card in CycloneDX.",
    },
    "Laboratory": {
        "attacks": "List the attacks to fit and evaluate with.",
        "bench": "Time a detection beside a plain inference.",
        "sanity": "Check that paths matter: predict without them, and with nothing else.",
        "study": "Repeat one of the papers' studies of paths.",
    },
}
"""By heading, every command with what it does; the function of each is in commands/NAME.py."""

commands = Commands(
    "pathprint",
    "pathprint.profiling.cli.commands",
    SECTIONS,
    """Detect adversarial images by the effective path they take through a network.

    Example:
        pathprint quickstart
    """,
)


def main() -> None:
    """Run the command line; a wrong call and our own errors end it with one sentence and status 2."""
    # Idle OpenMP threads sleep instead of spinning: beside other work on the machine, spinning made
    # training of the digits network eleven times slower. Read when torch is loaded, so it comes first.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with warnings_shown(), shown_by(bars), stoppable():
        status = _status()
    raise SystemExit(status)


def _status() -> int:
    if sys.platform == "win32":
        say(f"pathprint: {POSIX_ONLY}")
        return 2
    try:
        return commands.main(prog_name="pathprint", standalone_mode=False) or 0
    except typer.TyperException as error:
        sentence = in_one_sentence(error)
    except (ProfilingError, ModelError) as error:
        sentence = str(error)
    except OSError as error:
        sentence = f"{error.filename or 'input/output'}: {error.strerror or error}"
    say(f"pathprint: {sentence}")
    return 2
