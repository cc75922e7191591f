"""What timm declares about images becomes our preprocessing: both make one network input of one image."""

import math
from typing import Any

import numpy as np
import pytest
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


def test_models_declare_theirs() -> None:
    with pytest.warns(NetworkWarning, match="'bicubic', and Pathprint with 'bilinear'"):
        found = preprocessing_of(timm.create_model("test_resnet"))
    (side,) = {found.size[0], found.size[1]}
    data = timm.data.resolve_model_data_config(timm.create_model("test_resnet"))
    assert (found.channels, side, side) == data["input_size"]
    assert found.resize == math.floor(side / data["crop_pct"])
    assert (found.mean, found.std) == (tuple(data["mean"]), tuple(data["std"]))


def test_a_module_of_somebody_else_gets_the_librarys_default() -> None:
    with pytest.warns(NetworkWarning):
        found = preprocessing_of(nn.Linear(1, 1))
    assert found == Preprocessing(3, (224, 224), 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize("config", [{"crop_mode": "border"}, {"crop_mode": "odd"}, {"crop_pct": 1.5}])
def test_what_cannot_be_expressed_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(PreprocessingError, match="cannot be expressed"):
        preprocessing_of(declaring(**config))
