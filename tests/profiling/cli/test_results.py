"""Only results reach standard output, whatever else a command, a network or compiled code prints."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pathprint.profiling.cli.results import print_json, print_result, results_apart
from tests.profiling.cli.calling import Command, closing_json

PROGRAM = """
import os
from pathprint.profiling.cli.results import print_json, results_apart
print("before")
with results_apart():
    print("by a module")
    os.write(1, b"by compiled code\\n")
    os.system("echo by another program")
    print_json({"score": 1, "label": "\\udcff\\u2260"})
print("after")
"""
TALKATIVE = """
from torch import nn
print("imported")
class Network(nn.Sequential):
    def forward(self, x):
        print("called")
        return super().forward(x)
def make():
    print("made")
    return Network(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
"""


def run(program: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_what_is_printed_meanwhile_goes_to_standard_error() -> None:
    done = run(PROGRAM, stdout=subprocess.PIPE)
    first, line, last = done.stdout.decode().splitlines()
    assert (first, last) == ("before", "after")
    assert json.loads(line) == {"score": 1, "label": "\udcff≠"}
    assert sorted(done.stderr.decode().splitlines()) == ["by a module", "by another program", "by compiled code"]


def test_a_network_that_prints_does_not_spoil_the_json(
    tmp_path: Path, image: Path, pathprint: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "talkative.py").write_text(TALKATIVE)
    monkeypatch.chdir(tmp_path)
    declared = ("--size", 8, "--mean", 0.5, "--std", 0.5, "--out", "path.npz", "--json")
    done = pathprint("paths", "--network", "talkative:make", image, *declared)
    assert closing_json(done)["out"] == "path.npz"
    assert {"imported", "made", "called"} <= set(done.stderr.splitlines())


def test_results_are_told_apart_where_standard_output_was_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    print_result("first")
    with results_apart():
        sys.stdout.write("aside\n")
        print_json({"a": 1})
    sys.stdout.write("last\n")
    assert capsys.readouterr() == ('first\n{"a": 1}\nlast\n', "aside\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_standard_output_is_an_error_in_one_sentence() -> None:
    program = "from pathprint.profiling.cli.main import main; import sys; sys.argv = ['pathprint', 'full']\n"
    program += (
        "from pathprint.profiling.cli.main import commands\n"
        "from pathprint.profiling.cli.lazy import command_of\n"
        "from pathprint.profiling.cli.results import print_json\n"
        "def full(as_json: bool = True) -> None: print_json({})\n"
        "commands.list_commands = lambda ctx: ['full']; commands.get_command = lambda ctx, name: command_of(full)\n"
        "main()\n"
    )
    with open(os.devnull.replace("null", "full"), "wb") as full:  # noqa: PTH123
        done = run(program, stdout=full)
    said = b"pathprint: standard output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (2, said)
