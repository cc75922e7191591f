"""A folder is the class of its name or number, or what the class map says; never a class by its place in the order."""

import string
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathprint.profiling.data.classes import class_numbers, named_labels, told
from pathprint.profiling.errors import DataError

PETS = ("dog", "bird", "cat")
TEN = tuple(map(str, range(10)))
FROM_ONE = tuple(map(str, range(1, 11)))
CRANES = ("crane", "tench", "crane")


@pytest.mark.parametrize(
    ("folders", "labels", "class_map", "expected"),
    [
        (("cat", "dog"), PETS, None, (2, 0)),
        (("cat", "hound"), PETS, {"hound": 0}, (2, 0)),
        (("hound", "puppy"), PETS, {"hound": 0, "puppy": 0, "kitten": 2}, (0, 0)),
        (("cat", "dog"), PETS, {"cat": 0, "dog": 2}, (0, 2)),
        (("0", "2"), PETS, None, (0, 2)),
        (("000", "002"), PETS, None, (0, 2)),
        (("0", "7", "9"), TEN, None, (0, 7, 9)),
        (("00", "07"), TEN, None, (0, 7)),
        (("1", "10", "2"), FROM_ONE, None, (0, 9, 1)),
        (("01", "10"), FROM_ONE, None, (0, 9)),
        (("0", "217", "482"), tuple(f"class {i}" for i in range(1000)), None, (0, 217, 482)),
        (("tench",), CRANES, None, (1,)),
        (("crane",), CRANES, {"crane": 2}, (2,)),
        (("cat", "dog"), ("0", "1"), {"cat": 1, "dog": 0}, (1, 0)),
        (("cafe\u0301", "bar"), ("bar", "caf\u00e9"), None, (1, 0)),
        (("caf\u00e9", "bar"), ("bar", "cafe\u0301"), None, (1, 0)),
        (("cafe\u0301", "bar"), ("0", "1"), {"bar": 0, "caf\u00e9": 1}, (1, 0)),
    ],
)
def test_folders_get_their_classes(
    folders: tuple[str, ...], labels: tuple[str, ...], class_map: dict[str, int] | None, expected: tuple[int, ...]
) -> None:
    assert class_numbers("d", folders, labels, class_map) == expected


@pytest.mark.parametrize(
    ("folders", "labels", "class_map", "message"),
    [
        (
            ("x", "y", "z"),
            PETS,
            None,
            r"no class called 'x', 'y', 'z'; its classes are 'dog', 'bird', 'cat'.*class_map",
        ),
        (("bird", "cat", "hound"), PETS, None, r"no class called 'hound' \(2 others match\)"),
        (("Cat", "dog"), PETS, None, "no class called 'Cat'"),
        (("0", "cat"), PETS, None, r"no class called '0' \(1 other matches\)"),
        (("test_set", "training_set"), ("cat", "dog"), None, "no class called 'test_set', 'training_set'"),
        (
            ("cat", "dog"),
            ("0", "1"),
            None,
            r"not known.*class_names.*class_map.*sorted order.*\{\"cat\": 0, \"dog\": 1\}",
        ),
        (("cat", "dog"), ("0", "1", "2"), None, "not known.*Folders: 2, classes: 3"),
        (("three", "4"), TEN, None, "not known"),
        (FROM_ONE, TEN, None, r"no class '10'; its classes are 0 \.\. 9, which looks as if the data count from 1"),
        (TEN, FROM_ONE, None, r"no class '0'; its classes are 1 \.\. 10"),
        (("7", "1000010"), TEN, None, "no class '1000010'"),
        (("1", "01"), TEN, None, "'1' and '01' would both be class 1"),
        (("cat", "hound"), PETS, {"hound": 2}, "'hound' and 'cat' would both be class 2"),
        (("crane", "tench"), CRANES, None, r"several classes called 'crane' \(numbers 0, 2\)"),
        (("cat",), PETS, {"cat": 3}, r"class numbers must lie in 0 \.\. 2, but the class map says 3 for 'cat'"),
        (("cat",), PETS, {"cat": -1}, r"class numbers must lie in 0 \.\. 2"),
    ],
)
def test_folders_without_a_clear_class_are_refused(
    folders: tuple[str, ...], labels: tuple[str, ...], class_map: dict[str, int] | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        class_numbers("d", folders, labels, class_map)


NAMES = st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=4), min_size=1, max_size=6, unique=True)


@given(NAMES, NAMES, st.randoms())
def test_order_decides_nothing(folders: list[str], labels: list[str], random: Random) -> None:
    """Either every folder gets the class of its own name, whatever the order, or the data are refused."""
    try:
        found = class_numbers("d", folders, labels)
    except DataError:
        assert not set(folders) <= set(labels)
        return
    assert [labels[number] for number in found] == folders
    shuffled = random.sample(folders, len(folders))
    again = dict(zip(shuffled, class_numbers("d", shuffled, labels), strict=True))
    assert again == dict(zip(folders, found, strict=True))


@given(NAMES, st.integers(1, 6))
def test_a_network_without_class_names_takes_no_named_folders(folders: list[str], classes: int) -> None:
    with pytest.raises(DataError, match="not known"):
        class_numbers("d", folders, [str(number) for number in range(classes)])


@pytest.mark.parametrize(
    ("labels", "class_map", "expected"),
    [
        (("0", "1"), {"cat": 1, "dog": 0}, ("dog", "cat")),
        (("0", "1"), {"cat": 1, "dog": 0, "hound": 0}, ("0", "1")),
        (("0", "1", "2"), {"cat": 1, "dog": 0}, ("0", "1", "2")),
        (("x", "y"), {"cat": 1, "dog": 0}, ("x", "y")),
        (("0", "1"), None, ("0", "1")),
    ],
)
def test_a_class_map_names_the_classes_of_a_network_that_does_not_know_them(
    labels: tuple[str, ...], class_map: dict[str, int] | None, expected: tuple[str, ...]
) -> None:
    assert named_labels(labels, class_map) == expected


def test_the_mapping_is_told() -> None:
    assert told("d", ("cat", "dog"), (2, 0), PETS) == "d: 2 classes, matched by name: 'cat', 'dog'."
    assert told("d", ("0", "2"), (0, 2), PETS) == "d: 2 classes: '0' is class 0 (dog), '2' is class 2 (cat)."
    assert told("d", ("x",), (1,), ("0", "1")) == "d: 1 classes: 'x' is class 1."
    many = [f"c{number}" for number in range(30)]
    assert told("d", many, range(30), many).endswith("'c9' and 20 more.")
