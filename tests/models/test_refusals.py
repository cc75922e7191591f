"""What cannot be captured is refused in one sentence, and what that sentence advises helps."""

from collections.abc import Callable
from typing import Self

import pytest
import torch
from torch import Tensor, nn

from pathprint.models.errors import CaptureError
from pathprint.models.network import Network
from tests.models.holders import PIXELS, PLAIN, Holder, small


class Fails(Holder):
    def eval(self) -> Self:
        raise RuntimeError("no GPU here")


class Undetachable(Holder):
    def __deepcopy__(self, memo: object) -> nn.Module:
        raise RuntimeError("no GPU here")


def on_meta() -> nn.Module:
    with torch.device("meta"):
        return small()


def with_nan() -> nn.Module:
    made = Holder()
    nn.init.constant_(made.get_parameter("n.3.weight"), torch.nan)
    return made


def scripted() -> object:
    return torch.jit.trace(small(), PIXELS)  # type: ignore[no-untyped-call]


class Leaves(Holder):
    def forward(self, x: Tensor) -> Tensor:
        raise SystemExit("bye")


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "meta": (on_meta, r"meta device, which hold no values: 0\.weight, 0\.bias, 3\.weight and 1 more"),
    "lazy": (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), r"without a shape yet: 1\.weight, 1\.bias\. Call"),
    "eval": (Fails, r"its eval\(\) raised RuntimeError: no GPU here"),
    "copy": (Undetachable, r"cannot be copied \(RuntimeError: no GPU here\)"),
    "TorchScript": (scripted, "TorchScript module, which cannot be captured"),
    "no module": (lambda: small, "function is no torch module"),
    "nan": (with_nan, r"returns nan for an ordinary image; its parameters n\.3\.weight are not finite"),
    "leaves": (Leaves, r"cannot be exported for inputs \(1, 6, 6\): bye"),
    "one logit": (lambda: nn.Sequential(small(), nn.Linear(4, 1)), r"one logit .* torch\.cat\(\[-x, x\], 1\) / 2"),
    "one probability": (lambda: nn.Sequential(small(), nn.Linear(4, 1), nn.Sigmoid()), r"one logit .* before any sig"),
    "one number": (lambda: nn.Sequential(small(), nn.Linear(4, 1), nn.Flatten(0)), "one logit per image"),
    "no logits": (
        lambda: nn.Sequential(small(), nn.Linear(4, 0)),
        r"returns shape \(3, 0\); it must return logits n k",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(REFUSED))
def test_what_cannot_be_captured_is_told_in_one_sentence(name: str) -> None:
    build, message = REFUSED[name]
    with pytest.raises(CaptureError, match=message):
        Network.capture(build(), PLAIN)  # type: ignore[arg-type]


def test_the_second_logit_that_the_refusal_advises_keeps_the_probability() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.n = nn.Sequential(small(), nn.Linear(4, 1))

        def forward(self, x: Tensor) -> Tensor:
            x = self.n(x)
            return torch.cat([-x, x], 1) / 2

    module = Two()
    network = Network.capture(module, PLAIN)
    with torch.no_grad():
        torch.testing.assert_close(network.logits(PIXELS).softmax(1)[:, 1:], module.n(PIXELS).sigmoid())
