"""A user's own function is found in the current directory first, and what it does wrong is told in one sentence."""

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from pathprint.models.errors import ModelError
from pathprint.models.zoo import catalogue
from pathprint.models.zoo.factory import made_by

HEAD = "from torch import nn\n"
MAKE = "def make():\n    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3))\n"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Forget after each test which packages and modules were imported in it."""
    before = {name.partition(".")[0] for name in sys.modules}
    yield
    for name in list(sys.modules):
        if name.partition(".")[0] not in before:
            del sys.modules[name]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def told(folder: Path, *names: str) -> list[str]:
    """Return what is said about each factory in ``folder``, the current directory, which is not on the search path."""
    before = list(sys.path)
    assert not {"", str(folder)} & set(before)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return [said(name, before) for name in names]


def said(name: str, before: list[str]) -> str:
    """Return the type of the network that a factory makes, or its error; the search path is as it was."""
    try:
        return f"made {type(made_by(*name.split(':'))).__name__}"
    except ModelError as error:
        return f"{type(error).__name__} {error}"
    finally:
        assert sys.path == before


@pytest.mark.parametrize("marker", [True, False], ids=["package", "namespace"])
def test_users_packages_may_have_any_name(tmp_path: Path, marker: bool) -> None:
    packages = ("models", "app", "profiling", "mine")
    for package in packages:
        write(tmp_path, {f"{package}/mynet.py": HEAD + MAKE} | ({f"{package}/__init__.py": ""} if marker else {}))
    assert told(tmp_path, *(f"{package}.mynet:make" for package in packages)) == ["made Sequential"] * len(packages)


@pytest.mark.parametrize("marker", [True, False], ids=["package", "namespace"])
def test_users_package_comes_before_an_installed_one_of_the_same_name(
    tmp_path: Path, marker: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    for package in ("imported", "installed"):
        write(elsewhere, {f"{package}/__init__.py": "", f"{package}/other.py": "x = 1\n"})
        write(here, {f"{package}/mynet.py": HEAD + MAKE} | ({f"{package}/__init__.py": ""} if marker else {}))
    monkeypatch.syspath_prepend(elsewhere)
    kept = import_module("imported.other")
    assert told(here, "imported.mynet:make", "installed.mynet:make") == ["made Sequential"] * 2
    assert sys.modules["imported.other"] is kept
    assert "imported.mynet" not in sys.modules


def test_helpers_are_found_while_the_module_is_imported_and_while_it_is_called_but_not_later(tmp_path: Path) -> None:
    late = "def make():\n    import late\n    return late.make()\n"
    write(tmp_path, {"mynet.py": HEAD + "import early\n" + late, "early.py": "", "late.py": HEAD + MAKE})
    write(tmp_path, {"never.py": ""})
    assert told(tmp_path, "mynet:make") == ["made Sequential"]
    assert find_spec("never") is None


def test_a_library_that_is_imported_is_not_hidden_by_a_file_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, {"torch.py": "raise RuntimeError('of the user')\n", "mynet.py": HEAD + MAKE})
    made, refused = told(tmp_path, "mynet:make", "torch:make")
    assert made == "made Sequential"
    assert refused.startswith("UnknownNetworkError torch (")


def test_a_module_that_is_nowhere_is_told_with_the_places_that_were_searched(tmp_path: Path) -> None:
    write(tmp_path, {"models/other.py": "", "single.py": ""})
    nowhere, inside, path = told(tmp_path, "models.mynet:make", "single.mynet:make", "models/mynet.py:make")
    assert nowhere == (
        f"UnknownNetworkError there is no module 'models.mynet': neither models/mynet.py in {tmp_path} "
        "nor an installed package."
    )
    assert "there is no module 'single.mynet'" in inside
    assert "write models.mynet:make" in path


def test_a_name_that_is_missing_is_told_with_ten_that_are_there(tmp_path: Path) -> None:
    many = "".join(f"def net{i}():\n    return nn.Identity()\n" for i in range(12))
    write(tmp_path, {"many.py": HEAD + "from os.path import join\n" + many, "none.py": "_hidden = print\nwidth = 3\n"})
    shown = ", ".join(f"net{i}" for i in range(10))
    assert told(tmp_path, "many:nett", "none:make", "none:width") == [
        f"UnknownNetworkError many ({tmp_path}/many.py) has no function 'nett'; it has {shown}, ….",
        f"UnknownNetworkError none ({tmp_path}/none.py) has no function 'make'; it has no functions.",
        f"UnknownNetworkError width in none ({tmp_path}/none.py) is int, not a function.",
    ]


RAISING = """
import json
from torch import nn

