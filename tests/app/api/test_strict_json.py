"""Strict JSON: whatever is read is what every reader would read; all else is one of two problems."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from pathprint.app.api.strict_json import MAX_DEPTH, MAX_MARKS, checked, read_json
from pathprint.app.problems.kinds import ProblemError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
BAD = {
    "nothing": b"",
    "text": b"hello",
    "two values": b"{}{}",
    "trailing comma": b'{"a": 1,}',
    "comment": b"{} // that is all",
    "single quotes": b"{'a': 1}",
    "cut": b'{"a": [1, 2',
    "twice": b'{"a": 1, "a": 1}',
    "twice, inside": b'[{"b": {"a": 1, "\\u0061": 2}}]',
    "NaN": b'{"a": NaN}',
    "Infinity": b"[Infinity]",
    "-Infinity": b"[-Infinity]",
    "too large": b"[1e999]",
    "5000 digits": b"[" + b"9" * 5000 + b"]",
    "deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "deep objects": b'{"a":' * 5_000,
    "deep after a bracket in a string": b'["]]]]]]]]]]", ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"]",
    "latin-1": '{"a": "ü"}'.encode("latin-1"),
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "half a character": b'["\\ud800"]',
    "the other half": b'{"a\\uDC00": 1}',
    "halves in the wrong order": b'["\\udc00\\ud800"]',
    "control character": b'["\x00"]',
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_strict_json_is_malformed(case: str) -> None:
    with pytest.raises(ProblemError) as found:
        read_json(BAD[case])
    assert found.value.code == "malformed_json"


@given(VALUES)
def test_what_programs_write_is_read_as_they_meant_it(value: Any) -> None:
    assert read_json(json.dumps(value).encode()) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@settings(max_examples=300)
@given(st.binary(max_size=80) | st.text('[]{}",:\\u0123456789eE+-.NaInfty tru', max_size=80).map(str.encode))
def test_bytes_are_read_or_malformed_and_nothing_else(data: bytes) -> None:
    try:
        read_json(data)
    except ProblemError as error:
        assert error.code == "malformed_json"


def test_the_deepest_nesting_is_read() -> None:
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert read_json(b'["' + b"[" * 1000 + b'"]') == ["[" * 1000]
    assert read_json(b"[" + b",".join([b"[]"] * 1000) + b"]") == [[]] * 1000


@pytest.mark.parametrize("mark", [b"0,", b"[", b'"', b'"":', b"{"])
def test_text_of_endless_values_is_refused_before_it_is_read(mark: bytes) -> None:
    with pytest.raises(ProblemError) as found:
        read_json(b"[" + mark * (MAX_MARKS + 1))
    assert found.value.code == "body_too_large"


def test_an_object_of_endless_members_is_refused() -> None:
    with pytest.raises(ProblemError) as found:
        checked(Example, read_json(json.dumps({f"a{number}": 0 for number in range(1000)}).encode()))
    assert found.value.code == "bad_member"


def test_of_many_wrong_members_the_first_are_named() -> None:
    with pytest.raises(ProblemError) as found:
        checked(Example, {f"a{number}": 0 for number in range(60)})
    assert len(found.value.errors or ()) == 16


class Example(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int
    text: str = ""


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({}, "number"),
        ({"number": "1"}, "number"),
        ({"number": True}, "number"),
        ({"number": 1.0}, "number"),
        ({"number": 1, "text": 2}, "text"),
        ({"number": 1, "more": 2}, "more"),
        ({"number": 1, "<script>": 2}, "?"),
        ([], "the whole"),
        (None, "the whole"),
    ],
)
def test_a_wrong_member_is_named(value: object, place: str) -> None:
    with pytest.raises(ProblemError) as found:
        checked(Example, value)
    assert found.value.code == "bad_member"
    assert [item.parameter for item in found.value.errors or ()] == [place]
    assert "script" not in str(found.value)
