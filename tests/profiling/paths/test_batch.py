"""The images of a batch are found wherever a network puts them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.profiling.errors import PlanError
from pathprint.profiling.paths.batch import BatchAxis, batch_axis
from pathprint.profiling.paths.extraction import Extractor
from tests.profiling.paths.networks import PLAIN, Function


@pytest.mark.parametrize(
    ("axis", "shape"),
    [
        (BatchAxis(), (2, 5, 3)),
        (BatchAxis(1), (5, 2, 3)),
        (BatchAxis(0, inner=4), (8, 3)),
        (BatchAxis(0, outer=4), (8, 3)),
        (BatchAxis(1, outer=2, inner=3), (5, 12, 2)),
    ],
)
def test_images_are_found_put_first_and_put_back(axis: BatchAxis, shape: tuple[int, ...]) -> None:
    value = torch.randn(shape)
    images = axis.images_first(value).clone()
    torch.testing.assert_close(axis.put_back(images), value)
    images[1] = torch.nan
    three = tuple(3 * size // 2 if position == axis.axis else size for position, size in enumerate(shape))
    assert batch_axis("value", axis.put_back(images), three) == axis


def test_network_that_merges_images_is_refused() -> None:
    module = Function(lambda y: y + y.mean(0, keepdim=True), 864)
    with pytest.raises(PlanError, match="one axis must grow"):
        _ = Extractor(Network.capture(module, PLAIN)).plan


def test_convolution_over_windows_is_refused() -> None:
    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(2, 2, 3), nn.Linear(64, 3)

        def forward(self, x: Tensor) -> Tensor:
            parts = F.relu(self.conv(x.reshape(-1, 2, 3, 4, 12).transpose(1, 2).reshape(-1, 2, 4, 12)))
            logits: Tensor = self.fc(parts.reshape(-1, 3 * 2 * 2 * 10)[:, :64])
            return logits

    with pytest.raises(PlanError, match="images are merged with other axes before a convolution"):
        _ = Extractor(Network.capture(Windows(), PLAIN)).plan
