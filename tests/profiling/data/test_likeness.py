"""Pictures that were scaled or saved again are noticed, and images that look alike by chance are not."""

import io
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import pathprint
from pathprint.models.preprocessing import decode
from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.datasets import Dataset, open_dataset
from pathprint.profiling.data.identity import Keys64
from pathprint.profiling.data.likeness import warn_of_copies, warn_of_two_labels
from pathprint.profiling.data.roles import profile_images, split, split_again, unseen
from pathprint.profiling.detection.bundle import Bundle, load_bundle

Change = Callable[[Image.Image], Image.Image]


@pytest.fixture(autouse=True)
def warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "pathprint.data")


def jpeg(quality: int) -> Change:
    def changed(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return decode(buffer.getvalue())

    return changed


def scaled(factor: float) -> Change:
    def changed(image: Image.Image) -> Image.Image:
        return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)

    return changed


SMALL: dict[str, Change] = {"JPEG 95": jpeg(95), "JPEG 75": jpeg(75), "double size": scaled(2)}
REAL = {"JPEG 75": jpeg(75), "90 % of the size": scaled(0.9)}


def changed(dataset: Dataset, change: Change) -> Dataset:
    return replace(
        dataset,
        image=lambda index: change(dataset.image(index)),
        content=lambda index: change(dataset.image(index)).tobytes(),
    )


def parts(dataset: Dataset) -> tuple[Indices, Indices]:
    used = profile_images(dataset)
    return used, unseen(dataset, frozenset(dataset.keys[used].tolist()))


def real(folder: Path, kind: str) -> Dataset:
    """Real images, few enough for a test: a part for training and a held-out one."""
    if kind == "MNIST":
        whole = open_dataset(str(folder / "mnist.npz"))
        taken = np.r_[0:3000, 60000:61000]
    else:
        whole = open_dataset(str(folder / {"CIFAR-10": "cifar10-jpeg.zip", "photographs": "imagenette160.zip"}[kind]))
        taken = np.random.default_rng(0).permutation(len(whole))[: 800 if kind == "CIFAR-10" else 300]
    assert whole.held_out is not None
    return replace(
        whole,
        labels=whole.labels[taken],
        held_out=whole.held_out[taken],
        image=lambda index: whole.image(int(taken[index])),
        names=[whole.names[index] for index in taken],
    )


@pytest.mark.parametrize("way", SMALL)
def test_copies_of_digits_are_warned_about(digits: Dataset, way: str, caplog: pytest.LogCaptureFixture) -> None:
    used, rest = parts(digits)
    warn_of_copies(digits, rest, digits.looks[used])
    for number in range(10):
        warn_of_copies(digits, rest[digits.labels[rest] == number], digits.looks[used])
    assert caplog.messages == []
    copies = changed(digits, SMALL[way])
    warn_of_copies(copies, np.sort(used)[:100], digits.looks[used])
    (told,) = caplog.messages
    assert told.startswith("digits: ") and " of 100 images that count as new look almost like images that were" in told


