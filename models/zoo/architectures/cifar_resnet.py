"""Residual networks for 32 x 32 images (He et al. 2016, section 4.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PaddedShortcut(nn.Module):
    """Shortcut of option A in the paper: takes every second pixel, fills new channels with zeros, has no weights."""

    def __init__(self, new_channels: int) -> None:
        super().__init__()
        self.new_channels = new_channels

    def forward(self, x: Tensor) -> Tensor:
        before = self.new_channels // 2
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, before, self.new_channels - before))


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, channels: int, out_channels: int, stride: int, projection: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 and projection:
            convolution = nn.Conv2d(channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(out_channels))
        elif stride != 1:
            self.shortcut = PaddedShortcut(out_channels - channels)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y)) + self.shortcut(x)
        return torch.relu(y)


class CifarResNet(nn.Module):
    """Three stages of ``blocks`` blocks with 16, 32 and 64 channels, for inputs ``n 3 32 32``.

    Where the shape changes, shortcuts are 1 x 1 convolutions with ``projection`` (option B), padded ones without.
    """

    def __init__(self, blocks: int, classes: int = 10, projection: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.stage1 = self._stage(16, 16, 1, blocks, projection)
        self.stage2 = self._stage(16, 32, 2, blocks, projection)
        self.stage3 = self._stage(32, 64, 2, blocks, projection)
        self.fc = nn.Linear(64, classes)

    @staticmethod
    def _stage(channels: int, out_channels: int, stride: int, blocks: int, projection: bool) -> nn.Sequential:
        first = Block(channels, out_channels, stride, projection)
        return nn.Sequential(first, *(Block(out_channels, out_channels, 1, projection) for _ in range(blocks - 1)))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.fc(x.mean((2, 3)))  # type: ignore[no-any-return]  # nn.Module calls are untyped


def cifar_resnet20(classes: int = 10) -> nn.Module:
    """Return an untrained ResNet-20 with padded shortcuts."""
    return CifarResNet(3, classes)


def cifar_resnet20_projection(classes: int = 10) -> nn.Module:
    """Return an untrained ResNet-20 with 1 x 1 convolutions as shortcuts."""
    return CifarResNet(3, classes, projection=True)
