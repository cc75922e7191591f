"""What timm declares about images becomes our preprocessing: both make one network input of one image."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from pathprint.models.errors import NetworkWarning, PreprocessingError
from pathprint.models.from_timm import preprocessing_of
from pathprint.models.preprocessing import Preprocessing

timm = pytest.importorskip("timm", reason="the extra timm is not installed")

CONFIG = {"input_size": (3, 40, 40), "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4), "interpolation": "bilinear"}


def declaring(**config: Any) -> nn.Module:
    module = nn.Linear(1, 1)
    module.pretrained_cfg = CONFIG | config  # type: ignore[assignment]  # where timm's models have it
    return module


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"crop_pct": 0.875},
        {"crop_pct": 0.8, "crop_mode": "squash"},
        {"crop_pct": 1.0, "crop_mode": "squash"},
        {"input_size": (3, 33, 33), "crop_pct": 0.9},
    ],
)
@pytest.mark.parametrize("size", [(60, 60), (90, 50), (50, 130)])
def test_inputs_are_those_of_the_library(config: dict[str, Any], size: tuple[int, int]) -> None:
    module = declaring(**config)
    data = timm.data.resolve_model_data_config(module)
    theirs = timm.data.create_transform(**data)
    waves = [np.sin(np.linspace(0, 5 + i, side))[:, None] for i, side in enumerate((size[1], size[0]))]
    image = Image.fromarray((127 + 60 * (waves[0] + waves[1].T)).clip(0, 255).astype(np.uint8)).convert("RGB")
    eyes = preprocessing_of(module)
    ours = eyes.normalise(eyes.pixels(image)[None])[0]
    # Frames of odd sizes are rounded in another way: by a pixel of a smooth image.
    assert (ours - theirs(image)).abs().mean() < 0.05
    assert ours.shape == theirs(image).shape


@pytest.mark.parametrize(("name", "interpolation"), [("test_resnet", "bilinear"), ("vit_tiny_patch16_224", "bicubic")])
def test_models_declare_theirs(name: str, interpolation: str) -> None:
    with torch.device("meta"):  # the declaration is wanted, not the weights
        module = timm.create_model(name)
    data = timm.data.resolve_model_data_config(module)
    assert data["interpolation"] == interpolation
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = preprocessing_of(module)
    assert [one.category for one in said] == ([] if interpolation == "bilinear" else [NetworkWarning])
    assert found.input_shape == data["input_size"]
    assert found.resize == math.floor(found.size[0] / data["crop_pct"])
    assert (found.mean, found.std) == (tuple(data["mean"]), tuple(data["std"]))


def test_a_module_of_somebody_else_gets_the_librarys_default() -> None:
    with pytest.warns(NetworkWarning):
        found = preprocessing_of(nn.Linear(1, 1))
    assert found == Preprocessing(3, (224, 224), 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize("config", [{"crop_mode": "border"}, {"crop_mode": "odd"}, {"crop_pct": 1.5}])
def test_what_cannot_be_expressed_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(PreprocessingError, match="cannot be expressed"):
        preprocessing_of(declaring(**config))
