"""``pathprint keys new``: make an API key."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from pathprint.profiling.cli.options import AsJson
from pathprint.profiling.cli.results import print_json, print_result
from pathprint.profiling.cli.terminal import say

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_RATE = re.compile(r"[1-9][0-9]*/(second|minute|hour|day)")


class Scope(StrEnum):
    """What a key may be used for, as the service has it."""

    detect = "detect"
    explain = "explain"
    read = "read"
    monitor = "monitor"
    admin = "admin"


class Detail(StrEnum):
    """The most that an answer says, as the service has it."""

    verdict = "verdict"
    score = "score"
    evidence = "evidence"


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise typer.BadParameter("may have 1 to 64 letters, digits and ._-")
    return text


def _rate(text: str) -> str:
    if not _RATE.fullmatch(text):
        raise typer.BadParameter("is written as 600/minute: a number, then second, minute, hour or day")
    return text


def new(
    name: Annotated[
        str,
        typer.Argument(metavar="ID", callback=_id, help="Name of the client, for logs; not secret. Two may share it."),
    ],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What the key may be used for (give it several times); without it, to detect."),
    ] = None,
    detail: Annotated[
        Detail, typer.Option(help="The most that an answer says. Choose verdict for clients whom you do not trust.")
    ] = Detail.evidence,
    digits: Annotated[
        int | None, typer.Option(min=0, max=6, help="Decimals of scores in answers; all without it.")
    ] = None,
    rate: Annotated[
        str, typer.Option(callback=_rate, help="How often the client may ask; an explanation counts four times.")
    ] = "600/minute",
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="Days until it expires; never without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key, and the lines of the key file that accept it.

    The key is shown once, on standard error, and kept nowhere: send it to the client. The lines go to standard output;
    append them to the file that the setting PATHPRINT_KEYS of the service names, and send the service SIGHUP.

    Example:
        pathprint keys new shop --detail verdict --days 365 >> keys.toml
    """
    secret = "pathprint_" + secrets.token_urlsafe(32)
    entry: dict[str, Any] = {
        "id": name,
        "sha256": hashlib.sha256(secret.encode()).hexdigest(),
        "scopes": [one.value for one in dict.fromkeys(scope or [Scope.detect])],
        "detail": detail.value,
        "digits": digits,
        "rate": rate,
        "expires": (datetime.now(UTC) + timedelta(days=days)).date().isoformat() if days else None,
    }
    entry = {field: value for field, value in entry.items() if value is not None}
    if as_json:
        print_json({"key": secret, "entry": entry})
        return
    say(f"The key, shown this once: {secret}")
    lines = (f"{field} = {json.dumps(value)}" for field, value in entry.items())
    print_result("\n".join(["[[keys]]", *lines, ""]))
