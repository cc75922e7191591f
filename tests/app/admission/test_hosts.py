"""Under which names the service answers, and on which addresses it listens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pathprint.app.admission.binding import refusal_to_listen
from pathprint.app.settings import Settings
from tests.app.admission.guarded import ask, guarded
from tests.app.server import problem

NAMES = "detector.example.org, *.internal,[::1]"


@pytest.mark.parametrize(
    "host", ["detector.example.org", "Detector.Example.org:8443", "detector.example.org.", "a.b.internal", "[::1]:8000"]
)
def test_a_host_that_is_listed_is_answered(host: str) -> None:
    assert ask(guarded(trusted_hosts=NAMES), headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "internal",
        ".internal",
        "detector.example.org.evil.test",
        "evil.test:detector.example.org",
        "",
        "x",
    ],
)
def test_a_host_that_is_not_listed_is_refused(host: str) -> None:
    app = guarded(trusted_hosts=NAMES)
    assert problem(ask(app, headers={"Host": host})) == (400, "unknown_host")
    assert ask(app, "/livez", "GET", headers={"Host": host}).status_code == 200


def test_two_hosts_are_refused() -> None:
    headers: Any = [("Host", "a.internal"), ("Host", "a.internal")]
    assert problem(ask(guarded(trusted_hosts=NAMES), headers=headers)) == (400, "unknown_host")


def test_any_host_is_answered_where_none_is_set() -> None:
    assert ask(guarded(), headers={"Host": "whatever.test"}).status_code == 200


@pytest.mark.parametrize("text", ["", "https://detector.example.org", "a,,b", "a:8000", "*", "a*.org"])
def test_a_setting_without_host_names_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="without scheme and port"):
        Settings(trusted_hosts=text)


def test_no_page_of_another_origin_may_read_answers() -> None:
    answer = ask(guarded(), headers={"Origin": "https://evil.test"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_it_listens_on_loopback_without_keys(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATHPRINT_KEYS", raising=False)
    assert refusal_to_listen(host) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "2001:db8::1", "no-such-host.invalid"])
def test_elsewhere_it_wants_keys_or_to_be_told(host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refusal = refusal_to_listen(host)
    assert refusal is not None
    assert "PATHPRINT_KEYS" in refusal
    assert "PATHPRINT_ALLOW_ANONYMOUS=true" in refusal
    monkeypatch.setenv("PATHPRINT_ALLOW_ANONYMOUS", "true")
    assert refusal_to_listen(host) is None
    monkeypatch.delenv("PATHPRINT_ALLOW_ANONYMOUS")
    monkeypatch.setenv("PATHPRINT_KEYS", str(tmp_path / "keys.toml"))
    assert refusal_to_listen(host) is None
