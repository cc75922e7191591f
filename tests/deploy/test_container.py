"""The Dockerfile keeps its rules, and the program that the container starts chooses what to serve."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.deploy.starting import start

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    """Return each instruction of the Dockerfile as its name and the rest, without comments, on one line."""
    lines = "\n".join(line for line in TEXT.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def stages() -> list[list[Instruction]]:
    found: list[list[Instruction]] = [[]]
    for one in instructions():
        if one[0] == "FROM":
            found.append([])
        found[-1].append(one)
    return found


def values(stage: list[Instruction], name: str) -> list[str]:
    return [rest for found, rest in stage if found == name]


BEFORE, BUILD, LAST = stages()


def test_hadolint_has_nothing_to_say() -> None:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([program, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_both_stages_stand_on_one_base_which_the_builder_may_choose() -> None:
    assert [rest.split()[0] for stage in (BUILD, LAST) for rest in values(stage, "FROM")] == ["${BASE}"] * 2
    (default,) = values(BEFORE, "ARG")
    assert re.fullmatch(r"BASE=python:3\.\d+-slim", default)


def test_the_last_stage_installs_nothing_and_holds_nothing_that_installs() -> None:
    copied = values(LAST, "COPY")
    assert copied == ["--from=build /opt/pathprint /opt/pathprint"]
    (run,) = values(LAST, "RUN")
    commands = [command.split() for command in run.split("&&")]
    assert {words[0] for words in commands} == {"useradd", "rm", "mkdir", "ln"}
    (removed,) = (words for words in commands if words[0] == "rm")
    assert {"/usr/local/bin/pip*", "/usr/lib/python3*/ensurepip", "/usr/share/python-wheels"} <= set(removed)
    assert "--without-pip /opt/pathprint" in " ".join(values(BUILD, "RUN"))


def test_the_container_runs_as_a_user_without_rights() -> None:
    assert values(LAST, "USER") == ["10001:10001"]
    names = [name for name, _ in LAST]
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :])


@pytest.mark.parametrize("name", ["ENTRYPOINT", "CMD"])
def test_programs_are_started_without_a_shell(name: str) -> None:
    (form,) = values(LAST, name)
    assert isinstance(json.loads(form), list)


def test_health_is_asked_by_the_package_itself() -> None:
    (check,) = values(LAST, "HEALTHCHECK")
    words = json.loads(check.partition("CMD ")[2])
    assert words == [*start.SERVICE, "--health"]
    assert re.search(r"--start-period=(\d+)s", check)


def test_signals_reach_the_program_alone() -> None:
    """A second signal ends the service at once: neither its workers nor itself may get one from dumb-init as well."""
    (form,) = values(LAST, "ENTRYPOINT")
    first, *options = json.loads(form)
    assert (Path(first).name, options[:2]) == ("dumb-init", ["--single-child", "--"])
    assert values(LAST, "STOPSIGNAL") == ["SIGTERM"]


def test_no_index_is_named_and_no_argument_reaches_the_image() -> None:
    assert "//" not in " ".join(rest for _, rest in instructions())
    arguments = values(BUILD, "ARG")
    assert {"PIP_INDEX_URL", "UV_INDEX_URL", "TORCH_INDEX_URL"} <= set(arguments), "they have no defaults"
    assert values(LAST, "ARG") == []
    kept = " ".join(values(BUILD, "ENV") + values(LAST, "ENV") + values(LAST, "LABEL"))
    assert not re.search("URL|TOKEN|PASSWORD", kept)


def test_credentials_are_mounted_where_packages_are_fetched() -> None:
    fetching = [run for run in values(BUILD, "RUN") if "requirements/" in run]
    assert fetching
    for run in fetching:
        assert "type=secret,id=pip,target=/etc/pip.conf" in run
        assert "type=secret,id=uv,target=/etc/uv/uv.toml" in run


def test_the_label_has_the_version_of_the_project() -> None:
    assert f'image.version="{PROJECT["version"]}"' in " ".join(values(LAST, "LABEL"))


def test_the_context_holds_what_is_copied_and_no_more() -> None:
    first, *rest = (ROOT / ".dockerignore").read_text().split()
    assert first == "*"
    let_in = {line.removeprefix("!") for line in rest if line.startswith("!")}
    copied = {word for copy in values(BUILD, "COPY") for word in copy.split()[:-1]}
    assert let_in == copied
    assert all((ROOT / name).exists() for name in copied)


def packages(name: str) -> set[str]:
    """Return the packages, with their versions, in a file of hashed requirements; all have hashes."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    blocks = re.split(r"\n(?=\w)", text)
    assert all("--hash=sha256:" in block for block in blocks)
    return {block.split()[0] for block in blocks}


