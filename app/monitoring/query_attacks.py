"""Notices attacks that ask very often about nearly one image, as attackers must who see no gradient.

Each caller has a window of the looks of its last images. If more of them are similar to the newest one than clients
need who attack nobody, that is an alarm. Images whose bytes are equal count once: an answer is the same each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TypeAlias

import numpy as np
import structlog
from torch import Tensor

from pathprint.app.admission.callers import Caller, current_caller
from pathprint.app.admission.charging import Quarantine
from pathprint.app.admission.keys import Similar
from pathprint.app.monitoring.decisions import Decision
from pathprint.app.monitoring.looks import SIDE, Look, distances, look_of, tolerance

log = structlog.get_logger("app")
_FIRST_ROWS = 32


@dataclass(frozen=True, slots=True)
class Watch:
    """How similar queries are watched.

    Attributes:
        action: what an alarm leads to where a caller's key does not say.
        similar: images like the newest one that a window may hold without an alarm.
        window: images of each caller that are remembered.
        callers: callers that are remembered, the most recent ones.
        pause: seconds until the next alarm about a caller.
        refused: seconds for which a caller is turned away after an alarm, if it is.
    """

    action: Similar = "alert"
    similar: int = 50
    window: int = 512
    callers: int = 1000
    pause: float = 60
    refused: float = 600


@dataclass(frozen=True, slots=True)
class Alarm:
    """A caller seems to attack by queries.

    Attributes:
        similar: images in the caller's window that are similar to the newest one.
        remembered: images in the window.
    """

    decision: Decision
    action: Similar
    similar: int
    remembered: int


OnAlarm: TypeAlias = Callable[[Alarm], None]


class Window:
    """The looks of a caller's last different images; grows up to a fixed number of rows, then replaces the oldest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._looks = np.empty((min(_FIRST_ROWS, most), SIDE * SIDE), np.uint8)
        self._ids = np.empty(len(self._looks), np.uint64)
        self._seen = 0
        self.quiet_until = 0.0

    def __len__(self) -> int:
        return min(self._seen, self._most)

    def add(self, look: Look, sha256: str, within: float) -> int:
        """Remember an image unless its bytes are in the window; return how many others are ``within`` this distance."""
        identity = np.uint64(int(sha256[:16], 16))
        count = len(self)
        others = self._ids[:count] != identity
        similar = int((distances(look, self._looks[:count])[others] <= within).sum())
        if others.all():
            self._put(look, identity)
        return similar

    def _put(self, look: Look, identity: np.uint64) -> None:
        if self._seen == len(self._looks) < self._most:
            rows = min(2 * self._seen, self._most)
            self._looks, self._ids = np.resize(self._looks, (rows, SIDE * SIDE)), np.resize(self._ids, rows)
        row = self._seen % self._most
        self._looks[row], self._ids[row] = look, identity
        self._seen += 1


class QueryAttacks:
    """Listens to decisions, and raises an alarm about a caller who asks about one image in many versions."""

    def __init__(self, watch: Watch, quarantine: Quarantine) -> None:
        self._watch, self._quarantine = watch, quarantine
        self._windows: OrderedDict[str, Window] = OrderedDict()
        self._on_alarm: list[OnAlarm] = []

    def listen(self, listener: OnAlarm) -> None:
        """Call ``listener`` with each alarm from now on."""
        self._on_alarm.append(listener)

    def __call__(self, decision: Decision, pixels: Tensor | None) -> None:
        """Remember an image that was judged, and raise an alarm if too many before it were similar."""
        caller = current_caller() or Caller(f"key {decision.key_id}")
        action = caller.similar or self._watch.action
        if pixels is None or action == "ignore":
            return
        window = self._window(caller.name)
        similar = window.add(look_of(pixels), decision.sha256, tolerance(pixels))
        if similar >= self._watch.similar and monotonic() >= window.quiet_until:
            window.quiet_until = monotonic() + self._watch.pause
            self._raise(caller, Alarm(decision, action, similar, len(window)))

    def _window(self, name: str) -> Window:
        window = self._windows.setdefault(name, Window(self._watch.window))
        self._windows.move_to_end(name)
        if len(self._windows) > self._watch.callers:
            self._windows.popitem(last=False)
        return window

    def _raise(self, caller: Caller, alarm: Alarm) -> None:
        # Without a key there is only an address, which is not logged; a proxy's log has it beside the request's id.
        decision = alarm.decision
        if alarm.action == "refuse":
            self._quarantine.add(caller.name, self._watch.refused)
        log.warning(
            "query attack",
            key=decision.key_id,
            request_id=decision.request_id,
            model=decision.model,
            similar=alarm.similar,
            remembered=alarm.remembered,
            action=alarm.action,
        )
        for listener in tuple(self._on_alarm):
            listener(alarm)
