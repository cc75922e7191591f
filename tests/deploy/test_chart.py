"""The Helm chart renders valid objects, which guard the service and fit each other, and refuses wrong values."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from importlib.util import find_spec
from math import ceil
from typing import Any

import jsonschema
import pytest
import yaml

from pathprint.app.settings import Settings
from tests.deploy.objects import OLDEST, Object, judge, pods, read
from tests.docs.pages import ROOT

CHART = ROOT / "deploy" / "helm" / "pathprint"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
LEAST = {"allowAnonymous": True}
MOST = {
    "image": {"repository": "registry.internal/pathprint", "tag": "1", "pullSecrets": ["a", "b"]},
    "bundles": {"claim": "bundles", "path": "shop/digits"},
    "keys": {"secret": "keys"},
    "trustedKeys": {"configMap": "release-keys", "files": ["release.pub", "next.pub"]},
    "settings": {"PATHPRINT_TRUSTED_HOSTS": "a.example", "OTEL_SERVICE_NAME": "x"},
    "autoscaling": {"enabled": True},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "networkPolicy": {"egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}]},
    "service": {"type": "LoadBalancer"},
    "stopping": {"pause": 10, "drain": 30},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "x", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}
each_way = pytest.mark.parametrize("values", [LEAST, MOST], ids=["least", "most"])


class RefusedError(Exception):
    """Helm does not render the chart with these values."""


def render(values: dict[str, Any]) -> list[Object]:
    """Return the objects of a release called ``demo``, by Helm as a library or as a program."""
    if find_spec("helm_python"):
        import helm_python

        try:
            chart = helm_python.Chart.load(CHART)
            chart.validate_schema(values)
            files = chart.render(values, name="demo", namespace="shop")
        except helm_python.HelmError as error:
            raise RefusedError(str(error)) from None
        return [found for name, text in files.items() if name.endswith(".yaml") for found in read(text)]
    if program := shutil.which("helm"):
        command = [program, "template", "demo", str(CHART), "--namespace", "shop", "--values", "-"]
        done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RefusedError(done.stderr)
        return read(done.stdout)
    pytest.skip("neither helm nor helm-python-sdk is installed")


def of(objects: list[Object], kind: str) -> list[Object]:
    return [found for found in objects if found["kind"] == kind]


def deployment(values: dict[str, Any]) -> tuple[Object, Object, Object]:
    """Return the deployment, its pod, and its container."""
    (found,) = of(render(values), "Deployment")
    (pod,) = pods(found)
    (container,) = pod["containers"]
    return found, pod, container


@each_way
def test_every_object_is_valid(values: dict[str, Any]) -> None:
    objects = render(values)
    for found in objects:
        judge(found)
        assert found["metadata"]["namespace"] == "shop"
    names = [(found["kind"], found["metadata"]["name"]) for found in objects]
    assert len(names) == len(set(names))


def test_what_is_asked_for_is_there_and_no_more() -> None:
    always = {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    assert {found["kind"] for found in render(LEAST)} == always
    more = {"HorizontalPodAutoscaler", "ServiceMonitor", "PrometheusRule"}
    assert {found["kind"] for found in render(MOST)} == always | more
    assert not of(render({**LEAST, "networkPolicy": {"enabled": False}}), "NetworkPolicy")


def test_the_schema_of_values_is_a_schema_that_the_defaults_and_examples_keep() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA)
    assert set(VALUES) == set(SCHEMA["properties"]) - {"global"}
    for name, value in VALUES.items():
        if isinstance(value, dict) and "properties" in SCHEMA["properties"][name]:
            assert set(value) == set(SCHEMA["properties"][name]["properties"]), name


@pytest.mark.parametrize(
    "wrong",
    [
        {"replica": 3},
        {"replicas": 0},
        {"replicas": "two"},
        {"image": {"repository": ""}},
        {"image": {"pullPolicy": "Sometimes"}},
        {"bundles": {"path": "/absolute"}},
        {"settings": {"PATHPRINT_MAX_BATCH": 8}},
        {"settings": {"LD_PRELOAD": "x"}},
        {"resources": {"limits": {"memory": None}}},
        {"resources": {"limits": {"memory": "much"}}},
        {"stopping": {"drain": -1}},
        {"startSeconds": 10},
        {"service": {"type": "ExternalName"}},
        {"serviceMonitor": {"interval": 15}},
        {"networkPolicy": {"clients": "all"}},
        {"autoscaling": {"pending": 0}},
        {"keys": {"key": "secret"}},
        {"trustedKeys": {"configMap": "release-keys"}},
        {"trustedKeys": {"configMap": "release-keys", "files": []}},
        {"trustedKeys": {"configMap": "release-keys", "files": ["../../tmp/key"]}},
    ],
    ids=str,
)
def test_wrong_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        render({**LEAST, **wrong})


def test_trusted_keys_are_where_the_service_looks_for_them() -> None:
    _, pod, container = deployment(MOST)
    env = {one["name"]: one.get("value") for one in container["env"]}
    (mount,) = [one for one in container["volumeMounts"] if one["name"] == "trusted-keys"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "trusted-keys"]
    assert volume["configMap"] == {"name": "release-keys"}
    files = [f"{mount['mountPath']}/{name}" for name in ("release.pub", "next.pub")]
    assert [str(file) for file in Settings(trusted_keys=env["PATHPRINT_TRUSTED_KEYS"]).trusted_keys or ()] == files
    _, pod, container = deployment(LEAST)
    assert "PATHPRINT_TRUSTED_KEYS" not in json.dumps(container["env"])
    assert "trusted-keys" not in json.dumps(pod)


def test_nobody_is_served_without_keys_unless_that_is_said() -> None:
    with pytest.raises(RefusedError, match="allowAnonymous"):
        render({})
    for values, anonymous in ((LEAST, "true"), (MOST, "false")):
        _, _, container = deployment(values)
        assert {"name": "PATHPRINT_ALLOW_ANONYMOUS", "value": anonymous} in container["env"]


@each_way
def test_pods_have_no_rights(values: dict[str, Any]) -> None:
    _, pod, container = deployment(values)
    guarded(pod)
    assert {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")} == {"/tmp"}


def guarded(pod: Object) -> None:
    """Assert that a pod runs as a user without rights on a root that it cannot write to, within limits."""
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


@each_way
def test_settings_exist_and_are_texts(values: dict[str, Any]) -> None:
    _, _, container = deployment(values)
    ours = {one["name"] for one in container["env"] if one["name"].startswith("PATHPRINT_")}
    assert {name.removeprefix("PATHPRINT_").lower() for name in ours} <= set(Settings.model_fields)
    assert all(isinstance(one["value"], str) for one in container["env"])


@pytest.mark.parametrize(("seconds", "tries"), [(300, 60), (60, 12), (61, 13)])
def test_a_start_has_its_time_and_a_death_is_noticed_soon(seconds: int, tries: int) -> None:
    _, _, container = deployment({**LEAST, "startSeconds": seconds})
    start, ready, alive = (container[f"{name}Probe"] for name in ("startup", "readiness", "liveness"))
    assert (start["periodSeconds"], start["failureThreshold"]) == (5, tries)
    assert tries == ceil(seconds / start["periodSeconds"])
    assert start["httpGet"] == ready["httpGet"] == {"path": "/readyz", "port": "http"}
    assert alive["httpGet"] == {"path": "/livez", "port": "http"}
    assert ready["periodSeconds"] * ready["failureThreshold"] <= 10
    assert alive["periodSeconds"] * alive["failureThreshold"] <= 30


@each_way
def test_a_pod_has_time_to_stop(values: dict[str, Any]) -> None:
    _, pod, container = deployment(values)
    given = {one["name"]: one["value"] for one in container["env"]}
    needed = int(given["PATHPRINT_PAUSE_SECONDS"]) + int(given["PATHPRINT_DRAIN_SECONDS"]) + 10
    assert pod["terminationGracePeriodSeconds"] == needed


@each_way
def test_selectors_find_the_pods_and_ports_have_names(values: dict[str, Any]) -> None:
    objects = render(values)
    found, _, container = deployment(values)
    labels = found["spec"]["template"]["metadata"]["labels"]
    named = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert found["spec"]["selector"]["matchLabels"] == labels
    for service in of(objects, "Service"):
        assert service["spec"]["selector"] == labels
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(named)
    (budget,) = of(objects, "PodDisruptionBudget")
    (policy,) = of(objects, "NetworkPolicy")
    assert budget["spec"]["selector"]["matchLabels"] == policy["spec"]["podSelector"]["matchLabels"] == labels
    allowed = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
    assert sorted(allowed) == sorted(named)
    assert named["metrics"] == int(next(one["value"] for one in container["env"] if "METRICS_PORT" in one["name"]))


def test_a_claim_is_served_and_without_one_the_example() -> None:
    for values, folder in ((LEAST, "/opt/pathprint/bundles/digits"), (MOST, "/bundle")):
        _, _, container = deployment(values)
        assert container["args"][:2] == ["serve", folder]
        assert ("/bundle" in {mount["mountPath"] for mount in container["volumeMounts"]}) == (folder == "/bundle")
    assert {"name": "bundles", "mountPath": "/bundle", "readOnly": True, "subPath": "shop/digits"} in container[
        "volumeMounts"
    ]


def test_either_the_autoscaler_or_the_chart_sets_the_number_of_pods() -> None:
    assert deployment(LEAST)[0]["spec"]["replicas"] == VALUES["replicas"]
    scaled, _, _ = deployment(MOST)
    assert "replicas" not in scaled["spec"]
    (scaler,) = of(render(MOST), "HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["name"] == scaled["metadata"]["name"]
    (metric,) = scaler["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    assert f"`{name}`" in (ROOT / "docs" / "service-monitoring.md").read_text()
    adapter = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "prometheus-adapter.yaml").read_text())
    assert [rule["name"]["as"] for rule in adapter["rules"]["custom"]] == [name]


def test_prometheus_finds_the_metrics_under_the_name_that_the_alerts_are_about() -> None:
    objects = render(MOST)
    (monitor,) = of(objects, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    (service,) = (one for one in of(objects, "Service") if wanted <= one["metadata"]["labels"].items())
    assert [one["port"] for one in monitor["spec"]["endpoints"]] == [one["name"] for one in service["spec"]["ports"]]
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "pathprint"
    (rule,) = of(objects, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())


def test_versions_are_those_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert chart["version"] == chart["appVersion"] == version
    assert chart["kubeVersion"].startswith(f">={OLDEST}.")
    assert deployment(LEAST)[2]["image"] == f"pathprint:{version}"
