"""Networks by name: our own, any torchvision classifier, ``package.module:factory``, or a ``.pt2`` file."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import nn

from pathprint.models.capture.preparing import evaluate, unwrapped
from pathprint.models.errors import NetworkWarning, WeightsError
from pathprint.models.exported.replay import replay_of
from pathprint.models.foreign import prints_to_stderr
from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.models.zoo.architectures.cifar_resnet import cifar_resnet20, cifar_resnet20_projection
from pathprint.models.zoo.architectures.digits_cnn import digits_cnn
from pathprint.models.zoo.architectures.lenet5 import lenet5
from pathprint.models.zoo.declared import Declared, default_for
from pathprint.models.zoo.factory import made_by, searched_first
from pathprint.models.zoo.loading import class_count, load_weights
from pathprint.models.zoo.names import form_of, unknown
from pathprint.models.zoo.training import Recipe

SHIPPED = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True)
class Entry:
    """One of our own networks: how it is built, fed and trained.

    Attributes:
        build: returns the untrained module for a number of classes.
    """

    build: Callable[[int], nn.Module]
    preprocessing: Preprocessing
    recipe: Recipe


_CIFAR = Preprocessing(3, (32, 32), 32, (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616))

_DIGITS = Preprocessing(1, (8, 8), 8, (0.305,), (0.376,))
_MNIST = Preprocessing(1, (28, 28), 28, (0.1307,), (0.3081,))
_FEW_IMAGES = Recipe(epochs=60, batch_size=32)
_MANY_IMAGES = Recipe(epochs=8, max_shift=2)
_COLOUR = Recipe(epochs=60, batch_size=128, learning_rate=0.2, max_shift=4, mirror=True, bfloat16=True)

ZOO = {
    "digits-cnn": Entry(digits_cnn, _DIGITS, _FEW_IMAGES),
    "lenet5": Entry(lenet5, _MNIST, _MANY_IMAGES),
    "cifar-resnet20": Entry(cifar_resnet20, _CIFAR, _COLOUR),
    "cifar-resnet20-projection": Entry(cifar_resnet20_projection, _CIFAR, _COLOUR),
}

_FACTORY_INPUT = (3, 224, 224)


def names() -> list[str]:
    """Return the names of our own networks, and ``torchvision:NAME`` for every classifier of torchvision."""
    import torchvision  # only here and for its own networks: importing it takes longer than all other imports

    classifiers = torchvision.models.list_models(module=torchvision.models)
    return [*ZOO, *(f"torchvision:{name}" for name in classifiers)]


def build(name: str, weights: Path | None = None, declared: Declared | None = None) -> Network:
    """Return the captured network called ``name`` with the weights in ``weights``.

    Args:
        name: one of ``names()``, ``package.module:factory`` (a function without arguments), or a
            file that ``torch.export.save`` wrote, which ends in ``.pt2`` and brings its weights.
        weights: a safetensors file, or one that ``torch.save`` wrote, of which nothing is run; see ``load_weights``.
            Our own networks fall back to the weights we ship. They and those of torchvision are made for as many
            classes as the weights are for.
        declared: preprocessing that replaces the default. A factory's network takes 224 x 224 RGB images by
            default, and one from a ``.pt2`` file images of the shape that it was exported with; see ``default_for``.

    Raises:
        UnknownNetworkError: there is no such network.
        FactoryError: the factory raised, or made no torch module.
        WeightsError: the weights are missing or do not fit.
        NetworkFileError: the ``.pt2`` file is missing or damaged.
        PreprocessingError: the declared preprocessing is out of range or fits no image.
        CaptureError: the network cannot be captured.
    """
    # A factory's module may import what lies beside it only when it runs, which is while it is captured.
    with searched_first(Path.cwd()) if form_of(name) == "factory" else nullcontext():
        module, preprocessing, labels = opened(name, weights, declared)
        return Network.capture(module, preprocessing, labels, Path(name).name)


def opened(
    name: str, weights: Path | None = None, declared: Declared | None = None
) -> tuple[nn.Module, Preprocessing, tuple[str, ...]]:
    """Return the module that ``build`` captures, its preprocessing, and its labels (empty if it has no own ones).

    Arguments and errors are those of ``build``, but for ``CaptureError``, which capturing a module raises.
    """
    if weights is None and (shipped := SHIPPED / f"{name}.safetensors").is_file():
        weights = shipped
    if weights is None and form_of(name) in ("own", "torchvision") and name in names():
        raise WeightsError(f"{name} needs weights: give a state dict in .safetensors, .pt or .pth with `weights`.")
    labels = _stored_labels(weights)
    with prints_to_stderr():
        module, default, default_labels = _with_weights(name, weights, len(labels) or None)
        evaluate(module)
    preprocessing = default if declared is None else declared.over(default)
    return module, preprocessing, labels or default_labels


def _with_weights(
    name: str, weights: Path | None, classes: int | None
) -> tuple[nn.Module, Preprocessing, tuple[str, ...]]:
    """Return module, preprocessing and labels of a network, with the weights in a file if one is given."""
    made = _module(name, classes)
    if weights is None:
        return made
    if form_of(name) in {"own", "torchvision"} and (count := class_count(made[0], weights)):
        made = _module(name, count)
        warnings.warn(f"{weights}: the weights are for {count} classes.", NetworkWarning, stacklevel=3)
    load_weights(made[0], weights)
    return made


def _module(name: str, classes: int | None) -> tuple[nn.Module, Preprocessing, tuple[str, ...]]:
    before, _, after = name.partition(":")
    match form_of(name):
        case "own":
            return ZOO[name].build(classes or 10), ZOO[name].preprocessing, ()
        case "file":
            replay = replay_of(Path(name))
            return replay, default_for(replay.program.input_shape), ()
        case "torchvision":
            return _torchvision(after, classes)
        case "factory":
            return unwrapped(made_by(before, after)), default_for(_FACTORY_INPUT), ()


def _torchvision(name: str, classes: int | None) -> tuple[nn.Module, Preprocessing, tuple[str, ...]]:
    import torchvision

    if f"torchvision:{name}" not in names():
        raise unknown(f"torchvision:{name}")
    # Torchvision lists several weights for a network. The first ones have the preprocessing that most were
    # trained with, and reading their labels and sizes downloads nothing.
    released = next(iter(torchvision.models.get_model_weights(name)))
    preset = released.transforms()
    (crop,), (resize,) = preset.crop_size, preset.resize_size
    preprocessing = Preprocessing(3, (crop, crop), resize, tuple(preset.mean), tuple(preset.std))
    labels = tuple(released.meta["categories"])
    count = classes or len(labels)
    module: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=count)
    return module, preprocessing, labels if count == len(labels) else ()


def _stored_labels(weights: Path | None) -> tuple[str, ...]:
    """Return the class names that `pathprint train` wrote into the weights file; empty if it has none."""
    if weights is None or weights.suffix != ".safetensors":
        return ()
    try:
        with safe_open(weights, "pt") as file:
            labels = json.loads((file.metadata() or {}).get("labels", "[]"))
    except (OSError, SafetensorError, ValueError):
        return ()  # reading the weights themselves says what is wrong
    return tuple(map(str, labels)) if isinstance(labels, list) else ()
