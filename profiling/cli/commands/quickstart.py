"""``pathprint quickstart``: the whole job on the digits of scikit-learn, ending at a running service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from pathprint.profiling.cli.options import AsJson
from pathprint.profiling.cli.outputs import folder_option
from pathprint.profiling.cli.results import print_json
from pathprint.profiling.detection.bundle_files import BUNDLE, examples_beside, report_beside
from pathprint.profiling.writing.places import check_file

_NETWORK, _DATA, _SHOWN = "digits-cnn", "digits", "pgd-0.2"
_DETECT = "http://127.0.0.1:8000/v1/detect"


def quickstart(
    out: Annotated[Path, folder_option("Folder to write the bundle to; an older bundle is replaced.", BUNDLE)] = Path(
        "bundles/digits"
    ),
    as_json: AsJson = False,
) -> None:
    """Build, evaluate and serve a detector for handwritten digits, in about a minute.

    It writes a bundle, and beside it a report, two images and examples for the console, starts the service once, and
    shows its answers to both images.

    Example:
        pathprint quickstart
    """
    page = report_beside(out)
    pictures = {name: out.with_name(f"{out.name}-{name}.png") for name in ("clean", "adversarial")}
    for path in (page, examples_beside(out), *pictures.values()):
        check_file(path)
    import pathprint
    from pathprint.profiling.attacks.registry import chosen
    from pathprint.profiling.cli import tables
    from pathprint.profiling.cli.demonstration import closing, demonstrate, pairs
    from pathprint.profiling.cli.inputs import open_network
    from pathprint.profiling.cli.terminal import say, show
    from pathprint.profiling.data.datasets import matched_data
    from pathprint.profiling.evaluation.evaluate import outcome
    from pathprint.profiling.evaluation.options import Options, recorded
    from pathprint.profiling.evaluation.report.page import write_page

    network = open_network(_NETWORK, None)
    dataset = matched_data(_DATA, network.labels)
    bundle = pathprint.fit(pathprint.profile(network, dataset), dataset).save(out)
    found = outcome(bundle, dataset, chosen(network, None), Options())
    report = recorded(found.report, bundle.sha256)
    write_page(report, page)
    pairs(found, network.labels).save(out, bundle.sha256)
    show(tables.figures(report))
    answers = demonstrate(out, found, _SHOWN, pictures)
    say(f"The bundle is in {out}; the report on it is in {page}. Serve the bundle with:")
    say(f"{_program()} serve {out}")
    say("and ask it, in another terminal, about the attacked image:")
    say(f"curl --data-binary @{pictures['adversarial']} -H 'Content-Type: image/png' {_DETECT}")
    say("Then open http://127.0.0.1:8000 in a browser: the console has examples to try.")
    if as_json:
        print_json({**closing(out, report, answers), "report": str(page)})


def _program() -> str:
    """Return this command as the user called it: inside a virtual environment it may not be on the path."""
    return sys.argv[0] if Path(sys.argv[0]).name == "pathprint" else "pathprint"
