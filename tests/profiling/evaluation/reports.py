"""Reports with the figures that a test wants."""

from collections.abc import Mapping

from pathprint.profiling.evaluation.figures import AttackDetection, ControlDetection, DetectorFigures, Report
from pathprint.profiling.evaluation.metrics import Estimate

NAN = float("nan")


def around(value: float, spread: float = 0.02) -> Estimate:
    return Estimate(value, value - spread, value + spread, 100)


def report(
    auc: Mapping[str, float],
    tpr: Mapping[str, float],
    flagged: float = 0.04,
    controls: Mapping[str, float] | None = None,
) -> Report:
    """Return a report with AUC and TPR at 5 % of attacks, and the flagged shares of clean and changed images."""
    attacks = {name: AttackDetection(around(auc[name]), around(tpr[name]), around(0.1), around(0.1)) for name in auc}
    changed = {name: ControlDetection(name, 1.0, around(share)) for name, share in (controls or {}).items()}
    detector = DetectorFigures("ours", around(0.05), around(0.01), around(0.2), attacks, changed)
    return Report(
        network={"name": "digits-cnn", "fingerprint": "f" * 64},
        images=100,
        misclassified=1,
        clean_accuracy=0.99,
        target=0.05,
        flagged_clean=around(flagged),
        attacks={},
        detector=detector,
        settings={"command": "pathprint evaluate b", "versions": {"pathprint": "0.1.0"}},
    )
