"""Decode in processes with limits: one that needs too much memory or time is killed, and another takes its place.

Decoders are written in C, and read what strangers send. Here a decoder that goes wrong takes no other request with it.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any

import torch

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.decoding import Decoded, Opened, Upload, decode_opened, open_upload
from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import Preprocessing

# Not a fork of the service, whose threads hold locks; its server has imported what a process needs.
_starting = multiprocessing.get_context("forkserver")
_WALL = 6
"""Times the seconds of processor time that a process may take by the clock, as others may use the processors too."""


class LimitedDecoders:
    """Processes that decode, each one image at a time, started when they are first needed.

    Attributes:
        memory: bytes that decoding may take beyond what an idle process has.
        seconds: of processor time for an image.
    """

    def __init__(self, number: int, memory: int, seconds: int) -> None:
        self.memory, self.seconds = memory, seconds
        self._idle: SimpleQueue[_Process | None] = SimpleQueue()
        self._lock = threading.Lock()
        _starting.set_forkserver_preload([__name__])
        for _ in range(number):
            self._idle.put(None)

    def decode(self, file: Opened, preprocessing: Preprocessing) -> Decoded:
        """Return what ``decode_opened`` returns, made by a process.

        Raises:
            ImageError: the image is truncated or damaged.
            ProblemError: decoding it went beyond a limit, or crashed.
        """
        process = self._living(self._idle.get()) or self._started()
        try:
            answer = process.ask(file.data, preprocessing, self.seconds)
        except BaseException:
            process.kill()
            self._idle.put(None)
            raise
        self._idle.put(process)
        return _read(answer, file)

    def _living(self, process: _Process | None) -> _Process | None:
        """Return an idle process; None if there is none, or it died while nobody asked it anything."""
        if process is None or process.lives:
            return process
        process.kill()
        return None

    def _started(self) -> _Process:
        with self._lock:
            return _Process(self.memory)

    def close(self) -> None:
        """End the idle processes."""
        while not self._idle.empty():
            if process := self._idle.get():
                process.kill()


class _Process:
    def __init__(self, memory: int) -> None:
        self._own, its = _starting.Pipe()
        self._process: BaseProcess = _starting.Process(target=_serve, args=(its, memory), daemon=True)
        self._process.start()
        its.close()

    @property
    def lives(self) -> bool:
        return self._process.is_alive()

    def ask(self, data: bytes, preprocessing: Preprocessing, seconds: int) -> bytes:
        """Return the answer on an image; raise a problem if there is none."""
        head = {"preprocessing": preprocessing.to_dict(), "seconds": seconds}
        try:
            self._own.send_bytes(json.dumps(head).encode() + b"\n" + data)
            if self._own.poll(seconds * _WALL):
                return self._own.recv_bytes()
        except (EOFError, OSError):
            pass
        raise ProblemError("decoder_failed", "Decoding the image took too much time or memory, or crashed.")

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._own.close()


def _read(answer: bytes, file: Opened) -> Decoded:
    head, _, pixels = answer.partition(b"\n")
    facts = json.loads(head)
    if "text" in facts:
        if facts["code"] == "decoder_failed":
            raise ProblemError("decoder_failed", facts["text"])
        raise ImageError(facts["code"], facts["text"])
    values = torch.frombuffer(bytearray(pixels), dtype=torch.float32).reshape(facts["shape"])
    done = tuple(facts["transforms"])
    return Decoded(values, file.media_type, facts["width"], facts["height"], facts["sha256"], done)


def _serve(requests: Connection, memory: int) -> None:
    """Answer until nobody asks any more: what the process does."""
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = _address_space() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            head, _, data = requests.recv_bytes().partition(b"\n")
            requests.send_bytes(_answer(json.loads(head), data))


def _address_space() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()


def _answer(head: Mapping[str, Any], data: bytes) -> bytes:
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + head["seconds"], hard))
    preprocessing = Preprocessing.from_dict(head["preprocessing"])
    try:
        image = decode_opened(open_upload(Upload(data, None)), preprocessing)
    except ImageError as error:
        return json.dumps({"code": error.code, "text": str(error)}).encode()
    except MemoryError:
        return json.dumps({"code": "decoder_failed", "text": "Decoding the image took too much memory."}).encode()
    facts = {
        "width": image.width,
        "height": image.height,
        "sha256": image.sha256,
        "shape": list(image.pixels.shape),
        "transforms": image.transforms,
    }
    return json.dumps(facts).encode() + b"\n" + image.pixels.numpy().tobytes()
