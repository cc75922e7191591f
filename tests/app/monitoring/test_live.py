"""What the monitor remembers: counts over time, the latest decisions and alarms, and never more than so many."""

from __future__ import annotations

from collections import Counter

import pytest

from pathprint.app.monitoring.live import SLOT_SECONDS, SLOTS, Live, Streams
from pathprint.app.monitoring.query_attacks import Alarm
from pathprint.app.problems.kinds import ProblemError
from tests.app.monitoring.decided import decision


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_verdicts_are_counted_in_slots_of_time() -> None:
    clock = Clock()
    live = Live(clock)
    live.decided(decision(verdict="benign"))
    clock.now += SLOT_SECONDS * 3
    live.decided(decision(verdict="adversarial"))
    live.decided(decision(verdict="adversarial"))
    slots = live.slots()
    assert len(slots) == SLOTS
    assert slots[-4:] == [Counter(benign=1), Counter(), Counter(), Counter(adversarial=2)]
    clock.now += SLOT_SECONDS * SLOTS
    assert not any(live.slots())
    assert live.totals == Counter(benign=1, adversarial=2)


def test_a_clock_that_is_set_back_loses_nothing() -> None:
    clock = Clock()
    live = Live(clock)
    live.decided(decision())
    clock.now -= 3600
    live.decided(decision())
    assert live.totals.total() == 2
    clock.now += 3600
    assert live.slots()[-1] == Counter(adversarial=2)


def test_the_latest_decisions_are_asked_for_by_number() -> None:
    live = Live()
    for number in range(120):
        live.decided(decision(request_id=f"{number}"))
    assert [one.decision.request_id for one in live.since()] == [f"{number}" for number in range(70, 120)]
    assert [one.number for one in live.since(118)] == [119, 120]
    assert not live.since(120)


def test_the_latest_alarms_are_remembered() -> None:
    live = Live()
    for similar in range(30):
        live.alarmed(Alarm(decision(), "alert", similar, 512))
    assert [one.alarm.similar for one in live.alarms()] == list(range(10, 30))


def test_places_to_watch_come_back_after_an_error() -> None:
    streams = Streams(1)
    with pytest.raises(ZeroDivisionError), streams.place():
        with pytest.raises(ProblemError, match="too_many_watchers"), streams.place():
            pass
        raise ZeroDivisionError
    with streams.place():
        assert streams.open == 1
    assert streams.open == 0
