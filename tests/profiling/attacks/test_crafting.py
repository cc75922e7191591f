"""Cached chunks are what crafting gives; what is damaged, stale or interrupted is made anew."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Attack, Cost, Goal, Logits
from pathprint.profiling.attacks.cache import SCHEMA, chunk_key, digest
from pathprint.profiling.attacks.crafting import Crafting, craft
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.registry import suite
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.storage import Stored

Images = tuple[Tensor, Tensor]


def only_file(folder: Path) -> Path:
    (found,) = [path for path in folder.rglob("*") if path.is_file()]
    return found


@pytest.mark.parametrize("name", ["pgd-0.2", "noise-images"])
def test_cached_is_crafted(name: str, digits_network: Network, clean: Images, tmp_path: Path) -> None:
    attack = suite(digits_network, "full")[name]
    expected = craft(attack, digits_network, *clean, seed=3)
    crafting = Crafting(3, tmp_path)
    for _ in range(2):
        found = crafting.craft(attack, digits_network, *clean)
        for part in ("pixels", "success", "success_unrounded"):
            torch.testing.assert_close(getattr(found, part), getattr(expected, part), rtol=0, atol=0)
    assert only_file(tmp_path).parent.name == name


@dataclass(frozen=True)
class Counted:
    """A method that counts its calls."""

    calls: ClassVar[list[int]] = []
    cost: ClassVar[Cost] = Cost()

    def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
        self.calls.append(len(pixels))
        return 1 - pixels


def test_interrupted_run_goes_on_where_it_stopped(digits_network: Network, clean: Images, tmp_path: Path) -> None:
    attack = Attack("inverted", "inverted", "Linf", None, "inverted", Counted())
    crafting = Crafting(0, tmp_path)
    first, second = (tuple(part[rows] for part in clean) for rows in (slice(10), slice(10, 15)))
    crafting.craft(attack, digits_network, *first)
    for chunk in (first, second, first):
        crafting.craft(attack, digits_network, *chunk)
    assert Counted.calls == [10, 5]


def test_key_depends_on_everything_that_decides(digits_network: Network, clean: Images) -> None:
    pixels, labels = clean
    attacks = suite(digits_network)
    keys = [
        chunk_key(attacks["pgd-0.2"], digits_network, pixels, labels, 0),
        chunk_key(attacks["pgd-0.1"], digits_network, pixels, labels, 0),
        chunk_key(attacks["pgd-0.2"], digits_network, pixels, labels, 1),
        chunk_key(attacks["pgd-0.2"], digits_network, pixels[:-1], labels[:-1], 0),
        chunk_key(attacks["pgd-0.2"], digits_network, pixels.flip(0), labels, 0),
        chunk_key(attacks["pgd-0.2"], digits_network, pixels, labels.flip(0), 0),
        chunk_key(attacks["pgd-0.2"], replace(digits_network, labels=tuple("abcdefghij")), pixels, labels, 0),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("damage", ["cut", "flipped", "other", "logits"])
def test_damaged_chunk_is_made_anew_with_a_notice(
    damage: str, digits_network: Network, clean: Images, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    attack, crafting = suite(digits_network)["fgsm-0.2"], Crafting(0, tmp_path)
    expected = crafting.craft(attack, digits_network, *clean)
    path = only_file(tmp_path)
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[:-100])
    elif damage == "flipped":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "other":
        other = crafting.craft(suite(digits_network)["pgd-0.1"], digits_network, *clean)
        assert len(other.pixels)
        next((tmp_path / "pgd-0.1").iterdir()).replace(path)
    else:
        _write_with_other_logits(path)
    found = crafting.craft(attack, digits_network, *clean)
    assert torch.equal(found.pixels, expected.pixels)
    assert "unusable and is made again" in caplog.text
    assert path.read_bytes() == content
    assert not list(tmp_path.rglob("*.partial"))


def _write_with_other_logits(path: Path) -> None:
    """Write a chunk whose checksum fits, as if another network had made it."""
    stored = storage.read(path, SCHEMA)
    arrays = {**stored.arrays, "logits": stored.arrays["logits"] + 1}
    storage.write(path, Stored({**stored.facts, "sha256": digest(arrays)}, arrays))
