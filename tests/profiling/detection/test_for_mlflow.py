"""A bundle is a model of MLflow: saved, loaded and asked by MLflow's own calls."""

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pathprint.models.errors import ModelError
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detect import detect
from pathprint.profiling.detection.for_mlflow import Verdicts, _load_pyfunc, save_model
from pathprint.profiling.errors import BundleError, DataError, OptionsError, ProfilingError

pytest.importorskip("mlflow.pyfunc", reason="the extra mlflow is not installed")

import mlflow
import pandas


@pytest.fixture(scope="module")
def saved(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mlflow") / "model"
    save_model(bundle_folder, folder, metadata={"team": "vision"})
    return folder


@pytest.fixture(scope="module")
def model(saved: Path) -> Any:
    return mlflow.pyfunc.load_model(str(saved))


@pytest.fixture(scope="module")
def images(digits: Dataset, digits_split: Split) -> list[Any]:
    return [digits.image(int(position)) for position in digits_split.test.positions[:20]]


def as_png(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_its_answers_are_those_of_the_bundle(model: Any, bundle: Bundle, images: list[Any]) -> None:
    answer = model.predict(pandas.DataFrame({"image": [as_png(image) for image in images]}))
    verdicts = detect(bundle, images)
    assert list(answer["decision"]) == [verdict.decision for verdict in verdicts]
    assert list(answer["label"]) == [verdict.label for verdict in verdicts]
    for name in ("flagged", "stage", "inferences"):
        assert list(answer[name]) == [getattr(verdict, name) for verdict in verdicts]
    assert list(answer["score"]) == pytest.approx([verdict.score for verdict in verdicts], abs=0.02)
    assert answer["reason"].str.len().min() > 0


def test_its_example_is_the_golden_image(model: Any, bundle: Bundle) -> None:
    (row,) = model.predict(model.input_example).to_dict("records")
    (verdict,) = bundle.detector.examine(bundle.golden[None])
    assert row["decision"] == verdict.decision
    assert row["score"] == pytest.approx(verdict.score, abs=0.02)


def test_options_that_change_nothing_are_refused(bundle_folder: Path, model: Any) -> None:
    with pytest.raises(OptionsError, match="`tier`: without effect"):
        _load_pyfunc(str(bundle_folder), {"tier": "fast"})
    with pytest.raises(OptionsError, match="`tier`: without effect"):
        Verdicts(model.get_raw_model()).predict(pandas.DataFrame({"image": []}), {"tier": "fast"})


def test_no_image_gives_no_row(model: Any) -> None:
    answer = model.predict(pandas.DataFrame({"image": pandas.Series([], dtype=object)}))
    assert len(answer) == 0
    assert "decision" in answer.columns


def test_it_is_data_alone(saved: Path, bundle_folder: Path, bundle: Bundle) -> None:
    names = {path.name for path in saved.rglob("*") if path.is_file()}
    assert {path.suffix for path in saved.rglob("*") if path.is_file()} <= {
        "",
        ".json",
        ".safetensors",
        ".txt",
        ".yaml",
    }
    assert {path.name for path in bundle_folder.iterdir()} <= names
    said = yaml.safe_load((saved / "MLmodel").read_text())
    assert said["flavors"]["python_function"]["loader_module"] == "pathprint.profiling.detection.for_mlflow"
    assert said["metadata"] == {"pathprint_bundle_sha256": bundle.sha256, "team": "vision"}
    assert "pathprint[mlflow]" in (saved / "requirements.txt").read_text()


@pytest.mark.parametrize(("content", "said"), [(b"no image", "row 1"), (b"", "row 1")])
def test_images_that_cannot_be_decoded_are_named(model: Any, images: list[Any], content: bytes, said: str) -> None:
    with pytest.raises((ProfilingError, ModelError), match=said):
        model.predict(pandas.DataFrame({"image": [as_png(images[0]), content]}))


def test_other_tables_are_refused(model: Any) -> None:
    with pytest.raises(Exception, match="image"):  # MLflow compares the table with the signature
        model.predict(pandas.DataFrame({"picture": [b""]}))
    with pytest.raises(DataError, match="no column 'image'"):
        Verdicts(model.get_raw_model()).predict([b""])


def test_damage_is_found_when_it_is_loaded(saved: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(saved, tmp_path / "copy"))
    (path,) = copy.rglob("detector.json")
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(BundleError, match="was changed"):
        mlflow.pyfunc.load_model(str(copy))


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a bundle"):
        save_model(tmp_path, tmp_path / "model")
    assert not (tmp_path / "model").exists()
