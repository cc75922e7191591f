"""What users install: one package called pathprint, which works in a folder with packages called like ours."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
OURS = ("models", "profiling", "app", "tests")

FACTORY = """
from torch import nn

def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
"""


def run(command: Sequence[str | Path], folder: Path, **further: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with further variables and no trace of the checkout in its environment."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | further
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the archive of sources that the checkout gives."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "-d", folder], CHECKOUT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, and with the libraries that these tests run on."""
    environment = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "venv", "--without-pip", environment], environment)
    (site,) = environment.glob("lib/python*/site-packages")
    # Packages of that folder can be imported, but its own .pth files, so also our checkout, are not looked at.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    (wheel,) = built.glob("*.whl")
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        environment / "bin" / "python",
        "install",
        "--no-deps",
        "--quiet",
    ]
    run([*pip, wheel], environment)
    return environment / "bin"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder, with packages of the user's own."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in (("models", "from app.mynet import make\n"), ("app", FACTORY)):
        (folder / name).mkdir()
        (folder / name / "mynet.py").write_text(text)
    return folder


def test_the_wheel_holds_one_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"pathprint"}
    assert {
        "pathprint/py.typed",
        "pathprint/app/main.py",
        "pathprint/app/console/index.html",
        "pathprint/models/network.py",
    } <= set(names)
    assert not [name for name in names if "tests" in Path(name).parts or "test_" in name]


def test_the_archive_of_sources_gives_an_equal_wheel(built: Path, tmp_path: Path) -> None:
    (archive,), (wheel,) = built.glob("*.tar.gz"), built.glob("*.whl")
    run(["tar", "xzf", archive], tmp_path)
    (folder,) = tmp_path.iterdir()
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], folder)
    (again,) = tmp_path.glob("*.whl")
    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(zipfile.ZipFile(wheel).namelist())


def test_nothing_but_pathprint_becomes_importable(installed: Path, tmp_path: Path) -> None:
    program = (
        "import json, sys; from importlib.util import find_spec\n"
        f"found = {{name: find_spec(name) for name in {('pathprint', *OURS)!r}}}\n"
        "print(json.dumps({name: spec and spec.origin for name, spec in found.items()}))"
    )
    done = run([installed / "python", "-P", "-c", program], tmp_path)
    origins = json.loads(done.stdout)
    assert str(installed.parent) in origins.pop("pathprint")
    standard = sysconfig.get_path("stdlib")  # which has a package called profiling from Python 3.15 on
    assert [name for name, origin in origins.items() if origin and not origin.startswith(standard)] == []


@pytest.mark.slow
def test_users_may_call_their_packages_like_ours(installed: Path, project: Path) -> None:
    grey = ("--size", "8", "--mean", "0.5", "--std", "0.25")
    few = ("--images-per-class", "2", "--any-accuracy")  # as the network is not trained
    arguments = ("profile", "--network", "models.mynet:make", *grey, *few, "--data", "digits", "--out", "profile")
    # The kernels of the installed copy would be compiled anew; the slow test below has them compiled.
    run([installed / "pathprint", *arguments], project, NUMBA_DISABLE_JIT="1")
    assert (project / "profile" / "signatures.safetensors").is_file()


@pytest.mark.slow
def test_quickstart_and_one_detection(installed: Path, project: Path) -> None:
    run([installed / "pathprint", "quickstart", "--out", "bundles/digits"], project)
    program = (
        "import numpy as np; from PIL import Image; from sklearn.datasets import load_digits\n"
        "Image.fromarray((load_digits().images[0] * 15.9).astype(np.uint8)).save('zero.png')"
    )
    run([installed / "python", "-c", program], project)
    done = run([installed / "pathprint", "detect", "bundles/digits", "zero.png"], project)
    assert done.stdout.startswith("zero.png: ")
    assert "answered '0'" in done.stdout
