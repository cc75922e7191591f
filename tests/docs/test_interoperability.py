"""The programs of docs/interoperability.md run as they are written, on a small real bundle."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
import torch

from pathprint.models.network import Network
from pathprint.models.preprocessing import to_image
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from pathprint.profiling.evaluation.goal_file import read_goals

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/interoperability.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_runs(
    number: int,
    bundle_folder: Path,
    digits: Dataset,
    digits_network: Network,
    digits_split: Split,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("mlflow.pyfunc", reason="the extra mlflow is not installed")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(bundle_folder, "my-bundle")
    pixels = digits.pixels(digits_split.test.positions[:4], digits_network.preprocessing)
    to_image(pixels[0]).save("suspect.png")
    loader = [(pixels, torch.tensor([0, 1, 2, -1]))]
    exec(compile(PROGRAMS[number], f"program {number + 1}", "exec"), {"images": pixels.numpy(), "loader": loader})
    assert capsys.readouterr().out or "save_pretrained" in PROGRAMS[number]


def test_the_goals_are_read(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "goals.toml").write_text(text)
    assert len(read_goals(tmp_path / "goals.toml", full=False)) == 4


def test_the_extras_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"^\|.*\| `(\w+)`[^|]*\|$", PAGE, re.MULTILINE)
    assert set(named) == {"art", "ood", "hub", "mlflow", "timm", "transformers"}
    assert set(named) <= set(extras)
