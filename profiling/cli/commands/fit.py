"""``pathprint fit``: from a profile to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pathprint.profiling.cli.job_options import (
    Address,
    EngineChoice,
    Gpu,
    MaxBadFraction,
    Restart,
    WorkerNumber,
    job_for,
)
from pathprint.profiling.cli.options import AnyAccuracy, AsJson, Attacks, OtherData, Seed, classifier_option
from pathprint.profiling.cli.outputs import AttackCache, folder_option
from pathprint.profiling.cli.results import print_json
from pathprint.profiling.detection.bundle_files import BUNDLE
from pathprint.profiling.detection.classifiers import AUTO
from pathprint.profiling.features.tiers import Tier, tier_for
from pathprint.profiling.jobs.places import discard, run_folder


def rate(value: float | None) -> float | None:
    """Check that a false-positive rate lies between 0 and 1."""
    if value is not None and not 0 < value < 1:
        raise typer.BadParameter(f"must be between 0 and 1, not {value:g}")
    return value


def renamed(value: bool) -> None:
    """Refuse the option that earlier versions had, and say what it is called now."""
    if value:
        raise typer.BadParameter("is now written --tier thorough")


def fit(
    profile_folder: Annotated[
        Path,
        typer.Argument(metavar="PROFILE", help="Folder that `pathprint profile` wrote.", exists=True, file_okay=False),
    ],
    out: Annotated[Path, folder_option("Folder to write the bundle to; an older bundle is replaced.", BUNDLE)],
    data: OtherData = None,
    attack: Attacks = None,
    classifier: Annotated[
        str,
        classifier_option(
            "Classifier to fit: auto takes the better of logistic and additive; joint-similarity is the linear "
            "model of the first paper; one-class learns from clean images alone, needs no attacks, and finds less.",
        ),
    ] = AUTO,
    target_fpr: Annotated[
        float, typer.Option(help="Largest share of clean images that may be flagged.", callback=rate)
    ] = 0.05,
    tier: Annotated[
        Tier | None,
        typer.Option(
            help="How closely to look at each image: fast looks once; standard also classifies one slightly altered "
            "copy, of the kind that finds most; thorough classifies more copies of images that are still in doubt. "
            "Each finds more than the one before it, and costs more. Default: standard.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            help="What a clean image may cost on average in the thorough tier, counted in inferences: 2 for the first "
            "look, 1 for each copy. Default: 4.",
            show_default=False,
        ),
    ] = None,
    thorough: Annotated[
        bool,
        typer.Option("--thorough", hidden=True, callback=renamed, help="What --tier thorough was called before."),
    ] = False,
    fit_images: Annotated[int, typer.Option(min=10, help="Largest number of images to attack and fit on.")] = 400,
    calibration_images: Annotated[
        int, typer.Option(min=10, help="Largest number of clean images that the threshold is calibrated on.")
    ] = 1000,
    cache: AttackCache = None,
    any_accuracy: AnyAccuracy = False,
    max_bad_fraction: MaxBadFraction = 0.01,
    workers: WorkerNumber = None,
    engine: EngineChoice = "local",
    address: Address = None,
    gpu: Gpu = False,
    restart: Restart = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a detector to a profile; write it as a bundle.

    The detector learns from images that were not profiled, clean and attacked, and is calibrated on further clean ones.

    An interrupted job keeps what it has done in OUT.run, and the same command goes on with it.

    Example:
        pathprint fit lenet5-profile --out lenet5-bundle
    """
    from pathprint.profiling.detection.calibration import check_promise

    tier_for(tier, budget)
    check_promise(calibration_images, target_fpr)
    import pathprint
    from pathprint.profiling.cli.terminal import say
    from pathprint.profiling.jobs.network_profile import NetworkProfile
    from pathprint.profiling.threads import settle_threads

    made = NetworkProfile.load(profile_folder)
    settle_threads(made.extractor.network.preprocessing)
    if data is None:
        say(f"fitting on {made.data_to_fit_on()}, which was profiled")
    bundle = pathprint.fit(
        made,
        data,
        attacks=attack,
        classifier=classifier,
        tier=tier,
        budget=budget,
        target_fpr=target_fpr,
        fit_images=fit_images,
        calibration_images=calibration_images,
        cache=cache,
        seed=seed,
        any_accuracy=any_accuracy,
        job=job_for(run_folder(out), workers, engine, address, gpu, restart, max_bad_fraction),
    )
    bundle.save(out)
    discard(run_folder(out))
    detector = bundle.detector
    low, high = detector.calibration.interval
    if choice := detector.fitting.view_choice or detector.fitting.stage_choice:
        say(choice.reason)
    kind = f"{detector.tier} {detector.score.kind} detector"
    say(f"{kind}, {low:.1%} to {high:.1%} of clean images flagged; bundle in {out}")
    if as_json:
        facts = {"classifier": detector.score.kind, "tier": detector.tier, "views": detector.views}
        print_json({"bundle": str(out), **facts, "accuracy": bundle.made_of.accuracy, **detector.calibration.to_dict()})
