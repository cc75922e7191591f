"""A verdict as a notebook shows it: a few lines of HTML that load nothing. All that is not ours is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from pathprint.profiling.detection.told_numbers import apart, percent

if TYPE_CHECKING:
    from pathprint.profiling.detection.detector import Verdict

_COLOURS = {"benign": "#00875f", "adversarial": "#d4540f", "uncertain": "#8a6fc0"}
"""Read on white paper and on black."""
_CARD = Markup(
    '<div style="border-left: 5px solid {colour}; padding: 2px 12px; max-width: 46em; line-height: 1.45">'
    '<div><b style="color: {colour}; font-size: 1.15em">{decision}</b> &nbsp; answered <b>{label}</b> ({sure}); next '
    "likeliest {runner_up}</div>{bar}<div>score {score}, threshold {threshold}; {rare} of clean images score this high"
    "</div>{note}<ol>{reasons}</ol></div>"
)
_BAR = Markup(
    '<div role="img" aria-label="score {score}, threshold {threshold}" style="position: relative; height: 8px; '
    'max-width: 24em; margin: 5px 0; background: #8884; border-radius: 4px"><div style="width: {filled:.1f}%; '
    'height: 8px; background: {colour}; border-radius: 4px"></div><div style="position: absolute; left: {limit:.1f}%; '
    'top: -3px; width: 2px; height: 14px; background: currentColor"></div></div>'
)


def card(verdict: Verdict) -> Markup:
    """Return a verdict in words, with its score on a bar that has a mark at the threshold."""
    colour = _COLOURS[verdict.decision]
    numbers = dict(zip(("score", "threshold"), apart(verdict.score, verdict.threshold), strict=True))
    return _CARD.format(
        **numbers,
        colour=colour,
        decision=verdict.decision.capitalize(),
        label=verdict.label,
        sure=percent(verdict.confidence),
        runner_up=verdict.runner_up_label,
        bar=_bar(verdict, colour, numbers),
        rare=percent(verdict.p_value),
        note=Markup("<div>{}</div>").format(verdict.note) if verdict.note else "",
        reasons=Markup().join(Markup("<li>{}</li>").format(reason) for reason in verdict.reasons),
    )


def _bar(verdict: Verdict, colour: str, numbers: dict[str, str]) -> Markup:
    """Return the bar: from a score as usual to a little beyond score and threshold."""
    low = min(verdict.usual_score, verdict.score, verdict.threshold)
    room = 1.1 * (max(verdict.score, verdict.threshold) - low) or 1.0
    filled, limit = (100 * (value - low) / room for value in (verdict.score, verdict.threshold))
    return _BAR.format(**numbers, filled=max(filled, 1.0), limit=limit, colour=colour)
