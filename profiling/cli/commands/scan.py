"""``pathprint scan``: verdicts on all images of a data set, as a report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pathprint.profiling.cli.events import Events, event_file
from pathprint.profiling.cli.fail_on import FailOn, end_with
from pathprint.profiling.cli.job_options import (
    Address,
    EngineChoice,
    Gpu,
    MaxBadFraction,
    Restart,
    WorkerNumber,
    job_for,
)
from pathprint.profiling.cli.options import AsJson, Bundle, Pictures, PublicKeys
from pathprint.profiling.cli.outputs import file_option
from pathprint.profiling.cli.results import print_json, print_result
from pathprint.profiling.jobs.places import run_folder
from pathprint.profiling.writing.table import check_table

if TYPE_CHECKING:
    from pathprint.profiling.jobs.scan_summary import Summary

_CLASSES = 10


def scan(
    bundle: Bundle,
    data: Pictures,
    out: Annotated[
        Path,
        file_option(
            "Report to write, with a line for each image; its ending says the format: .parquet, .jsonl or .csv.",
            check_table,
        ),
    ],
    public_key: PublicKeys = None,
    events: Events = None,
    fail_on: FailOn = "adversarial",
    max_bad_fraction: MaxBadFraction = 0.01,
    workers: WorkerNumber = None,
    engine: EngineChoice = "local",
    address: Address = None,
    gpu: Gpu = False,
    restart: Restart = False,
    as_json: AsJson = False,
) -> None:
    """Judge all images of a data set; write a report with a line for each.

    The report says of each image what `pathprint detect` says of it, in the order of the data, whoever does the work.
    An image that cannot be read has a line that says why.

    An interrupted job keeps what it has done in OUT.run, and the same command goes on with it.

    The status is 0 if no verdict is 'adversarial', and 1 if one is; --fail-on changes that. It is 2 if the job failed.

    Example:
        pathprint scan lenet5-bundle photos --out report.csv
    """
    import pathprint
    from pathprint.profiling.jobs.flagged_images import flagged_images

    job = job_for(run_folder(out), workers, engine, address, gpu, restart, max_bad_fraction)
    found = pathprint.scan(bundle, data, out, job=job, trusted_keys=public_key or None)
    with event_file(events) as add:
        if add:
            for event in flagged_images(bundle, out):
                add(event)
    if as_json:
        print_json({"report": str(out), **found.to_dict()})
    else:
        print_result("\n".join(in_words(str(out), found)))
    end_with(fail_on, {"adversarial": found.adversarial, "uncertain": found.uncertain})


def in_words(name: str, found: Summary) -> Iterator[str]:
    """Yield the lines of a summary for people."""
    yield f"{name}: {found.images:,} images"
    for verdict in ("benign", "adversarial", "uncertain"):
        number = getattr(found, verdict)
        clean = f"; at most {found.expected_share:.1%} of clean images are flagged" if verdict == "adversarial" else ""
        yield f"    {verdict:<11} {number:>10,}  {number / max(found.judged, 1):6.1%}{clean}"
    yield f"    {'bad':<11} {found.bad:>10,}"
    if found.most_suspicious:
        yield "most suspicious:"
    for line in found.most_suspicious:
        yield f"    score {line.score:.2f}, {line.verdict}, answered '{line.label}': {line.name}"
    yield from _classes(found)


def _classes(found: Summary) -> Iterator[str]:
    shown = sorted(found.classes.values(), key=lambda own: (-own.share, -own.images))[:_CLASSES]
    if shown:
        yield "answers with the largest shares of adversarial images:"
    for own in shown:
        yield f"    '{own.label}': {own.share:.1%} of {own.images:,} adversarial, {own.uncertain:,} uncertain"
