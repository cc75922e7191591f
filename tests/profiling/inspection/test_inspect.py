"""Whatever folder of ours it is, people are told what is in it; no other folder is taken for one."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.errors import BundleError, DataError, JobError, SignatureError
from pathprint.profiling.inspection.heat_map import HeatMap
from pathprint.profiling.inspection.inspect import Contents, inspect
from pathprint.profiling.inspection.run_state import RunState
from pathprint.profiling.jobs.engines.here import Here
from pathprint.profiling.jobs.looking import Looking, look
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.jobs.origin import Origin
from pathprint.profiling.jobs.run import opened
from pathprint.profiling.jobs.sources import ImageSource
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.signatures.counts import ClassSignatures


@pytest.fixture
def profile(extractor: Extractor, signatures: ClassSignatures, digits_split: Split, tmp_path: Path) -> Path:
    parts = (Origin("monday", 0, {"zero": 0}, 200, "1.0"), Origin("tuesday", 1, None, 300, "1.0"))
    made = NetworkProfile(extractor, signatures, digits_split.keys("profile"), "", 0, None, parts=parts, version="1.0")
    made.save(tmp_path / "profile")
    return tmp_path / "profile"


def test_a_profile_says_what_it_was_made_of(profile: Path, signatures: ClassSignatures) -> None:
    found = inspect(profile)
    assert isinstance(found, Contents)
    told = found.to_dict()
    assert [part["data"] for part in told["provenance"]["data"]] == ["monday", "tuesday"]
    assert told["images"] == {str(number): 50 for number in range(10)}
    assert np.array(told["similarity"]).shape == (10, 10)
    text = str(found.sheets())
    assert all(word in text for word in ("monday", "tuesday", "theta 0.5", "digits-cnn", "version 1.0"))


def test_a_bundle_says_how_it_was_fitted_and_calibrated(bundle_folder: Path) -> None:
    found = inspect(bundle_folder)
    assert isinstance(found, Contents)
    provenance = found.to_dict()["provenance"]
    assert provenance["classifier"] == "logistic"
    assert set(provenance["attacks"]) == {"fgsm-0.2", "pgd-0.2"}
    assert provenance["calibration"]["target"] == 0.05
    assert set(provenance["images_of_the_role"]) == {"profile", "fit", "calibrate"}


def test_a_run_says_how_far_it_is_what_is_bad_and_who_works_on_it(digits: Dataset, tmp_path: Path) -> None:
    def image(index: int) -> Image.Image:
        if index == 7:
            raise DataError("digits: 7.png cannot be decoded.")
        return digits.image(index)

    source = ImageSource("", replace(digits, image=image))
    plan = {"job": "profile", "data": "digits", "images": 600, "policy": {"theta": 0.7}}
    with opened(tmp_path / "run", plan) as run:
        look(run, Here(), Looking(source), 600)
        during = inspect(tmp_path / "run")
    after = inspect(tmp_path / "run")
    assert isinstance(during, RunState)
    assert isinstance(after, RunState)
    assert during.worked_on_by.startswith("process ")
    assert after.worked_on_by == ""
    (stage,) = after.stages
    assert (stage.name, stage.parts, stage.images, stage.bad) == (
        "looked",
        3,
        600,
        ("digits: 7.png cannot be decoded.",),
    )
    text = str(after.sheets())
    assert all(word in text for word in ("600 of 600", "policy theta", "0.7", "7.png cannot be decoded"))
    assert "the same command goes on with it" in after.notes()[0]
    with opened(tmp_path / "run", plan):  # having looked at it keeps nobody out
        pass


def test_damaged_parts_of_a_run_are_passed_over(tmp_path: Path) -> None:
    with opened(tmp_path / "run", {"job": "profile"}):
        folder = tmp_path / "run" / "counted" / "000000"
        folder.mkdir(parents=True)
        (folder / "000000000.safetensors").write_bytes(b"not one")
    found = inspect(tmp_path / "run")
    assert isinstance(found, RunState)
    assert [(stage.parts, stage.images) for stage in found.stages] == [(1, None)]


@pytest.mark.parametrize(
    ("file", "content", "error"),
    [
        (None, "", DataError),
        ("plan.json", "{", JobError),
        ("profile.json", "{", SignatureError),
        ("manifest.json", "{", BundleError),
    ],
)
def test_what_is_foreign_or_damaged_is_refused(
    file: str | None, content: str, error: type[Exception], tmp_path: Path
) -> None:
    if file:
        (tmp_path / file).write_text(content)
    with pytest.raises(error, match=str(tmp_path)):
        inspect(tmp_path)


@pytest.mark.parametrize("classes", [1, 2, 10, 100])
def test_heat_maps_have_a_square_for_every_two_classes(classes: int) -> None:
    values = np.random.default_rng(0).random((classes, classes))
    values = (values + values.T) / 2
    np.fill_diagonal(values, 1)
    drawn = HeatMap("Similarity <of> classes", [f"kind & {number}" for number in range(classes)], values)
    tree = ElementTree.fromstring(drawn.svg())
    assert len(tree.findall(".//{http://www.w3.org/2000/svg}rect")) == classes**2
    image = Image.open(BytesIO(drawn.png()))
    assert image.size == drawn.size
    middle = drawn.cell // 2
    for row in range(classes):
        x, y = drawn.left + row * drawn.cell + middle, 34 + middle
        assert image.getpixel((x, y)) == tuple(drawn.colours()[0, row])
