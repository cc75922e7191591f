"""The ``pathprint`` command."""

from __future__ import annotations

import os

# Idle OpenMP threads sleep instead of spinning: beside other work on the machine, spinning made
# training of the digits network eleven times slower. Read when torch is loaded, so it comes first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import typer

from pathprint.models.errors import ModelError
from pathprint.profiling.cli.commands import attacks, bench, networks, offline, online, quickstart, sanity, studies
from pathprint.profiling.errors import ProfilingError

application = typer.Typer(
    name="pathprint",
    help="Detect adversarial images by the effective path they take through a network.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    networks.networks,
    networks.train,
    attacks.attacks,
    offline.profile,
    offline.fit,
    offline.evaluate,
    sanity.sanity,
    bench.bench,
    online.detect,
    online.paths,
    online.serve,
    quickstart.quickstart,
):
    application.command()(command)
application.add_typer(studies.application, name="study")


def main() -> None:
    """Run the command line; our own errors end it with one sentence and status 1."""
    try:
        application()
    except (ProfilingError, ModelError) as error:
        typer.echo(f"pathprint: {error}", err=True)
        raise SystemExit(1) from None
    except OSError as error:
        typer.echo(f"pathprint: {error.filename or 'input/output'}: {error.strerror or error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
