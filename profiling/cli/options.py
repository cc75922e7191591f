"""Options that several commands share. Nothing heavy is imported here, so that a wrong value is refused at once."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer

from pathprint.models.zoo.names import check_known, form_of
from pathprint.profiling.attacks.names import KNOWN
from pathprint.profiling.data.places import DIGITS, place_of
from pathprint.profiling.detection.classifiers import CHOICES
from pathprint.profiling.errors import DataError, OptionsError
from pathprint.profiling.paths.policy import Reference, Unexplained


def check_network(name: str | None) -> str | None:
    """Check that there is a network of that name, as far as that can be told without the engine."""
    if name is not None:
        check_known(name)
        if form_of(name) == "file" and not Path(name).is_file():
            raise typer.BadParameter(f"file {name!r} does not exist")
    return name


def check_attacks(names: list[str] | None) -> list[str] | None:
    """Check that there are attacks of these names, for images of some kind."""
    known = {name for named in KNOWN.values() for name in named}
    for name in names or ():
        if name not in known:
            near = " or ".join(get_close_matches(name, sorted(known)))
            perhaps = f" (perhaps {near})" if near else ""
            raise OptionsError(f"there is no attack {name!r}{perhaps}; `pathprint attacks` lists them.")
    return names


def _data(spec: str | None) -> str | None:
    """Check that there is something where the data should be."""
    if spec is not None and spec != DIGITS:
        place_of(spec)
    return spec


def _share(values: float | list[float] | None) -> float | list[float] | None:
    """Check that shares of a total lie above 0 and are at most 1."""
    for value in values if isinstance(values, (list, tuple)) else (values,):
        if value is not None and not 0 < value <= 1:
            raise typer.BadParameter(f"must be above 0 and at most 1, not {value:g}")
    return values


def numbers(text: str | None) -> tuple[float, ...] | None:
    """Return the numbers in ``0.5,0.5,0.5``."""
    return None if text is None else tuple(float(part) for part in text.split(","))


def sides(text: str | None) -> tuple[int, int] | None:
    """Return height and width in ``224x192``, or in ``224`` if they are equal.

    Raises:
        ValueError: there are neither one nor two whole numbers.
    """
    if text is None:
        return None
    found = [int(side) for side in text.split("x")]
    if len(found) > 2:
        raise ValueError("there are more than two sides")
    return found[0], found[-1]


OF_DIGITS = "digits-cnn"
"""The network that is made for the digits of scikit-learn."""


def data_for(network: str, data: str | None) -> str:
    """Return the data that a command is to use for a network.

    Raises:
        OptionsError: none are named, and the network is not that of the digits.
    """
    if data is None and network != OF_DIGITS:
        raise OptionsError(f"{network} needs images of its own: name them with `data`. Only {OF_DIGITS} has a default.")
    return data or DIGITS


def read_class_map(path: Path | None) -> dict[str, int] | None:
    """Return the class map in a JSON file.

    Raises:
        DataError: it is not a JSON object of whole numbers.
    """
    if path is None:
        return None
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a class map, as it cannot be read as JSON: {error}.") from error
    numbers = found.values() if isinstance(found, dict) else [None]
    wrong = [value for value in numbers if type(value) is not int or value < 0]
    if wrong:
        raise DataError(
            f'{path} is not a class map; JSON like {{"folder": 3}} is expected, with a number for each folder.'
        )
    return dict(found)


def _class_map(path: Path | None) -> Path | None:
    """Check that a class map can be read."""
    read_class_map(path)
    return path


def _per_channel(text: str | None) -> str | None:
    try:
        numbers(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"must be written like 0.5 for grey images, or 0.5,0.5,0.5 for RGB, not {text!r}"
        ) from error
    return text


def _size(text: str | None) -> str | None:
    try:
        sides(text)
    except ValueError as error:
        raise typer.BadParameter(f"must be written like 224, or 224x192 for height and width, not {text!r}") from error
    return text


NETWORK_HELP = (
    "Network to use: a name that `pathprint networks` lists, package.module:factory for a function of yours "
    "that returns a torch module, or FILE.pt2 for what torch.export.save wrote."
)
NetworkName = Annotated[str, typer.Option("--network", metavar="NAME", help=NETWORK_HELP, callback=check_network)]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="File with the network's weights, a state dict in .safetensors, .pt or .pth. Our own networks bring some.",
        exists=True,
        dir_okay=False,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        help="Height and width of the images that the network takes: 224, or 224x192. An image is scaled until it "
        "covers them, and its centre is cut out. Default: the network's own.",
        callback=_size,
    ),
]
Resize = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Pixels that the shorter side of an image is scaled to, or more where a size that is not square asks for "
        "it, before the centre is cut out. Default: 256 for 224, and in proportion.",
    ),
]
Stretch = Annotated[
    bool | None,
    typer.Option(
        "--stretch/--no-stretch",
        help="Scale images to the size exactly, which changes their proportions, instead of cutting off what lies "
        "outside. Default: no.",
        show_default=False,
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        help="Mean of the pixels, in [0, 1], that the network expects: 0.5 for grey images, 0.5,0.5,0.5 for RGB.",
        callback=_per_channel,
    ),
]
Std = Annotated[
    str | None,
    typer.Option(
        help="Standard deviation of the pixels that the network expects: 0.25 for grey images, 0.25,0.25,0.25 for RGB.",
        callback=_per_channel,
    ),
]
DATA_HELP = (
    "Labelled images: digits (those of scikit-learn), a folder, FILE.zip or FILE.tar of class folders, or of train and "
    "test with class folders in them, PLACE:FOLDER for one folder of these, shard-{000..123}.tar of WebDataset, "
    "FILE.parquet or a folder of such files, or FILE.npz with the arrays x_train, y_train, x_test and y_test, or x and "
    "y. Each may lie behind a URL, such as s3://bucket/FILE.zip."
)
PICTURES_HELP = (
    "Images, with or without classes: an image, a folder, FILE.zip or FILE.tar with images at any depth, PLACE:FOLDER "
    "for one folder of these, @FILE for a text file with the path of an image in each line, shard-{000..123}.tar, "
    "FILE.parquet or a folder of such files, FILE.npz with the array x, or digits. Each may lie behind a URL, such as "
    "s3://bucket/FILE.zip. Held-out images are taken, too."
)
Data = Annotated[str | None, typer.Option(help=f"{DATA_HELP} Default: digits for {OF_DIGITS}.", callback=_data)]
MadeOf = Annotated[
    str | None,
    typer.Option("--data", help=f"{DATA_HELP} Default: the data that the bundle was made of.", callback=_data),
]
OtherData = Annotated[
    str | None,
    typer.Option(help=f"{DATA_HELP} Default: the data that was profiled.", callback=_data),
]
Pictures = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Images, without labels: a folder or FILE.zip or FILE.tar with images at any depth, an image file, @FILE "
        "for a text file with the path of an image in each line, FILE.parquet, FILE.npz, several files by a pattern, a "
        "URL of any of these, or digits (those of scikit-learn).",
        callback=_data,
    ),
]
ClassMap = Annotated[
    Path | None,
    typer.Option(
        help='JSON file like {"folder": 3}, the number of the class that each folder of images belongs to; '
        "needed where folders are not named like the network's classes.",
        exists=True,
        dir_okay=False,
        callback=_class_map,
    ),
]
AnyAccuracy = Annotated[
    bool, typer.Option("--any-accuracy", help="Go on even if the network is right hardly more often than by chance.")
]
Seed = Annotated[int, typer.Option(help="Number that decides all chance: the same seed gives the same result.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result on standard output, as one line of JSON.")]
Attacks = Annotated[
    list[str] | None,
    typer.Option(
        "--attack",
        metavar="NAME",
        callback=check_attacks,
        help="Attack to use, by its name in `pathprint attacks`; may be given several times. Default: all that are "
        "marked as default there.",
    ),
]
Bundle = Annotated[
    Path,
    typer.Argument(metavar="BUNDLE", help="Folder that `pathprint fit` wrote.", exists=True, file_okay=False),
]
PublicKeys = Annotated[
    list[Path] | None,
    typer.Option(
        "--public-key",
        metavar="FILE",
        help="PEM file with a public key; the bundle must be signed by it, or by one of several if the option is given "
        "several times. Default: no signature is asked for.",
        exists=True,
        dir_okay=False,
    ),
]

THETA_HELP = "Share of a unit's value that the inputs chosen for it must add up to, above 0 and at most 1."
Theta = Annotated[float, typer.Option(help=THETA_HELP, callback=_share)]
OtherTheta = Annotated[float | None, typer.Option(help=f"{THETA_HELP} Default: the bundle's, or 0.5.", callback=_share)]
ReferenceName = Annotated[
    Reference,
    typer.Option(
        "--reference",
        help="What counts as a unit's value when its inputs are chosen: the sum of all contributions, the output, "
        "which includes the bias, or the sum of the positive contributions.",
    ),
]
UnexplainedName = Annotated[
    Unexplained,
    typer.Option(
        "--unexplained",
        help="What is chosen for a unit that its inputs do not explain, as their sum is not positive: none of them, or "
        "the largest (argmax).",
    ),
]
Layers = Annotated[
    int | None,
    typer.Option(min=1, help="Number of weighted layers that a path covers, counted from the last. Default: all."),
]
Synapses = Annotated[bool, typer.Option(help="Record also which synapses a path takes, which is slower.")]


def several_thetas(defaults: tuple[float, ...]) -> Any:
    """Return the option --theta of a command that takes several of them."""
    shown = ", ".join(f"{theta:g}" for theta in defaults)
    return typer.Option(help=f"{THETA_HELP} May be given several times. Default: {shown}.", callback=_share)


def classifier_option(text: str) -> Any:
    """Return the option for a classifier, by name; ``text`` is its help."""
    return typer.Option(metavar="|".join(CHOICES), callback=_known_classifier, help=text)


def _known_classifier(name: str) -> str:
    if name not in CHOICES:
        raise typer.BadParameter(f"must be one of {', '.join(CHOICES)}, not {name!r}")
    return name
