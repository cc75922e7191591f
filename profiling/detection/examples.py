"""Pairs of a clean and an attacked image to try a bundle on, in one file beside the bundle: ``NAME.examples``.

The pixels are kept as numbers, because an image file would round away a part of a small perturbation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pathprint.profiling.detection.bundle_files import examples_beside
from pathprint.profiling.errors import BundleError
from pathprint.profiling.writing.whole import whole_file

MOST = 24
_CLEAN, _ATTACKED, _FACTS = "clean", "attacked", "pathprint_examples"
_READ = (OSError, SafetensorError, KeyError, ValueError, TypeError)


@dataclass(frozen=True, eq=False)
class Examples:
    """Images that nothing was fitted on, and what an attack made of them.

    Attributes:
        clean, attacked: pixels ``n c h w`` in [0, 1], float32; row by row of one image.
        labels: the name of the right class of each image.
        attacks: the name of the attack on each image.
    """

    clean: Tensor
    attacked: Tensor
    labels: tuple[str, ...]
    attacks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def save(self, bundle: Path, sha256: str) -> Path:
        """Write the examples beside the folder of a bundle with the checksum ``sha256``; return the file.

        Raises:
            OutputError: it cannot be written.
        """
        path = examples_beside(bundle)
        facts = {"bundle": sha256, "labels": self.labels, "attacks": self.attacks}
        with whole_file(path) as partial:
            tensors = {_CLEAN: self.clean.contiguous(), _ATTACKED: self.attacked.contiguous()}
            save_file(tensors, partial, {_FACTS: json.dumps(facts)})
        return path


def load_examples(bundle: Path, sha256: str, shape: Sequence[int]) -> Examples | None:
    """Return the examples beside a bundle; None if there are none, or they are of another bundle.

    Args:
        sha256: checksum of the bundle.
        shape: ``c h w`` of the network's input.

    Raises:
        BundleError: the file is damaged.
    """
    path = examples_beside(bundle)
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            facts: Mapping[str, object] = json.loads((file.metadata() or {})[_FACTS])
            if facts["bundle"] != sha256:
                return None
            labels, attacks = _texts(facts)
            found = Examples(file.get_tensor(_CLEAN), file.get_tensor(_ATTACKED), labels, attacks)
    except _READ as error:
        raise BundleError(f"{path} is damaged ({error!r}); remove it, or have it written again.") from error
    _check(found, tuple(shape), path)
    return found


def _texts(facts: Mapping[str, object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    labels, attacks = facts["labels"], facts["attacks"]
    if not isinstance(labels, list) or not isinstance(attacks, list):
        raise TypeError(labels)
    return tuple(map(str, labels)), tuple(map(str, attacks))


def _check(found: Examples, shape: tuple[int, ...], path: Path) -> None:
    expected = (len(found.labels), *shape)
    whole = all(
        one.dtype == torch.float32 and tuple(one.shape) == expected and bool(((one >= 0) & (one <= 1)).all())
        for one in (found.clean, found.attacked)
    )
    if not whole or len(found.attacks) != len(found) or not 0 < len(found) <= MOST:
        raise BundleError(
            f"{path} has to hold 1 to {MOST} pairs of images {shape} in float32 in [0, 1]; remove the file, or have it "
            "written again."
        )
