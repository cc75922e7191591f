"""How the detector compares: with others, with unseen attacks, on benign changes, against one who knows it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from pathprint.profiling.evaluation.baselines.libraries import ADAPTERS
from pathprint.profiling.evaluation.figures import EVERYTHING, NOTHING, DetectorFigures, Report
from pathprint.profiling.evaluation.options import NOT_INSTALLED
from pathprint.profiling.evaluation.panel import NAME
from pathprint.profiling.evaluation.report.elements import (
    UNDEFINED,
    Html,
    decimal,
    decimal_between,
    element,
    figure,
    joined,
    not_run,
    paragraph,
    percent,
    percent_between,
    section,
    table,
)
from pathprint.profiling.evaluation.report.pictures import dot_plot, evasion_picture

_LEVELS = (0.7, 0.8, 0.9, 0.95)
"""AUCs at which the colour of a cell of the matrix changes."""


def baselines(report: Report) -> Html:
    """Return other detectors on the same images, as a table and as a dot plot."""
    if not report.baselines:
        return section("Other detectors", not_run("no calibration images of the bundle lie in this data", "--data"))
    known = {} if EVERYTHING not in report.left_out else {f"{NAME}, clean images only": report.left_out[EVERYTHING]}
    found = {NAME: report.detector, **known, **report.baselines}
    header = (
        "detector",
        "mean AUC",
        "worst AUC (95 %)",
        "worst attack",
        "FPR at 5%",
        "FPR at 1%",
        "misclassified flagged",
        "what it is",
    )
    rows = [
        (name, decimal(judged.mean_auc), _worst(judged), judged.worst or UNDEFINED, *_rates(judged), judged.summary)
        for name, judged in found.items()
    ]
    caption = (
        "Filled dot: mean AUC over the attacks; ring: AUC on the worst one; dashed line: chance. Right is "
        "better, and a short way from dot to ring means few surprises."
    )
    dots = dot_plot([(name, judged.mean_auc, _worst_value(judged)) for name, judged in found.items()])
    everyone = table("All on the same images", header, rows)
    return section("Other detectors", everyone, figure(caption, dots), _each_attack(report, found), *_missing(report))


def _missing(report: Report) -> list[Html]:
    if not report.left_out:
        return [not_run("detectors that have to be fitted (knn, mahalanobis, lid, those of other libraries)", "--full")]
    versions = report.settings.get("versions", {})
    absent = [package for package in ADAPTERS if versions.get(package) == NOT_INSTALLED]
    return [not_run(f"the detectors of {' and '.join(absent)}", "pip install 'pathprint[bench]'")] if absent else []


def _each_attack(report: Report, found: Mapping[str, DetectorFigures]) -> Html:
    rows = [
        (attack, *(decimal(judged.attacks[attack].auc.value) for judged in found.values())) for attack in report.attacks
    ]
    listed = table("AUC on each attack", ("attack", *found), rows)
    return element("details", element("summary", "AUC on each attack"), listed)


def _worst_value(judged: DetectorFigures) -> float:
    return judged.attacks[judged.worst].auc.value if judged.worst else float("nan")


def _worst(judged: DetectorFigures) -> str:
    return decimal_between(judged.attacks[judged.worst].auc) if judged.worst else UNDEFINED


def _rates(judged: DetectorFigures) -> tuple[str, ...]:
    return tuple(map(percent_between, (judged.fpr_at_5, judged.fpr_at_1, judged.misclassified_flagged)))


def left_out(report: Report) -> Html:
    """Return the matrix of attacks and of families that were left out of fitting."""
    title = "Unseen attacks"
    if not report.left_out:
        return section(title, not_run("classifiers that have not seen a family of attacks", "--full"))
    names = {NOTHING: "nothing left out", EVERYTHING: "clean images only"}
    header = ("attack", "family", *(names.get(family, f"without {family}") for family in report.left_out))
    rows = [
        (attack, fared.family, *(_cell(report, attack, family) for family in report.left_out))
        for attack, fared in report.attacks.items()
    ]
    note = (
        "AUC of the bundle's kind of classifier, fitted again without one family of attacks. In brackets: the "
        "classifier has not seen this attack's family. Families without a column are unseen in every one. "
        f"Mean over attacks, each unseen: {decimal(report.mean_left_out_auc)}."
    )
    legend = (
        f"Background, from red (worst) to blue: steps at AUC {', '.join(map(str, _LEVELS))}. The numbers say the same."
    )
    return section(
        title,
        table("AUC by attack and by what was left out of fitting", header, rows),
        paragraph(note),
        paragraph(legend),
    )


def _cell(report: Report, attack: str, family: str) -> Html:
    area = report.left_out[family].attacks[attack].auc
    level = sum(area.value >= limit for limit in _LEVELS) if isfinite(area.value) else "none"
    unseen = family in (report.attacks[attack].family, EVERYTHING)
    shown = element("strong", f"[{decimal(area.value)}]") if unseen else decimal(area.value)
    return element("td", shown, class_=f"heat-{level}", title=decimal_between(area))


def controls(report: Report) -> Html:
    """Return how quiet the detector stays on benign changes."""
    if not report.detector.controls:
        return section("Benign changes", not_run("noise, JPEG, blur and brightness", "--full"))
    rows = [
        (name, percent(found.kept), _flagged(report, name), str(found.flagged.images), found.summary)
        for name, found in report.detector.controls.items()
    ]
    note = (
        "Images that the network still answers rightly after the change; about 5% of them should be flagged. "
        "More means that the detector sees the change, not an attack."
    )
    header = ("control", "still right", "flagged at 5%", "images", "what it is")
    return section("Benign changes", table("Controls", header, rows), paragraph(note))


def _flagged(report: Report, name: str) -> str:
    flagged = report.detector.controls[name].flagged
    if not flagged.low > 0.05:
        return percent_between(flagged)
    return joined(percent_between(flagged), " ", element("mark", "too many"))


def adaptive(report: Report) -> Html:
    """Return what an attacker who knows the detector reaches at each budget."""
    title = "An attacker who knows the detector"
    if not report.adaptive:
        return section(title, not_run("the adaptive attack", "--adaptive N"))
    rows = [
        (
            f"{point.budget:.3g}",
            *map(percent_between, (point.wrong, point.evaded, point.flagged)),
            str(point.wrong.images),
        )
        for point in report.adaptive
    ]
    caption = (
        "Rings on a dotted line: images for which a wrong answer was found, in a class on which there are verdicts; "
        "dots on a dashed line, with their 95 % interval shaded: those for which it was found and not flagged. The "
        "lower the dashed line, the better; this is a lower bound of what an attacker can do."
    )
    header = ("Linf budget", "wrong answer found", "and not flagged", "wrong answers flagged", "images")
    return section(title, figure(caption, evasion_picture(report.adaptive)), table("By budget", header, rows))


def paper(report: Report) -> Html:
    """Return the papers' leaky split beside a clean one."""
    title = "The papers' split"
    if not report.paper_protocol:
        return section(title, not_run("the split of the published figures", "--paper-protocol"))
    rows = [(name, decimal(found.leaky), decimal(found.disjoint)) for name, found in report.paper_protocol.items()]
    note = (
        "Not honest figures: the leaky split has the same clean image in training and in test. They are here to "
        "compare with published ones."
    )
    return section(
        title, paragraph(element("strong", note)), table("AUC of a forest", ("attack", "leaky", "disjoint"), rows)
    )
