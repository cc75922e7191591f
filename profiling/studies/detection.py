"""How detection depends on theta, layers, profiled images or attacks seen (Qiu et al. 2019, figures 10 and 12).

For every value a detector is profiled, fitted and calibrated anew. All are tested on the same attacked images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.detection.cascade import Cascade, one_stage
from pathprint.profiling.detection.classifiers.classifier import needs_attacks
from pathprint.profiling.detection.classifiers.fitting import fit
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.errors import FitError, OptionsError
from pathprint.profiling.evaluation.figures import DetectorFigures, finite
from pathprint.profiling.evaluation.panel import NAME, path_panel
from pathprint.profiling.evaluation.trial import Trial, judge, score_all
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.jobs.fit_inputs import FitInputs, Sizes
from pathprint.profiling.studies.defaults import DETECTION_IMAGES, DETECTION_LAYERS, DETECTION_THETAS, VARIED
from pathprint.profiling.studies.findings import Drawing, Row, Sheet, decimal
from pathprint.profiling.studies.subject import Subject

EVERY = "all"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work each point is.

    Attributes:
        attacks: the attacks to fit on and to test with.
        classifier: one of ``classifiers.CHOICES``.
        images: most clean test images.
        sizes: most images of the fit and calibrate roles.
        cache: folder that keeps attacked images, which all points share.
    """

    attacks: Sequence[Attack]
    classifier: str
    images: int
    sizes: Sizes
    cache: Path


@dataclass(frozen=True, slots=True)
class Detection:
    """Detection figures for each value of what was varied.

    Attributes:
        varied: ``theta``, ``layers``, ``images`` (per class) or ``attack`` (that was fitted on).
        points: the detector's figures on unseen images, by the varied value as text.
    """

    facts: dict[str, Any]
    varied: str
    classifier: str
    points: Mapping[str, DetectorFigures]

    @property
    def title(self) -> str:
        return f"Detection on {self.facts['network']} by {self.varied}, {self.classifier} classifier"

    def sheets(self) -> list[Sheet]:
        points, attacks = list(self.points.values()), list(next(iter(self.points.values())).attacks)
        rows = [(name, *(decimal(found.attacks[name].auc.value) for found in points)) for name in attacks]
        if self.varied == "attack":
            return [self._matrix(rows, attacks)]
        worst = (found.attacks[found.worst].auc.value if found.worst else float("nan") for found in points)
        ends = [("mean", *(decimal(found.mean_auc) for found in points)), ("worst", *map(decimal, worst))]
        return [Sheet(f"AUC of each attack on unseen images, by {self.varied}", ("", *self.points), (*rows, *ends))]

    def _matrix(self, rows: Sequence[Row], attacks: Sequence[str]) -> Sheet:
        """Return the table of AUCs by fitted attack; columns have numbers, because the names are too wide."""
        columns = (str(attacks.index(name) + 1) if name in attacks else name for name in self.points)
        means = ("mean", *(decimal(found.mean_auc) for found in self.points.values()))
        numbered = (*((f"{number} {row[0]}", *row[1:]) for number, row in enumerate(rows, 1)), means)
        return Sheet(
            "AUC on unseen images; columns: fitted on the attack of that number alone", ("", *columns), numbered
        )

    def drawings(self) -> list[Drawing]:
        if self.varied == "attack" or len(self.points) < 2:
            return []
        x = [float(value) for value in self.points]
        found = [Drawing("mean", self.varied, "AUC", x, [point.mean_auc for point in self.points.values()])]
        for name in next(iter(self.points.values())).attacks:
            areas = [point.attacks[name].auc for point in self.points.values()]
            band = [area.low for area in areas], [area.high for area in areas]
            found.append(Drawing(name, self.varied, "AUC", x, [area.value for area in areas], True, band))
        return found

    def to_dict(self) -> dict[str, Any]:
        points = {value: finite(found.to_dict()) for value, found in self.points.items()}
        described = {"varied": self.varied, "classifier": self.classifier, "points": points}
        return {"study": "detection", **self.facts, **described}


