"""The example runs as it stands, on a torchvision network that a user has trained, and a folder of images."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn
from torchvision.transforms.v2 import functional as transform

from tests.examples.photos import COLOURS, fit_last, images_in, photograph, write_photos

EXAMPLE = Path(__file__).parents[2] / "examples" / "protect_my_network.py"
ARCHITECTURE = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder)
    return folder


def trained(photos: Path) -> nn.Module:
    """Return a network with random features, whose last layer is fitted to the photographs."""
    torch.manual_seed(0)
    model = torchvision.models.get_model(ARCHITECTURE, num_classes=len(COLOURS)).eval()
    preset = torchvision.models.get_model_weights(ARCHITECTURE).DEFAULT.transforms()
    images, labels = images_in(photos, lambda image: preset(transform.pil_to_tensor(image)))
    last, model.fc = model.fc, nn.Identity()
    with torch.no_grad():
        features = torch.cat([model(part) for part in torch.split(images, 50)])
    fit_last(last, features, labels)
    model.fc = last
    made: nn.Module = model
    return made


@pytest.mark.slow
def test_it_gives_a_verdict_on_each_suspect(photos: Path, tmp_path: Path) -> None:
    torch.save(trained(photos).state_dict(), tmp_path / "weights.pth")
    photograph(COLOURS["red"], 77).save(tmp_path / "suspect.png")
    arguments = [ARCHITECTURE, "weights.pth", str(photos), "suspect.png", "suspect.png"]
    command = [sys.executable, str(EXAMPLE), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()
    assert len(shown) == 4
    assert shown[0].startswith("suspect.png: ")
    assert "answered 'red'" in shown[0]
    assert (tmp_path / "protected" / "manifest.json").is_file()


def test_it_is_short() -> None:
    code = EXAMPLE.read_text().split('"""', 2)[2]
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 25
