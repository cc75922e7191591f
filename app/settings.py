"""What an operator can set, all through the environment."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from limits import parse
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

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


def _folders(value: object) -> object:
    """Return the folders in a setting: a JSON list of them, or the one that it names."""
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError(
                'Folders are written as one name, or as JSON: ["bundles/one", "two=bundles/two"]'
            ) from None
    return (value,) if value else None


def _key_files(value: object) -> object:
    """Return the files in a setting: a JSON list of them, or the one that it names."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError('Files are written as one name, or as JSON: ["one.pub", "two.pub"]') from None
        if not value:
            raise ValueError("an empty list trusts nobody; name one key at least, or leave the setting out")
    return (value,) if isinstance(value, str) and value else value or None


Action: TypeAlias = Literal["pass", "flag", "reject"]


class _Group(BaseModel):
    """Settings that belong together; ``Settings`` puts the groups together, and reads them."""

    model_config = ConfigDict(frozen=True)


class ModelSettings(_Group):
    """Which bundles are served, and how they are replaced (docs/service-models.md).

    Attributes:
        bundle: ``FOLDER`` or ``NAME=FOLDER``, or a JSON list of these; ``create_app`` may be handed a loaded bundle.
        trusted_keys: file of a public key, or a JSON list of these; a bundle that none of them has signed is refused.
            None asks for no signature. A loaded bundle that ``create_app`` is handed is not looked at.
        default_model: the model that requests mean which name none; None takes that of the first folder in ``bundle``.
        exit_if_refused: whether the process ends if a bundle cannot be loaded at the start, or stays not ready.
        admin_calls: whether ``POST /v1/admin/reload`` is there.
    """

    bundle: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_folders)] = None
    trusted_keys: Annotated[tuple[Path, ...] | None, NoDecode, BeforeValidator(_key_files)] = None
    default_model: str | None = None
    exit_if_refused: bool = True
    admin_calls: bool = False


class ConnectionSettings(_Group):
    """What a connection may cost, and how long it may take.

    Attributes:
        max_connections: connections open at once; fewer where the process may not have that many descriptors.
        max_connections_per_client: connections open at once from one address.
        head_seconds: time in which the head of a request, or a new connection's first one, must have arrived.
        max_head_bytes: largest head of a request: request line and headers.
        max_request_line_bytes: longest request line.
        idle_seconds: time that a connection stays open between two requests.
        write_seconds: time that a client may leave an answer unread.
    """

    max_connections: Annotated[int, Field(ge=1)] = 1024
    max_connections_per_client: Annotated[int, Field(ge=1)] = 512
    head_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10
    max_head_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 32768
    max_request_line_bytes: Annotated[int, Field(ge=256, le=1024 * 1024)] = 8192
    idle_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 65
    write_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30


class BodySettings(_Group):
    """What a request's body may cost, and how long it may take.

    Attributes:
        max_body_bytes: largest request body, multipart framing included.
        max_batch_bytes: largest body of a request with several images.
        max_batch_images: images in one request.
        max_bodies_bytes: memory for the bodies of all requests that are not yet answered.
        body_seconds: time in which a request body must have arrived.
    """

    max_body_bytes: Annotated[int, Field(gt=0)] = 10 * MEBIBYTE
    max_batch_bytes: Annotated[int, Field(gt=0)] = 64 * MEBIBYTE
    max_batch_images: Annotated[int, Field(ge=1, le=1024)] = 32
    max_bodies_bytes: Annotated[int, Field(gt=0)] = 128 * MEBIBYTE
    body_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 15


class LoadSettings(_Group):
    """How many requests are taken, and how long they may wait.

    Attributes:
        max_requests: requests inside at the same time, those whose bodies are still arriving among them.
        max_waiting: requests with whole bodies that are not yet answered; one more is refused.
        max_images: images that are decoded, examined, or wait for it, those of batch requests among them.
        explain_concurrency: explanations that are made at the same time.
        request_seconds: time for an answer, from the arrival of the whole body, if the client does not say.
        max_request_seconds: longest time that a client may ask for.
    """

    max_requests: Annotated[int, Field(ge=1)] = 256
    max_waiting: Annotated[int, Field(ge=1)] = 64
    max_images: Annotated[int, Field(ge=1)] = 256
    explain_concurrency: Annotated[int, Field(ge=1)] = 2
    request_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10
    max_request_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60


