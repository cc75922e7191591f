"""How a network of timm takes images, in our terms (extra ``timm``).

module = timm.create_model("resnet18", num_classes=3, checkpoint_path="weights.safetensors")
network = pathprint.Network.capture(module, preprocessing_of(module), labels)
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

from torch import nn

from pathprint.models.errors import ModelError, NetworkWarning, PreprocessingError
from pathprint.models.preprocessing import Preprocessing

_BILINEAR = "bilinear"
_STRETCHED = {"center": False, "squash": True}


def preprocessing_of(module: nn.Module) -> Preprocessing:
    """Return what timm declares about the images of ``module``: size, crop, mean and standard deviation.

    Another way to resize than the bilinear one is said as a ``NetworkWarning``.

    Raises:
        ModelError: timm is not installed.
        PreprocessingError: timm lays a border around images, or declares no preprocessing that is possible.
    """
    try:
        from timm.data.config import resolve_model_data_config
    except ImportError as error:
        raise ModelError(
            f"this needs timm, which cannot be imported ({error}): pip install 'pathprint[timm]'."
        ) from error
    config: Mapping[str, Any] = resolve_model_data_config(module)  # type: ignore[no-untyped-call]  # timm's has no types
    channels, height, width = config["input_size"]
    mode, share = config.get("crop_mode") or "center", float(config.get("crop_pct") or 1)
    if mode not in _STRETCHED or not 0 < share <= 1:
        raise PreprocessingError(
            f"timm prepares images with crop_mode {mode!r} and crop_pct {share:g}, which cannot be expressed; declare "
            "a pathprint.Preprocessing of your own."
        )
    _say_resampling(str(config["interpolation"]))
    resize = math.floor(min(height, width) / share)
    mean, std = (tuple(map(float, config[name])) for name in ("mean", "std"))
    return Preprocessing(channels, (height, width), resize, mean, std, _STRETCHED[mode])


def _say_resampling(interpolation: str) -> None:
    if interpolation != _BILINEAR:
        warnings.warn(
            f"timm resizes the images of this network with interpolation {interpolation!r}, and Pathprint with "
            f"{_BILINEAR!r}; its answers may differ a little on images of other sizes.",
            NetworkWarning,
            stacklevel=3,
        )
