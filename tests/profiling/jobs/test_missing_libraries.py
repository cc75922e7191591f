"""Without its library, an adapter says which extra to install."""

import sys
from importlib import import_module
from pathlib import Path

import pytest
from torch import nn

from pathprint.models.errors import ModelError
from pathprint.models.from_timm import preprocessing_of
from pathprint.profiling.detection.for_hugging_face import from_pretrained
from pathprint.profiling.detection.for_mlflow import save_model
from pathprint.profiling.errors import MissingExtraError


@pytest.mark.parametrize(
    ("adapter", "library", "extra"),
    [
        ("for_art", "art.defences.detector.evasion", "art"),
        ("for_pytorch_ood", "pytorch_ood.api", "ood"),
    ],
)
def test_modules_say_so_when_they_are_imported(
    adapter: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)  # as where it is not installed
    monkeypatch.delitem(sys.modules, f"pathprint.profiling.jobs.{adapter}", raising=False)
    with pytest.raises(MissingExtraError, match=rf"pip install 'pathprint\[{extra}\]'"):
        import_module(f"pathprint.profiling.jobs.{adapter}")


@pytest.mark.parametrize("library", ["mlflow.pyfunc", "pandas"])
def test_functions_say_so_when_they_are_called(
    library: str, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pathprint\[mlflow\]'"):
        save_model(bundle_folder, tmp_path / "model")


def test_only_downloads_need_the_library_of_the_hub(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.chdir(tmp_path)
    assert from_pretrained(bundle_folder).sha256
    with pytest.raises(MissingExtraError, match=r"there is no folder 'a/b'.*pip install 'pathprint\[hub\]'"):
        from_pretrained("a/b")


def test_timm_is_asked_for_its_declarations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm.data.config", None)
    with pytest.raises(ModelError, match=r"pip install 'pathprint\[timm\]'"):
        preprocessing_of(nn.Linear(1, 1))
