"""Detection of attacks unseen in fitting: the bundle's kind of classifier, fitted again without one family."""

from __future__ import annotations

from collections.abc import Sequence

from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.detection.cascade import Cascade, one_stage
from pathprint.profiling.detection.classifiers.classifier import needs_attacks
from pathprint.profiling.detection.classifiers.fitting import fit
from pathprint.profiling.detection.classifiers.one_class import KIND
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.errors import FitError
from pathprint.profiling.evaluation.figures import EVERYTHING, NOTHING
from pathprint.profiling.jobs.fit_data import FitData
from pathprint.profiling.jobs.stage_choice import refitted


def left_out(detector: Detector, fit_data: FitData) -> dict[str, Cascade]:
    """Return one fitted score per family of attacks that was left out, by family; stages ask about the same views.

    ``NOTHING`` is fitted on all attacks, as the bundle is. ``EVERYTHING`` is the one-class score, which is fitted on
    clean images only. It also stands for a family without which no attack succeeded.
    """
    kind, features = detector.score.kind, fit_data.features
    clean_only = one_stage(fit(KIND, fit_data.clean_examples), features)
    if not needs_attacks(kind):
        return {NOTHING: clean_only, EVERYTHING: clean_only}
    scores = {NOTHING: _fitted(detector, fit_data, fit_data.attacks)}
    for family in dict.fromkeys(attack.family for attack in fit_data.attacks):
        others = [attack for attack in fit_data.attacks if attack.family != family]
        try:
            scores[family] = _fitted(detector, fit_data, others)
        except FitError:
            scores[family] = clean_only
    return scores | {EVERYTHING: clean_only}


def _fitted(detector: Detector, fit_data: FitData, attacks: Sequence[Attack]) -> Cascade:
    kind, choice = detector.score.kind, detector.fitting.stage_choice
    if choice is None:
        return one_stage(fit(kind, fit_data.examples(attacks)), fit_data.features)
    return refitted(kind, fit_data, attacks, detector.score, choice.lost)
