"""Attacked images kept on disk: one file per chunk, named by a hash of everything that determines its content.

The name is the SHA-256 of network, declaration, seed, images and labels, so no file can be stale.
A file is complete or absent, so an interrupted run continues where it stopped. A file that does
not verify is made again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from pathprint.models.network import Network, canonical_json
from pathprint.profiling.arrays import Arrays
from pathprint.profiling.attacks.attack import Attack, Crafted
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.storage import Stored

SCHEMA = 1
_TOLERANCE = 1e-2
"""Largest accepted difference, absolute and relative, from a stored logit: another processor or batch size rounds
differently."""


def chunk_key(attack: Attack, network: Network, pixels: Tensor, labels: Tensor, seed: int) -> str:
    """Return the SHA-256 of everything that determines what the attack makes of these images."""
    facts = {
        "schema": SCHEMA,
        "network": network.fingerprint,
        "attack": attack.declaration(),
        "seed": seed,
        "shape": list(pixels.shape),
        "labels": labels.tolist(),
    }
    return hashlib.sha256(canonical_json(facts) + _levels(pixels).numpy().tobytes()).hexdigest()


def _levels(pixels: Tensor) -> Tensor:
    return (pixels * 255).round().to(torch.uint8).cpu().contiguous()


def save_chunk(path: Path, key: str, attack: Attack, network: Network, crafted: Crafted) -> None:
    """Write what an attack made of a chunk of images."""
    with torch.inference_mode():
        logits = network.logits(crafted.pixels).float().cpu()
    arrays = {
        "logits": logits.numpy(),
        "pixels": _levels(crafted.pixels).numpy(),
        "success_unrounded": crafted.success_unrounded.cpu().numpy(),
    }
    facts = {"schema": SCHEMA, "key": key, "attack": attack.declaration(), "sha256": digest(arrays)}
    storage.write(path, Stored(facts, arrays))


def digest(arrays: Arrays) -> str:
    """Return the SHA-256 of arrays with their names, types and shapes."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        # Types by torch's names, as in all caches so far.
        found.update(f"{name}torch.{arrays[name].dtype}{arrays[name].shape}".encode())
        found.update(arrays[name].tobytes())
    return found.hexdigest()


def load_chunk(path: Path, key: str, attack: Attack, network: Network, labels: Tensor) -> Crafted:
    """Return a stored chunk of attacked images.

    Raises:
        any of ``storage.UNREADABLE``: the file is damaged or holds another chunk, or the network no longer
            gives the stored logits.
    """
    stored = storage.read(path, SCHEMA)
    if stored.facts["key"] != key:
        raise ValueError("it holds another chunk than the one that it is named after")
    if stored.facts["sha256"] != digest(stored.arrays):
        raise ValueError("its checksum does not match its content")
    pixels = torch.from_numpy(stored.arrays["pixels"]).to(labels.device).float() / 255
    with torch.inference_mode():
        logits = network.logits(pixels)
    if not torch.allclose(logits.cpu(), torch.from_numpy(stored.arrays["logits"]), rtol=_TOLERANCE, atol=_TOLERANCE):
        raise ValueError("the network no longer gives the logits that were stored")
    success = logits.argmax(1) != labels if attack.on_image else torch.ones_like(labels, dtype=torch.bool)
    return Crafted(pixels, success, torch.from_numpy(stored.arrays["success_unrounded"]).to(labels.device))
