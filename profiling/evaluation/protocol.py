"""The evaluation protocol: four image-disjoint roles, all detectors on the same images (docs/evaluation.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.benign import controls
from pathprint.profiling.attacks.crafting import Crafting, control_all
from pathprint.profiling.attacks.registry import declared
from pathprint.profiling.data.correct import Correct, correct_images
from pathprint.profiling.data.roles import Calibrate, Split
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.errors import BundleError, OptionsError, SplitError
from pathprint.profiling.evaluation.adaptive import curve
from pathprint.profiling.evaluation.baselines.observation import Lessons, observe
from pathprint.profiling.evaluation.baselines.registry import baseline_panel
from pathprint.profiling.evaluation.distributions import Distributions, Histogram, Roc, realised
from pathprint.profiling.evaluation.figures import DetectorFigures, Report
from pathprint.profiling.evaluation.layer_bands import layer_bands
from pathprint.profiling.evaluation.left_out import left_out
from pathprint.profiling.evaluation.metrics import Resampling
from pathprint.profiling.evaluation.options import Options as Options
from pathprint.profiling.evaluation.options import settings
from pathprint.profiling.evaluation.panel import NAME, Panel, path_panel
from pathprint.profiling.evaluation.paper_protocol import paper_protocol
from pathprint.profiling.evaluation.trial import Looked, Scores, Trial, judge, score_all, sorted_out
from pathprint.profiling.features.measure import Measuring, features_of
from pathprint.profiling.jobs.examples import Taught


@dataclass(frozen=True)
class Outcome:
    """A report, with the images and the detector's scores that it was made from."""

    report: Report
    trial: Trial
    scores: Scores


def evaluate(detector: Detector, split: Split, attacks: Sequence[Attack], options: Options) -> Outcome:
    """Measure the detector, and what ``options`` ask for beside it, on the split's test images.

    Raises:
        FitError: the network classifies no image of a role correctly.
        SplitError: baselines are asked for, and the data set lacks the images that the bundle was
            built from.
        BundleError: the same, and this version does not have the attacks that the bundle was fitted on.
    """
    network = detector.network
    taught = _taught(detector, split, options.crafting) if options.full or options.paper else None
    clean = correct_images(network, split.test, options.images)
    benign = controls(list(attacks)) if options.full else []
    trial = Trial.of(network, clean, attacks, benign, options.crafting)
    paths = _paths(detector, split, options, taught)
    measured = Looked.at(trial, paths.measure)
    scores = sorted_out(paths, measured.each(paths.score))
    judged = {name: judge(found, trial, paths.summaries[name]) for name, found in scores.items()}
    detected = judged.pop(NAME)
    flagged = scores[NAME].clean > detector.calibration.threshold
    report = Report(
        network={"name": network.name, "fingerprint": network.fingerprint},
        images=len(clean.indices),
        misclassified=len(clean.misclassified),
        clean_accuracy=clean.accuracy,
        target=detector.calibration.target,
        flagged_clean=Resampling.over(clean.indices).share(flagged, clean.indices),
        attacks=trial.figures(detector.signatures.classes),
        detector=detected,
        baselines=_baselines(detector, split, trial, taught, options),
        left_out=judged,
        paper_protocol=paper_protocol(taught) if taught and taught.attacks and options.paper else {},
        adaptive=curve(detector, clean, options.adaptive, options.crafting.seed) if options.adaptive else (),
        distributions=_distributions(detector, trial, scores[NAME], measured),
        settings=settings(detector, split, options),
    )
    return Outcome(report, trial, scores[NAME])


def _taught(detector: Detector, split: Split, crafting: Crafting) -> Taught:
    """Attack the images that the bundle was fitted on as was done then."""
    if not (len(split.fit) and len(split.profiled) and len(split.calibrate)):
        raise SplitError(
            f"{split.dataset.name} does not contain the images that the bundle was built from, on which other "
            "detectors would have to be fitted; pass that data, or leave --full and --paper-protocol out."
        )
    fitting = detector.fitting
    attacks = _seen_attacks(detector)
    clean = correct_images(detector.network, split.fit, fitting.images)
    measuring = Measuring(detector.extractor, detector.signatures, detector.thorough)
    return Taught.of(measuring, clean, attacks, replace(crafting, seed=fitting.seed))


def _seen_attacks(detector: Detector) -> list[Attack]:
    try:
        return declared(detector.network, [attack.declaration for attack in detector.fitting.attacks])
    except OptionsError as error:
        raise BundleError(
            f"The bundle cannot be fitted again: {error} Build it again, or leave --full and --paper-protocol out."
        ) from error


def _paths(detector: Detector, split: Split, options: Options, taught: Taught | None) -> Panel[Floats]:
    if taught is None or not options.full:
        return path_panel(detector, {}, None)
    held = _held(detector, split)
    parts = (detector.extractor, detector.signatures, held.pixels)
    calibrating, _ = features_of(*parts, detector.thorough, "calibrating again")
    return path_panel(detector, left_out(detector.score.kind, taught), calibrating.values)


def _held(detector: Detector, split: Split) -> Correct[Calibrate]:
    """Return the clean images that the bundle was calibrated on; the others get their thresholds from the same."""
    return correct_images(detector.network, split.calibrate, len(detector.clean_scores))


def _distributions(detector: Detector, trial: Trial, scores: Scores, measured: Looked[Floats]) -> Distributions:
    """Return what pictures of the bundle's detector need, of successful attacks only."""
    rows = {name: made.success.cpu().numpy() for name, made in trial.crafted.items()}
    won = {name: scores.attacks[name][success] for name, success in rows.items()}
    values = {name: measured.attacks[name][success] for name, success in rows.items()}
    return Distributions(
        roc={name: Roc.of(scores.clean, found) for name, found in won.items()},
        histogram=Histogram.of(scores.clean, won, detector.calibration.threshold),
        calibration=realised(scores.calibration, scores.clean, trial.clean.indices),
        layers=layer_bands(detector.features, detector.extractor.layout.names, measured.clean, values),
    )


def _baselines(
    detector: Detector, split: Split, trial: Trial, taught: Taught | None, options: Options
) -> dict[str, DetectorFigures]:
    if not len(split.calibrate):
        return {}
    network = detector.network
    lessons = _lessons(detector, split, taught, options) if taught and options.full else None
    panel = baseline_panel(network, _held(detector, split), lessons)
    return {name: judge(found, trial, panel.summaries[name]) for name, found in score_all(panel, trial).items()}


def _lessons(detector: Detector, split: Split, taught: Taught, options: Options) -> Lessons:
    network, seed = detector.network, detector.fitting.seed
    profiled = correct_images(network, split.profiled, options.profiled)
    won = [crafted.pixels[crafted.success] for crafted in taught.crafted.values()]
    benignly = controls(list(taught.attacks)) if taught.attacks else []  # else no detector learns from them
    changed = [control_all(control, network, taught.clean, seed) for control in benignly]
    benign = torch.cat([taught.clean.pixels, *(made.pixels[made.kept] for made in changed)])
    return Lessons(
        network=network,
        profiled=observe(network, profiled.pixels, "observing profile images"),
        labels=profiled.labels.numpy(),
        clean=observe(network, benign, "observing fit images"),
        adversarial=observe(network, torch.cat(won), "observing fit attacks") if won else None,
    )
