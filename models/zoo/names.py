"""What a network may be called. Nothing heavy is imported here, so that a wrong name is refused at once."""

from __future__ import annotations

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
