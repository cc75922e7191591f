"""Figures as tables for people; files get all of them."""

from __future__ import annotations

from dataclasses import astuple
from math import isfinite

from rich import box
from rich.console import Group
from rich.table import Table

from pathprint.profiling.evaluation.cost import Cost
from pathprint.profiling.evaluation.figures import DetectorFigures, Report
from pathprint.profiling.evaluation.metrics import Estimate
from pathprint.profiling.evaluation.report.headline import NOTABLE, unprofiled
from pathprint.profiling.evaluation.stages import StageCost
from pathprint.profiling.features.tiers import Tier
from pathprint.profiling.studies.findings import Sheet
from pathprint.profiling.studies.sanity import RUNS, Sanity

_WAY = ("way", "ms per image", "rounds")
_WAYS = 10
"""How many ways of a plain inference are shown; JSON has all of them."""


def figures(report: Report) -> Group:
    """Return the report's tables: attacks, and where they were measured, other detectors and controls."""
    tables: list[Table | str] = [_attacks(report)]
    if report.unprofiled >= NOTABLE:
        tables.append(f"{unprofiled(report)}\n")
    if report.left_out:
        tables.append(_detectors(report))
        tables.append(_tests(report))
    if any(len(cost.reached) > 1 for cost in report.stages.values()):
        tables.append(_stages(report))
    if report.detector.controls:
        tables.append(_controls(report.detector))
    if report.paper_protocol:
        tables.append(_paper(report))
    if report.adaptive:
        tables.append(_adaptive(report))
        tables += [
            f"{sign.name}: {'yes' if sign.holds else f'no, by {sign.worst:.0%} of the images'}"
            for sign in report.masking
        ]
    return Group(*tables)


def _attacks(report: Report) -> Table:
    # Beside the figures of unseen attacks there is no room for intervals in 80 columns; JSON has them.
    last = "unseen" if report.left_out else "95 % interval"
    table = _empty_table(
        f"{report.images} unseen images; network accuracy {report.clean_accuracy:.1%}; "
        f"{report.flagged_clean.value:.1%} of clean images flagged (at most {report.target:.0%} promised)",
        ("attack", "success", "raw", "AUC", "TPR@5%", "TPR@1%", "softmax", last),
    )
    for name, attack in report.attacks.items():
        found = report.detector.attacks[name]
        softmax = report.baselines["max-softmax"].attacks[name].auc.value if report.baselines else float("nan")
        figures = (found.auc.value, found.tpr_at_5fpr.value, found.tpr_at_1fpr.value, softmax)
        shares = (f"{attack.success:.0%}", f"{attack.success_unrounded:.0%}")
        closing = f"{report.unseen_auc(name).value:.3f}" if report.left_out else _interval(found.auc)
        table.add_row(name, *shares, *(f"{figure:.3f}" for figure in figures), closing)
    closing = f"{report.mean_left_out_auc:.3f}" if report.left_out else ""
    table.add_row("mean", "", "", f"{report.detector.mean_auc:.3f}", "", "", "", closing)
    if isfinite(report.mean_untaught_auc):
        table.add_row("mean, untaught", "", "", f"{report.mean_untaught_auc:.3f}", "", "", "", "")
    return table


def _detectors(report: Report) -> Table:
    table = _empty_table(
        "the same images, other detectors", ("detector", "mean AUC", "worst", "attack", "FPR@5%", "FPR@1%")
    )
    others = {f"without {family}": found for family, found in report.left_out.items()}
    for name, found in {"pathprint": report.detector, **others, **report.baselines}.items():
        worst = found.attacks[found.worst].auc.value if found.worst else float("nan")
        rates = (f"{found.fpr_at_5.value:.3f}", f"{found.fpr_at_1.value:.3f}")
        table.add_row(name, f"{found.mean_auc:.3f}", f"{worst:.3f}", found.worst, *rates)
    return table


def _tests(report: Report) -> Table:
    names = list(next(iter(report.found_by.values()), {}))
    shown = (name.replace("_", " ") for name in names)
    table = _empty_table("flagged at the bundle's threshold, by the test with the larger score", ("images", *shown))
    for kind, shares in report.found_by.items():
        table.add_row(kind, *(f"{share:.1%}" for share in shares.values()))
    return table


def _stages(report: Report) -> Table:
    most = max((len(cost.reached) for cost in report.stages.values()), default=0)
    reached = (f"reach stage {number}" for number in range(1, most + 1))
    table = _empty_table("stages and cost, counted in inferences", ("images", *reached, "mean cost", "99th percentile"))
    for kind, cost in report.stages.items():
        shares = (f"{share:.1%}" for share in cost.reached)
        table.add_row(kind, *shares, f"{cost.mean:.2f}", f"{cost.percentile99:.0f}")
    return table


