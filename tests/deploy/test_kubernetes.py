"""The objects for Kubernetes that are no part of the chart are valid, guarded, and call commands that exist."""

from __future__ import annotations

import copy
import re
import shlex
import tomllib
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from pathprint.profiling.cli import main
from tests.deploy.objects import Object, judge, pods, read
from tests.deploy.test_chart import guarded
from tests.docs.pages import ROOT
from tests.docs.test_commands import problems

FOLDER = ROOT / "deploy" / "kubernetes"
OBJECTS = {path.stem: read(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))}
FOUND: dict[str, Object] = {name: found for name, (found,) in OBJECTS.items() if "kind" in found}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
each_object = pytest.mark.parametrize("found", FOUND.values(), ids=FOUND)


def ours(found: Object) -> list[Object]:
    """Return the pods of an object that run our image; the protected model's does not."""
    return [pod for pod in pods(found) if "pathprint" in pod["containers"][0].get("image", "")]


@each_object
def test_every_object_is_valid(found: Object) -> None:
    judge(found)


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("profile-job", ("spec", "retries"), 3),
        ("profile-job", ("spec", "template", "spec", "containers", 0, "arg"), []),
        ("profile-job", ("spec", "template", "spec", "restartPolicy"), 1),
        ("profile-rayjob", ("spec", "entryPoint"), "x"),
        ("profile-rayjob", ("spec", "submissionMode"), "Http"),
        ("profile-rayjob", ("metadata", "label"), {}),
        ("profile-rayjob", ("spec", "rayClusterSpec", "headGroupSpec", "rayStartParams", "num-cpus"), 0),
        ("profile-rayjob", ("spec", "rayClusterSpec", "headGroupSpec", "template", "spec", "container"), []),
        ("kserve-predictor", ("spec", "predictor", "minReplica"), 1),
        ("kserve-predictor", ("spec", "predictor", "containers", 0, "ports", 0, "containerPort"), "8080"),
        ("kserve-predictor", ("spec", "transformers"), {}),
        ("kserve-logger", ("spec", "predictor", "logger", "mode"), "requests"),
        ("kserve-logger", ("spec", "predictor", "model", "storage_uri"), "x"),
    ],
)
def test_mistakes_are_noticed(name: str, place: tuple[str | int, ...], value: object) -> None:
    changed: Any = copy.deepcopy(FOUND[name])
    at = changed
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        judge(changed)


@each_object
def test_our_pods_have_no_rights_and_run_our_image(found: Object) -> None:
    for pod in ours(found):
        guarded(pod)
        assert all(re.fullmatch(rf"pathprint(-batch)?:{VERSION}", one["image"]) for one in pod["containers"])


@pytest.mark.parametrize("name", ["profile-job", "profile-rayjob", "kserve-predictor"])
def test_commands_exist(name: str) -> None:
    found = FOUND[name]
    if name == "profile-rayjob":
        words = shlex.split(found["spec"]["entrypoint"])
    else:
        words = ["pathprint", *ours(found)[0]["containers"][0]["args"]]
    assert words[0] == "pathprint"
    assert not list(problems(main.commands, words))


@pytest.mark.parametrize("name", ["profile-job", "profile-rayjob"])
def test_results_go_to_a_claim_and_images_are_only_read(name: str) -> None:
    found = FOUND[name]
    text = found["spec"].get("entrypoint") or shlex.join(ours(found)[0]["containers"][0]["args"])
    for pod in ours(found):
        mounts = {one["mountPath"]: one for one in pod["containers"][0]["volumeMounts"]}
        claims = {one["name"]: one for one in pod["volumes"] if "persistentVolumeClaim" in one}
        assert mounts["/images"]["readOnly"] is True
        assert mounts["/jobs"]["name"] in claims
    assert "--data /images " in text
    assert "--out /jobs/" in text


def test_ray_is_the_one_in_the_image() -> None:
    (version,) = re.findall(r"^ray==(\S+)", (ROOT / "requirements" / "batch.txt").read_text(), re.MULTILINE)
    assert FOUND["profile-rayjob"]["spec"]["rayClusterSpec"]["rayVersion"] == version


def test_kserve_asks_the_port_that_is_served() -> None:
    (pod,) = ours(FOUND["kserve-predictor"])
    (container,) = pod["containers"]
    (port,) = container["ports"]
    assert container["args"][-2:] == ["--port", str(port["containerPort"])]
    for name in ("startup", "readiness", "liveness"):
        assert container[f"{name}Probe"]["httpGet"]["port"] == port["containerPort"]
    assert {"name": "PROTOCOL", "value": "v2"} in container["env"]


def test_the_payload_logger_asks_the_detector_by_its_name() -> None:
    detector, logged = FOUND["kserve-predictor"], FOUND["kserve-logger"]
    model, _, _ = ours(detector)[0]["containers"][0]["args"][1].partition("=")
    url = urlsplit(logged["spec"]["predictor"]["logger"]["url"])
    service, namespace = (url.hostname or "").split(".")[:2]
    assert url.path == f"/v2/models/{model}/infer"
    assert service == f"{detector['metadata']['name']}-predictor"
    assert namespace == logged["metadata"]["namespace"]
