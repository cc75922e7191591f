"""The programs of docs/attacking.md run as they are written, on a small real bundle."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import torch

PROGRAMS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs/attacking.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_attacks_the_detector(number: int, bundle_folder: Path) -> None:
    torch.manual_seed(0)
    printed = io.StringIO()
    program = PROGRAMS[number].replace("my-bundle", str(bundle_folder))
    with redirect_stdout(printed):
        exec(compile(program, f"attacking.md, program {number + 1}", "exec"), {"__name__": "program"})
    assert re.search(r"\d+% ", printed.getvalue())
    assert len([line for line in program.splitlines() if line.strip()]) <= 25


def test_there_are_programs() -> None:
    assert len(PROGRAMS) == 2
