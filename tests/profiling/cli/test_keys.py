"""``pathprint keys new``: what it prints is what the service reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from pathprint.app.admission import keys
from pathprint.app.admission.key_file import KeyRing, read_keys
from pathprint.profiling.cli.commands.keys.new import Detail, Scope
from tests.profiling.cli.calling import Command


def test_the_printed_lines_accept_the_printed_key(pathprint: Command, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    secrets = []
    for options in ([], ["--scope", "read", "--scope", "admin", "--detail", "verdict", "--digits", 2, "--days", 30]):
        done = pathprint("keys", "new", "shop", *options)
        secrets.append(done.stderr.split()[-1])
        assert secrets[-1] not in done.stdout
        with file.open("a") as lines:
            lines.write(done.stdout)
    first, second = (KeyRing(file).find(secret) for secret in secrets)
    assert first
    assert second
    assert (first.id, sorted(first.scopes), first.detail, first.rate) == ("shop", ["detect"], "evidence", "600/minute")
    assert (sorted(second.scopes), second.detail, second.digits) == (["admin", "read"], "verdict", 2)
    assert second.expires
    assert timedelta(29) <= second.expires - datetime.now(UTC) <= timedelta(30)


def test_as_json_it_prints_the_same_parts(pathprint: Command, tmp_path: Path) -> None:
    made = json.loads(pathprint("keys", "new", "shop", "--json").stdout)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [made["entry"]]}))
    (key,) = read_keys(tmp_path / "keys.json")
    assert key.sha256 == keys.digest(made["key"])
    assert made["key"].startswith(keys.PREFIX)


def test_scopes_and_details_are_those_of_the_service() -> None:
    assert tuple(Scope) == get_args(keys.Scope)
    assert tuple(Detail) == get_args(keys.Detail)


def test_a_wrong_name_or_rate_is_refused(pathprint: Command) -> None:
    assert "letters" in pathprint("keys", "new", "a b", status=2).stderr
    assert "600/minute" in pathprint("keys", "new", "shop", "--rate", "often", status=2).stderr
