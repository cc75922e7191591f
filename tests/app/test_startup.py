"""The service as operators start it: a process of its own, told by its arguments and the environment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from pathprint.app.main import from_environment
from pathprint.profiling.detection.bundle import Bundle
from tests.app.bundles import damage
from tests.app.images import digit, encoded
from tests.app.server import post

SECONDS = 180


PROGRAM = [sys.executable, "-P", "-m", "pathprint.app"]
COMMAND = [sys.executable, "-m", "pathprint.profiling.cli", "serve"]


def start(bundle: Path, port: int, program: list[str] = PROGRAM, **environment: str) -> subprocess.Popen[str]:
    command = [*program, str(bundle), "--port", str(port)]
    known = {name: value for name, value in os.environ.items() if not name.startswith("PATHPRINT_")}
    known["PATHPRINT_PAUSE_SECONDS"] = "0"
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, env={**known, **environment}, text=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(client: httpx.Client, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if client.get("/readyz").status_code == 200:
                return
        time.sleep(0.2)  # each request leaves a line in a pipe that is read at the end only
    pytest.fail("the service did not get ready")


@pytest.mark.parametrize(
    "program", [PROGRAM, pytest.param(COMMAND, marks=pytest.mark.slow)], ids=["program", "command"]
)
def test_a_service_starts_answers_logs_and_stops(program: list[str], bundle_folder: Path, bundle: Bundle) -> None:
    port = free_port()
    process = start(bundle_folder, port, program)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_until_ready(client, process)
            answer = post(client, encoded(digit(), "PNG")).json()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    lines = [json.loads(line) for line in output.splitlines()]
    (ready,) = [line for line in lines if line["event"] == "ready"]
    assert ready["bundle_sha256"] == bundle.sha256
    assert process.returncode == 0
    (detect,) = [line for line in lines if line.get("path") == "/v1/detect"]
    assert detect["request_id"] == answer["request_id"]
    assert detect["verdict"] == answer["detection"]["verdict"]
    assert detect["status"] == 200


@pytest.mark.slow
def test_a_damaged_bundle_ends_the_process_with_one_line_that_names_the_file(
    bundle_folder: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(bundle_folder, damaged)
    damage(damaged)
    process = start(damaged, free_port())
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    (line,) = [line for line in errors.splitlines() if line.startswith("pathprint: ")]
    assert str(damaged / "signatures.safetensors") in line


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "PATHPRINT_BUNDLE"),
        ({"PATHPRINT_BUNDLE": "/nowhere"}, "/nowhere"),
        ({"PATHPRINT_BUNDLE": ""}, "PATHPRINT_BUNDLE is not set"),
        ({"PATHPRINT_BUNDLE": "."}, "manifest.json"),
        ({"PATHPRINT_BUNDLE": '["digits", 3]'}, "PATHPRINT_BUNDLE"),
        ({"PATHPRINT_BUNDLE": "[digits]"}, "JSON"),
        ({"PATHPRINT_BUNDLE": '["/nowhere", "b=/there"]'}, "/nowhere"),
        ({"PATHPRINT_MAX_BODY_BYTES": "0"}, "PATHPRINT_MAX_BODY_BYTES"),
        ({"PATHPRINT_RATE": "often"}, "PATHPRINT_RATE"),
        ({"PATHPRINT_BODY_SECONDS": "inf", "PATHPRINT_DECODE_THREADS": "two"}, "PATHPRINT_DECODE_THREADS"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: dict[str, str], named: str
) -> None:
    monkeypatch.delenv("PATHPRINT_BUNDLE", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        from_environment()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pathprint: ")
    assert named in line


def test_a_key_file_that_cannot_be_used_ends_the_start(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATHPRINT_BUNDLE", str(bundle_folder))
    monkeypatch.setenv("PATHPRINT_KEYS", "/nowhere/keys.toml")
    with pytest.raises(SystemExit) as ended:
        from_environment()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "pathprint: /nowhere/keys.toml: the key file cannot be read: No such file or directory."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "the following arguments are required: BUNDLE"),
        (("absent",), "argument BUNDLE: there is no folder 'absent'"),
        ((".", "--port", "x"), "argument --port: must be a whole number from 1 to 65535, not 'x'"),
        ((".", "--ports", "1"), "unrecognized arguments: --ports 1"),
    ],
)
def test_a_wrong_call_is_refused_in_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"pathprint: {sentence}; see python -P -m pathprint.app --help.\n"


def test_help_shows_an_example_and_starts_nothing() -> None:
    done = subprocess.run([*PROGRAM, "--help"], capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Example: python -P -m pathprint.app bundles/digits --port 8000" in done.stdout


def test_it_does_not_listen_for_everybody_without_keys() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PATHPRINT_")}
    command = [*PROGRAM, ".", "--host", "0.0.0.0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("pathprint: does not listen on 0.0.0.0 without API keys")
    assert "PATHPRINT_ALLOW_ANONYMOUS=true" in line
