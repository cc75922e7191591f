"""Help and wrong calls are answered without the engine: in a process of their own, whose imports are watched."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperCommand, TyperGroup

from pathprint.profiling.cli.commands.keys import keys
from pathprint.profiling.cli.commands.study import study
from pathprint.profiling.cli.lazy import Commands
from pathprint.profiling.cli.main import commands
from pathprint.profiling.data.places import KNOWN

HEAVY = {"torch", "torchvision", "numpy", "numba", "sklearn", "scipy", "PIL", "safetensors"}
PLACE = (
    "--{0}: /dev/null/{1} cannot be written: /dev/null is not a folder; choose another place; see pathprint {2} --help."
)
NETWORK = ("--network", "digits-cnn")
CALLS = [
    *((name,) for name in commands.list_commands(None)),
    *((group.name or "", name) for group in (study, keys) for name in group.list_commands(None)),
]


PROGRAM = """
import contextlib, io, json, sys
from pathprint.profiling.cli.main import main

for line in sys.stdin:
    sys.argv = ["pathprint", *json.loads(line)]
    out, complaint, status = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaint):
        try:
            main()
        except SystemExit as ended:
            status = ended.code
    loaded = sorted({name.partition(".")[0] for name in sys.modules})
    print(json.dumps([status, out.getvalue(), complaint.getvalue().splitlines(), loaded]), flush=True)
"""
Called = Callable[..., tuple[int, str, list[str], set[str]]]


@pytest.fixture(scope="module")
def called() -> Iterator[Called]:
    """Call the command; return exit status, output, lines of standard error, and all packages imported until then.

    All calls are made in one process, which is not this one: a package that one call imports is seen after the others.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answers = process.stdin, process.stdout

        def call(*arguments: object) -> tuple[int, str, list[str], set[str]]:
            asked.write(json.dumps([*map(str, arguments)]) + "\n")
            asked.flush()
            status, output, complaint, loaded = json.loads(answers.readline())
            return status, output, complaint, set(loaded)

        yield call
        asked.close()


def command_at(call: tuple[str, ...]) -> TyperCommand | TyperGroup:
    found: Any = commands
    for name in call:
        found = found.get_command(None, name)
    assert isinstance(found, TyperCommand | TyperGroup)
    return found


@pytest.mark.parametrize("call", [(), *CALLS], ids=" ".join)
def test_help_is_answered_without_the_engine_and_shows_an_example(called: Called, call: tuple[str, ...]) -> None:
    status, written, complaint, loaded = called(*call, "--help")
    assert (status, complaint, loaded & HEAVY) == (0, [], set())
    example = "quickstart" if not call else "study density" if call == ("study",) else " ".join(call)
    assert f"Example: pathprint {example}" in " ".join(written.split())


@pytest.mark.parametrize("call", [(), ("study",)], ids=["pathprint", "study"])
def test_without_arguments_the_help_is_shown_and_the_call_is_wrong(called: Called, call: tuple[str, ...]) -> None:
    status, written, help_text, loaded = called(*call)
    assert (status, written, loaded & HEAVY) == (2, "", set())
    assert help_text == called(*call, "--help")[1].splitlines()


@pytest.mark.parametrize("group", [commands, study], ids=["pathprint", "study"])
def test_every_command_has_a_file_and_a_line_in_the_table(group: Commands) -> None:
    folder = Path(sys.modules[group.package].__file__ or "").parent
    files = {file.stem for file in folder.iterdir() if not file.name.startswith("__")}
    assert set(group.list_commands(None)) == files
    for section in group.sections.values():
        for name, line in section.items():
            found = group.get_command(None, name)
            assert found is not None and found.help is not None
            assert found.help.splitlines()[0] == line


