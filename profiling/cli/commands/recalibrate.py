"""``pathprint recalibrate``: another threshold for a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.profiling.cli.commands.fit import rate
from pathprint.profiling.cli.job_options import WorkerNumber, job_for
from pathprint.profiling.cli.options import AsJson, Bundle
from pathprint.profiling.cli.outputs import folder_option
from pathprint.profiling.cli.results import print_json
from pathprint.profiling.detection.bundle_files import BUNDLE
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.jobs.places import run_folder

if TYPE_CHECKING:
    from pathprint.profiling.jobs.recalibrate import Recalibration


def recalibrate(
    bundle: Bundle,
    out: Annotated[Path, folder_option("Folder to write the new bundle to; not that of BUNDLE.", BUNDLE)],
    scores: Annotated[
        Path | None,
        typer.Option(
            help="Scores that this bundle gave to clean images: a log of the service, or a report of `pathprint scan`.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Clean images that the detector was not made of: see `pathprint scan`."),
    ] = None,
    target_fpr: Annotated[
        float | None,
        typer.Option(
            help="Largest share of clean images that may be flagged. Default: that of the bundle.", callback=rate
        ),
    ] = None,
    workers: WorkerNumber = None,
    as_json: AsJson = False,
) -> None:
    """Set the threshold of a bundle anew, on newer clean images; write it as a new bundle.

    Use it when clean images have changed, as `/v1/models/MODEL/health` of the service says. The images have to be
    clean: attacked ones among them would raise the threshold and let attacks pass. The command warns of images that
    score far higher than those of the earlier calibration.

    Example:
        pathprint recalibrate lenet5-bundle --images new-photos --out lenet5-bundle-2
    """
    if (scores is None) == (images is None):
        raise OptionsError("give either --scores or --images.")
    if out.resolve() == bundle.resolve():
        raise OptionsError(f"--out is {bundle} itself, which stays as it is; name another folder.")
    from pathprint.profiling.cli.terminal import say
    from pathprint.profiling.jobs.recalibrate import recalibrate as recalibrated

    job = job_for(run_folder(out), workers, "local", None, False, False, 0.01)
    made = recalibrated(bundle, scores=scores, images=images, target_fpr=target_fpr, job=job)
    for warning in made.warnings:
        say(f"warning: {warning}")
    saved = made.bundle.save(out)
    _say_what_changed(made, out)
    if as_json:
        facts = {"bundle": str(out), "bundle_sha256": saved.sha256, "flagged_before": made.flagged_before}
        both = {"before": made.before.to_dict(), "after": made.after.to_dict()}
        print_json(facts | both | {"warnings": list(made.warnings), "left_out": made.scores.left_out})


def _say_what_changed(made: Recalibration, out: Path) -> None:
    from pathprint.profiling.cli.terminal import say

    before, after = made.before, made.after
    low, high = after.interval
    say(
        f"threshold {before.threshold:.4g} -> {after.threshold:.4g}, set on {after.images} images: {low:.1%} to "
        f"{high:.1%} of clean images flagged; {made.flagged_before:.1%} were above the earlier one; bundle in {out}"
    )
    if any(made.scores.left_out.values()):
        say("left out: " + ", ".join(f"{number:,} {what}" for what, number in made.scores.left_out.items() if number))
