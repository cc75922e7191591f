"""The networks that are measured: MobileNetV2 with its weights, and ResNet-50's shape with weights of two kinds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
import torchvision
from torch import Tensor, nn

from pathprint.models.preprocessing import Preprocessing
from pathprint.models.zoo import catalogue

_LAST_GAIN, _SHIFT = 0.4, -0.3
"""What trained residual networks have, roughly: quiet branches, and units of which less than half are active."""


class Subject(NamedTuple):
    """A network to be measured."""

    name: str
    module: nn.Module
    preprocessing: Preprocessing


def subjects(photographs: Tensor, weights: Path) -> list[Subject]:
    """Return the networks, given photographs ``n 3 h w`` and the weights of torchvision's MobileNetV2."""
    module, preprocessing, _ = catalogue.opened("torchvision:mobilenet_v2", weights)
    inputs = preprocessing.normalise(photographs)
    return [
        Subject("MobileNetV2", module.eval(), preprocessing),
        Subject("ResNet-50, random weights, calibrated", _calibrated(_resnet(), inputs), preprocessing),
        Subject("ResNet-50, random weights", _resnet(), preprocessing),
    ]


def _resnet() -> nn.Module:
    torch.manual_seed(0)
    return torchvision.models.resnet50().eval()


def _calibrated(module: nn.Module, inputs: Tensor) -> nn.Module:
    """Give a residual network the statistics of its inputs, and gains and shifts as training leaves them behind."""
    for name, part in module.named_modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = None  # the plain mean of all batches
            part.reset_running_stats()
            nn.init.constant_(part.weight, _LAST_GAIN if name.endswith("bn3") else 1.0)
            nn.init.constant_(part.bias, _SHIFT if name.endswith(("bn1", "bn2")) else _SHIFT / 3)
    with torch.no_grad():
        module.train()(inputs)
        fc, module.fc = module.fc, nn.Identity()
        seen = module.eval()(inputs)
        # Each photograph is a class of its own, surely recognised.
        fc.weight[: len(seen)] = nn.functional.normalize(seen - seen.mean(0))
        module.fc = fc
    return module
