"""Attack images or change them benignly, chunk by chunk; attacked images that are on disk are not made again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.models.preprocessing import to_8_bit
from pathprint.profiling.attacks.attack import Attack, Crafted, Goal
from pathprint.profiling.attacks.benign import Control
from pathprint.profiling.attacks.cache import chunk_key, load_chunk, save_chunk
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.data.correct import CHUNK, Correct, at_once
from pathprint.profiling.data.roles import R
from pathprint.profiling.paths.cost import multiply_adds
from pathprint.profiling.progress import track
from pathprint.profiling.signatures import storage

log = logging.getLogger("pathprint")


Ahead = Callable[[Sequence[Attack], Network, Correct[Any]], None]
"""Has images attacked before their results are asked for."""
_WORK = 1 << 40
"""Multiply-adds that attacking a chunk of images takes: half a minute or so, which an interruption may lose."""


def nobody(attacks: Sequence[Attack], network: Network, correct: Correct[Any]) -> None:
    """Leave the attacks to whoever asks for their results."""


@dataclass(frozen=True, slots=True)
class Crafting:
    """Seed and cache of attacked images.

    Attributes:
        seed: of all randomness in the attacks.
        cache: folder of attacked images to read from and to add to; None keeps nothing.
        ahead: called before images are attacked; it may have others fill the cache.
    """

    seed: int = 0
    cache: Path | None = None
    ahead: Ahead = nobody

    def craft(self, attack: Attack, network: Network, pixels: Tensor, labels: Tensor) -> Crafted:
        """Attack ``pixels`` away from ``labels``, or load the result if it is on disk and verifies; see ``craft``."""
        if self.cache is None:
            return craft(attack, network, pixels, labels, self.seed)
        key = chunk_key(attack, network, pixels, labels, self.seed)
        path = self.cache / attack.name / f"{key}.safetensors"
        if path.exists():
            try:
                return load_chunk(path, key, attack, network, labels)
            except (*storage.UNREADABLE, RuntimeError) as error:
                log.warning("the cached file %s is unusable and is made again: %s", path, storage.reason(error))
        crafted = craft(attack, network, pixels, labels, self.seed)
        save_chunk(path, key, attack, network, crafted)
        return crafted


def craft(attack: Attack, network: Network, pixels: Tensor, labels: Tensor, seed: int = 0) -> Crafted:
    """Attack ``pixels`` ``n c h w`` away from ``labels`` ``(n,)``.

    With the same seed, an image's result does not depend on the other images. There are two exceptions: HopSkipJump,
    and rounding, because convolution libraries round differently for different batch sizes.

    Raises:
        MissingExtraError: the attack comes from foolbox, which is not installed.
    """
    # Tensors made in inference mode, as predictions are, cannot take part in gradients; copies of them can.
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
        kept: whether the network still gives the label, ``(n,)``; only these images are clearly benign.
    """

    pixels: Tensor
    kept: Tensor


def apply(control: Control, network: Network, pixels: Tensor, labels: Tensor, seed: int = 0) -> Controlled:
    """Change ``pixels`` ``n c h w`` benignly. With the same seed, an image's result does not depend on the others."""
    changed = to_8_bit(control.change(pixels, Draws(pixels, seed)))
    return Controlled(changed, network.predict(changed) == labels)


def craft_all(attack: Attack, network: Network, correct: Correct[R], crafting: Crafting) -> Crafted:
    """Attack all images, chunk by chunk; chunks of large images are smaller. Cached chunks are not made again."""
    size = chunk_size(attack, network, correct.pixels)
    pairs = list(zip(torch.split(correct.pixels, size), torch.split(correct.labels, size), strict=True))
    parts = [
        crafting.craft(attack, network, x, y)
        for x, y in track(pairs, f"attack {attack.name}", lambda pair: len(pair[0]))
    ]
    columns = zip(*((part.pixels, part.success, part.success_unrounded) for part in parts), strict=True)
    return Crafted(*(torch.cat(column) for column in columns))


def chunk_size(attack: Attack, network: Network, pixels: Tensor) -> int:
    """Return how many images of the size of ``pixels`` are attacked at once.

    A gradient keeps all activations in memory, and an expensive attack is to lose little when it is interrupted.
    """
    return min(at_once(pixels), max(1, _WORK // (multiply_adds(network) * max(attack.inferences, 1))))


def control_all(control: Control, network: Network, correct: Correct[R], seed: int) -> Controlled:
    """Change all images benignly, chunk by chunk."""
    pairs = list(zip(torch.split(correct.pixels, CHUNK), torch.split(correct.labels, CHUNK), strict=True))
    followed = track(pairs, f"benign change {control.name}", lambda pair: len(pair[0]))
    parts = [apply(control, network, pixels, labels, seed) for pixels, labels in followed]
    return Controlled(torch.cat([part.pixels for part in parts]), torch.cat([part.kept for part in parts]))