@pytest.mark.parametrize("kind", ["MNIST", "CIFAR-10", "photographs"])
def test_copies_of_real_images_are_warned_about_and_others_are_not(
    real_data: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = real(real_data, kind)
    used, rest = parts(dataset)
    warn_of_copies(dataset, rest, dataset.looks[used])
    for number in set(dataset.labels.tolist()):
        warn_of_copies(dataset, rest[dataset.labels[rest] == number], dataset.looks[used])
    assert caplog.messages == []
    for way, change in REAL.items():
        few = replace(dataset, labels=dataset.labels[:100], image=lambda i: change(dataset.image(int(used[i]))))  # noqa: B023
        warn_of_copies(few, np.arange(100), dataset.looks[used])
        assert len(caplog.messages) == 1, way
        caplog.clear()


LOOKS = st.lists(st.integers(0, 30), max_size=60) | st.permutations(range(12)).map(list)


@given(LOOKS, LOOKS)
def test_what_is_warned_about_follows_the_rule(digits: Dataset, used: list[int], new: list[int]) -> None:
    class Looking(Dataset):
        looks: Keys64 = np.array(new, dtype=np.uint64)

    handler = _Counted()
    logging.getLogger("pathprint.data").addHandler(handler)
    dataset = Looking("some", np.zeros(len(new), np.int64), ("a",), None, digits.content, digits.image, digits.names)
    warn_of_copies(dataset, np.arange(len(new)), np.array(used, dtype=np.uint64))
    logging.getLogger("pathprint.data").removeHandler(handler)
    copies = sum(used.count(look) == new.count(look) == 1 for look in range(31))
    pairs = [sum(looks.count(look) == 2 for look in looks) for looks in (used, new)]
    assert handler.count == (copies >= 5 and copies > 0.05 * len(new) + ((pairs[0] + 1) * (pairs[1] + 1)) ** 0.5)


@pytest.mark.parametrize(("copies", "warned"), [(9, False), (10, True)])
def test_copies_have_to_be_more_than_chance_explains(digits: Dataset, copies: int, warned: bool) -> None:
    """Four pairs on both sides allow for 9 looks, and 5 % of 17 or 18 images for not quite one more."""
    pairs = [100, 101, 102, 103] * 2
    test_what_is_warned_about_follows_the_rule.hypothesis.inner_test(  # type: ignore[attr-defined]
        digits, [*range(copies), *pairs], [*range(copies), *(look + 50 for look in pairs)]
    )
    assert (copies > 0.05 * (copies + 8) + 9) == warned


class _Counted(logging.Handler):
    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def test_fit_and_evaluate_compare_with_all_that_was_used(
    digits: Dataset, digits_network: pathprint.Network, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    profile = pathprint.profile(digits_network, digits, images_per_class=20)
    profile.save(tmp_path / "p")
    few = {"fit_images": 20, "calibration_images": 30}
    bundle = pathprint.fit(tmp_path / "p", digits, classifier="one-class", **few)  # type: ignore[arg-type]
    bundle.save(tmp_path / "b")
    assert caplog.messages == []
    loaded = load_bundle(tmp_path / "b")
    used = np.flatnonzero(np.isin(digits.keys, list(frozenset().union(*loaded.used.values()))))
    assert loaded.looks.tolist() == sorted(digits.looks[used].tolist())
    copies = changed(digits, jpeg(95))
    pathprint.fit(tmp_path / "p", copies, classifier="one-class", **few)  # type: ignore[arg-type]
    pathprint.evaluate(loaded, copies, attacks=["fgsm-0.2"], images=10)
    assert len(caplog.messages) == 2
    assert all("look almost like images that were used before (digits/" in told for told in caplog.messages)


def test_bundles_without_looks_say_nothing(bundle: Bundle, digits: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    warn_of_copies(digits, np.arange(len(digits)), bundle.looks[:0])
    assert caplog.messages == []


@pytest.mark.parametrize("use", ["profile_images", "split", "split_again"])
def test_a_picture_under_two_labels_is_named(tmp_path: Path, use: str, caplog: pytest.LogCaptureFixture) -> None:
    with ZipFile(tmp_path / "d.zip", "w") as archive:
        for number, label in enumerate("aabbcabc"):
            picture = io.BytesIO()
            Image.new("L", (4, 4), (10, 20, 10, 40, 50, 60, 60, 60)[number]).save(
                picture, "BMP" if number % 2 else "PNG"
            )
            archive.writestr(f"{label}/{number}.{'bmp' if number % 2 else 'png'}", picture.getvalue())
    dataset = replace(open_dataset(str(tmp_path / "d.zip")), name="d")
    used = {"profile": frozenset[int](), "fit": frozenset[int](), "calibrate": frozenset[int]()}
    match use:
        case "profile_images":
            profile_images(dataset)
        case "split":
            split(dataset, frozenset())
        case _:
            split_again(dataset, used)
    assert caplog.messages == [
        "d: 2 pictures lie under several labels, of which only the first counts: a/0.png ('a') = b/2.png ('b'), "
        "a/5.bmp ('a') = b/6.png ('b'). Leave each under its right label."
    ]


def test_folders_of_one_class_and_equal_images_of_one_label_are_no_doubt(
    digits: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    twice = replace(digits, image=lambda index: digits.image(index // 2), labels=digits.labels[np.arange(100) // 2])
    warn_of_two_labels(twice)
    assert caplog.messages == []
    one = replace(twice, labels=np.arange(100) % 2, classes=("cats", "kittens"))
    warn_of_two_labels(one.matched_to(("cat", "dog"), {"cats": 0, "kittens": 0}))
    assert caplog.messages == []
    warn_of_two_labels(one)
    assert caplog.messages[0].startswith(
        "digits: 50 pictures lie under several labels, of which only the first counts: "
    )
    assert caplog.messages[0].count("=") == 3 and ", …. Leave" in caplog.messages[0]
