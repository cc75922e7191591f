"""What an operator can set, all through the environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from limits import parse
from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]")


def _rate(text: str) -> str:
    try:
        rate = parse(text)
        if rate.amount > 0 and rate.get_expiry() > 0:
            return text
    except ValueError:
        pass
    raise ValueError("a rate is written as 600/minute: a number, then second, minute, hour or day")


def _hosts(text: str) -> str:
    if all(_HOST.fullmatch(name.strip()) for name in text.split(",")):
        return text
    raise ValueError("host names are written as detector.example.org, *.internal: without scheme and port")


RateText = Annotated[str, AfterValidator(_rate)]
"""How often a client may ask, such as ``600/minute`` or ``10 per 5 seconds``."""
HostNames = Annotated[str, AfterValidator(_hosts)]
"""Host names with commas between them; one that begins with ``*.`` stands for all hosts below it."""


class Settings(BaseSettings):
    """How the service behaves; each field is read from ``PATHPRINT_`` and its name in capitals.

    Attributes:
        bundle: folder that ``from_environment`` loads; ``create_app`` is handed a loaded bundle.
        max_body_bytes: largest request body, multipart framing included.
        body_seconds: time in which a request body must have arrived.
        decode_threads: images decoded at the same time; each may take 100 MB while it lasts.
        torch_threads: threads inside one inference; None lets the size of the network decide.

        keys: file of API keys, TOML or JSON; without one clients need no key.
        allow_anonymous: whether clients without a key are served beside those who have one, and on public addresses.
        anonymous_detail: the most that answers to clients without a key say.
        anonymous_digits: decimals in answers to clients without a key; None for all.
        rate: of each key whose line in the key file names none; None for no limit.
        anonymous_rate: of each address whose clients have no key; None for no limit.
        trusted_hosts: names by which clients may ask for the service, with commas; None for any.
        similar_queries: what it leads to if a caller asks about one image in many versions: alert, refuse or ignore.
        similar_images: how many similar images of a caller's last 512 lead to that.
        refused_seconds: for how long such a caller is refused, if it is.
        audit: file to which a line is appended for each decision; None for no audit log.
        audit_bytes: size at which the audit log goes on in a new file.
        audit_files: files of the audit log that are kept.
    """

    model_config = SettingsConfigDict(env_prefix="PATHPRINT_", frozen=True)

    bundle: Path | None = None
    max_body_bytes: Annotated[int, Field(gt=0)] = 10 * MEBIBYTE
    body_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 15
    decode_threads: Annotated[int, Field(ge=1, le=64)] = 2
    torch_threads: Annotated[int, Field(ge=1, le=1024)] | None = None

    keys: Path | None = None
    allow_anonymous: bool = False
    anonymous_detail: Literal["verdict", "score", "evidence"] = "evidence"
    anonymous_digits: Annotated[int, Field(ge=0, le=6)] | None = None
    rate: RateText | None = None
    anonymous_rate: RateText | None = None
    trusted_hosts: HostNames | None = None
    similar_queries: Literal["alert", "refuse", "ignore"] = "alert"
    similar_images: Annotated[int, Field(ge=2, le=512)] = 50
    refused_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 600
    audit: Path | None = None
    audit_bytes: Annotated[int, Field(ge=4096)] = 100 * MEBIBYTE
    audit_files: Annotated[int, Field(ge=1, le=1000)] = 10
