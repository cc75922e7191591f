"""``pathprint quickstart``: the whole job on the embedded digits, ending at a running service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from torch import Tensor

from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.registry import suite
from pathprint.profiling.cli import tables
from pathprint.profiling.cli.demonstration import ask, running_service
from pathprint.profiling.cli.options import AsJson, open_data, open_network, print_json
from pathprint.profiling.data.roles import profile_images, split
from pathprint.profiling.detection.bundle import load_bundle, save_bundle
from pathprint.profiling.evaluation import protocol
from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.options import recorded
from pathprint.profiling.evaluation.report.page import write_page
from pathprint.profiling.jobs import fit as fitting
from pathprint.profiling.jobs import profile as building
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.progress import console

_NETWORK, _DATA, _SHOWN = "digits-cnn", "digits", "pgd-0.2"


def quickstart(
    out: Annotated[Path, typer.Option(help="Bundle to write.")] = Path("bundles/digits"),
    as_json: AsJson = False,
) -> None:
    """Build, evaluate and serve a detector for handwritten digits, in about a minute.

    Example: pathprint quickstart
    """
    network = open_network(_NETWORK, None)
    dataset = open_data(_DATA, network, None)
    images = profile_images(dataset)
    parts = split(dataset, frozenset(dataset.keys[images].tolist()))
    attacks = list(suite(network).values())
    extractor = Extractor(network)
    signatures = building.profile(extractor, dataset, images, building.PROFILE_PER_CLASS)
    detector = fitting.fit_detector(extractor, signatures, parts, attacks, fitting.FitOptions(), fitting.Sizes())
    outcome = protocol.evaluate(detector, parts, attacks, protocol.Options())
    out.parent.mkdir(parents=True, exist_ok=True)
    save_bundle(detector, parts, dataset.pixels(parts.calibrate.positions[:1], network.preprocessing)[0], out)
    report, page = recorded(outcome.report, load_bundle(out).sha256), out.with_name(f"{out.name}.html")
    write_page(report, page)
    console.print(tables.figures(report))
    answers = _demonstrate(out, outcome)
    console.print(f"\nThe bundle is in {out}. Serve it with:\n\n    {_program()} serve {out}\n", highlight=False)
    console.print(f"The report on it is in {page}.", highlight=False)
    if as_json:
        print_json({**_closing(out, report, answers), "report": str(page)})


def _demonstrate(bundle: Path, outcome: protocol.Outcome) -> dict[str, Any]:
    """Ask the service about a typical clean and a typical adversarial test image."""
    crafted, won = outcome.trial.crafted[_SHOWN], outcome.trial.crafted[_SHOWN].success
    shown = {
        "clean": _median(outcome.trial.clean.pixels, outcome.scores.clean),
        "adversarial": _median(crafted.pixels[won], outcome.scores.attacks[_SHOWN][won.numpy()]),
    }
    with running_service(bundle) as address:
        answers = {name: ask(address, pixels) for name, pixels in shown.items()}
    for name, answer in answers.items():
        detection, prediction = answer["detection"], answer["prediction"]
        console.print(
            f"\n{name} image over HTTP: [bold]{detection['verdict']}[/bold]; answered '{prediction['label']}', "
            f"score {detection['score']:.2f}, threshold {detection['threshold']:.2f}",
            highlight=False,
        )
        for layer in answer["evidence"]["layers"][:3]:
            console.print(f"    {layer['text']}", highlight=False)
    return answers


def _program() -> str:
    """Return this command as the user called it: inside a virtual environment it may not be on the path."""
    return sys.argv[0] if Path(sys.argv[0]).name == "pathprint" else "pathprint"


def _median(pixels: Tensor, scores: Floats) -> Tensor:
    """Return the image whose score is the median: neither the best nor the worst case."""
    return pixels[int(np.argsort(scores, kind="stable")[len(scores) // 2])]


def _closing(bundle: Path, report: Report, answers: dict[str, Any]) -> dict[str, Any]:
    attacks = {
        name: {
            "success": report.attacks[name].success,
            "auc": found.auc.value,
            "tpr_at_5fpr": found.tpr_at_5fpr.value,
        }
        for name, found in report.detector.attacks.items()
    }
    return {
        "bundle": str(bundle),
        "clean_accuracy": report.clean_accuracy,
        "attacks": attacks,
        "service": {name: answer["detection"]["verdict"] for name, answer in answers.items()},
    }
