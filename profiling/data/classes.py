"""Which class of a network each folder of images belongs to. Order decides nothing, and nothing is guessed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from unicodedata import normalize

from pathprint.profiling.errors import DataError

_SHOWN = 10


def class_numbers(
    name: str, folders: Sequence[str], labels: Sequence[str], class_map: Mapping[str, int] | None = None
) -> tuple[int, ...]:
    """Return the network's class number of each folder, or of each integer label of arrays.

    ``class_map`` is asked first, then the folder's name is looked for among the labels. If all folders that are left
    are whole numbers, they are class numbers; of a network whose labels are numbers, too, they are those labels. Names
    that look alike are alike: a Mac writes an accent and its letter apart.

    Args:
        name: of the data set.
        labels: the network's labels, in the order of its classes.

    Raises:
        DataError: a folder has no class or several ones, two folders have one class without ``class_map`` saying so,
            or ``class_map`` has a number that is no class.
    """
    folders, labels = ([normalize("NFC", text) for text in texts] for texts in (folders, labels))
    numbers = {normalize("NFC", folder): number for folder, number in (class_map or {}).items()}
    mapped = {folder: numbers[folder] for folder in folders if folder in numbers}
    _check_range(name, mapped, labels)
    named = [folder for folder in folders if folder not in mapped]
    found = _of_names(name, named, labels)
    _check_once(name, found, mapped, labels)
    return tuple((mapped | found)[folder] for folder in folders)


def named_labels(labels: Sequence[str], class_map: Mapping[str, int] | None) -> tuple[str, ...]:
    """Return the labels of a network; where these are mere numbers, the names of ``class_map`` if it names each class.

    A class that two folders belong to has no one name, and the numbers stay.
    """
    by_number = {number: folder for folder, number in (class_map or {}).items()}
    complete = len(by_number) == len(class_map or {}) and set(by_number) == set(range(len(labels)))
    if class_map and complete and are_numbers(labels):
        return tuple(by_number[number] for number in range(len(labels)))
    return tuple(labels)


def are_numbers(labels: Sequence[str]) -> bool:
    """Say whether labels are ``0``, ``1``, …: what the classes of a network are called whose names are not known."""
    return list(labels) == [str(number) for number in range(len(labels))]


def told(name: str, folders: Sequence[str], numbers: Sequence[int], labels: Sequence[str]) -> str:
    """Return in one line which folder, or which integer label, is which class of the network."""
    pairs = list(zip(folders, numbers, strict=True))
    if all(folder == labels[number] for folder, number in pairs):
        return f"{name}: {len(pairs)} classes, matched by name: {listed(folders)}."
    known = not are_numbers(labels)
    said = [f"{folder!r} is class {number}{f' ({labels[number]})' if known else ''}" for folder, number in pairs]
    return f"{name}: {len(pairs)} classes: {_some(said)}."


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"{', '.join(texts[:_SHOWN])}{more}"


def _check_range(name: str, mapped: Mapping[str, int], labels: Sequence[str]) -> None:
    wrong = [folder for folder, number in mapped.items() if not 0 <= number < len(labels)]
    if wrong:
        raise DataError(
            f"{name}: class numbers must lie in 0 .. {len(labels) - 1}, but the class map says {mapped[wrong[0]]} for "
            f"{wrong[0]!r}."
        )


def _of_names(name: str, folders: list[str], labels: Sequence[str]) -> dict[str, int]:
    """Return the class number of each folder by the folder's name alone."""
    times = Counter(labels)
    known = {label: number for number, label in enumerate(labels)}
    twice = [folder for folder in folders if times[folder] > 1]
    if twice:
        same = [str(number) for number, label in enumerate(labels) if label == twice[0]]
        raise DataError(
            f"{name}: the network has several classes called {twice[0]!r} (numbers {', '.join(same)}); say with "
            f'`class_map` which one is meant: a file with JSON like {{"{twice[0]}": {same[0]}}}.'
        )
    if all(folder in known for folder in folders):
        return {folder: known[folder] for folder in folders}
    if all(_is_number(folder) for folder in folders):
        return _of_numbers(name, folders, labels)
    raise DataError(_unmatched(name, folders, labels))


def _of_numbers(name: str, folders: list[str], labels: Sequence[str]) -> dict[str, int]:
    """Return the classes of whole numbers: labels of the same value if any label is a number, else class numbers."""
    valued = {int(label): number for number, label in enumerate(labels) if _is_number(label)}
    known = valued or {number: number for number in range(len(labels))}
    wrong = sorted((folder for folder in folders if int(folder) not in known), key=int)
    if wrong:
        counted = ", which looks as if the data count from 1" if min(map(int, folders)) == 1 else ""
        raise DataError(
            f"{name}: the network has no class {listed(wrong)}; its classes are {_range(known)}{counted}. Say with "
            '`class_map` which folder is which class: a file with JSON like {"1": 0, "2": 1}.'
        )
    return {folder: known[int(folder)] for folder in folders}


def _range(numbers: Iterable[int]) -> str:
    ordered = sorted(numbers)
    whole = ordered == list(range(ordered[0], ordered[-1] + 1))
    return f"{ordered[0]} .. {ordered[-1]}" if whole else listed(list(map(str, ordered)))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _check_once(name: str, found: Mapping[str, int], mapped: Mapping[str, int], labels: Sequence[str]) -> None:
    """Refuse a class that two folders have, unless the class map gives it to both."""
    owners = {number: folder for folder, number in mapped.items()}
    for folder, number in found.items():
        if number in owners:
            raise DataError(
                f"{name}: {owners[number]!r} and {folder!r} would both be class {number} ({labels[number]!r}); if both "
                f'belong to it, let `class_map` say so: {{"{owners[number]}": {number}, "{folder}": {number}}}.'
            )
        owners[number] = folder


def _unmatched(name: str, folders: list[str], labels: Sequence[str]) -> str:
    """Say which folders have no class, and what can be done."""
    missing = [folder for folder in folders if folder not in labels]
    if are_numbers(labels):
        return (
            f"{name}: the names of the network's {len(labels)} classes are not known, so folders cannot be matched "
            f"({listed(missing)}). Give the names with `class_names`, a file with one name per line in the order of "
            'the network\'s outputs, or the numbers with `class_map`, a file with JSON like {"folder": 0}.'
            f"{_suggested(folders, labels)}"
        )
    matched = len(folders) - len(missing)
    some = f" ({matched} {'other matches' if matched == 1 else 'others match'})" if matched else ""
    return (
        f"{name}: the network has no class called {listed(missing)}{some}; its classes are {listed(labels)}. Name "
        'the folders as these, or say with `class_map` which class each is: a file with JSON like {"folder": 0}.'
    )


def _suggested(folders: list[str], labels: Sequence[str]) -> str:
    """Return the class map of sorted order, which most training programs use, if there is a folder for each class."""
    if len(folders) != len(labels):
        return f" Folders: {len(folders)}, classes: {len(labels)}."
    order = {folder: number for number, folder in enumerate(sorted(folders)[:_SHOWN])}
    text = json.dumps(order, ensure_ascii=False)
    more = f"{text[:-1]}, …}}" if len(folders) > _SHOWN else text
    return f" If the network was trained on these folders in sorted order, the class map is {more}."


def listed(names: Sequence[str]) -> str:
    """Return the first names in quotation marks, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(map(repr, names[:_SHOWN]))}{more}"
