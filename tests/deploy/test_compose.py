"""The compose file is valid, guards each container, and names files and settings that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pathprint.app.settings import Settings
from tests.docs.pages import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROXY = (DEPLOY / "nginx" / "nginx.conf").read_text()
each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def default(text: str) -> str:
    """Return a text with each variable replaced by its default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_it_is_valid_by_the_schema_of_the_compose_specification() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema.validate(COMPOSE, schema)


@each_service
def test_every_container_is_guarded(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


@each_service
def test_images_have_versions_and_ports_are_for_this_machine(service: dict[str, Any]) -> None:
    _, _, tag = default(service["image"]).partition(":")
    assert re.match(r"v?\d", tag)
    assert all(default(port).startswith("127.0.0.1:") for port in service.get("ports", []))


@each_service
def test_secrets_are_files_that_no_commit_holds(service: dict[str, Any]) -> None:
    named = {one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])}
    assert named <= set(COMPOSE["secrets"])
    for name in named:
        file = COMPOSE["secrets"][name]["file"]
        ignored = subprocess.run(["git", "check-ignore", "-q", file], cwd=DEPLOY, check=False)
        assert ignored.returncode in (0, 128), f"{file} could be committed"  # 128: not a repository
    words = " ".join(f"{name}={value}" for name, value in service.get("environment", {}).items())
    assert not re.search(r"(KEY|TOKEN|PASSWORD)=\S", words)


@each_service
def test_what_is_mounted_from_the_checkout_exists(service: dict[str, Any]) -> None:
    for volume in service.get("volumes", []):
        source, _, rest = default(volume).partition(":")
        if source.startswith("./"):
            assert (DEPLOY / source).exists()
            assert rest.endswith(":ro")
        elif not source.startswith("../bundles/"):
            assert source in COMPOSE["volumes"]


def test_settings_of_the_service_exist() -> None:
    ours = [name for name in SERVICES["pathprint"]["environment"] if name.startswith("PATHPRINT_")]
    assert ours
    assert all(name.removeprefix("PATHPRINT_").lower() in Settings.model_fields for name in ours)


def test_the_service_is_given_time_to_stop_and_asked_as_the_image_asks_it() -> None:
    service = SERVICES["pathprint"]
    fields = Settings.model_fields
    assert int(service["stop_grace_period"].removesuffix("s")) >= (
        fields["pause_seconds"].default + fields["drain_seconds"].default + 10
    )
    (check,) = re.findall(r"HEALTHCHECK.*\\\n\s*CMD (\[.*\])", (ROOT / "Dockerfile").read_text())
    assert service["healthcheck"]["test"] == ["CMD", *json.loads(check)]


def test_prometheus_reaches_the_metrics_and_clients_do_not() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    port = SERVICES["pathprint"]["environment"]["PATHPRINT_METRICS_PORT"]
    assert job["static_configs"] == [{"targets": [f"pathprint:{port}"]}]
    assert not [one for one in SERVICES["pathprint"]["ports"] if port in one]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    folder = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    (provider,) = yaml.safe_load((folder / "dashboards" / "pathprint.yaml").read_text())["providers"]
    assert any(f":{provider['options']['path']}/" in volume for volume in SERVICES["grafana"]["volumes"])


def seconds(directive: str) -> list[int]:
    return [int(found) for found in re.findall(rf"^\s*{directive} (\d+)s;", PROXY, re.MULTILINE)]


def test_the_proxy_cuts_slow_clients_off_and_waits_for_the_service() -> None:
    fields = Settings.model_fields
    assert seconds("client_header_timeout") == [fields["head_seconds"].default]
    assert seconds("client_body_timeout") == [fields["body_seconds"].default]
    (waits,) = seconds("proxy_read_timeout")
    assert waits > fields["max_request_seconds"].default
    *_, upstream = seconds("keepalive_timeout")
    assert upstream < fields["idle_seconds"].default
    (size,) = re.findall(r"client_max_body_size (\d+)m;", PROXY)
    assert int(size) * 1024 * 1024 > fields["max_batch_bytes"].default


def test_the_service_believes_the_proxy_alone() -> None:
    (address,) = (one["ipv4_address"] for one in SERVICES["nginx"]["networks"].values())
    assert SERVICES["pathprint"]["environment"]["FORWARDED_ALLOW_IPS"] == address
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in PROXY


def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    nginx, openssl = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin"), shutil.which("openssl")
    if not (nginx and openssl):
        pytest.skip("nginx or openssl is not installed")
    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    certificate, key = tmp_path / "tls_certificate", tmp_path / "tls_key"
    subprocess.run([openssl, *new, "-keyout", key, "-out", certificate], capture_output=True, check=True)
    text = PROXY.replace("/tmp/", f"{tmp_path}/").replace("/run/secrets/", f"{tmp_path}/")
    text = text.replace("server pathprint:8000", "server 127.0.0.1:8000")
    (tmp_path / "nginx.conf").write_text(text)
    done = subprocess.run([nginx, "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_prometheus_accepts_its_configuration_and_the_alerts() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    command: list[str | Path] = ["promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 rules found" in done.stdout
