"""Attacked images kept on disk: one file per chunk, found by the content of all that decides it.

A file is named by the SHA-256 of network, declaration, seed, images and labels, so no file can be
stale. It is written beside its place and renamed, so an interrupted run leaves whole chunks only
and goes on where it stopped. A file that does not verify is made anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pathprint.models.network import Network, canonical_json
from pathprint.models.preprocessing import to_8_bit
from pathprint.profiling.attacks.attack import Attack, Crafted, Goal
from pathprint.profiling.attacks.benign import Control
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.data.correct import CHUNK, Correct, at_once
from pathprint.profiling.data.roles import R
from pathprint.profiling.progress import track

_log = logging.getLogger(__name__)
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
                _log.warning("%s is damaged and is made anew: %s", path, error)
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


def craft(attack: Attack, network: Network, pixels: Tensor, labels: Tensor, seed: int = 0) -> Crafted:
    """Attack ``pixels`` away from ``labels``; the same seed gives an image the same result.

    It does not depend on the other images, except for HopSkipJump, and but for the last bits in
    which convolution libraries differ between batch sizes.

    Raises:
        MissingExtraError: the attack comes from foolbox, which is not installed.
    """
    # What was made in inference mode, as predictions are, cannot take part in gradients; copies can.
    pixels, labels = pixels.clone(), labels.clone()
    draws = Draws(pixels, seed)
    targets = draws.other_class(labels, len(network.labels)) if attack.targeted else None
    made = attack.method(network.logits, pixels, Goal(labels, targets), draws).detach().clamp(0, 1)
    rounded = to_8_bit(made)
    if not attack.on_image:
        always = torch.ones(len(made), dtype=torch.bool, device=made.device)
        return Crafted(rounded, always, always)
    return Crafted(rounded, network.predict(rounded) != labels, network.predict(made) != labels)


@dataclass(frozen=True, slots=True)
class Controlled:
    """What a control made of some images.

    Attributes:
        pixels: ``n c h w``, rounded to 8 bit.
        kept: the network still gives the label, ``(n,)``; only these are plainly benign.
    """

    pixels: Tensor
    kept: Tensor


def apply(control: Control, network: Network, pixels: Tensor, labels: Tensor, seed: int = 0) -> Controlled:
    """Change ``pixels``; the same seed gives an image the same result in any company."""
    changed = to_8_bit(control.change(pixels, Draws(pixels, seed)))
    return Controlled(changed, network.predict(changed) == labels)


def craft_all(attack: Attack, network: Network, correct: Correct[R], crafting: Crafting) -> Crafted:
    """Attack all images, chunk by chunk, fewer at once if they are large; what is cached is not crafted again."""
    size = at_once(correct.pixels)  # gradients hold all activations
    pairs = list(zip(torch.split(correct.pixels, size), torch.split(correct.labels, size), strict=True))
    parts = [crafting.craft(attack, network, x, y) for x, y in track(pairs, f"attack {attack.name}")]
    columns = zip(*((part.pixels, part.success, part.success_unrounded) for part in parts), strict=True)
    return Crafted(*(torch.cat(column) for column in columns))


def control_all(control: Control, network: Network, correct: Correct[R], seed: int) -> Controlled:
    """Change all images benignly, chunk by chunk."""
    pairs = zip(torch.split(correct.pixels, CHUNK), torch.split(correct.labels, CHUNK), strict=True)
    parts = [apply(control, network, pixels, labels, seed) for pixels, labels in pairs]
    return Controlled(torch.cat([part.pixels for part in parts]), torch.cat([part.kept for part in parts]))
