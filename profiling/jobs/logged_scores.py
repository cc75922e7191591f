"""Scores that a bundle gave earlier: from a log of the service, or from the report of a scan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from pathprint.profiling.arrays import Floats
from pathprint.profiling.data.identity import as_keys
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import DataError
from pathprint.profiling.jobs.reading_reports import read_report
from pathprint.profiling.jobs.scanned_image import ScannedImage

SEEN = ("profile", "fit")
"""Roles whose images a detector has learnt from: their scores are lower than those of new images."""


@dataclass(frozen=True, slots=True, eq=False)
class LoggedScores:
    """The scores of different images by one bundle.

    Attributes:
        scores: one for each image, ``(n,)``.
        of_other_bundles: number of scores that another bundle gave, which are left out.
        repeated: number of scores of images that were there already.
        learnt_from: number of images that the detector has learnt from, which are left out.
    """

    scores: Floats
    of_other_bundles: int = 0
    repeated: int = 0
    learnt_from: int = 0

    @property
    def left_out(self) -> dict[str, int]:
        """How many scores were left out, by what they are."""
        return {
            "of other bundles": self.of_other_bundles,
            "of repeated images": self.repeated,
            "of images that the detector has learnt from": self.learnt_from,
        }


@dataclass(frozen=True, slots=True)
class _Score:
    value: float
    sha256: str
    key: int | None = None


def logged_scores(path: Path, bundle: Bundle) -> LoggedScores:
    """Return the scores in a file that a bundle gave: a log of the service or a report of a scan.

    A log is lines of JSON, of which those count that have ``score``, ``bundle_sha256`` and ``sha256``.

    Raises:
        DataError: the file cannot be read, or holds no score of this bundle.
    """
    try:
        found = list(_of_report(path, bundle) if _is_report(path) else _of_log(path))
    except (OSError, ValueError, LookupError, OverflowError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    own = [score for score, sha256 in found if sha256 in ("", bundle.sha256)]
    if not own:
        others = f"; the {len(found)} in it are of other bundles" if found else ""
        raise DataError(
            f"{path} holds no scores of this bundle{others}. Give a log of the service that has run it, or a report "
            "that `pathprint scan` wrote with it."
        )
    learnt_from = frozenset().union(*(bundle.used[role] for role in SEEN))
    unseen = [score for score in own if score.key not in learnt_from]
    images = {score.sha256: score.value for score in unseen}
    return LoggedScores(
        np.array(list(images.values()), dtype=np.float64),
        len(found) - len(own),
        len(unseen) - len(images),
        len(own) - len(unseen),
    )


def _is_report(path: Path) -> bool:
    """Say whether a file is the report of a scan, by its ending, or of lines of JSON by the first of them."""
    if path.suffix.lower() != ".jsonl":
        return path.suffix.lower() in (".csv", ".parquet")
    with path.open(encoding="utf-8") as file:
        first = _object(file.readline())
    return {"name", "threshold", "error"} <= first.keys()


def _of_report(path: Path, bundle: Bundle) -> Iterator[tuple[_Score, str]]:
    """Yield the scores of a report. It does not name its bundle, but each line has the threshold."""
    for line in read_report(path):
        if line.score is not None and isfinite(line.score):
            own = line.threshold == bundle.detector.calibration.threshold
            yield _score_of(line), bundle.sha256 if own else "of another bundle"


def _score_of(line: ScannedImage) -> _Score:
    assert line.score is not None
    return _Score(line.score, str(line.sha256), _number(line.key) if line.key else None)


def _number(key: str) -> int:
    """Return a key as bundles keep it."""
    return int(as_keys([bytes.fromhex(key)])[0])


def _of_log(path: Path) -> Iterator[tuple[_Score, str]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            line = _object(text)
            value, bundle, image = (line.get(name) for name in ("score", "bundle_sha256", "sha256"))
            if isinstance(value, float) and isfinite(value) and isinstance(bundle, str) and image:
                yield _Score(value, str(image)), bundle


def _object(text: str) -> dict[str, Any]:
    """Return the object in a line of JSON; an empty one for a line that is something else, as logs have them too."""
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return {}
