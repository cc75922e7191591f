"""Folders become classes, or parts of a data set, by their names and places alone."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathprint.profiling.data.layout import is_held_out, layout
from pathprint.profiling.errors import DataError


def classes(*files: str) -> dict[str, tuple[str, bool]]:
    """Return class and part of each file, by its name."""
    found = layout("d", [tuple(file.split("/")) for file in files])
    return {"/".join(image.file): (image.label, image.held_out and found.two_sided) for image in found.images}


TRAIN = "train training Train TRAIN training_set Training-Set train_images trainset train2017 train_data ILSVRC_train"
HELD_OUT = "test Testing TEST test_set test-images testset val VAL valid Validation val2017 eval evaluation dev dev_set"
NEITHER = "cat strain contest valley invalid Devon testament evaluations1 trains aeroplane 0 images"


@pytest.mark.parametrize("folder", TRAIN.split())
def test_folders_for_training_are_recognised(folder: str) -> None:
    assert is_held_out(folder) is False


@pytest.mark.parametrize("folder", HELD_OUT.split())
def test_folders_that_are_held_out_are_recognised(folder: str) -> None:
    assert is_held_out(folder) is True


@pytest.mark.parametrize("folder", NEITHER.split())
def test_other_folders_are_not_parts(folder: str) -> None:
    assert is_held_out(folder) is None


@pytest.mark.parametrize("train", TRAIN.split())
@pytest.mark.parametrize("test", ["test_set", "VAL", "Evaluation"])
def test_parts_never_become_classes(train: str, test: str) -> None:
    found = classes(f"{train}/cat/1.png", f"{train}/dog/2.png", f"{test}/cat/3.png")
    assert found[f"{train}/dog/2.png"] == ("dog", False)
    assert found[f"{test}/cat/3.png"] == ("cat", True)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["cat/1.png", "dog/2.png"], [("cat", False), ("dog", False)]),
        (["pets/cat/1.png", "pets/dog/2.png"], [("cat", False), ("dog", False)]),
        (["a/b/train/cat/1.png", "a/b/test/dog/2.png"], [("cat", False), ("dog", True)]),
        (["train/train/cat/1.png", "test/test/dog/2.png"], [("cat", False), ("dog", True)]),
        (["train/images/cat/1.png", "test/images/dog/2.png"], [("cat", False), ("dog", True)]),
        (["images/train/cat/1.png", "images/val/dog/2.png"], [("cat", False), ("dog", True)]),
        (["cat/train/1.png", "cat/test/2.png", "dog/train/3.png"], [("cat", False), ("cat", True), ("dog", False)]),
        (["cat/a/1.png", "cat/2.png", "dog/3.png"], [("cat", False), ("cat", False), ("dog", False)]),
        (["test/cat/1.png", "val/dog/2.png"], [("cat", False), ("dog", False)]),
        (["train/1.png", "aeroplane/2.png"], [("train", False), ("aeroplane", False)]),
        (["valid/1.png", "invalid/2.png"], [("valid", False), ("invalid", False)]),
        (["photo.png", "cat/1.png", "dog/2.png"], [("cat", False), ("dog", False)]),
        (["pets/photo.png", "pets/cat/1.png", "pets/dog/2.png"], [("cat", False), ("dog", False)]),
        (["train/cat/1.png", "train/2.png", "test/cat/3.png"], [("cat", False), ("cat", True)]),
    ],
)
def test_layouts(files: list[str], expected: list[tuple[str, bool]]) -> None:
    found = classes(*files)
    assert [found[file] for file in files if file in found] == expected


def test_images_in_no_class_folder_are_named() -> None:
    found = layout("d", [("photo.png",), ("train", "2.png"), ("train", "cat", "1.png"), ("test", "cat", "1.png")])
    assert found.loose == (("photo.png",), ("train", "2.png"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no class folders with images"),
        (["1.png", "2.png"], "no class folders with images"),
        (["train/1.png", "test/2.png"], "no class folders with images"),
        (["train/cat/1.png", "test/cat/2.png", "extra/cat/3.png"], "test, train looks like .* extra .* d:test"),
        (["Training/cat/1.png", "dog/2.png"], "Training looks like a part of the data set, and dog beside it"),
    ],
)
def test_unclear_layouts_are_refused(files: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        classes(*files)


WORDS = st.text(string.ascii_letters + string.digits + "_- ", min_size=1, max_size=12).filter(
    lambda word: is_held_out(word) is None
)


@given(st.sets(WORDS, min_size=2, max_size=5), st.sampled_from(TRAIN.split()), st.sampled_from(HELD_OUT.split()))
def test_any_two_folders_are_classes_wherever_they_lie(names: set[str], train: str, test: str) -> None:
    plain = classes(*(f"{name}/1.png" for name in names))
    parted = classes(*(f"{part}/{name}/1.png" for part in (train, test) for name in names))
    assert {label for label, _ in plain.values()} == {label for label, _ in parted.values()} == names
    assert sum(held_out for _, held_out in parted.values()) == len(names)