def test_the_tools_of_the_build_are_those_of_the_checkout() -> None:
    assert packages("bootstrap") <= packages("image")
    assert {one.partition("==")[0] for one in packages("image")} >= {"uv", "hatchling", "dumb-init"}


def test_jobs_at_scale_get_all_that_the_service_gets() -> None:
    names = {name: {one.partition("==")[0] for one in packages(name)} for name in ("service", "batch")}
    assert names["service"] <= names["batch"]
    assert {"ray", "pyarrow", "fsspec", "foolbox"} <= names["batch"]


@pytest.mark.parametrize("name", ["service", "batch"])
def test_cpu_wheels_replace_pytorch_and_what_belongs_to_its_gpus(name: str) -> None:
    """The expressions of the Dockerfile are applied: with TORCH=cpu all but PyTorch's own wheels are still hashed."""
    run = " ".join(values(BUILD, "RUN"))
    (cut,) = re.findall(r"sed -E '([^']+)'", run)
    (chosen,) = re.findall(r"grep -oE '([^']+)'", run)
    file = ROOT / "requirements" / f"{name}.txt"
    rest = subprocess.run(["sed", "-E", cut, file], capture_output=True, text=True, check=True).stdout
    torch = subprocess.run(["grep", "-oE", chosen, file], capture_output=True, text=True, check=True).stdout.split()
    left = {line.split()[0] for line in rest.splitlines() if "==" in line and line[:1].isalnum()}
    gone = {one.partition("==")[0] for one in packages(name) - left}
    assert [one.partition("==")[0] for one in torch] == ["torch", "torchvision"]
    assert {"torch", "torchvision", "triton"} <= gone
    assert all(one in ("torch", "torchvision", "triton") or one.startswith(("cuda-", "nvidia-")) for one in gone)


def test_without_arguments_the_mounted_bundle_is_served_and_else_the_example(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.mkdir()
    (full / "digits").mkdir(parents=True)
    everywhere = ["--host", "0.0.0.0"]
    for absent in (empty, tmp_path / "none"):
        assert start.command([], absent) == [*start.SERVICE, str(start.EMBEDDED), *everywhere]
    assert start.command([], full) == [*start.SERVICE, str(full), *everywhere]
    assert start.command(["scan", "--help"], full) == [start.PROGRAM, "scan", "--help"]


def test_only_the_example_is_served_to_anybody(tmp_path: Path) -> None:
    mounted = tmp_path / "bundle"
    allowed = "PATHPRINT_ALLOW_ANONYMOUS"
    assert start.environment([], {}, mounted) == {allowed: "true"}
    assert start.environment([], {allowed: "false"}, mounted) == {allowed: "false"}
    assert start.environment([], {"PATHPRINT_KEYS": "k"}, mounted) == {"PATHPRINT_KEYS": "k"}
    assert start.environment(["serve", "x"], {}, mounted) == {}
    (mounted / "1").mkdir(parents=True)
    assert start.environment([], {}, mounted) == {}


@pytest.mark.parametrize(
    ("name", "can_run", "kept"),
    [("x86-64-v3", True, True), ("x86-64-v3", False, False), ("host", True, False), ("haswell", False, True)],
)
def test_compiled_loops_are_used_where_the_processor_can_run_them(name: str, can_run: bool, kept: bool) -> None:
    variables = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": "", "OTHER": "1"}
    assert start.compiling(variables, can_run) == (variables if kept else {"OTHER": "1"})
    assert start.compiling({"OTHER": "1"}, can_run) == {"OTHER": "1"}


ALL = "flags\t\t: fpu " + " ".join(sorted(start.NEEDED))


@pytest.mark.parametrize(
    ("machine", "cpuinfo", "can_run"),
    [
        ("x86_64", ALL, True),
        ("x86_64", f"{ALL}\nmodel name : x\n{ALL}", True),
        ("aarch64", ALL, False),
        ("x86_64", "", False),
        ("x86_64", f"{ALL}\nflags : fpu avx", False),
        *(("x86_64", ALL.replace(f" {one}", ""), False) for one in sorted(start.NEEDED)),
    ],
)
def test_a_processor_must_have_all_the_instructions(machine: str, cpuinfo: str, can_run: bool) -> None:
    assert start.runs_v3(machine, cpuinfo) is can_run
