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

    def follow(self, checkout: Path) -> None:
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
            with (checkout / "work" / "program.py").open("a") as program:
                program.write(self.code)


def insert(path: Path, after: str, code: str) -> None:
    text = path.read_text()
    (place,) = re.finditer(after, text, re.MULTILINE)
    path.write_text(text[: place.end()] + code + text[place.end() :])


def instructions(title: str) -> list[Instruction]:
    text = (CHECKOUT / "docs" / "extending.md").read_text()
    section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [Instruction(found["before"], found["code"]) for found in _FENCE.finditer(section)]


def copied(checkout: Path) -> None:
    """Make a copy of the package, laid out as the checkout is, and an empty folder to work in."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("models", "profiling", "app", "src"):
        shutil.copytree(CHECKOUT / name, checkout / name, symlinks=True, ignore=ignored)
    (checkout / "work").mkdir()


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

# Libraries are imported once, as that takes longer than the programs: each then runs in a copy of the process.
RUN_ALL = """
import os, runpy, sys, traceback
import numba, sklearn.linear_model, torch.export, torch._dynamo, torchvision

assert "pathprint" not in sys.modules
for checkout in sys.argv[1:]:
    if (child := os.fork()) == 0:
        os.chdir(os.path.join(checkout, "work"))
        output = os.open("output", os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1), os.dup2(output, 2)
        sys.path.insert(0, os.path.join(checkout, "src"))
        try:
            runpy.run_path("program.py", run_name="__main__")
            print("finished")
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By section, what its program wrote in a copy of the package in which the section was followed."""
    checkouts = {title: tmp_path_factory.mktemp("checkout") for title in SECTIONS}
    for title, checkout in checkouts.items():
        copied(checkout)
        for item in [*instructions(title), Instruction("Run:", FURTHER.get(title, ""))]:
            item.follow(checkout)
    # Compiling the kernels of every copy would take longer than all the rest.
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-W", "ignore", "-c", RUN_ALL, *map(str, checkouts.values())]
    subprocess.run(command, env=environment, check=True, timeout=800)
    return {title: (checkout / "work" / "output").read_text() for title, checkout in checkouts.items()}


@pytest.mark.parametrize("title", SECTIONS)
def test_following_the_document_works(title: str, outputs: dict[str, str]) -> None:
    assert [item.line for item in instructions(title) if item.line.endswith("Run:")]
    *shown, last = outputs[title].splitlines()
    assert last == "finished", outputs[title]
    assert shown
