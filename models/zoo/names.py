"""What a network may be called. Nothing heavy is imported here, so that an unknown name is refused at once."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pathprint.models.errors import UnknownNetworkError

OWN = {
    "digits-cnn": "8x8 grey, small CNN",
    "lenet5": "28x28 grey, LeNet-5",
    "cifar-resnet20": "32x32 RGB, ResNet-20, padded shortcuts",
    "cifar-resnet20-projection": "32x32 RGB, ResNet-20, 1x1 shortcuts",
}
"""A description of each of our own networks, by name."""

Form = Literal["own", "file", "torchvision", "factory"]


def form_of(name: str) -> Form:
    """Return the kind of network that ``name`` stands for; whether that network exists is not looked up.

    Raises:
        UnknownNetworkError: ``name`` is of no known form.
    """
    before, _, after = name.partition(":")
    if name in OWN:
        return "own"
    if name.endswith(".pt2"):
        return "file"
    if before and after:
        return "torchvision" if before == "torchvision" else "factory"
    raise unknown(name)


def unknown(name: str) -> UnknownNetworkError:
    """Return the error for the unknown ``name``, which says what names there are."""
    return UnknownNetworkError(
        f"there is no network {name!r}. Give a name that `pathprint networks` lists, package.module:factory for "
        "a function of yours that returns a torch module, or FILE.pt2 for what torch.export.save wrote."
    )


def check_known(name: str) -> None:
    """Check that there is a network called ``name``, as far as that can be told without importing anything.

    Raises:
        UnknownNetworkError: ``name`` is of no known form, torchvision has no network of that name, or there is no
            module or package that the factory could be in.
    """
    before, _, after = name.partition(":")
    match form_of(name):
        case "torchvision":
            classifiers = torchvision_names()
            if classifiers and after not in classifiers:
                raise unknown(name)
        case "factory":
            check_module(before, after)


def torchvision_names() -> frozenset[str]:
    """Return the classifiers of torchvision, read from its files, as importing it takes seconds; empty without it."""
    found = find_spec("torchvision")
    folders = [Path(place) / "models" for place in (found and found.submodule_search_locations) or ()]
    texts = [file.read_text(encoding="utf-8") for folder in folders for file in folder.glob("*.py")]
    return frozenset(name for text in texts for name in _REGISTERED.findall(text))


_REGISTERED = re.compile(r"^@register_model\(\)\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)


def check_module(name: str, function: str) -> None:
    """Check that a factory's module ``name`` is dotted, and that its first part lies here or is installed.

    Raises:
        UnknownNetworkError: it is not.
    """
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise UnknownNetworkError(
            f"'{name}:{function}' is not of the form package.module:factory; for the function `make` in "
            "models/mynet.py write models.mynet:make."
        )
    here = Path.cwd() / parts[0]
    if not (here.is_dir() or here.with_suffix(".py").is_file() or _is_installed(parts[0])):
        raise no_module(name)


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # of modules without a specification, such as __main__
        return True


def no_module(name: str) -> UnknownNetworkError:
    """Return the error for a factory's module or package that is not there."""
    file = Path(*name.split(".")).with_suffix(".py")
    return UnknownNetworkError(f"there is no module {name!r}: neither {file} in {Path.cwd()} nor an installed package.")