class Width(Exception):
    pass

def direct():
    raise Width("too\\n narrow")

def deep():
    return json.loads("{")

def quiet():
    raise Width

def leaves():
    raise SystemExit("bye")

def endless():
    raise Width("x" * 1000)

def takes(width):
    return nn.Linear(width, width)

def number():
    return 3

class Wide(nn.Module):
    def __init__(self, width, *, depth, height=3, **more):
        super().__init__()

def nothing():
    nn.Identity()

def pair():
    return nn.Identity(), 3

def weights():
    return nn.Identity().state_dict()

def kind():
    return Wide

async def later():
    return nn.Identity()

class Stop(BaseException):
    pass

class Mute(Exception):
    def __str__(self):
        raise ValueError

def stops():
    raise Stop("enough")


def mute():
    raise Mute

made = nn.Identity()
silent = lambda width=3, *rest, **more: nn.Linear(width, width)
"""
FEWER = "Write a function without arguments that calls it, and give the name of that function."


def test_a_factory_that_raises_is_told_with_its_own_words_and_line(tmp_path: Path) -> None:
    write(tmp_path, {"raising.py": RAISING})
    sentences = {
        "direct": "raised Width: too narrow (raising.py, line 9).",
        "quiet": "raised Width (raising.py, line 15).",
        "leaves": "raised SystemExit: bye (raising.py, line 18).",
        "endless": f"raised Width: {'x' * 300} … (raising.py, line 21).",
        "takes": f"needs arguments (width). {FEWER}",
        "Wide": f"needs arguments (width, depth). {FEWER}",
        "number": "returned int, not a torch module. Return an instance of torch.nn.Module.",
        "nothing": "returned NoneType, not a torch module. Perhaps a `return` is missing.",
        "pair": "returned a tuple of Identity, int, not a torch module. Return the module alone.",
        "weights": "returned OrderedDict, not a torch module. Return a module that has loaded these weights.",
        "kind": "returned the class Wide, not a torch module. Return an instance: Wide(…).",
        "later": "returned coroutine, not a torch module. Write `def` in place of `async def`.",
        "stops": "raised Stop: enough (raising.py, line 56).",
        "mute": "raised Mute (raising.py, line 60).",
    }
    *found, deep, made, silent = told(
        tmp_path, *(f"raising:{function}" for function in (*sentences, "deep", "made", "silent"))
    )
    assert found == [f"FactoryError raising:{function} {sentence}" for function, sentence in sentences.items()]
    assert deep.startswith("FactoryError raising:deep raised JSONDecodeError: ")  # by a library, whose line says less
    assert deep.endswith("(raising.py, line 12).")
    assert (made, silent) == ("made Identity", "made Linear")


def test_a_module_that_raises_is_told_apart_from_a_missing_one(tmp_path: Path) -> None:
    modules = {
        "x = 1\nassert x == 2, 'wrong'\n": "AssertionError: wrong (models/net0.py, line 2)",
        "import nowhere_at_all\n": "ModuleNotFoundError: No module named 'nowhere_at_all' (models/net1.py, line 1)",
        "import models.nowhere\n": "ModuleNotFoundError: No module named 'models.nowhere' (models/net2.py, line 1)",
        "def make(;\n": "SyntaxError: invalid syntax (models/net3.py, line 1)",
        "import sys\nsys.exit(3)\n": "SystemExit: 3 (models/net4.py, line 2)",
    }
    write(tmp_path, {f"models/net{i}.py": text for i, text in enumerate(modules)})
    assert told(tmp_path, *(f"models.net{i}:make" for i in range(len(modules)))) == [
        f"FactoryError the module models.net{i} raised {sentence} while it was imported."
        for i, sentence in enumerate(modules.values())
    ]


def test_what_a_factory_prints_goes_to_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    chatty = "import os\nprint('imported')\ndef make():\n    print('made')\n    os.system('echo started')\n"
    write(tmp_path, {"mynet.py": HEAD + chatty + MAKE.partition("\n")[2]})
    monkeypatch.chdir(tmp_path)
    module, *_ = catalogue.opened("mynet:make")
    out, err = capfd.readouterr()
    assert (type(module).__name__, out, err.split()) == ("Sequential", "", ["imported", "made", "started"])
