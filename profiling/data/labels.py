"""Labels that are written down beside images, and parts that files are called after."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from pathprint.profiling.arrays import Bits, Indices
from pathprint.profiling.data.files import Labels
from pathprint.profiling.errors import DataError

_HELD_OUT = {"test", "testing", "eval", "evaluation", "validation", "valid", "val", "dev"}
_TRAIN = {"train", "training"}


def labels_of(where: str, values: Sequence[int | str], held_out: Bits | None) -> Labels:
    """Return labels: of numbers, the numbers that occur, in ascending order; of texts, these in theirs.

    Texts that are all whole numbers count as numbers.

    Raises:
        DataError: some are numbers and others are not, or one is negative, and so says that there is none.
    """
    numbers = [_number(value) for value in values]
    if None not in numbers:
        return _of_numbers(where, np.array(numbers, dtype=object), held_out)
    if not all(isinstance(value, str) for value in values):
        raise DataError(f"{where}: some labels are whole numbers and others are not; each image needs one kind.")
    classes, labels = np.unique(np.array(values, dtype=object), return_inverse=True)
    return Labels(labels.astype(np.int64).reshape(-1), tuple(map(str, classes)), held_out)


def held_out_by_name(names: Sequence[str]) -> list[bool] | None:
    """Return which files are held out by a word of their names; None unless some are and others are not.

    Words are those of Hugging Face: test, eval, validation, val, dev, …, and train for the other files.
    """
    words = [set(re.split("[^a-z]+", name.lower())) for name in names]
    held_out = [bool(own & _HELD_OUT) and not own & _TRAIN for own in words]
    return held_out if True in held_out and False in held_out else None


def _number(value: int | str) -> int | None:
    text = value.strip() if isinstance(value, str) else ""
    if isinstance(value, str):
        return int(text) if re.fullmatch("-?[0-9]+", text) else None
    return value


def _of_numbers(where: str, numbers: Indices, held_out: Bits | None) -> Labels:
    least, most = (min(numbers), max(numbers)) if len(numbers) else (0, 0)
    if least < 0 or most > np.iinfo(np.int64).max:
        raise DataError(
            f"{where}: there are labels from {least} to {most}; each image needs a class number >= 0. Data without "
            "labels, whose images are all -1, cannot be used here."
        )
    found, labels = np.unique(numbers.astype(np.int64), return_inverse=True)
    return Labels(labels.astype(np.int64).reshape(-1), tuple(str(int(number)) for number in found), held_out)
