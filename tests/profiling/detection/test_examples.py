"""Examples beside a bundle: read back as they were written, and refused where they are damaged or another bundle's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pathprint.profiling.detection.bundle_files import examples_beside
from pathprint.profiling.detection.examples import Examples, load_examples
from pathprint.profiling.errors import BundleError

SHA, SHAPE = "a" * 64, (3, 4, 5)
PIXELS = torch.rand((2, *SHAPE), generator=torch.Generator().manual_seed(0))
PAIRS = Examples(PIXELS, 1 - PIXELS, ("cat", "dog"), ("pgd", "fgsm"))


def test_examples_are_read_back_to_the_bit(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.v1"
    assert PAIRS.save(bundle, SHA) == tmp_path / "bundle.v1.examples"
    found = load_examples(bundle, SHA, SHAPE)
    assert found is not None
    assert torch.equal(found.clean, PAIRS.clean)
    assert torch.equal(found.attacked, PAIRS.attacked)
    assert (found.labels, found.attacks, len(found)) == (PAIRS.labels, PAIRS.attacks, 2)


def test_a_bundle_without_examples_has_none(tmp_path: Path) -> None:
    assert load_examples(tmp_path / "bundle", SHA, SHAPE) is None


def test_examples_of_another_bundle_are_left_out(tmp_path: Path) -> None:
    PAIRS.save(tmp_path / "bundle", "b" * 64)
    assert load_examples(tmp_path / "bundle", SHA, SHAPE) is None


def changed(**tensors: torch.Tensor) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        facts = {"bundle": SHA, "labels": ["cat", "dog"], "attacks": ["pgd", "fgsm"]}
        both = {"clean": PIXELS, "attacked": PIXELS} | tensors
        save_file(both, path, {"pathprint_examples": json.dumps(facts)})

    return write


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "empty": lambda path: path.write_bytes(b""),
    "no facts": lambda path: save_file({"clean": PIXELS}, path),
    "not JSON": lambda path: save_file({"clean": PIXELS}, path, {"pathprint_examples": "{"}),
    "other shape": changed(clean=torch.zeros(2, 3, 4, 4)),
    "other number": changed(attacked=torch.zeros(1, *SHAPE)),
    "other type": changed(clean=torch.zeros((2, *SHAPE), dtype=torch.float64)),
    "out of range": changed(attacked=torch.full((2, *SHAPE), 1.5)),
    "nan": changed(attacked=torch.full((2, *SHAPE), torch.nan)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path, damage: str) -> None:
    path = PAIRS.save(tmp_path / "bundle", SHA)
    DAMAGE[damage](path)
    with pytest.raises(BundleError, match=r"bundle\.examples .*(written again)\."):
        load_examples(tmp_path / "bundle", SHA, SHAPE)


def test_the_file_lies_beside_the_folder() -> None:
    assert examples_beside(Path("repository/digits/4")) == Path("repository/digits/4.examples")
