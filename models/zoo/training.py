"""Train a small classifier on labelled pixels: enough for our own networks, not a framework."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn

from pathprint.models.preprocessing import Preprocessing

Track = Callable[[Sequence[slice], str, Callable[[slice], int]], Iterable[slice]]
"""Passes on batches while it shows progress under a title, in images; the function says how many are in a batch."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train a network.

    Attributes:
        learning_rate: peak of the one-cycle schedule.
        max_shift: largest distance in pixels by which an image is moved at random, in each direction.
        mirror: mirror each image with a probability of one half.
        bfloat16: compute in bfloat16 where torch's autocast deems it safe; twice as fast on processors
            with matrix instructions. Weights stay float32.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 0.05
    weight_decay: float = 5e-4
    max_shift: int = 1
    mirror: bool = False
    bfloat16: bool = False
    seed: int = 0


def train(
    module: nn.Module, preprocessing: Preprocessing, pixels: Tensor, labels: Tensor, recipe: Recipe, track: Track
) -> None:
    """Train ``module`` in place on pixels ``n c h w`` in [0, 1] and labels ``n``; leave it in evaluation mode.

    The optimiser is SGD with Nesterov momentum and a one-cycle schedule of the learning rate.
    """
    # The global seed decides dropout masks only; order, shifts and mirroring come from the generator.
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    steps = -(-len(pixels) // recipe.batch_size)
    optimiser = torch.optim.SGD(
        module.parameters(), lr=recipe.learning_rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, total_steps=recipe.epochs * steps)
    module.to(memory_format=torch.channels_last).train()
    ends = [*range(recipe.batch_size, len(pixels), recipe.batch_size), len(pixels)]
    batches = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    for part in track(batches * recipe.epochs, "training", lambda part: part.stop - part.start):
        if part.start == 0:
            order = torch.randperm(len(pixels), generator=generator)
        batch = order[part]
        x = preprocessing.normalise(_varied(pixels[batch], recipe, generator))
        with torch.autocast(x.device.type, torch.bfloat16, enabled=recipe.bfloat16):
            loss = F.cross_entropy(module(x), labels[batch])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
        schedule.step()
    module.eval()


def _varied(pixels: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Move each image by a random number of pixels and fill its edge with zeros; mirror some if the recipe says so."""
    n, _, height, width = pixels.shape
    reach = recipe.max_shift
    padded = F.pad(pixels, (reach,) * 4)
    corner = torch.randint(0, 2 * reach + 1, (2, n, 1), generator=generator)
    rows = (corner[0] + torch.arange(height))[:, None, :, None]
    columns = (corner[1] + torch.arange(width))[:, None, None, :]
    moved = padded[torch.arange(n)[:, None, None, None], torch.arange(pixels.shape[1])[:, None, None], rows, columns]
    if not recipe.mirror:
        return moved
    flip = torch.rand(n, generator=generator) < 0.5
    return torch.where(flip[:, None, None, None], moved.flip(3), moved)


def accuracy(module: nn.Module, preprocessing: Preprocessing, pixels: Tensor, labels: Tensor) -> float:
    """Return the share of images, in [0, 1], whose largest logit is that of their label."""
    with torch.inference_mode():
        right = [
            (module(preprocessing.normalise(x)).argmax(1) == y).sum()
            for x, y in zip(torch.split(pixels, 256), torch.split(labels, 256), strict=True)
        ]
    return float(torch.stack(right).sum()) / len(pixels)


def save_weights(module: nn.Module, labels: tuple[str, ...], facts: dict[str, object], path: Path) -> None:
    """Write the state dict as safetensors; its metadata hold the class names and ``facts`` about the training."""
    state = {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}
    path.write_bytes(save(state, {"facts": json.dumps(facts, sort_keys=True), "labels": json.dumps(labels)}))
