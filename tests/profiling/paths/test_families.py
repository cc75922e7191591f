"""Every family is captured, stored, planned and traced as defined, and a batch is its images one by one.

Writes docs/coverage.md with ``PATHPRINT_WRITE_COVERAGE=1``, in one process (``-n 0``); otherwise checks that it is
right.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.export import save

from pathprint.models.network import Network
from pathprint.models.storage import load_network, save_network
from pathprint.models.zoo import catalogue
from pathprint.models.zoo.declared import Declared
from pathprint.profiling.paths.context import example_values
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import available
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.paths.plan import passed
from pathprint.profiling.paths.policy import Policy
from tests.definitions.effective_path import check
from tests.definitions.float64 import assert_same_function
from tests.models.archives import exported
from tests.profiling.paths.claims import claims, runs, shaped
from tests.profiling.paths.families import FAMILIES, Family, build
from tests.profiling.paths.test_extraction import assert_same

TABLE = Path(__file__).parents[3] / "docs" / "coverage.md"
DEEP = Policy(unexplained="argmax")
"""With random weights many units are unexplained; a path would end at them."""

_READ_BACK = {"resnet18", "shufflenet_v2_x0_5", "mobilenet_v3_small", "vit_b_32", "timm:resmlp_12_224", "timm:nfnet_l0"}
EACH = [pytest.param(family, id=family.network, marks=pytest.mark.xdist_group(family.network)) for family in FAMILIES]
"""The tests of a family run in one process, as capturing it is most of their cost."""

FROM_FILE = [family for family in EACH if family.id in _READ_BACK]
"""Families that are also read back from a ``.pt2`` file; each export takes as long as the capture."""

HEAD = """# Covered networks

`tests/profiling/paths/test_families.py` writes this table (`PATHPRINT_WRITE_COVERAGE=1 pytest …`)
and proves each row: equal logits, a round trip through storage, and paths of every kernel that
agree with the oracle. Members are torchvision's, or timm's where it says so. Steps are the
operations that a path passes, layers those that it records.

| family | member tested | steps | layers | operations |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Built:
    """A family's member, as a module and captured."""

    family: Family
    module: nn.Module
    network: Network

    def pixels(self, count: int, seed: int) -> torch.Tensor:
        shape = self.network.preprocessing.input_shape
        return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=EACH)
def built(request: pytest.FixtureRequest) -> Iterator[Built]:
    """One family at a time, so that no two are in the memory of a process."""
    yield Built(request.param, *build(request.param))


@pytest.fixture(scope="module")
def table() -> dict[str, str]:
    """The rows of the table that the tests of this run have proved, by network."""
    return {}


pytestmark = pytest.mark.families


@pytest.mark.timeout(900)
def test_family_is_traced_as_defined(built: Built, table: dict[str, str]) -> None:
    pixels = built.pixels(1, seed=1)
    (run,) = runs(built.module, built.network, pixels)
    for kernel in available().values():
        paths = Extractor(built.network, DEEP, kernel).extract(pixels)
        verdict = check(run, shaped(claims(paths), run), unexplained=DEEP.unexplained)
        assert verdict.disagreements == 0
        assert verdict.wanted > len(paths.layers)
    table[built.family.network] = row(built)
    assert table[built.family.network] in TABLE.read_text() or os.environ.get("PATHPRINT_WRITE_COVERAGE")


def test_family_keeps_its_logits_and_survives_storage(built: Built, tmp_path: Path) -> None:
    pixels, network = built.pixels(1, seed=1), built.network
    x = network.preprocessing.normalise(pixels)
    assert_same_function(network.graph.run, built.module, x, 1e-5)
    save_network(network, tmp_path)
    assert load_network(tmp_path).fingerprint == network.fingerprint


@pytest.mark.parametrize("built", FROM_FILE, indirect=True, scope="module")
def test_family_from_a_file_is_the_same_network(built: Built, tmp_path: Path) -> None:
    save(exported(built.module, built.network.preprocessing.input_shape), tmp_path / "net.pt2")
    fed = built.network.preprocessing
    declared = Declared(fed.size, fed.resize, fed.mean, fed.std)
    assert catalogue.build(str(tmp_path / "net.pt2"), declared=declared).fingerprint == built.network.fingerprint


def test_batch_equals_its_images_one_by_one(built: Built) -> None:
    pixels = built.pixels(2, seed=2)
    extractor = Extractor(built.network)
    (recording,) = extractor.recorded(pixels)
    # Walked from one run: another differs in the last bits, and so does all that follows a choice at its limit.
    single = [recording.some(slice(image, image + 1)).paths() for image in range(2)]
    assert_same(recording.paths(), ImagePaths.join(single))
    run = built.network.graph.run
    assert_same_function(run, lambda x: torch.cat([run(image[None]) for image in x]), pixels)


def test_table_of_coverage_is_current(table: dict[str, str]) -> None:
    lines = TABLE.read_text().splitlines(keepends=True)[len(HEAD.splitlines()) :]
    listed = {line.split("`")[1]: line for line in lines}
    if os.environ.get("PATHPRINT_WRITE_COVERAGE"):  # rows of families that did not run stay
        listed |= table
        TABLE.write_text(HEAD + "".join(listed[f.network] for f in FAMILIES if f.network in listed))
    expected = [listed.get(family.network) for family in FAMILIES]
    assert TABLE.read_text() == HEAD + "".join(filter(None, expected))
    assert None not in expected


def row(built: Built) -> str:
    """Return the row of the table: what a path passes in this network."""
    nodes, layout = passed(example_values(built.network.graph)), Extractor(built.network).layout
    names = sorted({node.operation.split(".")[1] for node in nodes})
    family = built.family
    facts = (family.title, f"`{family.network}`", len(nodes), len(layout.layers), ", ".join(names))
    return f"| {' | '.join(map(str, facts))} |\n"
