"""The evaluation protocol: four image-disjoint roles, all detectors on the same images (docs/evaluation.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.benign import controls, controls_and_halves
from pathprint.profiling.attacks.crafting import Crafting, control_all
from pathprint.profiling.attacks.registry import declared, taught
from pathprint.profiling.data.correct import Correct, correct_images
from pathprint.profiling.data.roles import Calibrate, Split
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.errors import BundleError, OptionsError, SplitError
from pathprint.profiling.evaluation.adaptive import curve
from pathprint.profiling.evaluation.baselines.observation import Lessons, observe
from pathprint.profiling.evaluation.baselines.registry import baseline_panel
from pathprint.profiling.evaluation.distributions import Distributions, Histogram, Roc, realised
from pathprint.profiling.evaluation.figures import DetectorFigures, Report
from pathprint.profiling.evaluation.found_by import found_by
from pathprint.profiling.evaluation.layer_bands import layer_bands
from pathprint.profiling.evaluation.left_out import left_out
from pathprint.profiling.evaluation.metrics import Resampling
from pathprint.profiling.evaluation.options import Options as Options
from pathprint.profiling.evaluation.options import settings
from pathprint.profiling.evaluation.panel import NAME, Panel, path_panel
from pathprint.profiling.evaluation.paper_protocol import paper_protocol
from pathprint.profiling.evaluation.trial import PerPart, Scores, Trial, by_detector, judge, score_all
from pathprint.profiling.evaluation.typical import typical_images
from pathprint.profiling.jobs.accuracy import check_accuracy
from pathprint.profiling.jobs.fit_data import FitData


@dataclass(frozen=True)
class Outcome:
    """A report, with the images and the detector's scores that it was made from."""

    report: Report
    trial: Trial
    scores: Scores


def measured_outcome(detector: Detector, split: Split, attacks: Sequence[Attack], options: Options) -> Outcome:
    """Measure the detector, and everything else that ``options`` ask for, on the test images of ``split``.

    Raises:
        FitError: the network is right hardly more often than by chance, or on no image of a role.
        SplitError: classifiers are to be fitted again (``full`` or ``paper``), and the data set lacks the images that
            the bundle was made from.
        BundleError: classifiers are to be fitted again, and this version lacks an attack that the bundle was fitted
            on.
    """
    network = detector.network
    check_accuracy(network, split.dataset, split.test.positions, options.any_accuracy)
    fit_data = _fit_data(detector, split, options.crafting) if options.full or options.paper else None
    clean = correct_images(network, split.test, options.images)
    benign = controls_and_halves(list(attacks)) if options.full else []
    trial = Trial.of(network, clean, attacks, benign, options.crafting)
    paths = _paths(detector, split, options, fit_data)
    measured = trial.pixels.map(paths.measure)
    scores = by_detector(paths, measured.map(paths.score))
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
        attacks=trial.figures(detector.signatures.classes, taught(network, detector.fitting.names)),
        detector=detected,
        baselines=_baselines(detector, split, trial, fit_data, options),
        left_out=judged,
        paper_protocol=paper_protocol(fit_data) if fit_data and fit_data.attacks and options.paper else {},
        found_by=found_by(detector, trial, measured),
        adaptive=curve(detector, clean, options.adaptive, options.crafting.seed) if options.adaptive else (),
        distributions=_distributions(detector, trial, scores[NAME], measured),
        typical=typical_images(detector, trial, scores[NAME]),
        settings=settings(detector, split, options),
    )
    return Outcome(report, trial, scores[NAME])


def _fit_data(detector: Detector, split: Split, crafting: Crafting) -> FitData:
    """Attack the images that the bundle was fitted on, with the attacks and the seed of that fitting."""
    if not (len(split.fit) and len(split.profiled) and len(split.calibrate)):
        raise SplitError(
            f"{split.dataset.name} does not contain the images that the bundle was built from, which other detectors "
            "are fitted on. Pass the data of the bundle, or leave `full` and `paper_protocol` out."
        )
    fitting = detector.fitting
    attacks = _seen_attacks(detector)
    clean = correct_images(detector.network, split.fit, fitting.images)
    return FitData.of(detector.maker, clean, attacks, replace(crafting, seed=fitting.seed))


def _seen_attacks(detector: Detector) -> list[Attack]:
    try:
        return declared(detector.network, [attack.declaration for attack in detector.fitting.attacks])
    except OptionsError as error:
        raise BundleError(
            f"The bundle cannot be fitted again: {error} Build it again, or leave `full` and `paper_protocol` out."
        ) from error


def _paths(detector: Detector, split: Split, options: Options, fit_data: FitData | None) -> Panel[Floats]:
    if fit_data is None or not options.full:
        return path_panel(detector, {}, None)
    calibrating, _ = detector.maker.make_all(_held(detector, split).pixels)
    return path_panel(detector, left_out(detector.score.kind, fit_data), calibrating.values)


def _held(detector: Detector, split: Split) -> Correct[Calibrate]:
    """Return the clean images that the bundle was calibrated on, on which other detectors are calibrated too."""
    return correct_images(detector.network, split.calibrate, len(detector.clean_scores))


def _distributions(detector: Detector, trial: Trial, scores: Scores, measured: PerPart[Floats]) -> Distributions:
    """Return the distributions of the bundle's detector; of attacked images only the successful ones count."""
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
    detector: Detector, split: Split, trial: Trial, fit_data: FitData | None, options: Options
) -> dict[str, DetectorFigures]:
    if not len(split.calibrate):
        return {}
    network = detector.network
    lessons = _lessons(detector, split, fit_data, options) if fit_data and options.full else None
    panel = baseline_panel(network, _held(detector, split), lessons)
    return {name: judge(found, trial, panel.summaries[name]) for name, found in score_all(panel, trial).items()}


def _lessons(detector: Detector, split: Split, fit_data: FitData, options: Options) -> Lessons:
    network, seed = detector.network, detector.fitting.seed
    profiled = correct_images(network, split.profiled, options.profiled)
    won = [crafted.pixels[crafted.success] for crafted in fit_data.crafted.values()]
    benignly = (
        controls(list(fit_data.attacks)) if fit_data.attacks else []
    )  # without attacks no baseline is fitted on these
    changed = [control_all(control, network, fit_data.clean, seed) for control in benignly]
    benign = torch.cat([fit_data.clean.pixels, *(made.pixels[made.kept] for made in changed)])
    return Lessons(
        network=network,
        profiled=observe(network, profiled.pixels),
        labels=profiled.labels.numpy(),
        clean=observe(network, benign),
        adversarial=observe(network, torch.cat(won)) if won else None,
    )
