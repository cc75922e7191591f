"""Attacked images kept on disk: one file per chunk, found by the content of all that decides it.

A file is named by the SHA-256 of network, declaration, seed, images and labels, so no file can be
stale. It is written beside its place and renamed, so an interrupted run leaves whole chunks only
and goes on where it stopped. A file that does not verify is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pathprint.models.network import Network, canonical_json
from pathprint.profiling.attacks.attack import Attack, Crafted
from pathprint.profiling.attacks.registry import craft
from pathprint.profiling.progress import console

SCHEMA = 1
_FACTS = "pathprint"
_TOLERANCE = 1e-2
"""Largest change of a stored logit: another processor or batch size rounds differently."""


@dataclass(frozen=True, slots=True)
class Crafting:
    """How attacked images come about.

    Attributes:
        seed: of all chance in the attacks.
        cache: folder of attacked images to read and to add to; None keeps nothing.
    """

    seed: int = 0
    cache: Path | None = None

    def craft(self, attack: Attack, network: Network, pixels: Tensor, labels: Tensor) -> Crafted:
        """Return what ``registry.craft`` returns, from disk if it is there and verifies."""
        if self.cache is None:
            return craft(attack, network, pixels, labels, self.seed)
        key = chunk_key(attack, network, pixels, labels, self.seed)
        path = self.cache / attack.name / f"{key}.safetensors"
        if path.exists():
            try:
                return _load(path, key, attack, network, labels)
            except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
                console.print(f"{path} is damaged and is made anew: {error}", highlight=False, soft_wrap=True)
        crafted = craft(attack, network, pixels, labels, self.seed)
        _write(path, _content(key, attack, network, crafted))
        return crafted


def chunk_key(attack: Attack, network: Network, pixels: Tensor, labels: Tensor, seed: int) -> str:
    """Return the SHA-256 of everything that decides what the attack makes of these images."""
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


def _content(key: str, attack: Attack, network: Network, crafted: Crafted) -> bytes:
    with torch.inference_mode():
        logits = network.logits(crafted.pixels).float().cpu()
    tensors = {
        "logits": logits.contiguous(),
        "pixels": _levels(crafted.pixels),
        "success_unrounded": crafted.success_unrounded.cpu().contiguous(),
    }
    facts = {"schema": SCHEMA, "key": key, "attack": attack.declaration(), "sha256": _digest(tensors)}
    # One entry only: safetensors writes several in random order, and equal chunks should be equal files.
    return save(tensors, {_FACTS: canonical_json(facts).decode()})


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}{tensors[name].dtype}{tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _load(path: Path, key: str, attack: Attack, network: Network, labels: Tensor) -> Crafted:
    """Return a stored chunk.

    Raises:
        ValueError: it is another chunk, its checksum does not fit, or the network now answers otherwise.
    """
    with safe_open(path, "pt") as file:
        facts = json.loads((file.metadata() or {})[_FACTS])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    if facts["schema"] != SCHEMA or facts["key"] != key:
        raise ValueError("it holds another chunk than its name says")
    if facts["sha256"] != _digest(tensors):
        raise ValueError("its checksum does not fit its content")
    pixels = tensors["pixels"].to(labels.device).float() / 255
    with torch.inference_mode():
        logits = network.logits(pixels)
    if not torch.allclose(logits.cpu(), tensors["logits"], rtol=_TOLERANCE, atol=_TOLERANCE):
        raise ValueError("the network no longer gives the logits that were stored")
    success = logits.argmax(1) != labels if attack.on_image else torch.ones_like(labels, dtype=torch.bool)
    return Crafted(pixels, success, tensors["success_unrounded"].to(labels.device))


def _write(path: Path, content: bytes) -> None:
    """Write a file that is either whole or absent, also if several processes write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
