"""The example runs as it stands, on a torchvision network that a user has trained, and a folder of images."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as transform

EXAMPLE = Path(__file__).parents[2] / "examples" / "protect_my_network.py"
ARCHITECTURE = "shufflenet_v2_x0_5"
COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 40)}


def photograph(colour: tuple[int, int, int], seed: int) -> Image.Image:
    """Return a noisy image of one colour, with a darker square somewhere."""
    generator = np.random.default_rng(seed)
    pixels = np.array(colour) + generator.normal(0, 30, (64, 64, 3))
    row, column = generator.integers(0, 40, 2)
    pixels[row : row + 20, column : column + 20] *= 0.5
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number, (name, colour) in enumerate(COLOURS.items()):
        (folder / name).mkdir()
        for i in range(50):
            photograph(colour, 1000 * number + i).save(folder / name / f"{i}.png")
    return folder


def trained(photos: Path) -> nn.Module:
    """Return a network with random features, whose last layer is fitted to the photographs."""
    torch.manual_seed(0)
    model = torchvision.models.get_model(ARCHITECTURE, num_classes=len(COLOURS)).eval()
    preset = torchvision.models.get_model_weights(ARCHITECTURE).DEFAULT.transforms()
    files = sorted(photos.glob("*/*.png"))
    images = torch.stack([preset(transform.pil_to_tensor(Image.open(file))) for file in files])
    wanted = 8 * torch.eye(len(COLOURS))[[list(COLOURS).index(file.parent.name) for file in files]]
    last, model.fc = model.fc, nn.Identity()
    with torch.no_grad():
        features = torch.cat([model(part) for part in torch.split(images, 50)])
        rows = torch.cat([features, torch.ones(len(files), 1)], 1).double()
        found: Tensor = torch.linalg.lstsq(rows, wanted.double(), driver="gelsd").solution.float().T
        last.weight.copy_(found[:, :-1])
        last.bias.copy_(found[:, -1])
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