class ComputeSettings(_Group):
    """How images are decoded and examined.

    Attributes:
        decode_threads: images decoded at the same time; if there are several, one thread takes small images only.
        decode_bytes: memory that images in decoding may take together; one that needs more is decoded alone.
        decode_in_processes: decode in processes that are killed when an image takes too much memory or time.
        decode_seconds: processor time for an image where processes decode.
        torch_threads: threads inside one inference; None lets the size of the network decide.
        max_batch: images that are examined together.
        batch_delay_ms: milliseconds for which an image waits for others to be examined with.
        stuck_seconds: time that a batch may take before the service reports that it has to be restarted.
    """

    decode_threads: Annotated[int, Field(ge=1, le=64)] = 2
    decode_bytes: Annotated[int, Field(gt=0)] = 384 * MEBIBYTE
    decode_in_processes: bool = False
    decode_seconds: Annotated[int, Field(ge=1)] = 10
    torch_threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    max_batch: Annotated[int, Field(ge=1, le=64)] = 16
    batch_delay_ms: Annotated[float, Field(ge=0, le=1000)] = 0
    stuck_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 300


class SafetySettings(_Group):
    """Who may ask, how often, and how much they are told.

    Attributes:
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


class GatewaySettings(_Group):
    """What becomes of the network's answer after each verdict.

    Attributes:
        gateway_benign, gateway_uncertain, gateway_adversarial: what ``/v1/classify`` does after each verdict: pass the
            network's answer on, flag it, or reject the image.
        gateway_shadow: pass every answer on, and only log what would have been done.
    """

    gateway_benign: Action = "pass"
    gateway_uncertain: Action = "flag"
    gateway_adversarial: Action = "reject"
    gateway_shadow: bool = False


class MonitoringSettings(_Group):
    """What the operator learns: metrics, drift, events, traces.

    Attributes:
        metrics_port: port on which Prometheus finds the metrics; None serves none. It is never the service's own port.
        metrics_host: address that the metrics are served at.
        drift_images: number of the latest images that are compared with the calibration.
        drift_fewest: number of images from which on they are compared.
        events: where an event on each flagged image goes: a file, an address that begins with http:// or https://, or
            ``-`` for standard output; None for nowhere.
        events_token: sent to that address as a bearer token.
        telemetry: whether traces and measurements of requests go to where OpenTelemetry's own variables say.
    """

    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    metrics_host: str = "127.0.0.1"
    drift_images: Annotated[int, Field(ge=10, le=1_000_000)] = 1000
    drift_fewest: Annotated[int, Field(ge=10)] = 200
    events: str | None = None
    events_token: SecretStr | None = None
    telemetry: bool = False


class ConsoleSettings(_Group):
    """What people see in a browser (docs/console.md).

    Attributes:
        console: whether the console is served at ``/``.
        monitor_streams: browsers that watch the monitor at the same time.
    """

    console: bool = True
    monitor_streams: Annotated[int, Field(ge=1, le=1000)] = 8


class StoppingSettings(_Group):
    """How the service stops, and how long its log waits for a reader.

    Attributes:
        pause_seconds: time between failing readiness and taking no more connections, when the service stops.
        drain_seconds: time to finish what was begun, when the service stops.
        log_lines: lines of the log that wait for a slow reader; more are dropped and counted.
    """

    pause_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2
    drain_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20
    log_lines: Annotated[int, Field(ge=1)] = 10000


class Settings(
    ModelSettings,
    ConnectionSettings,
    BodySettings,
    LoadSettings,
    ComputeSettings,
    SafetySettings,
    GatewaySettings,
    MonitoringSettings,
    ConsoleSettings,
    StoppingSettings,
    BaseSettings,
):
    """How the service behaves; each field is read from ``PATHPRINT_`` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="PATHPRINT_", frozen=True)
