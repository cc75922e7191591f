"""docs/extending.md is followed literally: its files are created, its lines added, its programs run."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SECTIONS = ("A layer rule", "An attack", "A view", "A classifier")
_FENCE = re.compile(r"(?P<before>[^\n]+)\n\n```(?:python|text)\n(?P<code>.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Instruction:
    """What a line of the document says to do with the code below it."""

    line: str
    code: str

    def follow(self, checkout: Path, further: str) -> None:
        if created := re.search(r"Create `([^`]+)`:", self.line):
            target = checkout / created[1]
            assert not target.exists(), f"{created[1]} is in the checkout already; choose another example"
            target.write_text(self.code)
        elif added := re.search(r"Add to `(\w+)` in `([^`]+)`:", self.line):
            insert(checkout / added[2], rf"^{added[1]}\b[^\n]*[({{]\n", self.code)
        elif imported := re.search(r"Add to the imports of `([^`]+)`:", self.line):
            insert(checkout / imported[1], r"^from __future__ import annotations\n", self.code)
        else:
            assert self.line.endswith("Run:"), f"nobody knows what to do: {self.line}"
            run(checkout, self.code + further)


def insert(path: Path, after: str, code: str) -> None:
    text = path.read_text()
    (place,) = re.finditer(after, text, re.MULTILINE)
    path.write_text(text[: place.end()] + code + text[place.end() :])


def run(checkout: Path, code: str) -> None:
    # Compiling the kernels of every copy would take longer than all the rest.
    environment = os.environ | {"PYTHONPATH": str(checkout / "src"), "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(
        command, cwd=checkout / "work", env=environment, capture_output=True, text=True, check=False, timeout=800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def instructions(title: str) -> list[Instruction]:
    text = (CHECKOUT / "docs" / "extending.md").read_text()
    section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [Instruction(found["before"], found["code"]) for found in _FENCE.finditer(section)]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the package, laid out as the checkout is."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("models", "profiling", "app", "src"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, symlinks=True, ignore=ignored)
    (tmp_path / "work").mkdir()
    return tmp_path


# It passes what a linear layer with weights 1 up to each place passes.
RUNNING_SUMS = """
import torch
from torch import nn
import pathprint

class Network(nn.Module):
    def __init__(self, middle: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.middle = nn.Linear(6, 8), nn.Linear(8, 3), middle

    def forward(self, x):
        return self.last(self.middle(self.first(x.flatten(1))))

class Summed(nn.Module):
    def forward(self, x):
        return torch.cumsum(x, dim=1)

multiplied = nn.Linear(8, 8, bias=False)
with torch.no_grad():
    multiplied.weight.copy_(torch.ones(8, 8).tril())
x = torch.rand(20, 1, 2, 3)
preprocessing = pathprint.Preprocessing(1, (2, 3), 2, mean=(0.5,), std=(1.0,))
found = [
    {layer.shape.name: layer.neurons.mask().tolist() for layer in
     pathprint.Extractor(pathprint.Network.capture(Network(middle), preprocessing)).extract(x).layers}
    for middle in (Summed(), multiplied)
]
assert found[0]["first"] == found[1]["first"] and any(map(any, found[0]["first"]))
print("equal")
"""
FURTHER = {"A layer rule": RUNNING_SUMS}
"""By section, what is run after the document's own program, in the same process."""


@pytest.mark.parametrize("title", SECTIONS)
def test_following_the_document_works(title: str, checkout: Path) -> None:
    found = instructions(title)
    assert [item.line for item in found if item.line.endswith("Run:")]
    for item in found:
        item.follow(checkout, FURTHER.get(title, ""))
