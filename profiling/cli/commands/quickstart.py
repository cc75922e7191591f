"""``pathprint quickstart``: the whole job on the digits of scikit-learn, ending at a running service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pathprint.profiling.cli.options import AsJson, print_json

_NETWORK, _DATA, _SHOWN = "digits-cnn", "digits", "pgd-0.2"


def quickstart(
    out: Annotated[Path, typer.Option(help="Folder to write the bundle to.", file_okay=False)] = Path("bundles/digits"),
    as_json: AsJson = False,
) -> None:
    """Build, evaluate and serve a detector for handwritten digits, in about a minute.

    It writes a bundle and a report beside it, starts the service once, and shows its answers to two images.

    Example:
        pathprint quickstart
    """
    from pathprint.profiling.attacks.registry import suite
    from pathprint.profiling.cli import tables
    from pathprint.profiling.cli.demonstration import closing, demonstrate
    from pathprint.profiling.cli.inputs import open_data, open_network
    from pathprint.profiling.cli.terminal import say, show
    from pathprint.profiling.data.roles import profile_images, split
    from pathprint.profiling.detection.bundle import load_bundle, save_bundle
    from pathprint.profiling.evaluation import protocol
    from pathprint.profiling.evaluation.options import recorded
    from pathprint.profiling.evaluation.report.page import write_page
    from pathprint.profiling.jobs import fit as fitting
    from pathprint.profiling.jobs import profile as building
    from pathprint.profiling.jobs.defaults import PROFILE_PER_CLASS
    from pathprint.profiling.paths.extraction import Extractor

    network = open_network(_NETWORK, None)
    dataset = open_data(_DATA, network, None)
    images = profile_images(dataset)
    parts = split(dataset, frozenset(dataset.keys[images].tolist()))
    attacks = list(suite(network).values())
    extractor = Extractor(network)
    signatures = building.profile(extractor, dataset, images, PROFILE_PER_CLASS)
    detector = fitting.fit_detector(extractor, signatures, parts, attacks, fitting.FitOptions(), fitting.Sizes())
    outcome = protocol.evaluate(detector, parts, attacks, protocol.Options())
    out.parent.mkdir(parents=True, exist_ok=True)
    save_bundle(detector, parts, dataset.pixels(parts.calibrate.positions[:1], network.preprocessing)[0], out)
    report, page = recorded(outcome.report, load_bundle(out).sha256), out.with_name(f"{out.name}.html")
    write_page(report, page)
    show(tables.figures(report))
    answers = demonstrate(out, outcome, _SHOWN)
    say(f"The bundle is in {out}; the report on it is in {page}. Serve the bundle with:")
    say(f"{_program()} serve {out}")
    if as_json:
        print_json({**closing(out, report, answers), "report": str(page)})


def _program() -> str:
    """Return this command as the user called it: inside a virtual environment it may not be on the path."""
    return sys.argv[0] if Path(sys.argv[0]).name == "pathprint" else "pathprint"
