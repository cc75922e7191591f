"""The file of API keys: what it may hold, and how it is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pathprint.app.admission.key_file import KeyFileError, KeyRing, read_keys
from pathprint.app.admission.keys import Key, digest, find

HASH = "0123456789abcdef" * 4
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def written(folder: Path, text: str, name: str = "keys.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def as_json(**entry: Any) -> str:
    return json.dumps({"keys": [{"id": "shop", "sha256": HASH, **entry}]})


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml = (
        f'[[keys]]\nid = "shop"\nsha256 = "{HASH}"\nscopes = ["detect", "read"]\nexpires = 2027-01-01\nrate = "9/hour"'
    )
    text = as_json(scopes=["read", "detect"], expires="2027-01-01", rate="9/hour")
    assert read_keys(written(tmp_path, toml)) == read_keys(written(tmp_path, text, "keys.json"))


@pytest.mark.parametrize("moment", ["2027-01-01", "2027-01-01T00:00:00Z", "2027-01-01T01:00:00+01:00"])
def test_a_day_begins_at_midnight_in_utc(tmp_path: Path, moment: str) -> None:
    (key,) = read_keys(written(tmp_path, as_json(expires=moment), "keys.json"))
    assert key.expires == datetime(2027, 1, 1, tzinfo=UTC)
    (same,) = read_keys(written(tmp_path, f'[[keys]]\nid = "shop"\nsha256 = "{HASH}"\nexpires = {moment}'))
    assert same == key


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"id": "a b"}, "keys.0.id"),
        ({"id": ""}, "keys.0.id"),
        ({"sha256": "pathprint_pasted_in_place_of_its_hash"}, "keys.0.sha256"),
        ({"sha256": HASH.upper()}, "keys.0.sha256"),
        ({"scopes": []}, "keys.0.scopes"),
        ({"scopes": ["everything"]}, "keys.0.scopes.0"),
        ({"detail": "all"}, "keys.0.detail"),
        ({"digits": 7}, "keys.0.digits"),
        ({"digits": "2"}, "keys.0.digits"),
        ({"digits": True}, "keys.0.digits"),
        ({"rate": "often"}, "600/minute"),
        ({"rate": "0/minute"}, "600/minute"),
        ({"expires": "soon"}, "keys.0.expires"),
        ({"expires": "2027-01-01T00:00:00"}, "keys.0.expires"),
        ({"not_before": "2027-01-02", "expires": "2027-01-01"}, "not_before must be earlier"),
        ({"scope": ["detect"]}, "keys.0.scope"),
    ],
)
def test_a_wrong_entry_is_named_without_its_value(tmp_path: Path, entry: dict[str, Any], said: str) -> None:
    with pytest.raises(KeyFileError, match=said) as raised:
        read_keys(written(tmp_path, as_json(**entry), "keys.json"))
    assert str(tmp_path / "keys.json") in str(raised.value)
    assert "pasted" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("keys.json", "", "no JSON"),
        ("keys.json", "[[keys]]", "no JSON"),
        ("keys.json", "[" * 100_000, "no JSON"),
        ("keys.toml", "{", "no TOML"),
        ("keys.toml", "", "keys: Field required"),
        ("keys.json", '{"keys": []}', "keys"),
        ("keys.json", "[]", "Input should be"),
        ("keys.json", " " * 4_194_305, "larger"),
    ],
)
def test_a_file_that_is_no_key_file_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(KeyFileError, match=said):
        read_keys(written(tmp_path, text, name))


def test_an_absent_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(KeyFileError, match=r"cannot be read"):
            read_keys(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(KeyFileError, match="no JSON"):
        read_keys(path)


def test_two_keys_of_a_client_may_overlap_and_three_may_not(tmp_path: Path) -> None:
    entries = [{"id": "shop", "sha256": digest(str(number))} for number in range(3)]
    two, three = (json.dumps({"keys": entries[:count]}) for count in (2, 3))
    assert len(read_keys(written(tmp_path, two, "two.json"))) == 2
    with pytest.raises(KeyFileError, match="'shop' has 3 keys"):
        read_keys(written(tmp_path, three, "three.json"))
    expired = json.dumps({"keys": [entries[0] | {"expires": "2020-01-01"}, *entries[1:]]})
    assert len(read_keys(written(tmp_path, expired, "expired.json"))) == 3


def test_one_key_for_two_clients_is_refused(tmp_path: Path) -> None:
    text = json.dumps({"keys": [{"id": name, "sha256": HASH} for name in ("shop", "gate")]})
    with pytest.raises(KeyFileError, match="gate and shop"):
        read_keys(written(tmp_path, text, "keys.json"))


@pytest.mark.parametrize(
    ("not_before", "expires", "accepted"),
    [
        (None, None, True),
        (NOW, None, True),
        (NOW + timedelta(seconds=1), None, False),
        (None, NOW + timedelta(seconds=1), True),
        (None, NOW, False),
    ],
)
def test_a_key_is_accepted_from_not_before_until_it_expires(
    not_before: datetime | None, expires: datetime | None, accepted: bool
) -> None:
    key = Key(id="shop", sha256=digest("secret"), not_before=not_before, expires=expires)
    assert find("secret", [key], NOW) == (key if accepted else None)


def test_each_of_two_keys_is_found_and_no_other() -> None:
    keys = [Key(id="shop", sha256=digest(secret)) for secret in ("old", "new")]
    assert [find(secret, keys, NOW) for secret in ("old", "new", "other", "", "ä")] == [*keys, None, None, None]


def test_a_key_file_that_became_wrong_leaves_the_keys_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, as_json(sha256=digest("first")), "keys.json")
    ring = KeyRing(path)
    path.write_text("{")
    ring.read_again()
    assert ring.find("first")
    path.write_text(as_json(sha256=digest("second")))
    ring.read_again()
    assert not ring.find("first")
    assert ring.find("second")


def test_a_key_is_not_shown_with_its_hash() -> None:
    assert HASH not in repr(Key(id="shop", sha256=HASH))
