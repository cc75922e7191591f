"""Compare verdicts as users may: processors round sums over batches in ways of their own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pathprint.profiling.detection.detector import Verdict
from pathprint.profiling.detection.together import TOLERANCE


def assert_alike(found: Sequence[Verdict], expected: Sequence[Verdict]) -> None:
    """Check that verdicts agree in what they decide, and in scores within the stated tolerance."""
    decided = [[(one.decision, one.flagged, one.predicted, one.note) for one in some] for some in (found, expected)]
    assert decided[0] == decided[1]
    assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=TOLERANCE)
