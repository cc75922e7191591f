"""``pathprint evaluate``: how good a bundle is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pathprint.profiling.cli.class_names import ClassNames, read_class_names
from pathprint.profiling.cli.fail_on import FailOnGoals
from pathprint.profiling.cli.job_options import (
    Address,
    EngineChoice,
    Gpu,
    MaxBadFraction,
    Restart,
    WorkerNumber,
    job_for,
)
from pathprint.profiling.cli.options import (
    AnyAccuracy,
    AsJson,
    Bundle,
    ClassMap,
    MadeOf,
    Seed,
    check_attacks,
    check_network,
    read_class_map,
)
from pathprint.profiling.cli.outputs import AttackCache, file_option
from pathprint.profiling.cli.results import print_json
from pathprint.profiling.jobs.places import discard, run_folder
from pathprint.profiling.writing.table import check_table


def evaluate(
    bundle: Bundle,
    data: MadeOf = None,
    class_map: ClassMap = None,
    class_names: ClassNames = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(
            "--attack",
            metavar="NAME",
            callback=check_attacks,
            help="Attack to measure, by its name in `pathprint attacks`; may be given several times. Default: all that "
            "are marked as default there, or with --full all.",
        ),
    ] = None,
    images: Annotated[int, typer.Option(min=10, help="Largest number of clean test images.")] = 500,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Measure all attacks, false alarms on benign changes, other detectors on the same images, and how "
            "well attacks are found that were not fitted on. Slow: use --cache.",
        ),
    ] = False,
    paper_protocol: Annotated[
        bool,
        typer.Option(
            "--paper-protocol",
            help="Repeat also the papers' split, which has the same image in training and test, to compare with "
            "published figures.",
        ),
    ] = False,
    adaptive: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of images that are also attacked by somebody who knows the detector (a white-box attack). "
            "Slow: about 800 detections for each image and budget; how many is said before it starts.",
        ),
    ] = 0,
    cache: AttackCache = None,
    report: Annotated[Path | None, file_option("File to write the figures to, as one HTML page.")] = None,
    scores: Annotated[
        Path | None,
        file_option(
            "Table to write, with a line for each image: clean, benignly changed, and attacked by each attack; its "
            "ending says the format: .parquet, .jsonl or .csv.",
            check_table,
        ),
    ] = None,
    goals: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="TOML or JSON file of goals that the figures have to meet, such as min_worst_auc = 0.9; "
            "docs/interoperability.md lists them.",
        ),
    ] = None,
    fail_on: FailOnGoals = "unmet",
    sarif: Annotated[
        Path | None, file_option("File to write the goals of --goals that are not met to, as SARIF 2.1.0.")
    ] = None,
    transfer_from: Annotated[
        str | None,
        typer.Option(
            "--transfer-from",
            metavar="NETWORK",
            callback=check_network,
            help="Another network for the same images and classes, named as for `pathprint profile --network`; attacks "
            "are crafted on it, too, and tried on the bundle's network.",
        ),
    ] = None,
    any_accuracy: AnyAccuracy = False,
    max_bad_fraction: MaxBadFraction = 0.01,
    workers: WorkerNumber = None,
    engine: EngineChoice = "local",
    address: Address = None,
    gpu: Gpu = False,
    restart: Restart = False,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Measure a bundle on images that nothing has seen, clean and attacked.

    Images that the bundle was profiled, fitted or calibrated with are left out. They are known by
    their pixels, whatever file they are in.

    An interrupted job keeps what it has done in a folder that ends with .run, beside the report or the bundle, and the
    same command goes on with it.

    Example:
        pathprint evaluate lenet5-bundle --data mnist.npz --full --cache attacked --report lenet5.html
    """
    import pathprint
    from pathprint.profiling.cli import tables
    from pathprint.profiling.cli.inputs import open_network
    from pathprint.profiling.cli.terminal import say, show
    from pathprint.profiling.cli.unmet_goals import Files, checked_goals, judge_by
    from pathprint.profiling.evaluation.options import recorded
    from pathprint.profiling.evaluation.report.page import write_page
    from pathprint.profiling.threads import settle_threads

    wanted = checked_goals(goals, sarif, attack, full)
    run = run_folder(report or bundle.resolve().with_name(f"{bundle.resolve().name}.evaluation"))
    loaded = pathprint.load_bundle(bundle)
    if data is None and loaded.made_of.data:
        say(f"measuring on {loaded.made_of.data}, which the bundle was made of")
    settle_threads(loaded.detector.network.preprocessing)
    found = pathprint.evaluate(
        loaded,
        data,
        attacks=attack,
        class_map=read_class_map(class_map),
        class_names=None if class_names is None else read_class_names(class_names),
        images=images,
        full=full,
        paper_protocol=paper_protocol,
        adaptive=adaptive,
        cache=cache,
        scores=scores,
        transfer_from=None if transfer_from is None else open_network(transfer_from, None),
        seed=seed,
        any_accuracy=any_accuracy,
        job=job_for(run, workers, engine, address, gpu, restart, max_bad_fraction),
    )
    discard(run)
    made = recorded(found, loaded.sha256)
    show(tables.figures(made))
    if report is not None:
        write_page(made, report)
        say(f"the report is in {report}")
    if scores is not None:
        say(f"the scores are in {scores}")
    if as_json:
        print_json(made.to_dict())
    if goals is not None:
        judge_by(wanted, made, Files(goals, sarif, bundle), fail_on)
