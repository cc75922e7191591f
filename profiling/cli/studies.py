"""Commands of studies: the options of what is studied and of what is shown are the same for all of them."""

# Annotations are not postponed here, nor in the studies' commands: their options are taken over as they are, and what
# would need the engine is quoted.

from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pathprint.profiling.cli.class_names import ClassNames, named
from pathprint.profiling.cli.options import (
    AsJson,
    ClassMap,
    Data,
    Layers,
    Mean,
    NetworkName,
    ReferenceName,
    Resize,
    Seed,
    Size,
    Std,
    Stretch,
    UnexplainedName,
    Weights,
    data_for,
    read_class_map,
)
from pathprint.profiling.cli.outputs import file_option
from pathprint.profiling.cli.results import print_json

if TYPE_CHECKING:
    from pathprint.profiling.studies.findings import Findings
    from pathprint.profiling.studies.subject import Subject


def studied(study: "Callable[..., Findings]") -> Callable[..., None]:
    """Make a command of a study, with the options of what is studied, its own, and those of what is shown.

    So the function ``growth(subject, theta)`` becomes a command with the options --network to --seed of ``_subject``,
    its own --theta, and --out and --json of ``_show``.
    """
    groups = [list(signature(part).parameters.values()) for part in (_subject, study, _show)]
    subject, own, shown = groups[0], groups[1][1:], groups[2][1:]

    def command(**given: Any) -> None:
        made = _subject(**{option.name: given[option.name] for option in subject})
        found = study(made, **{option.name: given[option.name] for option in own})
        _show(found, **{option.name: given[option.name] for option in shown})

    options = [option.replace(kind=Parameter.KEYWORD_ONLY) for option in (*subject, *own, *shown)]
    command.__signature__ = signature(command).replace(parameters=options)  # type: ignore[attr-defined]
    command.__name__, command.__doc__ = study.__name__, study.__doc__
    return command


def _subject(
    network: NetworkName,
    weights: Weights = None,
    size: Size = None,
    resize: Resize = None,
    mean: Mean = None,
    std: Std = None,
    stretch: Stretch = None,
    data: Data = None,
    class_map: ClassMap = None,
    class_names: ClassNames = None,
    reference: ReferenceName = "sum",
    unexplained: UnexplainedName = "none",
    layers: Layers = None,
    images_per_class: Annotated[
        int, typer.Option(min=1, help="Largest number of correctly predicted images to profile of each class.")
    ] = 100,
    seed: Seed = 0,
) -> "Subject":
    images = data_for(network, data)
    from pathprint.profiling.cli.inputs import open_network, read_declared
    from pathprint.profiling.data.datasets import matched_data
    from pathprint.profiling.paths.extraction import Extractor
    from pathprint.profiling.paths.policy import Policy
    from pathprint.profiling.studies.subject import Subject

    captured = named(open_network(network, weights, read_declared(size, resize, mean, std, stretch)), class_names)
    policy = Policy(reference=reference, unexplained=unexplained, layers=layers)
    dataset = matched_data(images, captured.labels, read_class_map(class_map))
    return Subject(Extractor(captured, policy), dataset, images_per_class, seed)


def _show(
    found: "Findings",
    out: Annotated[Path | None, file_option("File to write the findings to, as one HTML page.")] = None,
    as_json: AsJson = False,
) -> None:
    from pathprint.profiling.cli import tables
    from pathprint.profiling.cli.terminal import say, show
    from pathprint.profiling.evaluation.figures import finite
    from pathprint.profiling.studies.page import page
    from pathprint.profiling.writing.whole import whole_file

    show(found.title, style="bold")
    for sheet in found.sheets():
        show(tables.sheet(sheet))
    if out is not None:
        with whole_file(out) as partial:
            partial.write_text(page(found), encoding="utf-8")
        say(f"the page is in {out}")
    if as_json:
        print_json(finite(found.to_dict()))
