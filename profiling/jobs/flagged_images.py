"""The events on the flagged images of a scan, made from its report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pathprint.profiling.detection.bundle_files import MANIFEST
from pathprint.profiling.detection.ocsf import Flagged, detection_finding
from pathprint.profiling.jobs.reading_reports import read_report


def flagged_images(bundle: Path, report: Path) -> Iterator[dict[str, Any]]:
    """Yield an event for each flagged image of a report, in its order.

    Args:
        bundle: the folder of the bundle that judged them.

    Raises:
        DataError: the report cannot be read.
    """
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    now = datetime.now(UTC)
    for line in read_report(report):
        if line.flagged and line.predicted is not None:
            yield detection_finding(
                Flagged(
                    time=now,
                    name=line.name,
                    sha256=str(line.sha256),
                    bundle_sha256=str(manifest["checksum"]),
                    model=str(manifest["network"]["name"]),
                    decision=str(line.verdict),
                    predicted=line.predicted,
                    label=str(line.label),
                    confidence=line.confidence,
                    score=line.score,
                    threshold=line.threshold,
                    p_value=line.p_value,
                    reasons=line.reasons,
                    note=line.note or "",
                    test=line.test or "",
                    stage=line.stage,
                    inferences=line.inferences,
                )
            )
