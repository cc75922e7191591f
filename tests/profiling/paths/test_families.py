"""Every torchvision classification family is captured, stored, planned and traced as defined.

Writes docs/coverage.md with ``PATHPRINT_WRITE_COVERAGE=1``; otherwise checks that it is right.
"""

import os
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from models.network import Network
from models.storage import load_network, save_network
from profiling.paths.extraction import Extractor
from profiling.paths.kernels import available
from profiling.paths.policy import Policy
from tests.definitions.effective_path import check, trace
from tests.profiling.paths.claims import claims, shaped
from tests.profiling.paths.families import FAMILIES, Family, build

TABLE = Path(__file__).parents[3] / "docs" / "coverage.md"
DEEP = Policy(unexplained="argmax")
"""With random weights many units are unexplained; a path would end at them."""

HEAD = """# Covered networks

Written by `tests/profiling/paths/test_families.py` (`PATHPRINT_WRITE_COVERAGE=1 pytest …`), which proves each row:
equal logits, a round trip through storage, and paths of every kernel that agree with the oracle.
Steps are the operations that a path passes, layers those that it records.

| family | member tested | steps | layers | operations |
|---|---|---|---|---|
"""


@cache
def built(family: Family) -> tuple[nn.Module, Network, torch.Tensor]:
    module, network = build(family)
    pixels = torch.rand(1, *network.preprocessing.input_shape, generator=torch.Generator().manual_seed(1))
    return module, network, pixels


every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.network)
pytestmark = pytest.mark.families


@pytest.mark.timeout(900)
@every_family
def test_family_is_traced_as_defined(family: Family, tmp_path: Path) -> None:
    module, network, pixels = built(family)
    with torch.inference_mode():
        expected = module(network.preprocessing.normalise(pixels))
        torch.testing.assert_close(network.logits(pixels), expected, rtol=1e-4, atol=1e-4)
    save_network(network, tmp_path)
    assert load_network(tmp_path).fingerprint == network.fingerprint
    run = trace(module, network.preprocessing.normalise(pixels[0]))
    for kernel in available().values():
        paths = Extractor(network, DEEP, kernel).extract(pixels)
        verdict = check(run, shaped(claims(paths), run), unexplained=DEEP.unexplained)
        assert verdict.disagreements == 0
        assert verdict.wanted > len(paths.layers)
    assert row(family) in TABLE.read_text() or os.environ.get("PATHPRINT_WRITE_COVERAGE")


@every_family
def test_batch_equals_its_images_one_by_one(family: Family) -> None:
    _, network, _ = built(family)
    pixels = torch.rand(2, *network.preprocessing.input_shape, generator=torch.Generator().manual_seed(2))
    whole = Extractor(network).extract(pixels)
    for image in range(2):
        single = Extractor(network).extract(pixels[image : image + 1])
        for mine, other in zip(whole.layers, single.layers, strict=True):
            both = len(set(mine.neurons.one(image).tolist()) ^ set(other.neurons.one(0).tolist()))
            assert both <= 0.01 * len(mine.neurons.one(image)) + 2  # borderline units


def test_table_of_coverage_is_current() -> None:
    expected = HEAD + "".join(row(family) for family in FAMILIES)
    if os.environ.get("PATHPRINT_WRITE_COVERAGE"):
        TABLE.write_text(expected)
    assert TABLE.read_text() == expected


def row(family: Family) -> str:
    """Return the row of the table: what a path passes in this network."""
    _, network, _ = built(family)
    plan = Extractor(network).plan
    passed = {step.y for step in plan.steps}
    names = sorted({node.operation.split(".")[1] for node in network.graph.nodes if node.name in passed})
    facts = (family.title, f"`{family.network}`", len(plan.steps), len(plan.layout.layers), ", ".join(names))
    return f"| {' | '.join(map(str, facts))} |\n"
