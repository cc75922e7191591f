"""Small awkward networks: every kind of step, and the combinations that break tracers."""

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.models.zoo.catalogue import ZOO

PLAIN = Preprocessing(2, (12, 12), 12, (0.0, 0.0), (1.0, 1.0))
SHIFTED = Preprocessing(2, (12, 12), 12, (0.3, 0.3), (1.0, 1.0))
"""Network inputs of both signs."""
"""Preprocessing that changes nothing: pixels are the network input."""


LOWER = torch.full((12,), -0.6)


class Function(nn.Module):
    """A convolution, then a function of its output, then a linear layer."""

    def __init__(self, middle: Callable[[Tensor], Tensor], features: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 6, 3, padding=1)
        self.middle = middle
        self.fc = nn.Linear(features, 4)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.middle(self.conv(x)).flatten(1))
        return logits


class Residual(nn.Module):
    """Residual sums of both kinds, concatenation, in-place activations, a module called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.twice = nn.Conv2d(8, 8, 3, padding=1, groups=2)
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.fc = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.stem(x), 3, 2, 1)
        y = F.relu(self.twice(x)).add_(x)
        y = torch.add(F.relu6(self.twice(y)), y, alpha=-0.5)
        y = F.relu_(self.depthwise(y))
        shortcut = F.pad(y[:, ::2], (0, 0, 0, 0, 2, 2))
        joined = F.hardtanh(self.norm(torch.cat([y, shortcut], 1)), -1, 1)
        logits: Tensor = self.fc(F.avg_pool2d(joined, 2, 1).mean((2, 3)))
        return logits


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    """Return a module in evaluation mode with seeded random parameters and statistics."""
    torch.manual_seed(0)
    module = build()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.normal_(part.bias)
    return module.eval()


SLOPES = torch.linspace(-0.5, 0.5, 6)
EXPONENTS = torch.linspace(1, 3, 12)
MIXING = torch.linspace(-1, 1, 36).cos().reshape(6, 6)
MASK = torch.arange(144).reshape(12, 12) % 3 == 0
KERNEL = torch.linspace(-1, 1, 6 * 6 * 9).sin().reshape(6, 6, 3, 3)
attended: Callable[..., Tensor] = F.scaled_dot_product_attention


def tokens_first(y: Tensor) -> Tensor:
    """Attend as ``nn.MultiheadAttention`` does: the batch second, then merged with the tokens."""
    x = y.flatten(2).permute(2, 0, 1)  # tokens n c
    heads = x.reshape(144, -1, 3).transpose(0, 1)  # n*2 tokens 3
    found = attended(heads, heads, heads).view(-1, 2, 144, 3).permute(2, 0, 1, 3).reshape(-1, 6)  # tokens*n c
    return F.linear(found, MIXING).view(144, -1, 6).permute(1, 2, 0)


def windowed(y: Tensor) -> Tensor:
    """Attend in shifted windows, merged with the batch."""
    parts = y.roll(1, 3).view(-1, 6, 3, 4, 3, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, 6)
    parts = F.linear(parts, MIXING) + parts
    weights = (parts @ parts.mT).softmax(-1)
    return (weights @ parts).view(-1, 3, 3, 4, 4, 6).permute(0, 5, 1, 3, 2, 4).reshape(-1, 6, 12, 12)


def of_elements(y: Tensor) -> Tensor:
    """Apply every function of one element that has no activation function's name, and gelu by its formula."""
    positive = y.abs() + 0.1
    roots = positive.sqrt().rsqrt() + positive.log().sin() * positive.log2().cos() + positive.reciprocal()
    powers = torch.log1p(positive) + torch.expm1(y).exp() + 0.01 * positive**EXPONENTS
    steps = (4 * y).round() + (3 * y).floor() - (2 * y).ceil() + 0.1 * y.sign()
    return roots + powers + 0.3 * steps + 0.5 * y * (1 + torch.erf(y / 2**0.5)) + y.clamp(LOWER, -LOWER)


def normalised_by_hand(y: Tensor) -> Tensor:
    """Normalise channels as ConvNeXt writes it, then by their root mean square, by their deviation, by their length."""
    centred = y - y.mean(1, keepdim=True)
    first = centred / torch.sqrt(centred.pow(2).mean(1, keepdim=True) + 1e-6)
    second = first * torch.rsqrt(first.square().mean((2, 3), keepdim=True) + 1e-6)
    third = second / (second.std(3, keepdim=True) + second.var((1, 2), keepdim=True))
    return F.normalize(third, dim=1)


def products(y: Tensor) -> Tensor:
    """Multiply by constant matrices from both sides, as CLIP projects its features."""
    mixed = F.relu(MIXING @ y.mean(3))
    projected = torch.einsum("nij,kj->nik", mixed.transpose(1, 2) @ MIXING, MIXING)
    return torch.mm(torch.addmm(MIXING[0], projected.mean(1), MIXING), MIXING)


