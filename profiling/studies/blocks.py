"""Which way effective paths take through residual blocks, and the accuracy without each block (Veit et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import comb
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.data.correct import CHUNK, correct_images
from pathprint.profiling.errors import OptionsError, PlanError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.steps.step import Chosen, Step
from pathprint.profiling.progress import track
from pathprint.profiling.studies.findings import Drawing, Sheet, percent
from pathprint.profiling.studies.residual import Block, logits_without, residual_blocks
from pathprint.profiling.studies.routes import Routes, routes
from pathprint.profiling.studies.subject import Subject

_AT_ONCE = 64
WAYS = ("branch", "shortcut", "both", "neither")


@dataclass(frozen=True, slots=True)
class BlockFigures:
    """One residual block.

    Attributes:
        branch: the weighted layers of the block's branch.
        shortcut: the weighted layer of its shortcut; empty if it has none.
        ways: by ``WAYS``, the mean share of the wanted units of the block's sum that chose the branch's element only,
            the shortcut's only, both or neither; nan if no path reaches the block.
        routes: share of the random routes through the block that take the branch.
        accuracy_without: accuracy of the network with the block's branch replaced by zero.
    """

    name: str
    branch: tuple[str, ...]
    shortcut: str
    ways: dict[str, float]
    routes: float
    accuracy_without: float


@dataclass(frozen=True, slots=True)
class Blocks:
    """The residual blocks of a network.

    Attributes:
        images: number of correctly predicted images whose paths were extracted.
        judged: number of images that accuracies were measured on.
        accuracy: accuracy of the whole network.
        lengths: share of the routes that reach the image through 0, 1, … branches, among those that reach it.
        lost: share of the random routes that end before the image, at a unit that chose no input.
    """

    facts: dict[str, Any]
    images: int
    judged: int
    accuracy: float
    blocks: tuple[BlockFigures, ...]
    lengths: tuple[float, ...]
    lost: float

    @property
    def even(self) -> tuple[float, ...]:
        """Shares of the lengths if branch and shortcut were equally likely (Veit et al. 2016): binomial."""
        n = len(self.blocks)
        return tuple(comb(n, length) / 2**n for length in range(n + 1))

    @property
    def mean_length(self) -> float:
        """Mean number of branches on a route that reaches the image."""
        return float(np.dot(self.lengths, range(len(self.lengths))))

    @property
    def title(self) -> str:
        return f"Residual blocks of {self.facts['network']}, theta {self.facts['policy']['theta']:g}"

    def sheets(self) -> list[Sheet]:
        return [self._by_block(), self._by_length()]

    def _by_block(self) -> Sheet:
        columns = ("block", *WAYS, "routes", "accuracy without")
        rows = tuple(
            (block.name, *map(percent, (*block.ways.values(), block.routes, block.accuracy_without)))
            for block in self.blocks
        )
        caption = (
            f"Ways of wanted units, and random routes in the branch, {self.images} images; accuracy without the block, "
            f"{percent(self.accuracy)} with all"
        )
        return Sheet(caption, columns, rows)

    def _by_length(self) -> Sheet:
        pairs = enumerate(zip(self.lengths, self.even, strict=True))
        rows = tuple((str(length), *map(percent, found)) for length, found in pairs)
        mean = (
            f"Routes by branches taken: {self.mean_length:.2f} on average, {len(self.blocks) / 2:g} if all were alike"
        )
        return Sheet(f"{mean}; {percent(self.lost)} end early", ("branches", "effective path", "all alike"), rows)

    def drawings(self) -> list[Drawing]:
        places, numbers = range(len(self.lengths)), range(1, len(self.blocks) + 1)
        without = [block.accuracy_without for block in self.blocks]
        return [
            Drawing("Routes on effective paths", "branches taken", "share of routes", places, self.lengths),
            Drawing("All ways alike", "branches taken", "share of routes", places, self.even),
            Drawing("One block deleted", "block", "accuracy", numbers, without),
            Drawing("Routes in the branch", "block", "share of routes", numbers, [b.routes for b in self.blocks]),
        ]

    def to_dict(self) -> dict[str, Any]:
        figures = {name: value for name, value in asdict(self).items() if name != "facts"}
        return {"study": "blocks", **self.facts, **figures, "even": self.even, "mean_length": self.mean_length}


def blocks(subject: Subject, images: int = 50, per_image: int = 32, judged: int = 500) -> Blocks:
    """Return which way paths take through residual blocks, and the accuracy without each block.

    Args:
        images: most correctly predicted images of the fit role whose paths are extracted; none of them was profiled.
        per_image: random routes along the path of each image.
        judged: most images of the fit role that accuracies are measured on, whatever the network predicts.

    Raises:
        PlanError: the network has no residual sum.
        OptionsError: the path covers the last layers only.
        FitError, SplitError: no image of the fit role is usable.
    """
    extractor = subject.extractor
    if extractor.policy.layers is not None:
        raise OptionsError("routes lead through the whole network to the image; leave `layers` out.")
    found = residual_blocks(extractor.network, extractor.plan)
    if not found:
        raise PlanError(f"{extractor.network.name} has no residual additions, so it has no blocks to study.")
    walked = correct_images(extractor.network, subject.split.fit, images).pixels
    shares = [ways(extractor, found, chunk) for chunk in track(torch.split(walked, _AT_ONCE), "walking", len)]
    drawn = _drawn(extractor, found, walked.repeat_interleave(per_image, 0), subject.seed)
    rest = subject.split.fit.positions[:judged]
    pixels = subject.dataset.pixels(rest, extractor.network.preprocessing)
    right = accuracies(extractor.network, found, pixels, subject.dataset.labels[rest])
    figures = _figures(found, np.concatenate(shares), drawn, right[1:])
    return Blocks(subject.facts(), len(walked), len(rest), right[0], figures, *_lengths(drawn))


def ways(extractor: Extractor, blocks: Sequence[Block], pixels: Tensor) -> Floats:
    """Return the share of each of ``WAYS`` among the wanted units of each block's sum, ``(n, blocks, 4)``.

    It is nan where the path of an image does not reach the block.
    """
    at = {block.step.y: (number, block) for number, block in enumerate(blocks)}
    shares = np.full((len(pixels), len(blocks), len(WAYS)), np.nan)

    def counting(step: Step, mask: Tensor, chosen: Chosen) -> Chosen:
        if step.y in at:
            number, block = at[step.y]
            took = [c.flatten(1)[:, s] for (_, c), s in zip(chosen, block.step.sources, strict=True)]
            shares[:, number] = _shares(mask.flatten(1), took[block.branch], took[1 - block.branch])
        return chosen

    extractor.walk(pixels, counting)
    return shares


def _shares(wanted: Tensor, branch: Tensor, shortcut: Tensor) -> Floats:
    marks = (branch & ~shortcut, shortcut & ~branch, branch & shortcut, ~(branch | shortcut))
    counts = torch.stack([(wanted & mark).sum(1) for mark in marks], 1).double() / wanted.sum(1)[:, None]
    found: Floats = counts.cpu().numpy()
    return found


def _drawn(extractor: Extractor, blocks: Sequence[Block], pixels: Tensor, seed: int) -> Routes:
    generator = torch.Generator().manual_seed(seed)
    chunks = track(torch.split(pixels, _AT_ONCE), "drawing routes", len)
    return Routes.join([routes(extractor, blocks, chunk, generator) for chunk in chunks])


def accuracies(network: Network, blocks: Sequence[Block], pixels: Tensor, labels: Indices) -> list[float]:
    """Return the accuracy of the whole network, then the accuracies without each block's branch."""
    right = np.zeros(len(blocks) + 1)
    pairs = list(zip(torch.split(pixels, CHUNK), np.split(labels, range(CHUNK, len(labels), CHUNK)), strict=True))
    for chunk, truth in track(pairs, "deleting blocks", lambda pair: len(pair[0])):
        answers = [network.predict(chunk), *(logits_without(network, block, chunk).argmax(1) for block in blocks)]
        right += [(answer.cpu().numpy() == truth).sum() for answer in answers]
    return [float(count / len(labels)) for count in right]


def _figures(
    blocks: Sequence[Block], shares: Floats, drawn: Routes, accuracy: Sequence[float]
) -> tuple[BlockFigures, ...]:
    came, branched = drawn.came.sum(0), drawn.branched.sum(0)
    found = []
    for number, block in enumerate(blocks):
        known = shares[~np.isnan(shares[:, number, 0]), number]
        means = known.mean(0) if len(known) else np.full(len(WAYS), np.nan)
        taken = float(branched[number] / came[number]) if came[number] else float("nan")
        each = dict(zip(WAYS, map(float, means), strict=True))
        found.append(BlockFigures(block.name, block.layers, block.shortcut, each, taken, accuracy[number]))
    return tuple(found)


def _lengths(drawn: Routes) -> tuple[tuple[float, ...], float]:
    """Return the share of each length among the routes that reached the image, and the share of all other routes."""
    counts = np.bincount(drawn.lengths[drawn.arrived], minlength=drawn.came.shape[1] + 1)
    return tuple(map(float, counts / max(counts.sum(), 1))), float(1 - drawn.arrived.mean())
