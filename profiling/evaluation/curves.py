"""Draw curves of shares as an SVG picture, by hand: a few lines and words need no plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from profiling.errors import OptionsError

Curves = Mapping[str, Sequence[float]]
"""Shares in [0, 1] of each line, by its name."""

_WIDTH, _HEIGHT, _MARGIN, _GAP = 300, 200, 60, 50
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by colour-blind readers too
_DASHES = ("none", "6 4", "2 3", "8 3 2 3")


def svg(x: Sequence[float], x_name: str, y_name: str, panels: Mapping[str, Curves]) -> str:
    """Return a picture with one panel beside the other.

    Args:
        x: ascending positions in [0, 1], shared by all lines.
        panels: lines by the title of their panel.

    Raises:
        OptionsError: a line has not one share in [0, 1] for every position.
    """
    for name, line in ((name, line) for curves in panels.values() for name, line in curves.items()):
        if len(line) != len(x) or not all(0 <= share <= 1 for share in line):
            raise OptionsError(f"line {name!r} has {len(line)} values; {len(x)} in [0, 1] can be drawn.")
    width = 2 * _MARGIN + len(panels) * (_WIDTH + _GAP) - _GAP
    height = 2 * _MARGIN + _HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{width}" height="{height}" fill="white"/>'
    ]
    for number, (title, curves) in enumerate(panels.items()):
        left = _MARGIN + number * (_WIDTH + _GAP)
        parts += [
            f'<g transform="translate({left} {_MARGIN})">',
            *_axes(title, x_name, y_name),
            *_lines(x, curves),
            "</g>",
        ]
    return "\n".join([*parts, "</svg>", ""])


def _axes(title: str, x_name: str, y_name: str) -> list[str]:
    parts = [_words(_WIDTH / 2, -28, title, "middle", 'font-size="14" font-weight="bold"')]
    for step in range(6):
        share = step / 5
        across, up = share * _WIDTH, (1 - share) * _HEIGHT
        parts.append(f'<path d="M0 {up:g}H{_WIDTH}" stroke="#ddd"/>')
        parts.append(_words(-8, up + 4, f"{share:.0%}", "end"))
        parts.append(_words(across, _HEIGHT + 18, f"{share:g}", "middle"))
    parts.append(f'<path d="M0 0V{_HEIGHT}H{_WIDTH}" fill="none" stroke="#333"/>')
    parts.append(_words(_WIDTH / 2, _HEIGHT + 38, x_name, "middle"))
    return [*parts, _words(0, -10, y_name, "start", 'fill="#555"')]


def _lines(x: Sequence[float], curves: Curves) -> list[str]:
    parts = []
    for number, (name, line) in enumerate(curves.items()):
        colour, dash = _COLOURS[number % 4], _DASHES[number % 4]
        points = [(at * _WIDTH, (1 - share) * _HEIGHT) for at, share in zip(x, line, strict=True)]
        path = " ".join(f"{across:.1f},{up:.1f}" for across, up in points)
        style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{path}" {style}><title>{escape(name)}</title></polyline>')
        parts += [f'<circle cx="{a:.1f}" cy="{u:.1f}" r="2.5" fill="{colour}"/>' for a, u in points]
        place = _WIDTH - 70 * (len(curves) - 1 - number)
        parts.append(_words(place, -10, name, "end", f'fill="{colour}" font-weight="bold"'))
    return parts


def _words(x: float, y: float, text: str, anchor: str, style: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" {style}>{escape(text)}</text>'