def stage_cost(found: StageCost) -> Table:
    """Return what the stages of a bundle cost on clean images."""
    table = _empty_table(f"{found.images} clean images, cost counted in inferences", ("stage", "reach it"))
    for number, share in enumerate(found.reached, 1):
        table.add_row(str(number), f"{share:.1%}")
    table.add_row("mean cost", f"{found.mean:.2f}")
    table.add_row("99th percentile", f"{found.percentile99:.0f}")
    return table


def _controls(detector: DetectorFigures) -> Table:
    table = _empty_table(
        "benign changes; 5 % should be flagged", ("control", "still right", "flagged", "95 % interval")
    )
    for name, found in detector.controls.items():
        table.add_row(name, f"{found.kept:.0%}", f"{found.flagged.value:.1%}", _interval(found.flagged))
    return table


def _paper(report: Report) -> Table:
    title = "NOT an honest figure: the papers' leaky split, to compare with published ones; forest on fit images"
    table = _empty_table(title, ("attack", "leaky AUC", "disjoint AUC"))
    for name, found in report.paper_protocol.items():
        table.add_row(name, f"{found.leaky:.3f}", f"{found.disjoint:.3f}")
    return table


def _adaptive(report: Report) -> Table:
    table = _empty_table(
        "an attacker who knows the detector",
        ("budget (Linf)", "wrong", "not flagged", "95 % interval", "by gradients", "and queries", "and descent"),
    )
    for point in report.adaptive:
        alone = (f"{point.gradients:.0%}", f"+{point.added_by_queries:.0%}", f"+{point.added_by_descent:.0%}")
        shares = (f"{point.wrong.value:.0%}", f"{point.evaded.value:.0%}", _interval(point.evaded), *alone)
        table.add_row(f"{point.budget:.3f}", *shares)
    without, with_it = (f"at {half:.4f}" if isfinite(half) else "nowhere" for half in astuple(report.halfway))
    table.caption = f"half the images are lost {without} without the detector, and {with_it} with it"
    return table


def cost(found: Cost) -> Group:
    """Return what a detection costs, and the fastest ways of a plain inference."""
    title = f"{found.network}, {found.batch} images, {found.threads} threads, {found.layers} layers"
    shown = Table("", "", title=title, show_header=False)
    memory = "not known here" if found.peak_mb is None else f"{found.peak_mb:.0f} MB"
    rows = {
        "plain inference": f"{found.plain_ms:.2f} ms per image ({found.plain})",
        "module as given": f"{found.as_given_ms:.2f} ms per image",
        **{f"{tier} detection": _detection(found, tier) for tier in found.detect_ms},
        "extraction on top": f"{found.extract_ms:.2f} ms, {found.contributions_per_s / 1e9:.2f} G contributions/s",
        "peak memory": f"{memory}; all activations: {found.activations_mb:.0f} MB",
        "borderline units": f"{found.borderline:.3%}",
    }
    for name, figure in rows.items():
        shown.add_row(name, figure)
    return Group(shown, _ways(found))


def _detection(found: Cost, tier: Tier) -> str:
    ratios = f"ratio {found.ratio[tier]:.2f} (as given {found.as_given_ratio[tier]:.2f})"
    return f"{found.detect_ms[tier]:.2f} ms per image, {ratios}"


def _ways(found: Cost) -> Table:
    """Return the ways of a plain inference that were timed longest and the fastest others."""
    slower = max(0, len(found.ways) - _WAYS)
    table = _empty_table("ways of a plain inference" + (f", without {slower} slower ones" if slower else ""), _WAY)
    for timed in found.ways[:_WAYS]:
        table.add_row(timed.way.name, f"{timed.ms:.2f}", str(timed.rounds))
    for name in found.left_out:
        table.add_row(name, "left out", "")
    return table


def sanity(found: Sanity) -> Table:
    """Return the shares of answers that stay when paths are removed, or nothing else is kept."""
    title = f"Unchanged answers of {found.images} images; accuracy of the whole network {found.accuracy:.1%}"
    shown = Table("theta", "synapses", *RUNS, title=title)
    for point in found.points:
        shown.add_row(f"{point.theta:g}", f"{point.share:.2%}", *(f"{point.unchanged[run]:.1%}" for run in RUNS))
    return shown


def sheet(found: Sheet) -> Table:
    """Return a sheet of a study."""
    table = _empty_table(found.caption, found.columns)
    for row in found.rows:
        table.add_row(*row)
    return table


def plain(found: Sheet) -> str:
    """Return a sheet as lines of text without colours, for standard output; columns are as wide as their cells."""
    rows = (found.columns, *found.rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([found.caption, *(f"  {line}" for line in lines)])


def _empty_table(title: str, columns: tuple[str, ...]) -> Table:
    """Return a table without rows; its first column is for their names."""
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.3f}-{estimate.high:.3f}"
