"""Small networks on which the definitions are tested."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Apply(nn.Module):
    """A network that is one function of its input."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x).flatten(1)


class Residual(nn.Module):
    """A network with a residual sum, a concatenation, a lone BatchNorm and a layer called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(True))
        self.pool = nn.MaxPool2d(2)
        self.twice = nn.Conv2d(8, 8, 3, padding=1, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.drop = nn.Dropout()
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        once = functional.relu(self.twice(x)) + x
        again = functional.relu6(self.twice(once)) + once
        joined = functional.relu(self.norm(torch.cat([once, again], dim=1)))
        logits: Tensor = self.head(self.drop(joined.mean(dim=(2, 3))))
        return logits


def residual_network() -> Residual:
    """Return the network with random parameters and statistics."""
    torch.manual_seed(0)
    network = Residual()
    for norm in (network.stem[1], network.norm):
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
        nn.init.uniform_(norm.weight, 0.5, 2.0)
        nn.init.normal_(norm.bias)
    return network


def integer_network() -> nn.Sequential:
    """Return a network that computes exactly on images of small integers."""
    torch.manual_seed(0)
    layers = (nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 6, 3, groups=3), nn.Linear(24, 4))
    with torch.no_grad():
        for parameter in nn.ModuleList(layers).parameters():
            parameter.copy_(torch.randint(-3, 4, parameter.shape))
    first, second, last = layers
    middle = nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.AvgPool2d(2)
    return nn.Sequential(first, *middle, nn.Flatten(), last)


def linear(rows: list[list[float]], bias: list[float] | None = None) -> nn.Linear:
    """Return a linear layer with the given weight and bias."""
    layer = nn.Linear(len(rows[0]), len(rows), bias=bias is not None)
    layer.weight = nn.Parameter(torch.tensor(rows, dtype=torch.float32))
    if bias is not None:
        layer.bias = nn.Parameter(torch.tensor(bias, dtype=torch.float32))
    return layer


def line(*values: float) -> Tensor:
    """Return a (1, 1, w) input."""
    return torch.tensor([[values]], dtype=torch.float32)
