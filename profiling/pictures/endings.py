"""Which files a drawing can become. Nothing heavy is imported: commands look before they start."""

from __future__ import annotations

from pathlib import Path

from pathprint.profiling.errors import OptionsError

ENDINGS = (".png", ".svg", ".html")


def check_ending(file: Path) -> str:
    """Return what the name of a drawing ends in, in lower case.

    Raises:
        OptionsError: a drawing cannot become this type of file.
    """
    ending = file.suffix.lower()
    if ending not in ENDINGS:
        raise OptionsError(
            f"`out` must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, not {ending or file.name!r}."
        )
    return ending