MIDDLES: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "relu": (F.relu, 864),
    "leaky relu": (lambda y: F.leaky_relu(y, 0.1), 864),
    "gelu": (F.gelu, 864),
    "silu": (F.silu, 864),
    "hardswish": (F.hardswish, 864),
    "prelu": (lambda y: F.prelu(y, SLOPES), 864),
    "selu": (F.selu, 864),
    "mish": (F.mish, 864),
    "softplus": (F.softplus, 864),
    "threshold": (lambda y: F.threshold(y, 0.1, 0.0), 864),
    "sigmoid of relu": (lambda y: torch.sigmoid(F.relu(y)), 864),
    "clamp": (lambda y: y.clamp(-0.2, 0.3), 864),
    "max pool": (lambda y: F.max_pool2d(y, 2), 216),
    "max pool of zeros": (lambda y: F.max_pool2d(F.relu(y + LOWER), 2), 216),
    "max pool, overlapping, padded": (lambda y: F.max_pool2d(y, 3, 2, 1), 216),
    "max pool, ceil mode": (lambda y: F.max_pool2d(y, 5, 3, ceil_mode=True), 96),
    "max pool, dilated": (lambda y: F.max_pool2d(y, 2, 3, dilation=3), 54),
    "average pool, padded": (lambda y: F.avg_pool2d(y, 3, 2, 1), 216),
    "average pool, ceil mode": (lambda y: F.avg_pool2d(y, 5, 3, ceil_mode=True), 96),
    "adaptive pool, uneven": (lambda y: F.adaptive_avg_pool2d(y, (5, 7)), 210),
    "global mean": (lambda y: y.mean((2, 3)), 6),
    "global mean, kept": (lambda y: y.mean((-1, -2), keepdim=True), 6),
    "maximum over the image": (lambda y: y.amax((2, 3)), 6),
    "maximum over the channels, kept": (lambda y: y.amax(1, keepdim=True), 144),
    "largest of each row": (lambda y: F.relu(y).max(3)[0], 72),
    "nearest, enlarged": (lambda y: F.interpolate(y, scale_factor=2), 3456),
    "nearest, to a size": (lambda y: F.interpolate(y, size=(5, 17), mode="nearest-exact"), 510),
    "bilinear, enlarged": (lambda y: F.interpolate(y, scale_factor=2, mode="bilinear"), 3456),
    "bilinear, corners": (lambda y: F.interpolate(y, (17, 9), mode="bilinear", align_corners=True), 918),
    "bilinear, smoothed": (lambda y: F.interpolate(y, (5, 4), mode="bilinear", antialias=True), 120),
    "bicubic": (lambda y: F.interpolate(y, (15, 10), mode="bicubic"), 900),
    "linear, then trilinear": (
        lambda y: F.interpolate(
            F.interpolate(y.flatten(2), 60, mode="linear").view(-1, 1, 6, 6, 10), (5, 9, 7), mode="trilinear"
        ),
        315,
    ),
    "gated linear unit": (lambda y: F.glu(y, 1), 432),
    "slice and pad": (lambda y: F.pad(y[:, 1:, ::2], (1, 0, 2, 0)), 5 * 8 * 13),
    "permute and reshape": (lambda y: y.permute(0, 2, 3, 1).reshape(-1, 24, 36).transpose(1, 2), 864),
    "concatenation": (lambda y: torch.cat([F.relu(y), y[:, 1:3]], 1), 1152),
    "select and unsqueeze": (lambda y: y[:, 2].unsqueeze(1).squeeze(1), 144),
    "roll": (lambda y: y.roll(3, 3), 864),
    "sum with a constant": (lambda y: LOWER + y, 864),
    "broadcast sum": (lambda y: y + y.mean((2, 3), keepdim=True), 864),
    "sum with itself": (lambda y: y + y, 864),
    "difference": (lambda y: F.relu(y) - 0.5 * y.flip(3), 864),
    "difference, scaled": (lambda y: torch.sub(y, F.relu(y.roll(1, 2)), alpha=2), 864),
    "arithmetic with constants": (lambda y: -(LOWER * y - 0.2) / 3 + (1 - y), 864),
    "constant that spreads": (lambda y: y.mean((2, 3), keepdim=True) * LOWER, 72),
    "relu, spread by a sum": (lambda y: F.relu(y.mean((2, 3), keepdim=True)) + LOWER, 72),
    "product": (lambda y: F.relu(y) * y.roll(1, 3), 864),
    "product with itself": (lambda y: y * y, 864),
    "gate": (lambda y: torch.sigmoid(y.mean((2, 3), keepdim=True)) * y, 864),
    "split": (lambda y: torch.cat(torch.split(y, [1, 3, 2], 1)[::-1], 1), 864),
    "chunk": (lambda y: torch.cat(torch.chunk(y, 3, 2)[1:], 3), 576),
    "unbind and stack": (lambda y: torch.stack(y.unbind(3)[::2], 1), 432),
    "index by constants": (lambda y: y[:, [4, 0, 4]].index_select(2, torch.tensor([3, 1])), 72),
    "repeat": (lambda y: y.repeat(1, 2, 1, 1), 1728),
    "tile, repeat, turn": (lambda y: y.tile(1, 2, 1, 1).repeat_interleave(2, 2).rot90(1, (2, 3)), 3456),
    "padding by reflection": (
        lambda y: F.pad(F.pad(F.pad(y, (1, 0, 2, 1), "reflect"), (0, 1, 1, 0), "replicate"), (1, 1, 0, 2), "circular"),
        6 * 18 * 16,
    ),
    "windows taken apart": (lambda y: F.unfold(y, 3, padding=1, stride=2)[:, ::2], 972),
    "overlapping parts": (lambda y: y.unfold(2, 4, 3).unfold(3, 5, 4), 6 * 3 * 2 * 20),
    "scattered": (lambda y: y.slice_scatter(F.relu(y[:, :, 6:]), 2, 0, 6).select_scatter(y[:, 0], 1, 3), 864),
    "between two": (lambda y: torch.lerp(F.relu(y), y.roll(1, 3), 0.3), 864),
    "channel shuffle": (lambda y: y.view(-1, 3, 2, 12, 12).transpose(1, 2).reshape(-1, 6, 12, 12), 864),
    "pixel shuffle": (lambda y: F.pixel_unshuffle(y, 2)[:, 3:20], 612),
    "adaptive max pool": (lambda y: F.adaptive_max_pool2d(y, (5, 7)), 210),
    "layer norm": (lambda y: F.layer_norm(y, [12]), 864),
    "group norm": (lambda y: F.group_norm(y, 2), 864),
    "instance norm": (F.instance_norm, 864),
    "rms norm": (lambda y: F.rms_norm(y, [12]), 864),
    "local response norm": (lambda y: F.local_response_norm(F.relu(y), 3, alpha=2.0), 864),
    "normalised by hand": (lambda y: normalised_by_hand(y), 864),
    "functions of elements": (lambda y: of_elements(y), 864),
    "quotients": (
        lambda y: F.softsign(y) + y.mean((2, 3), keepdim=True) / (1 + y.square()) + LOWER / (y.abs() + 1),
        864,
    ),
    "where, by a constant": (lambda y: torch.where(MASK, y, y.mean(1, keepdim=True)), 864),
    "where, numbers": (lambda y: torch.where(MASK, y, 0.5) + torch.where(MASK, 0.5, y.roll(1, 3)), 864),
    "where, comparing": (lambda y: torch.where(y > y.roll(1, 3), y, -y.mean((2, 3), keepdim=True)), 864),
    "where, a mask that spreads": (lambda y: torch.where(y[:, :1] > LOWER / 4, F.relu(y), LOWER / 9), 864),
    "where, rectifying": (lambda y: torch.where(y < 0, torch.zeros_like(y), y), 864),
    "shrinking": (lambda y: F.hardshrink(y, 0.2) + F.softshrink(y, 0.3), 864),
    "where, in windows": (lambda y: windowed(torch.where(y > -0.1, y, 0.2)), 864),
    "masked fill": (lambda y: y.masked_fill(MASK, 0.1).masked_fill((y > 0.4) | (y < -0.4), 0.0), 864),
    "masked by products": (lambda y: y * (y > -0.2) * (y.roll(1, 2) <= 0.5).float(), 864),
    "larger of two": (lambda y: torch.maximum(*y.chunk(2, 1)), 432),
    "larger and smaller, spread": (lambda y: y.max(y.mean(1, keepdim=True)).min(F.relu(y.roll(1, 2))), 864),
    "larger and smaller, of a constant": (lambda y: y.maximum(LOWER).minimum(-LOWER / 2), 864),
    "smallest": (lambda y: y.amin((2, 3), keepdim=True) * y + y.min(1, keepdim=True)[0], 864),
    "padding by name": (lambda y: F.conv2d(y, KERNEL, None, 1, "same"), 864),
    "one dimension": (lambda y: F.conv1d(y.flatten(2), KERNEL[..., 0], stride=2, padding=1), 432),
    "three dimensions": (lambda y: F.conv3d(y.unsqueeze(1), KERNEL[:1, :1, None], padding=(0, 1, 1)), 864),
    "products with constants": (lambda y: products(y), 6),
    "attention": (lambda y: attended(y.flatten(2), y.flatten(2).roll(1, 2), y.flatten(2)), 864),
    "attention by products": (lambda y: (y @ y.transpose(-2, -1) * 0.1 + LOWER).softmax(-1) @ y, 864),
    "attention by einsum": (lambda y: torch.einsum("bcij,bcjd->bcid", y.softmax(3), y), 864),
    "attention, batch second": (lambda y: tokens_first(y), 864),
    "windows": (lambda y: windowed(y), 864),
}


def case(name: str) -> tuple[nn.Module, Network]:
    """Return the module and the network called ``name``."""
    if name == "residual":
        module, preprocessing = seeded(Residual), SHIFTED
    elif name in ZOO:
        module, preprocessing = seeded(lambda: ZOO[name].build(10)), ZOO[name].preprocessing
    else:
        middle, features = MIDDLES[name]
        module, preprocessing = seeded(lambda: Function(middle, features)), SHIFTED
    return module, Network.capture(module, preprocessing, name=name)


built = cache(case)
"""``case``, made once for all tests of a process: they change neither the module nor the network."""

CASES = ["residual", *MIDDLES, *ZOO]
