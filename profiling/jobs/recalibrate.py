"""Set the threshold of a bundle anew, on clean images that are newer than its calibration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.calibration import Calibration, calibrate, check_target
from pathprint.profiling.errors import CalibrationError, OptionsError
from pathprint.profiling.jobs.job import THIS_PROCESS, Job
from pathprint.profiling.jobs.logged_scores import LoggedScores, logged_scores
from pathprint.profiling.jobs.scan import scan

FEWEST = 50
"""Least number of clean images, whatever the rate: with fewer, hardly anything is known about the rate."""
_UNLIKELY = 0.001


@dataclass(frozen=True, slots=True)
class Recalibration:
    """A bundle with another threshold, and what the new scores say about the old one.

    Attributes:
        bundle: with the new threshold; not saved yet.
        before, after: the two calibrations.
        flagged_before: share of the new images above the old threshold.
        scores: the new scores, and how many were left out.
        warnings: why the new images are perhaps not all clean, as sentences; empty if nothing speaks for that.
    """

    bundle: Bundle
    before: Calibration
    after: Calibration
    flagged_before: float
    scores: LoggedScores
    warnings: tuple[str, ...]


def recalibrate(
    bundle: Bundle | str | Path,
    *,
    scores: str | Path | None = None,
    images: str | Path | None = None,
    target_fpr: float | None = None,
    job: Job = THIS_PROCESS,
) -> Recalibration:
    """Return a bundle whose threshold is set on other clean images; the bundle that is given stays as it is.

    Only the threshold and the clean scores change, so that evidence is still compared with the images that ``fit`` saw.
    The images have to be clean and different ones: the promise of the threshold rests on that.

    Args:
        scores: a log of the service or the report of a scan, with scores that this very bundle gave to clean images.
        images: what names clean images (see ``open_pictures``); give either these or ``scores``.
        target_fpr: largest share of clean images to flag; that of the bundle if left out.
        job: who judges the images.

    Raises:
        OptionsError: neither ``scores`` nor ``images`` are given, or both.
        BundleError: the bundle cannot be read.
        DataError: the log or the images cannot be read, or no score in the log is of this bundle.
        CalibrationError: there are too few images; the message says how many are needed.
    """
    if (scores is None) == (images is None):
        raise OptionsError("give either `scores` or `images`.")
    old = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
    target = old.detector.calibration.target if target_fpr is None else target_fpr
    check_target(target)
    found = logged_scores(Path(scores), old) if scores is not None else _scored(bundle, old, str(images), job)
    if len(found.scores) < FEWEST:
        raise CalibrationError(
            f"there are {len(found.scores)} usable clean images; at least {FEWEST} are needed to calibrate on."
        )
    return _recalibrated(old, found, target, str(scores if images is None else images))


def _scored(bundle: Bundle | str | Path, loaded: Bundle, images: str, job: Job) -> LoggedScores:
    with TemporaryDirectory(prefix="pathprint-") as folder:
        report = Path(folder) / "report.jsonl"
        scan(bundle, images, report, job=replace(job, run=None))
        return logged_scores(report, loaded)


def _recalibrated(old: Bundle, found: LoggedScores, target: float, source: str) -> Recalibration:
    before, after = old.detector.calibration, calibrate(found.scores, target, old.detector.score.highest_accepted)
    record = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": source,
        "images": after.images,
        "before": {"bundle_sha256": old.sha256, "calibration": before.to_dict()},
    }
    made_of = replace(old.made_of, recalibrated=(*old.made_of.recalibrated, record))
    detector = replace(old.detector, calibration=after, clean_scores=np.sort(found.scores))
    return Recalibration(
        bundle=replace(old, detector=detector, made_of=made_of, sha256=""),
        before=before,
        after=after,
        flagged_before=float((found.scores > before.threshold).mean()),
        scores=found,
        warnings=tuple(_doubts(found.scores, old.detector.clean_scores, before)),
    )


def _doubts(new: Floats, old: Floats, before: Calibration) -> Iterator[str]:
    """Yield why new images are perhaps not clean: what clean ones like the earlier ones would do once in 1000 times."""
    from scipy.stats import binom

    images, highest, flagged = len(new), int((new > old.max()).sum()), int((new > before.threshold).sum())
    if binom.sf(highest - 1, images, 1 / (len(old) + 1)) < _UNLIKELY:
        yield (
            f"{highest} of {images} images score higher than all {len(old)} clean images of the earlier calibration: "
            "look at them, because attacked images among them would let attacks pass from now on."
        )
    if binom.sf(flagged - 1, images, before.interval[1]) < _UNLIKELY:
        yield (
            f"{flagged / images:.1%} of the images are above the earlier threshold, where at most "
            f"{before.interval[1]:.1%} of clean ones were expected: clean images have changed, or not all are clean."
        )
