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


@pytest.mark.parametrize("pattern", ["seg_{}", "my {}", "x-{}", "My{}", "{}_small", "chest_xray_{}_v2", "{}.256px"])
@pytest.mark.parametrize("inside", ["", "images/", "{}/"])
def test_words_that_all_parts_share_say_nothing(pattern: str, inside: str) -> None:
    train, test = pattern.format("Train"), pattern.format("Test")
    files = [f"{part}/{inside.format(part)}{label}/1.png" for part in (train, test) for label in ("cat", "dog")]
    assert [classes(*files)[file] for file in files] == [
        (c, held_out) for held_out in (False, True) for c in ("cat", "dog")
    ]


@pytest.mark.parametrize("names", [("bullet train", "bus"), ("bullet train", "steam train")])
@pytest.mark.parametrize("inside", ["", "front/"])
def test_classes_may_have_train_in_their_names(names: tuple[str, ...], inside: str) -> None:
    found = classes(*(f"{name}/{inside}1.png" for name in names))
    assert list(found.values()) == [(name, False) for name in names]


@pytest.mark.parametrize(
    ("files", "doubted"),
    [
        (["fold1/cat/1.png", "fold1/dog/1.png", "fold2/cat/1.png", "fold2/dog/1.png"], True),
        (["fold1/cat/1.png", "fold1/dog/1.png", "fold2/cat/1.png", "fold2/hen/1.png"], False),
        (["cat/front/1.png", "dog/front/1.png"], False),
        (["cat/front/1.png", "cat/back/1.png", "dog/front/1.png", "dog/back/1.png", "dog/1.png"], False),
        (["cat/1.png", "dog/1.png"], False),
        (["cat/train/1.png", "cat/test/1.png", "dog/train/1.png", "dog/test/1.png"], False),
    ],
)
def test_folders_that_may_be_parts_are_warned_about(
    files: list[str], doubted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    classes(*files)
    assert ("the folders fold1, fold2 are taken for classes" in caplog.text) == doubted


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
        (
            ["train/cat/1.png", "test/cat/2.png", "extra/cat/3.png"],
            r"test, train by name are parts .* extra are not.* d:train\.",
        ),
        (["Training/cat/1.png", "dog/2.png"], "Training by name are parts .* dog are not"),
        (
            ["seg_train/cat/1.png", "seg_test/cat/2.png", "seg_pred/x/3.png"],
            "seg_test, seg_train by name .* seg_pred are",
        ),
        (
            ["cat/train/1.png", "cat/test/2.png", "dog/3.png"],
            r"cat/test looks like a part .* but dog/3\.png lies in none",
        ),
        (["cat/val/1.png", "cat/2.png", "dog/3.png"], r"cat/val looks like a part .* but cat/2\.png lies in none"),
        (["cat/val/1.png", "dog/front/3.png"], r"cat/val looks like a part .* but dog/front/3\.png lies in none"),
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
