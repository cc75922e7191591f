"""The workflow for a public repository is valid, runs what .ci/run runs, and trusts nothing that can change."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
CHECKS = ROOT / ".github" / "workflows" / "checks.yml"

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def read(path: Path) -> dict[str, Any]:
    """Return a workflow. YAML 1.1 takes the key ``on`` for a truth value; the schema wants it as a word."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if name is True else name: value for name, value in document.items()}


def commands(path: Path) -> Iterator[str]:
    """Yield the commands of a workflow, those with a value of the matrix once for each value."""
    for job in read(path)["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for step in job["steps"]:
            run = step.get("run", "")
            name = re.search(r"\$\{\{ matrix\.(\w+) \}\}", run)
            yield from (run.replace(name[0], value) for value in matrix[name[1]]) if name else (run,)


def made(lines: Iterator[str]) -> set[str]:
    """Return the targets of all calls of make."""
    calls = (line.split()[1:] for line in lines if line.startswith("make "))
    return {word for call in calls for word in call if re.fullmatch(r"[a-z][a-z-]*", word)}


@every_workflow
def test_it_is_valid_by_the_schema_of_workflows(path: Path) -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/github-workflows.json").read_text())
    jsonschema.validate(read(path), schema)


@every_workflow
def test_actions_are_pinned_by_hash_and_may_only_read(path: Path) -> None:
    assert read(path)["permissions"] == {"contents": "read"}
    used = re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8"))
    assert used
    for action, comment in used:
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r"  # v\d+\.\d+\.\d+", comment), action


@every_workflow
def test_every_target_is_in_the_makefile(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert made(commands(path)) <= targets


def test_what_ci_runs_is_run() -> None:
    ci = made(iter((ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()))
    assert ci
    assert ci <= made(commands(CHECKS))


def test_tests_run_on_every_version_from_the_oldest_on() -> None:
    versions = read(CHECKS)["jobs"]["tests"]["strategy"]["matrix"]["python"]
    required = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert f">={versions[0]}" == required
    assert versions == [f"3.{minor}" for minor in range(11, 11 + len(versions))]


def test_no_host_is_named() -> None:
    assert not [path.name for path in WORKFLOWS if "://" in path.read_text(encoding="utf-8")]
