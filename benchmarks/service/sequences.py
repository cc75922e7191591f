"""Query sequences of attacks that know no gradient, as a service receives them: 8-bit images, one after another.

Boundary and HopSkipJump are foolbox's and see the predicted class only. Square, NES and SimBA are small versions of
their papers' attacks and see the classes' probabilities.
"""

from __future__ import annotations

from collections.abc import Callable

import eagerpy
import foolbox
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Query = NDArray[np.uint8]


class SpentError(Exception):
    """The attacker has asked as often as the study follows it."""


class Asked(nn.Module):
    """A classifier of images in [0, 1] that keeps each 8-bit image it is asked about, up to a number of them."""

    def __init__(self, classify: Callable[[Tensor], Tensor], budget: int) -> None:
        super().__init__()
        self.classify, self.budget = classify, budget
        self.queries: list[Query] = []

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        eight_bit = (images.clamp(0, 1) * 255).round()
        for image in eight_bit:
            if len(self.queries) >= self.budget:
                raise SpentError
            self.queries.append(image.to(torch.uint8).numpy())
        return self.classify(eight_bit / 255)


def simba(ask: Asked, image: Tensor, label: int, rng: np.random.Generator, epsilon: float) -> None:
    """Guo et al. 2019: change one random pixel of one channel at a time, and keep what lowers the probability."""
    best, step = ask(image[None]).softmax(1)[0, label], 2 * epsilon
    for position in rng.permutation(image.numel()):
        for sign in (-1, 1):
            changed = image.clone().view(-1)
            changed[position] = (changed[position] + sign * step).clamp(0, 1)
            found = ask(changed.view_as(image)[None]).softmax(1)[0, label]
            if found < best:
                image, best = changed.view_as(image), found
                break


def nes(ask: Asked, image: Tensor, label: int, rng: np.random.Generator, epsilon: float) -> None:
    """Ilyas et al. 2018: estimate the gradient from 25 antithetic pairs of noise, and step against it."""
    start, sigma = image, max(epsilon / 4, 1 / 255)
    while True:
        noise = torch.tensor(rng.standard_normal((25, *image.shape)), dtype=torch.float32)
        up, down = (ask(image + sign * sigma * noise).softmax(1)[:, label] for sign in (1, -1))
        gradient = ((up - down)[:, None, None, None] * noise).mean(0)
        image = (image - epsilon / 8 * gradient.sign()).clamp(start - epsilon, start + epsilon).clamp(0, 1)


def square(ask: Asked, image: Tensor, label: int, rng: np.random.Generator, epsilon: float) -> None:
    """Andriushchenko et al. 2020: vertical stripes, then ever smaller squares of +-epsilon in each channel."""
    channels, height, width = image.shape
    signs = torch.tensor(rng.choice([-1.0, 1.0], (channels, 1, width)), dtype=torch.float32)
    noisy = (image + epsilon * signs).clamp(0, 1)
    best = ask(noisy[None]).softmax(1)[0, label]
    for step in range(10**6):
        share = 0.8 / 2 ** sum(step * 10 > bound for bound in (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000))
        side = max(1, min(height - 1, round((share * height * width) ** 0.5)))
        top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
        patch = (..., slice(top, top + side), slice(left, left + side))
        changed = noisy.clone()
        signs = torch.tensor(rng.choice([-1.0, 1.0], (channels, 1, 1)), dtype=torch.float32)
        changed[patch] = (image[patch] + epsilon * signs).clamp(0, 1)
        found = ask(changed[None]).softmax(1)[0, label]
        if found < best:
            noisy, best = changed, found


def _foolbox(
    attack: foolbox.attacks.base.MinimizationAttack, ask: Asked, image: Tensor, other: Tensor, label: int
) -> None:
    model = foolbox.PyTorchModel(ask.eval(), bounds=(0, 1), device="cpu")
    attack(model, image[None], torch.tensor([label]), epsilons=None, starting_points=eagerpy.astensor(other[None]).raw)


def boundary(ask: Asked, image: Tensor, label: int, other: Tensor) -> None:
    """Brendel et al. 2018: walk along the border of the class from another image."""
    _foolbox(foolbox.attacks.BoundaryAttack(steps=10**5), ask, image, other, label)


def hopskipjump(ask: Asked, image: Tensor, label: int, other: Tensor) -> None:
    """Chen et al. 2020: bisect towards the image, and estimate the border's direction from noise."""
    _foolbox(foolbox.attacks.HopSkipJumpAttack(steps=10**5), ask, image, other, label)


SCORE_BASED = {"SimBA": simba, "NES": nes, "Square": square}
DECISION_BASED = {"Boundary": boundary, "HopSkipJump": hopskipjump}
ATTACKS = (*SCORE_BASED, *DECISION_BASED)


def queries_of(
    name: str,
    classify: Callable[[Tensor], Tensor],
    image: Tensor,
    other: Tensor,
    seed: int,
    epsilon: float,
    budget: int,
) -> NDArray[np.uint8]:
    """Return the first ``budget`` queries of an attack on ``image``.

    Args:
        other: an image of another class, from which attacks that see only the class begin.
        epsilon: largest change of a value in [0, 1], for attacks that see probabilities.
    """
    torch.manual_seed(seed)
    np.random.seed(seed)  # foolbox's
    label = int(classify(image[None]).argmax())
    asked = Asked(classify, budget)
    try:
        if name in SCORE_BASED:
            SCORE_BASED[name](asked, image, label, np.random.default_rng(seed), epsilon)
        else:
            DECISION_BASED[name](asked, image, label, other)
    except SpentError:
        pass
    return np.stack(asked.queries)