@pytest.mark.parametrize("call", [call for call in CALLS if call != ("study",)], ids=" ".join)
def test_every_option_is_explained_by_sentences(call: tuple[str, ...]) -> None:
    for parameter in command_at(call).params:
        text = getattr(parameter, "help", None)
        assert text and text.endswith("."), parameter.name


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("foo",), "there is no command 'foo'; see pathprint --help."),
        (("profil",), "there is no command 'profil' (perhaps profile); see pathprint --help."),
        (("study", "foo"), "there is no command 'foo'; see pathprint study --help."),
        (("--verbose",), "no such option: --verbose; see pathprint --help."),
        (("bench", "--bach", 3), "no such option: --bach (perhaps --batch); see pathprint bench --help."),
        (("fit", "--out", "b"), "PROFILE is missing; see pathprint fit --help."),
        (("bench",), "--network is missing; see pathprint bench --help."),
        (("bench", "--network"), "option '--network' requires an argument; see pathprint bench --help."),
        (("networks", "all"), "got unexpected extra argument(s) (all); see pathprint networks --help."),
        (("bench", *NETWORK, "--batch", "x"), "--batch: must be a whole number, not 'x'; see pathprint bench --help."),
        (("bench", *NETWORK, "--batch", 0), "--batch: must be at least 1, not '0'; see pathprint bench --help."),
        (("serve", ".", "--port", 70000), "--port: must be at most 65535, not '70000'; see pathprint serve --help."),
        (("bench", *NETWORK, "--theta", "x"), "--theta: must be a number, not 'x'; see pathprint bench --help."),
        (
            ("bench", *NETWORK, "--theta", 2),
            "--theta: must be above 0 and at most 1, not 2; see pathprint bench --help.",
        ),
        (
            ("sanity", *NETWORK, "--out", "s", "--theta", 0.5, "--theta", 0),
            "--theta: must be above 0 and at most 1, not 0; see pathprint sanity --help.",
        ),
        (
            ("profile", *NETWORK, "--out", "p", "--reference", "x"),
            "--reference: 'x' is not one of 'sum', 'output', 'positive'; see pathprint profile --help.",
        ),
        (
            ("profile", *NETWORK, "--out", "p", "--size", "8x8x8"),
            "--size: must be written like 224, or 224x192 for height and width, not '8x8x8'; "
            "see pathprint profile --help.",
        ),
        (
            ("profile", *NETWORK, "--out", "p", "--std", "a,b,c"),
            "--std: must be written like 0.5 for grey images, or 0.5,0.5,0.5 for RGB, not 'a,b,c'; "
            "see pathprint profile --help.",
        ),
        (
            ("fit", ".", "--out", "b", "--target-fpr", 1),
            "--target-fpr: must be between 0 and 1, not 1; see pathprint fit --help.",
        ),
        (
            ("fit", ".", "--out", "b", "--tier", "quick"),
            "--tier: 'quick' is not one of 'fast', 'standard', 'thorough'; see pathprint fit --help.",
        ),
        (
            ("fit", ".", "--out", "b", "--thorough"),
            "--thorough: is now written --tier thorough; see pathprint fit --help.",
        ),
        (("fit", "absent", "--out", "b"), "PROFILE: folder 'absent' does not exist; see pathprint fit --help."),
        (("evaluate", __file__), f"BUNDLE: folder '{__file__}' is a file; see pathprint evaluate --help."),
        (
            ("detect", ".", "absent.png"),
            "IMAGE: file or folder 'absent.png' does not exist; see pathprint detect --help.",
        ),
        (("profile", *NETWORK, "--out", "/dev/null/p"), PLACE.format("out", "p", "profile")),
        (("fit", ".", "--out", "/dev/null/b"), PLACE.format("out", "b", "fit")),
        (("evaluate", ".", "--report", "/dev/null/r"), PLACE.format("report", "r", "evaluate")),
        (("evaluate", ".", "--cache", "/dev/null/c"), PLACE.format("cache", "c", "evaluate")),
        (("train", "digits-cnn", "--out", "/dev/null/w"), PLACE.format("out", "w", "train")),
        (
            ("bench", "--network", "json:load"),
            "json:load needs images of its own: name them with --data. Only digits-cnn has a default.",
        ),
        (("serve", "absent"), "BUNDLE: folder 'absent' does not exist; see pathprint serve --help."),
        (
            ("profile", "--network", "torchvision:resnet19", "--out", "p"),
            "there is no network 'torchvision:resnet19'. Give a name that `pathprint networks` lists, "
            "package.module:factory for a function of yours that returns a torch module, or FILE.pt2 for what "
            "torch.export.save wrote.",
        ),
        (
            ("profile", "--network", "my.nets:make", "--out", "p"),
            f"there is no module 'my.nets': neither my/nets.py in {Path.cwd()} nor an installed package.",
        ),
        (
            ("paths", "--network", "my-nets:make", __file__, "--out", "x.npz"),
            "'my-nets:make' is not of the form package.module:factory; for the function `make` in models/mynet.py "
            "write models.mynet:make.",
        ),
        (
            ("fit", ".", "--out", "b", "--attack", "pgd-0.2", "--attack", "fgms-0.2"),
            "there is no attack 'fgms-0.2' (perhaps fgsm-0.2 or fgsm-0.3 or fgsm-0.1); `pathprint attacks` lists them.",
        ),
        (
            ("evaluate", ".", "--attack", "everything"),
            "there is no attack 'everything'; `pathprint attacks` lists them.",
        ),
        (
            ("study", "detection", *NETWORK, "--attack", "x"),
            "there is no attack 'x'; `pathprint attacks` lists them.",
        ),
        (
            ("profile", "--network", "absent.pt2", "--out", "p"),
            "--network: file 'absent.pt2' does not exist; see pathprint profile --help.",
        ),
        (
            ("paths", __file__, "--out", "x.npz"),
            "give BUNDLE IMAGE, or --network NAME IMAGE.",
        ),
        (
            ("train", "lenet5", "--data", "absent"),
            f"there is no data at absent; pass {KNOWN}.",
        ),
        (
            ("train", "lenet6"),
            "'lenet6' cannot be trained here; choose from digits-cnn, lenet5, cifar-resnet20, "
            "cifar-resnet20-projection.",
        ),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_wrong_call_is_refused_in_one_sentence_without_the_engine(
    called: Called, arguments: tuple[object, ...], sentence: str
) -> None:
    status, written, complaint, loaded = called(*arguments)
    assert (status, written, complaint) == (2, "", [f"pathprint: {sentence}"])
    assert loaded & (HEAVY | {"rich"}) == set()


def test_engine_is_seen_where_it_is_loaded(called: Called) -> None:
    """It is the last of the calls in their process."""
    status, output, _, loaded = called("attacks", "--json")
    assert (status, len(output.splitlines())) == (0, 1)
    assert loaded >= {"torch", "numpy"}


def test_libraries_do_not_step_aside_for_files_in_the_current_directory_where_users_networks_are(
    tmp_path: Path,
) -> None:
    for name in ("models", "profiling"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('of the user')\n")
    for name in ("torch", "typer", "numpy", "random"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('of the user')\n")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "mynet.py").write_text("from torch import nn\ndef make():\n    raise ValueError(nn.ReLU())\n")
    (tmp_path / "i.png").touch()
    arguments = ["paths", "--network", "app.mynet:make", "i.png", "--out", "path.npz"]
    command = [sys.executable, "-m", "pathprint.profiling.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False, cwd=tmp_path)
    wrong = "pathprint: app.mynet:make raised ValueError: ReLU() (app/mynet.py, line 3).\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", wrong)
