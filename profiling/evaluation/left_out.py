"""Attacks unseen in fitting: the bundle's kind of classifier, fitted again without one family of attacks."""

from __future__ import annotations

from pathprint.profiling.detection.classifiers import fit
from pathprint.profiling.detection.kinds import ONE_CLASS
from pathprint.profiling.detection.one_class import one_class
from pathprint.profiling.detection.scores import Score
from pathprint.profiling.errors import FitError
from pathprint.profiling.evaluation.figures import EVERYTHING, NOTHING
from pathprint.profiling.jobs.examples import Taught


def left_out(kind: str, taught: Taught) -> dict[str, Score]:
    """Return a score per family that was left out, and those for ``NOTHING`` and ``EVERYTHING``.

    Leaving nothing out is what the bundle does; leaving everything out is learning from clean
    images alone. So is leaving out the only family that succeeded.
    """
    clean_only = one_class(taught.features, taught.clean_values)
    if kind == ONE_CLASS:
        return {NOTHING: clean_only, EVERYTHING: clean_only}
    scores: dict[str, Score] = {NOTHING: fit(kind, taught.examples(taught.attacks))}
    for family in dict.fromkeys(attack.family for attack in taught.attacks):
        others = [attack for attack in taught.attacks if attack.family != family]
        try:
            scores[family] = fit(kind, taught.examples(others))
        except FitError:
            scores[family] = clean_only
    return scores | {EVERYTHING: clean_only}
