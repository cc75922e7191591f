"""What image processors of transformers do becomes our preprocessing, and their models are captured."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pathprint.models.errors import NetworkWarning, PreprocessingError
from pathprint.models.from_transformers import labels_of, preprocessing_of
from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing

transformers = pytest.importorskip("transformers", reason="the extra transformers is not installed")

BILINEAR = 2
PROCESSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "stretched": ("ViTImageProcessor", {"size": {"height": 32, "width": 32}}),
    "stretched to a rectangle": ("ViTImageProcessor", {"size": {"height": 32, "width": 48}}),
    "stretched and cropped": (
        "DeiTImageProcessor",
        {"size": {"height": 40, "width": 40}, "crop_size": {"height": 32, "width": 32}, "resample": BILINEAR},
    ),
    "scaled and cropped": (
        "MobileNetV2ImageProcessor",
        {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}},
    ),
    "crop_pct below 384": ("ConvNextImageProcessor", {"size": {"shortest_edge": 56}, "resample": BILINEAR}),
    "crop_pct at 384": ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}, "resample": BILINEAR}),
    "not normalised": ("ViTImageProcessor", {"size": {"height": 32, "width": 32}, "do_normalize": False}),
    "another factor": ("ViTImageProcessor", {"size": {"height": 32, "width": 32}, "rescale_factor": 1 / 127.5}),
    "levels": ("ViTImageProcessor", {"size": {"height": 32, "width": 32}, "do_rescale": False}),
}


def smooth(width: int, height: int) -> Image.Image:
    """Return an image on which a shift by a pixel changes little."""
    across, down = np.sin(np.linspace(0, 5, width))[None], np.sin(np.linspace(1, 7, height))[:, None]
    channels = [127 + 50 * (across + factor * down) for factor in (1, 0.5, -1)]
    return Image.fromarray(np.stack(channels, -1).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize("size", [(60, 60), (90, 50), (50, 90)])
def test_inputs_are_those_of_the_processor(name: str, size: tuple[int, int]) -> None:
    kind, options = PROCESSORS[name]
    processor = getattr(transformers, kind)(**options)
    image = smooth(*size)
    theirs: Tensor = torch.as_tensor(processor(image, return_tensors="pt")["pixel_values"][0])
    eyes = preprocessing_of(processor)
    ours = eyes.normalise(eyes.pixels(image)[None])[0]
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().mean() < 0.02 * float(theirs.max() - theirs.min())


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("ViTImageProcessor", {"size": {"shortest_edge": 32}}, "gives images no one size"),
        ("ViTImageProcessor", {"do_resize": False}, "does not resize images"),
        ("ViTImageProcessor", {"do_pad": True}, "does do_pad"),
        ("MobileViTImageProcessor", {}, "do_flip_channel_order"),
        (
            "DeiTImageProcessor",
            {"size": {"height": 40, "width": 60}, "crop_size": {"height": 32, "width": 32}},
            "cuts 32x32 out of them",
        ),
    ],
)
def test_what_cannot_be_expressed_is_refused(kind: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(PreprocessingError, match=said):
        preprocessing_of(getattr(transformers, kind)(**options))


def test_another_filter_is_said() -> None:
    with pytest.warns(NetworkWarning, match="Pillow's filter 3"):
        preprocessing_of(transformers.BeitImageProcessor())


CONFIGS: dict[str, dict[str, Any]] = {
    "ViT": {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "patch_size": 8,
    },
    "ResNet": {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "layer_type": "basic"},
}


@pytest.mark.parametrize("family", CONFIGS)
def test_models_are_captured_with_their_labels(family: str) -> None:
    torch.manual_seed(0)
    names = {0: "cat", 1: "dog", 2: "eel"}
    config = getattr(transformers, f"{family}Config")(**CONFIGS[family], id2label=names, image_size=16)
    module = getattr(transformers, f"{family}ForImageClassification")(config).eval()
    assert labels_of(module) == ("cat", "dog", "eel")
    network = Network.capture(module, Preprocessing(3, (16, 16), 16, (0.0,) * 3, (1.0,) * 3), labels_of(module))
    pixels = torch.rand(3, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(network.logits(pixels), module(pixels).logits, rtol=1e-4, atol=1e-4)
