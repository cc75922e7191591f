"""Steps with a memory and smoothed gradients, against their definitions."""

import pytest
import torch
from scipy.ndimage import convolve
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Goal, climb
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.methods.ascent import Ascent
from pathprint.profiling.attacks.methods.momentum import Momentum, smoothed

Images = tuple[Tensor, Tensor]


def test_without_memory_and_smoothing_it_is_the_iterated_attack(digits_network: Network, clean: Images) -> None:
    pixels, labels = clean[0][:6], clean[1][:6]
    found, expected = (
        method(digits_network.logits, pixels, Goal(labels), Draws(pixels, 0))
        for method in (Momentum(0.1, 8, decay=0), Ascent("Linf", 0.1, 8, 1 / 8))
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("decay", "smoothing"), [(1.0, 0.0), (0.5, 0.0), (1.0, 1.0)])
def test_the_memory_adds_up_gradients_of_equal_size(
    decay: float, smoothing: float, digits_network: Network, clean: Images
) -> None:
    """Equations 6 and 7 of Dong et al. 2018, one image at a time, with the smoothing of Dong et al. 2019."""
    pixels, labels = clean[0][:3], clean[1][:3]
    found = Momentum(0.2, 5, decay, smoothing)(digits_network.logits, pixels, Goal(labels), Draws(pixels, 0))
    for image in range(3):
        x, goal = pixels[image : image + 1], Goal(labels[image : image + 1])
        made, memory = x, torch.zeros_like(x)
        for _ in range(5):
            gradient = climb(digits_network.logits, made, goal.loss)[2]
            gradient = smoothed(gradient, smoothing) if smoothing else gradient
            memory = decay * memory + gradient / gradient.abs().mean()
            made = torch.clamp(made + 0.2 / 5 * memory.sign(), 0, 1)
        changed = (made - found[image : image + 1]).abs() > 1e-3
        assert changed.float().mean() < 0.05  # a sum near zero has the sign that rounding gives it


@pytest.mark.parametrize("sigma", [1.0, 1.5, 3.0])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 20)])
def test_smoothing_is_the_convolution_with_a_bell(sigma: float, shape: tuple[int, ...]) -> None:
    gradient = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    reach = {1.0: 2, 1.5: 4, 3.0: 7}[sigma]
    steps = torch.arange(-reach, reach + 1).double()
    bell = torch.exp(-(steps**2) / (2 * sigma**2))
    kernel = torch.outer(bell, bell) / bell.sum() ** 2
    expected = torch.stack(
        [
            torch.stack([torch.from_numpy(convolve(c.numpy(), kernel.numpy(), mode="constant")) for c in i])
            for i in gradient
        ]
    )
    torch.testing.assert_close(smoothed(gradient, sigma), expected.float(), rtol=0, atol=1e-5)
