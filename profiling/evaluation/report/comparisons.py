"""Sections on the two tests, other detectors, unseen attacks, benign changes, the adaptive attack, the leaky split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan

from markupsafe import Markup

from pathprint.profiling.evaluation.baselines.libraries import ADAPTERS
from pathprint.profiling.evaluation.figures import EVERYTHING, NOTHING, DetectorFigures, Report
from pathprint.profiling.evaluation.metrics import Estimate
from pathprint.profiling.evaluation.options import NOT_INSTALLED
from pathprint.profiling.evaluation.panel import NAME
from pathprint.profiling.evaluation.report.pictures import dot_plot, evasion_picture
from pathprint.profiling.evaluation.report.rendering import section

_STEPS = (0.7, 0.8, 0.9, 0.95)
"""AUCs at which the colour of a cell in the table of unseen attacks changes."""
_MEANT_TO_BE_FLAGGED = 0.05
"""Share of benign changes that the threshold for 5 % should flag."""


def other_detectors(report: Report) -> Markup:
    """Return the section that compares all detectors on the same images, as a table and as a dot plot."""
    detectors = _detectors(report)
    dots = dot_plot([(name, judged.mean_auc, _worst_auc(judged)) for name, judged in detectors.items()])
    names, absent = list(report.attacks), _absent_libraries(report)
    return section("other_detectors", report=report, detectors=detectors, dots=dots, attacks=names, absent=absent)


def _detectors(report: Report) -> Mapping[str, DetectorFigures]:
    clean_only = {f"{NAME}, clean images only": report.left_out[EVERYTHING]} if EVERYTHING in report.left_out else {}
    return {NAME: report.detector, **clean_only, **report.baselines}


def _worst_auc(judged: DetectorFigures) -> float:
    return judged.attacks[judged.worst].auc.value if judged.worst else nan


def _absent_libraries(report: Report) -> list[str]:
    versions = report.settings.get("versions", {})
    return [package for package in ADAPTERS if versions.get(package) == NOT_INSTALLED]


@dataclass(frozen=True, slots=True)
class Cell:
    """The AUC of one attack by a classifier from whose fitting one family of attacks was left out.

    Attributes:
        level: number of ``_STEPS`` that the AUC reaches, as text; ``none`` if the AUC is undefined.
        unseen: whether the classifier has not seen the attack's family.
    """

    auc: Estimate
    level: str
    unseen: bool


def unseen_attacks(report: Report) -> Markup:
    """Return the section with the AUC of each attack (rows) by the family left out of fitting (columns)."""
    named = {NOTHING: "nothing left out", EVERYTHING: "clean images only"}
    columns = [named.get(family, f"without {family}") for family in report.left_out]
    matrix = {attack: [_cell(report, attack, family) for family in report.left_out] for attack in report.attacks}
    return section("unseen_attacks", report=report, columns=columns, matrix=matrix, steps=_STEPS)


def _cell(report: Report, attack: str, family: str) -> Cell:
    auc = report.left_out[family].attacks[attack].auc
    level = str(sum(auc.value >= step for step in _STEPS)) if isfinite(auc.value) else "none"
    return Cell(auc, level, family in (report.attacks[attack].family, EVERYTHING))


def stages(report: Report) -> Markup:
    """Return the section on which share of each kind of images reaches each stage, and what that costs."""
    most = max((len(cost.reached) for cost in report.stages.values()), default=0)
    return section("stages", costs=report.stages, names=[f"reach stage {number}" for number in range(1, most + 1)])


def tests(report: Report) -> Markup:
    """Return the section on which test of the detector flags which kinds of images."""
    names = list(next(iter(report.found_by.values()), {}))
    return section("tests", found_by=report.found_by, names=names)


def benign_changes(report: Report) -> Markup:
    """Return the section on how rarely the detector flags benign changes."""
    return section("benign_changes", controls=report.detector.controls, meant=_MEANT_TO_BE_FLAGGED)


def adaptive_attack(report: Report) -> Markup:
    """Return the section on the adaptive attack at each budget."""
    picture = evasion_picture(report.adaptive) if report.adaptive else None
    steps = [f"{number} steps" for number, _ in report.adaptive[-1].steps] if report.adaptive else []
    return section(
        "adaptive_attack",
        points=report.adaptive,
        picture=picture,
        signs=report.masking,
        steps=steps,
        halfway=report.halfway,
    )


def papers_split(report: Report) -> Markup:
    """Return the section that compares the papers' leaky split with a disjoint one."""
    return section("papers_split", attacks=report.paper_protocol)
