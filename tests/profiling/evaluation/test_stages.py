"""What stages cost is counted image by image."""

from __future__ import annotations

import numpy as np
import pytest

from pathprint.models.network import Network
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.errors import BundleError
from pathprint.profiling.evaluation.stages import StageCost, clean_cost
from tests.profiling.detection.staged import staged


@pytest.mark.parametrize(
    ("ended", "reached", "mean", "highest"),
    [
        ([0, 0, 0, 0], (1.0, 0.0, 0.0), 2.0, 2),
        ([0, 1, 2, 2], (1.0, 0.75, 0.5), 3.75, 5),
        ([0] * 99 + [2], (1.0, 0.01, 0.01), 2.03, 5),
        ([0] * 199 + [2], (1.0, 0.005, 0.005), 2.015, 2),
    ],
)
def test_costs_follow_from_stages(
    bundle: Bundle, ended: list[int], reached: tuple[float, ...], mean: float, highest: float
) -> None:
    found = StageCost.of(staged(bundle.detector).score, np.array(ended))
    assert found == StageCost(len(ended), pytest.approx(reached), pytest.approx(mean), highest)  # type: ignore[arg-type]


def test_a_bundle_of_another_network_is_refused(bundle: Bundle, digits: Dataset, tmp_path: object) -> None:
    from dataclasses import replace

    other: Network = replace(bundle.detector.network, labels=tuple("abcdefghij"))
    bundle.save(f"{tmp_path}/bundle")
    with pytest.raises(BundleError, match="is of another network"):
        clean_cost(f"{tmp_path}/bundle", other, digits)
