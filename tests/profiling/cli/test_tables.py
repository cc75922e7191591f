"""Tables fit a terminal of 80 columns without cutting anything off."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from pathprint.profiling.attacks.registry import SUITES
from pathprint.profiling.cli.tables import figures
from pathprint.profiling.evaluation.figures import (
    AttackDetection,
    AttackFigures,
    ControlDetection,
    DetectorFigures,
    Report,
)
from pathprint.profiling.evaluation.metrics import Estimate


@pytest.mark.parametrize("unprofiled", [0.0, 0.4])
def test_no_cell_is_cut(unprofiled: float) -> None:
    share = Estimate(0.12345, 0.1, 0.2, 500)
    names = ["transfer-12of255", *(attack.name for colours in SUITES.values() for attack in colours["full"])]
    detection = AttackDetection(share, share, share, share)
    controls = {"noise-linf-8of255-half": ControlDetection("", 1, share)}
    detector = DetectorFigures("additive", share, share, share, dict.fromkeys(names, detection), controls)
    fared = dict.fromkeys(
        names, AttackFigures("linf-steps", "Linf", 0.1, "", 1.0, 1.0, 0.1, 0.1, unprofiled, "untaught")
    )
    left_out = {"linf-steps": detector, "(nothing)": detector}
    full = Report({}, 500, 5, 0.99, 0.05, share, fared, detector, {"max-softmax": detector}, left_out)
    found_by = {name: {"fitted_on_attacks": 0.9, "fitted_on_clean_images": 0.1} for name in names}
    full = replace(full, found_by=found_by)
    written = io.StringIO()
    Console(file=written, width=80).print(figures(full))
    assert "…" not in written.getvalue()
    assert all(name in written.getvalue() for name in names)
    assert "0.123" in written.getvalue()
    assert "mean, untaught" in written.getvalue()
    assert ("40% of the successful attack images" in written.getvalue()) == (unprofiled > 0)
