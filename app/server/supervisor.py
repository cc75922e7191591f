"""Keep several workers running on one listening socket, and replace those that die."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence

from pathprint.app.settings import Settings

_POLL_SECONDS = 0.2
_FEWEST_SECONDS = 1.0
"""A worker that dies is not replaced sooner than this after its start: it might die again at once."""
FAILED = frozenset({2, 3})
"""Statuses of a worker that cannot start: another one would end in the same way."""


def refusal_to_share(settings: Settings) -> str | None:
    """Return why several workers cannot have these settings, as a sentence; None if they can."""
    if settings.metrics_port:  # port 0 gives each worker a free one
        return "--workers cannot share one PATHPRINT_METRICS_PORT; unset it, set it to 0, or start one worker."
    if settings.audit is not None:
        return "--workers cannot share one audit log; unset PATHPRINT_AUDIT, or start one worker."
    return None


class Supervisor:
    """Owns the socket while workers come and go: connections that no worker has taken yet wait, and are not lost."""

    def __init__(self, listener: socket.socket, command: Sequence[str], workers: int) -> None:
        """``command`` starts a worker; it is told the descriptor of the socket with ``--fd``, and who we are."""
        self._listener, self._command = listener, command
        self._workers: dict[int, subprocess.Popen[bytes]] = {}
        self._started: dict[int, float] = {}
        self._number, self._stopping = workers, False
        self._came: deque[int] = deque()
        self.status = 0

    def run(self) -> int:
        """Keep the workers running until a signal comes; return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)
        for slot in range(self._number):
            self._start(slot)
        while not self._stopping:
            time.sleep(_POLL_SECONDS)
            self._obey()
            for slot, worker in list(self._workers.items()):
                if worker.poll() is not None and not self._stopping:
                    self._replace(slot, worker.returncode)
        while any(worker.poll() is None for worker in self._workers.values()):
            time.sleep(_POLL_SECONDS)
            self._obey()
        return self.status

    def _note(self, number: int, frame: object) -> None:
        """Remember a signal. It may come while a worker is being started, so nothing more is done here."""
        self._came.append(number)

    def _obey(self) -> None:
        """Do what the signals that came ask for."""
        while self._came:
            number = self._came.popleft()
            if number == signal.SIGHUP:
                self._pass_on(number)
            else:
                self._stop(number)

    def _start(self, slot: int) -> None:
        descriptor = self._listener.fileno()
        # Only the first worker of all says that nothing is ready yet; for others, connections wait.
        wait = ["--wait"] if slot or slot in self._workers else []
        self._started[slot] = time.monotonic()
        self._workers[slot] = subprocess.Popen(
            [*self._command, "--fd", str(descriptor), "--supervisor", str(os.getpid()), *wait],
            pass_fds=[descriptor],
            process_group=0,  # Ctrl-C is for us; a worker that got it twice would end at once
        )

    def _replace(self, slot: int, status: int) -> None:
        if status in FAILED:  # it has said why
            self.status = status
            self._stop(signal.SIGTERM)
        elif time.monotonic() - self._started[slot] >= _FEWEST_SECONDS:
            sys.stderr.write(f"pathprint: a worker ended with status {status}; another takes its place.\n")
            self._start(slot)

    def _stop(self, number: int) -> None:
        """Tell the workers; the second time they end at once, and so does the supervisor."""
        self._pass_on(number)
        if self._stopping:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._stopping = True
        # The workers still take what waits in the backlog; with this copy open, more would come and be lost.
        self._listener.close()

    def _pass_on(self, number: int) -> None:
        for worker in self._workers.values():
            if worker.poll() is None:
                worker.send_signal(number)
