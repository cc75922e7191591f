"""Detection of attacks unseen in fitting: the bundle's kind of classifier, fitted again without one family."""

from __future__ import annotations

from pathprint.profiling.detection.classifiers.classifier import needs_attacks
from pathprint.profiling.detection.classifiers.fitting import fit
from pathprint.profiling.detection.classifiers.one_class import KIND
from pathprint.profiling.detection.joined import JoinedScore
from pathprint.profiling.errors import FitError
from pathprint.profiling.evaluation.figures import EVERYTHING, NOTHING
from pathprint.profiling.jobs.fit_data import FitData


def left_out(kind: str, fit_data: FitData) -> dict[str, JoinedScore]:
    """Return one fitted score per family of attacks that was left out, by family.

    ``NOTHING`` is fitted on all attacks, as the bundle is. ``EVERYTHING`` is the one-class score, which is fitted on
    clean images only. It also stands for a family without which no attack succeeded.
    """
    clean_only = fit(KIND, fit_data.clean_examples)
    if not needs_attacks(kind):
        return {NOTHING: clean_only, EVERYTHING: clean_only}
    scores: dict[str, JoinedScore] = {NOTHING: fit(kind, fit_data.examples(fit_data.attacks))}
    for family in dict.fromkeys(attack.family for attack in fit_data.attacks):
        others = [attack for attack in fit_data.attacks if attack.family != family]
        try:
            scores[family] = fit(kind, fit_data.examples(others))
        except FitError:
            scores[family] = clean_only
    return scores | {EVERYTHING: clean_only}
