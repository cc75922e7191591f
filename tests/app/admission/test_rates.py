"""Rates: what a client may spend in a moving window, and what it is told when it has spent it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import parse
from pydantic import ValidationError
from starlette.datastructures import State

from pathprint.app.admission import charging, rates
from pathprint.app.admission.charging import Bill, Quarantine, charge_for
from pathprint.app.admission.rates import Rates
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.settings import Settings
from tests.app.admission.guarded import ask, bearer, guarded, key_file
from tests.app.server import problem

Clock = Callable[[float], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the monotonic clock of the rates; return what sets it."""
    moment = [1000.0]
    for module in (rates, charging):
        monkeypatch.setattr(module, "monotonic", lambda: moment[0])
    return lambda seconds: moment.__setitem__(0, 1000.0 + seconds)


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 12)), max_size=60))
@settings(max_examples=100, deadline=None)
def test_no_window_ever_holds_more_than_the_rate(asked: list[tuple[float, int]]) -> None:
    moment, spent, rate = 50.0, Rates(), parse("20 per 10 seconds")
    paid: list[tuple[float, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rates, "monotonic", lambda: moment)
        for pause, cost in asked:
            moment += pause
            before = sum(cost for at, cost in paid if moment - 10 < at)
            charge = spent.charge("shop", rate, cost)
            if charge.paid:
                paid.append((moment, cost))
            # What is a window old is free again, a part of the window later at the latest.
            held = sum(cost for at, cost in paid if moment - 10 - 10 / 64 < at)
            assert before + (cost if charge.paid else 0) <= 20
            assert charge.paid or sum(c for at, c in paid if moment - 10 - 10 / 64 <= at) + cost > 20
            assert 20 - held <= charge.left


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 12)), max_size=40), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_whoever_waits_as_long_as_told_is_served(asked: list[tuple[float, int]], cost: int) -> None:
    moment, spent, rate = 50.0, Rates(), parse("20 per 10 seconds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rates, "monotonic", lambda: moment)
        for pause, spending in asked:
            moment += pause
            spent.charge("shop", rate, spending)
        charge = spent.charge("shop", rate, cost)
        if not charge.paid:
            assert 1 <= charge.seconds <= 11
            moment += charge.seconds
            assert spent.charge("shop", rate, cost).paid


def test_the_number_of_remembered_clients_is_bounded() -> None:
    spent, rate = Rates(clients=3), parse("1/hour")
    assert [spent.charge(name, rate, 1).paid for name in "abcabcd"] == [True] * 3 + [False] * 3 + [True]
    assert spent.charge("b", rate, 1).paid is False
    assert spent.charge("a", rate, 1).paid is True  # the one that was longest away was forgotten


def test_what_a_client_spends_takes_bounded_memory(clock: Clock) -> None:
    spent, rate = Rates(), parse("1000000/hour")
    for moment in range(3000):
        clock(moment)
        spent.charge("shop", rate, 3)
    ((kept,),) = [windows.values() for windows in spent._storage._spent.values()]
    assert len(kept.parts) <= 66
    assert kept.total == 9000


def test_a_request_beyond_the_rate_is_told_when_to_come_back(tmp_path: Path, clock: Clock) -> None:
    file, (secret,) = key_file(tmp_path, {"id": "shop", "rate": "3/minute"})
    app = guarded(keys=file)
    first = ask(app, headers=bearer(secret))
    assert first.headers["ratelimit-policy"] == '"caller";q=3;w=60'
    assert first.headers["ratelimit"].startswith('"caller";r=2;t=')
    for _ in range(2):
        assert ask(app, headers=bearer(secret)).status_code == 200
    refused = ask(app, headers=bearer(secret))
    assert problem(refused) == (429, "rate_limited")
    wait = int(refused.headers["retry-after"])
    assert 60 <= wait <= 61
    assert refused.headers["ratelimit"] == f'"caller";r=0;t={wait}'
    clock(wait)
    assert ask(app, headers=bearer(secret)).status_code == 200


def test_explanations_cost_more(tmp_path: Path, clock: Clock) -> None:
    file, (secret,) = key_file(tmp_path, {"id": "shop", "rate": "13/minute", "scopes": ["detect", "explain"]})
    app = guarded(keys=file)
    left = []
    for path in ("/v1/detect", "/v1/explain", "/v1/detect/batch", "/v2/models/digits/infer", "/docs", "/openapi.json"):
        method = "GET" if path in ("/docs", "/openapi.json") else "POST"
        left.append(ask(app, path, method, headers=bearer(secret)).headers["ratelimit"].split(";")[1])
    assert left == ["r=12", "r=8", "r=7", "r=6", "r=5", "r=4"]


def test_what_costs_more_than_the_whole_rate_takes_all_of_it(tmp_path: Path, clock: Clock) -> None:
    file, (secret,) = key_file(tmp_path, {"id": "shop", "rate": "2/minute", "scopes": ["detect", "explain"]})
    app = guarded(keys=file)
    assert ask(app, "/v1/explain", headers=bearer(secret)).status_code == 200
    assert problem(ask(app, headers=bearer(secret))) == (429, "rate_limited")


@pytest.mark.parametrize(
    ("amount", "spent", "images", "paid", "left"),
    [
        (10, 0, 1, True, 9),
        (10, 0, 4, True, 6),
        (10, 0, 10, True, 0),
        (10, 0, 32, True, 0),  # more than the whole rate: all of it
        (10, 6, 4, True, 0),
        (10, 6, 5, False, 3),  # one was charged before the body was read
        (10, 1, 32, False, 8),
        (1, 0, 32, True, 0),
    ],
)
def test_each_image_of_several_is_charged(
    clock: Clock, amount: int, spent: int, images: int, paid: bool, left: int
) -> None:
    rates, rate = Rates(), parse(f"{amount}/minute")
    rates.charge("shop", rate, spent)
    state = State({"bill": Bill(rates, "shop", rate, 1)})
    if paid:
        charge_for(state, images)
    else:
        with pytest.raises(ProblemError, match="rate_limited") as refused:
            charge_for(state, images)
        clock(int((refused.value.headers or {})["Retry-After"]))
        charge_for(State({"bill": Bill(rates, "shop", rate, 1)}), images)  # that very request is paid for by then
        return
    assert state.bill.charge.left == left


def test_documents_are_charged_to_the_address_of_whoever_has_no_good_key(tmp_path: Path, clock: Clock) -> None:
    file, _ = key_file(tmp_path, {"id": "shop"})
    app = guarded(keys=file, anonymous_rate="2/minute", rate="9/minute")
    for headers in ({}, bearer("unknown")):
        assert ask(app, "/docs", "GET", headers=headers).status_code == 200
    assert problem(ask(app, "/openapi.json", "GET")) == (429, "rate_limited")


def test_two_keys_of_a_client_share_its_rate(tmp_path: Path, clock: Clock) -> None:
    file, (old, new) = key_file(tmp_path, {"id": "shop"}, {"id": "shop"})
    app = guarded(keys=file, rate="1/minute")
    assert ask(app, headers=bearer(old)).status_code == 200
    assert problem(ask(app, headers=bearer(new))) == (429, "rate_limited")


@pytest.mark.parametrize("rates", [("2/minute", "3/minute"), ("2/minute", "3/hour"), ("2/hour", "3/minute")])
def test_two_keys_of_a_client_with_different_rates_do_not_add_up(
    tmp_path: Path, clock: Clock, rates: tuple[str, str]
) -> None:
    file, (old, new) = key_file(tmp_path, *({"id": "shop", "rate": rate} for rate in rates))
    app = guarded(keys=file)
    assert ask(app, headers=bearer(new)).headers["ratelimit"].startswith('"caller";r=2;')
    assert ask(app, headers=bearer(old)).status_code == 200
    assert ask(app, headers=bearer(new)).headers["ratelimit"].startswith('"caller";r=0;')
    for secret in (old, new):
        refused = ask(app, headers=bearer(secret))
        assert problem(refused) == (429, "rate_limited")
        assert '"caller";r=0;' in refused.headers["ratelimit"]


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("one", "other", True),
        ("", "192.0.2.1:http", True),
        ("other", "192.0.2.1", False),
    ],
)
def test_anonymous_clients_are_told_apart_by_address(clock: Clock, first: str, second: str, one: bool) -> None:
    app = guarded(anonymous_rate="1/minute")
    assert ask(app, client=first).status_code == 200
    assert (ask(app, client=second).status_code == 429) is one


def test_probes_are_free(clock: Clock) -> None:
    app = guarded(anonymous_rate="1/minute")
    for _ in range(3):
        answer = ask(app, "/livez", "GET")
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


def test_without_a_rate_nothing_is_limited() -> None:
    app = guarded()
    assert "ratelimit" not in ask(app).headers


def test_quarantine_ends_by_itself_and_is_bounded(clock: Clock) -> None:
    quarantine = Quarantine(callers=2)
    for name in "abc":
        quarantine.add(name, 10)
    assert [quarantine.seconds_left(name) for name in "abc"] == [0, 10, 10]
    clock(10)
    assert [quarantine.seconds_left(name) for name in "abc"] == [0, 0, 0]


def test_callers_in_quarantine_are_turned_away_and_others_are_not(clock: Clock) -> None:
    app = guarded()
    app.state.quarantine.add("address 192.0.2.1", 30)
    refused = ask(app)
    assert problem(refused) == (429, "query_attack")
    assert refused.headers["retry-after"] == "30"
    assert ask(app, client="192.0.2.2").status_code == 200


@pytest.mark.parametrize("text", ["", "often", "0/minute", "-1/minute", "5", "1/fortnight", "nan/minute"])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="600/minute"):
        Settings(rate=text)
