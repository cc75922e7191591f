"""Networks of timm and of transformers, from a checkpoint on disk to verdicts, as the examples say."""

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from pathprint.models.errors import NetworkWarning
from tests.examples.photos import COLOURS, fit_last, images_in, photograph, write_photos

EXAMPLES = Path(__file__).parents[2] / "examples"
SIDE = 32


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder, side=SIDE)
    return folder


def protect(name: str) -> Callable[..., None]:
    """Return what an example does, which is what its command line calls."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., None] = module.protect
    return found


def shown(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: object) -> list[str]:
    """Run an example on a red suspect; return what it printed."""
    photograph(COLOURS["red"], 77, SIDE).save(tmp_path / "suspect.png")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NetworkWarning)
        protect(name)(*map(str, arguments), [str(tmp_path / "suspect.png")])
    return capsys.readouterr().out.splitlines()


def check(lines: list[str], tmp_path: Path) -> None:
    assert len(lines) == 2
    assert "answered 'red'" in lines[0]
    assert "suspect.png: benign" in lines[0] or "suspect.png: uncertain" in lines[0]
    assert (tmp_path / "protected" / "manifest.json").is_file()


@pytest.mark.slow
def test_timm(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    timm = pytest.importorskip("timm", reason="the extra timm is not installed")
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    module = timm.create_model("test_resnet", num_classes=len(COLOURS)).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(module))
    inputs, labels = images_in(photos, transform)
    with torch.no_grad():
        features = module.forward_head(module.forward_features(inputs), pre_logits=True)
    fit_last(module.get_classifier(), features, labels)
    save_file(module.state_dict(), tmp_path / "weights.safetensors")
    check(shown("from_timm", capsys, tmp_path, "test_resnet", "weights.safetensors", photos), tmp_path)


@pytest.mark.slow
def test_transformers(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra transformers is not installed")
    monkeypatch.chdir(tmp_path)
    processor = transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE})

    def as_input(image: Image.Image) -> Tensor:
        return torch.as_tensor(processor(image, return_tensors="pt")["pixel_values"][0])

    module = vision_transformer(transformers)
    inputs, labels = images_in(photos, as_input)
    with torch.no_grad():
        features = module.vit(inputs).last_hidden_state[:, 0]
    fit_last(module.classifier, features, labels)
    module.save_pretrained("checkpoint")  # safetensors
    processor.save_pretrained("checkpoint")
    assert (tmp_path / "checkpoint" / "model.safetensors").is_file()
    check(shown("from_transformers", capsys, tmp_path, "checkpoint", photos), tmp_path)


def vision_transformer(transformers: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=SIDE,
        patch_size=8,
        id2label=dict(enumerate(COLOURS)),
    )
    return transformers.ViTForImageClassification(config).eval()


@pytest.mark.parametrize("name", ["from_timm", "from_transformers"])
def test_they_are_short(name: str) -> None:
    code = (EXAMPLES / f"{name}.py").read_text().split('"""', 2)[2]
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 25
