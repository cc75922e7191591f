"""Start the real service on a bundle and ask it about images, as a user would."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pathprint.models.preprocessing import to_image
from pathprint.profiling.arrays import Floats
from pathprint.profiling.cli.terminal import say
from pathprint.profiling.detection.examples import Examples
from pathprint.profiling.errors import BundleError
from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.protocol import Outcome
from pathprint.profiling.writing.whole import whole_file

_START_SECONDS, _REASONS, _PAIRS = 180, 3, 6  # a busy machine takes a minute


def demonstrate(bundle: Path, outcome: Outcome, attack: str, pictures: Mapping[str, Path]) -> dict[str, Any]:
    """Ask the service about a typical clean and a typical adversarial test image; say what it answers.

    Args:
        pictures: files that the images are written to, ``clean`` and ``adversarial``, for a user to ask about again.
    """
    crafted, won = outcome.trial.crafted[attack], outcome.trial.crafted[attack].success
    shown = {
        "clean": _median(outcome.trial.clean.pixels, outcome.scores.clean),
        "adversarial": _median(crafted.pixels[won], outcome.scores.attacks[attack][won.numpy()]),
    }
    for name, path in pictures.items():
        with whole_file(path) as partial:
            to_image(shown[name]).save(partial, "PNG")
    with running_service(bundle) as address:
        answers = {name: ask(address, pixels) for name, pixels in shown.items()}
    for name, answer in answers.items():
        detection, prediction = answer["detection"], answer["prediction"]
        say(
            f"{name} image over HTTP: {detection['verdict']}; answered '{prediction['label']}', "
            f"score {detection['score']:.2f}, threshold {detection['threshold']:.2f}"
        )
        for layer in answer["evidence"]["layers"][:_REASONS]:
            say(f"- {layer['text']}")
    return answers


def _median(pixels: Tensor, scores: Floats) -> Tensor:
    """Return the image whose score is the median: neither the best nor the worst case."""
    return pixels[int(np.argsort(scores, kind="stable")[len(scores) // 2])]


def closing(bundle: Path, report: Report, answers: dict[str, Any]) -> dict[str, Any]:
    """Return what came out, as JSON-able data."""
    attacks = {
        name: {
            "success": report.attacks[name].success,
            "auc": found.auc.value,
            "tpr_at_5fpr": found.tpr_at_5fpr.value,
        }
        for name, found in report.detector.attacks.items()
    }
    return {
        "bundle": str(bundle),
        "clean_accuracy": report.clean_accuracy,
        "attacks": attacks,
        "service": {name: answer["detection"]["verdict"] for name, answer in answers.items()},
    }


def pairs(outcome: Outcome, labels: Sequence[str]) -> Examples:
    """Return a clean test image and what an attack made of it, of each of several attacks, and each of another class.

    Of an attack the image is taken whose score is the median: neither the best nor the worst case.
    """
    trial, taken = outcome.trial, dict[int, str]()
    classes = outcome.trial.clean.labels
    shown = set[int]()
    for name, crafted in trial.crafted.items():
        won = [int(at) for at in crafted.success.nonzero().flatten() if int(classes[at]) not in shown]
        if won and len(taken) < _PAIRS:
            scores = outcome.scores.attacks[name][won]
            at = won[int(np.argsort(scores, kind="stable")[len(scores) // 2])]
            taken[at] = name
            shown.add(int(classes[at]))
    rows = list(taken)
    attacked = torch.stack([trial.crafted[name].pixels[at] for at, name in taken.items()])
    names = tuple(labels[int(classes[at])] for at in rows)
    return Examples(trial.clean.pixels[rows], attacked, names, tuple(taken.values()))


@contextmanager
def running_service(bundle: Path) -> Iterator[str]:
    """Serve ``bundle`` in a process of its own; yield its address; stop it in any case.

    Raises:
        BundleError: the service does not get ready.
    """
    port = _free_port()
    command = [sys.executable, "-P", "-m", "pathprint.app", str(bundle), "--port", str(port)]
    # The packages may be used from a checkout, so the child gets the same search path.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address, server)
        yield address
    finally:
        server.terminate()
        server.communicate(timeout=30)


def ask(address: str, pixels: Tensor) -> dict[str, Any]:
    """Post pixels ``c h w`` as a PNG to the service; return its answer."""
    buffer = io.BytesIO()
    to_image(pixels).save(buffer, "PNG")
    request = urllib.request.Request(f"{address}/v1/detect", buffer.getvalue(), {"Content-Type": "image/png"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    late = server.poll() is None
    if late:
        server.kill()
    lines = (server.communicate()[1] or b"").decode(errors="replace").strip().splitlines()
    reason = f"it took more than {_START_SECONDS} seconds" if late else (lines or ["it gave no reason"])[-1]
    raise BundleError(f"the service did not get ready: {reason}")
