"""Letters: how wide a line of text is, where it is broken, and the font that a PNG file is written with."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont
_REGULAR = ("LiberationSans-Regular.ttf", "DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf", "Arial.ttf")
_BOLD = ("LiberationSans-Bold.ttf", "DejaVuSans-Bold.ttf", "NotoSans-Bold.ttf", "arialbd.ttf", "Arial Bold.ttf")
_ROOM = 1.12
"""Browsers take another font, which may be wider."""


@cache
def font(size: float, bold: bool = False) -> Font:
    """Return a font of the system; where there is none, the one that Pillow brings along, which knows ASCII."""
    for name in _BOLD if bold else _REGULAR:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    found = ImageFont.load_default(size)
    assert isinstance(found, Font), "Pillow is built with FreeType"
    return found


def writable(text: str, letters: Font) -> str:
    """Return the text with letters that the font has: those that it lacks lose their accents, or become ``?``."""
    return "".join(letter if _has(letters, letter) else _plain(letters, letter) for letter in text)


def width_of(text: str, size: float, bold: bool = False) -> float:
    """Return about how wide a line of text is."""
    letters = font(size, bold)
    return float(letters.getlength(writable(text, letters))) * _ROOM


def wrapped(text: str, size: float, width: float, most: int = 99) -> list[str]:
    """Return the text in lines of at most ``width``; beyond ``most`` lines it is cut off with an ellipsis."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > most:
        lines = [*lines[: most - 1], shortened(" ".join(lines[most - 1 :]), size, width, always=True)]
    return [shortened(line, size, width) for line in lines]


def shortened(text: str, size: float, width: float, always: bool = False, bold: bool = False) -> str:
    """Return the text, cut off with an ellipsis where it is wider than ``width``."""
    if not always and width_of(text, size, bold) <= width:
        return text
    while text and width_of(f"{text}…", size, bold) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _plain(letters: Font, letter: str) -> str:
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return base if base and all(_has(letters, part) for part in base) else "?"


@cache
def _has(letters: Font, letter: str) -> bool:
    return letter.isspace() or bytes(letters.getmask(letter)) != bytes(letters.getmask("\uffff"))
