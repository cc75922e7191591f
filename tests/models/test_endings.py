"""What a network ends in beyond its logits is left out, and that is said."""

import pytest
import torch
from torch import Tensor, nn

from pathprint.models.errors import NetworkWarning
from pathprint.models.network import Network
from tests.models.holders import PIXELS, PLAIN, Holder, small


@pytest.mark.parametrize("last", [nn.Softmax(1), nn.Softmax(-1), nn.LogSoftmax(1)])
def test_a_final_softmax_is_left_out_and_that_is_said(last: nn.Module) -> None:
    module = nn.Sequential(small(), last, nn.Dropout())
    with pytest.warns(NetworkWarning, match=r"ends in a softmax \(1\), which is left out"):
        network = Network.capture(module, PLAIN)
    torch.testing.assert_close(network.logits(PIXELS), small()(PIXELS))


def test_the_logarithm_of_a_softmax_is_left_out() -> None:
    class Logarithm(Holder):
        def forward(self, x: Tensor) -> Tensor:
            return torch.log(super().forward(x).softmax(1))

    with pytest.warns(NetworkWarning, match="left out"):
        torch.testing.assert_close(Network.capture(Logarithm(), PLAIN).logits(PIXELS), small()(PIXELS))