Varying = Callable[[Subject, float], Subject]
VARYING: dict[str, Varying] = {
    "theta": lambda subject, value: subject.at(theta=value),
    "layers": lambda subject, value: subject.at(layers=int(value)),
    "images": lambda subject, value: replace(subject, per_class=int(value)),
}


def detection(subject: Subject, varied: str, values: Sequence[float], effort: Effort) -> Detection:
    """Return how well attacks are found for each value of what is varied.

    Args:
        varied: one of ``VARYING``, or ``attack``: fit on one attack at a time, which takes no values.
        values: the values to try; empty for the default ones.

    Raises:
        OptionsError: ``varied`` is not one of ``VARIED``, or a value is not allowed for it.
        FitError, CalibrationError, SplitError: too few images are usable.
    """
    if varied not in VARIED:
        raise OptionsError(f"`vary` is {varied!r}; allowed: {', '.join(VARIED)}.")
    if varied == "attack" and values:
        raise OptionsError("`value` does not go with `vary` attack; choose attacks with `attack`.")
    if varied == "attack" and not needs_attacks(effort.classifier):
        raise OptionsError(
            f"`classifier` {effort.classifier} is fitted without attacks, so `vary` attack has nothing to vary."
        )
    chosen = _checked(varied, values or _usual(subject, varied))
    subjects = {f"{value:.12g}": VARYING[varied](subject, value) for value in chosen}
    trial = _trial(subject, effort)
    if varied == "attack":
        points = _by_attack(subject, effort, trial)
    else:
        points = {value: _judged(_fitted(made, subject, effort), trial) for value, made in subjects.items()}
    return Detection(subject.facts(), varied, effort.classifier, points)


def _usual(subject: Subject, varied: str) -> list[float]:
    """Return the default values of ``varied``."""
    if varied == "layers":
        most = len(subject.extractor.layout.layers)
        return [*(n for n in DETECTION_LAYERS if n < most), most]
    if varied == "images":
        return [*(n for n in DETECTION_IMAGES if n < subject.per_class), subject.per_class]
    return list(DETECTION_THETAS) if varied == "theta" else []


def _checked(varied: str, values: Sequence[float]) -> list[float]:
    for value in values:
        if varied != "theta" and (value < 1 or not float(value).is_integer()):
            raise OptionsError(f"`value` is {value:g}; {varied} must be a whole number of at least 1.")
    return sorted(set(values))


def _trial(subject: Subject, effort: Effort) -> Trial:
    """Attack the test images, which all points share."""
    network = subject.extractor.network
    clean = correct_images(network, subject.split.test, effort.images)
    # Another seed than in fitting, as in `pathprint evaluate`.
    return Trial.of(network, clean, effort.attacks, (), Crafting(subject.seed + 1, effort.cache))


def _inputs(varied: Subject, subject: Subject, effort: Effort) -> FitInputs:
    maker = FeatureMaker(varied.extractor, varied.signatures())
    crafting = Crafting(subject.seed, effort.cache)
    attacks = effort.attacks if needs_attacks(effort.classifier) else ()
    return FitInputs.of(maker, subject.split, attacks, crafting, effort.sizes)


def _fitted(varied: Subject, subject: Subject, effort: Effort) -> Detector:
    return _inputs(varied, subject, effort).detector(effort.classifier)


def _judged(detector: Detector, trial: Trial) -> DetectorFigures:
    panel = path_panel(detector, {}, None)
    return judge(score_all(panel, trial)[NAME], trial, panel.summaries[NAME])


def _by_attack(subject: Subject, effort: Effort, trial: Trial) -> dict[str, DetectorFigures]:
    """Fit a classifier on each single attack that succeeds, and judge it on all attacks."""
    inputs = _inputs(subject, subject, effort)
    detector, scores = inputs.detector(effort.classifier), dict[str, Cascade]()
    for attack in effort.attacks:
        try:
            fitted = fit(detector.score.kind, inputs.data.examples([attack]))
        except FitError:
            continue
        scores[attack.name] = one_stage(fitted, inputs.data.features)
    panel = path_panel(detector, scores, inputs.clean)
    found = score_all(panel, trial)
    names = {EVERY if name == NAME else name: name for name in (*scores, NAME)}
    return {shown: judge(found[name], trial, panel.summaries[name]) for shown, name in names.items()}
