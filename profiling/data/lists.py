"""Image files by a list: a text file with one path in each line."""

from __future__ import annotations

from pathlib import Path

from pathprint.profiling.data.containers import stored_file
from pathprint.profiling.data.files import Files
from pathprint.profiling.data.left_out import LeftOut
from pathprint.profiling.data.stored import reason, whole_image
from pathprint.profiling.errors import DataError


def listed_files(path: Path) -> Files:
    """Return the image files that the lines of a text file name, by path or URL, in the order of its lines.

    A path that is not absolute starts at the current folder, as those that ``find`` and ``ls`` print. Empty lines are
    passed over. Whatever a file is called, it counts as an image, because somebody listed it.

    Raises:
        DataError: the list cannot be read, or is no text.
    """
    try:
        # Names that are not UTF-8 stay what they are.
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise DataError(f"the list of files {path} cannot be read: {reason(error)}.") from error
    if "\0" in text:
        raise DataError(f"{path} is not a list of files, which is a text with one path in each line.")
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    names = tuple(line for line in lines if line.strip())
    return Files(names, lambda index: whole_image(stored_file(names[index])), LeftOut())
