"""The image, built and used as its users do: as an unprivileged user, on a root that is read-only, without network.

``PATHPRINT_TEST_BASE`` names the base image, and ``PATHPRINT_TEST_BUILD_ARGS`` further arguments of the build;
``PATHPRINT_TEST_IMAGE`` names an image that is there already.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.images import digit, encoded
from tests.container.engines import USER, Engine, Running, build_arguments, present

pytestmark = pytest.mark.container
HEALTH = ["/opt/pathprint/bin/python", "-P", "-m", "pathprint.app", "--health"]
EXAMPLE = "/opt/pathprint/bundles/digits"
ASK = """
import sys, urllib.request
image, headers = sys.stdin.buffer.read(), {"Content-Type": "image/png"}
request = urllib.request.Request("http://127.0.0.1:8000/v1/detect", image, headers)
print(urllib.request.urlopen(request, timeout=60).read().decode())
"""
LOOK = """
import importlib.util, json, os, pathlib, shutil
programs = ["pip", "pip3", "uv", "gcc", "cc", "g++", "clang", "make", "git", "apt-get"]
packages = ["pip", "ensurepip", "uv", "hatchling"]
root = pathlib.Path("/opt/pathprint")
print(json.dumps({
    "user": os.getuid(),
    "programs": [name for name in programs if shutil.which(name)],
    "packages": [name for name in packages if importlib.util.find_spec(name)],
    "writable": [str(path) for path in (root, *root.iterdir(), pathlib.Path("/")) if os.access(path, os.W_OK)],
    "loops": sum(1 for _ in root.rglob("*.nbc")),
    "first": pathlib.Path("/proc/1/cmdline").read_text().split(chr(0))[0],
}))
"""
COMPILED = """
import pathlib
print(sum(1 for _ in pathlib.Path("/tmp").rglob("*.nbc")))
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    found = present()
    if found is None:
        pytest.skip("neither docker nor podman answers, and buildah is not installed or this is not root")
    return found


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    if given := os.environ.get("PATHPRINT_TEST_IMAGE"):
        return given
    arguments = build_arguments()
    if "BASE" not in arguments and type(engine).__name__ == "ByBuildah":
        pytest.skip("set PATHPRINT_TEST_BASE to a base image: docs/deploy.md says how to make one")
    return engine.build(arguments)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    if os.getuid() == 0:
        os.chown(folder, USER, USER)
    else:
        folder.chmod(0o777)
    return folder


@pytest.fixture
def service(engine: Engine, image: str, work: Path) -> Iterator[Running]:
    """The service, ready, as it is without arguments."""
    with engine.started(image, [], work) as running:
        began, done = time.monotonic(), None
        while time.monotonic() < began + 600:
            time.sleep(2)
            done = running.run(HEALTH)
            if done.returncode == 0:
                break
        assert done is not None
        assert done.returncode == 0, done.stderr.decode()
        sys.stdout.write(f"ready after {time.monotonic() - began:.0f} s\n")
        yield running


def python(running: Running, program: str, given: bytes = b"") -> str:
    done = running.run(["/opt/pathprint/bin/python", "-P", "-c", program], given)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_without_arguments_it_serves_the_example_and_stops_when_told(service: Running) -> None:
    answer = json.loads(python(service, ASK, encoded(digit(0), "PNG")))
    assert answer["prediction"]["label"] == "0"
    assert answer["detection"]["verdict"] == "benign"
    found = json.loads(python(service, LOOK))
    assert found["user"] == USER
    assert found["first"].endswith("/dumb-init")
    assert found["packages"] == found["writable"] == []
    assert set(found["programs"]) <= {"apt-get"}, "the base's own, which needs root"
    assert 0 < int(python(service, COMPILED)) <= found["loops"], "a start compiles nothing"
    assert service.run(["touch", "/opt/pathprint/x"]).returncode != 0
    assert service.stop() == 0


def test_a_batch_profile(engine: Engine, image: str, work: Path) -> None:
    options = ["--network", "digits-cnn", "--data", "digits", "--images-per-class", "5", "--out", "profile", "--json"]
    with engine.started(image, ["profile", *options], work) as running:
        assert running.status() == 0
    assert (work / "profile" / "signatures.safetensors").is_file()
    assert (work / "profile").stat().st_uid == USER


def test_a_scan(engine: Engine, image: str, work: Path) -> None:
    for index in range(3):
        (work / f"{index}.png").write_bytes(encoded(digit(index), "PNG"))
    with engine.started(
        image, ["scan", EXAMPLE, "/jobs", "--out", "/jobs/report.csv", "--workers", "1"], work
    ) as running:
        assert running.status() in (0, 1)
    with (work / "report.csv").open() as lines:
        assert len(list(csv.DictReader(lines))) == 3


def test_a_wrong_command_is_one_sentence_and_status_2(engine: Engine, image: str, work: Path) -> None:
    with engine.started(image, ["scan"], work) as running:
        assert running.status() == 2


def test_a_mounted_bundle_wants_keys(engine: Engine, image: str, work: Path) -> None:
    with engine.started(image, ["serve", EXAMPLE, "--host", "0.0.0.0"], work) as running:
        assert running.status() == 2
