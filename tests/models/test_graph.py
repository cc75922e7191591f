"""A graph runs in the memory layout that it names."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("given", [torch.contiguous_format, torch.channels_last])
def test_graph_brings_images_to_its_layout(layout: torch.memory_format, given: torch.memory_format) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 4, 2)).eval()
    graph = replace(Network.capture(module, Preprocessing(3, (6, 6), 6, (0.0,) * 3, (1.0,) * 3)).graph, layout=layout)
    x = torch.rand(2, 3, 6, 6)
    with torch.inference_mode():
        values = graph.record(x.contiguous(memory_format=given), [graph.weighted[0].name])
        assert values[graph.weighted[0].name].is_contiguous(memory_format=layout)
        assert torch.allclose(values[graph.output], module(x), atol=1e-6)
