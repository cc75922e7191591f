"""What pages show of the command line exists: commands, and options of just these commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from pathprint.profiling.cli import main
from tests.docs.pages import PAGES, Page

_OPTION = re.compile(r"--[a-z][a-z-]*")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pytest.fixture(scope="module")
def program() -> TyperGroup:
    named = vars(main)  # a group of commands, or the application that one is made of
    found = named["commands"] if "commands" in named else get_command(named["application"])
    assert isinstance(found, TyperGroup)
    return found


@every_page
def test_commands_in_console_blocks_exist(page: Page, program: TyperGroup) -> None:
    wrong = [problem for words in page.console for problem in problems(program, words)]
    assert not wrong, f"{page.name}: {wrong}"


@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("pathprint detect b", ["pathprint", "detect", "b"]),
        (".venv/bin/pathprint serve", [".venv/bin/pathprint", "serve"]),
        ("A=1 B=2 pathprint serve b", ["pathprint", "serve", "b"]),
        ("docker run --rm -v x:/x pathprint scan b", ["pathprint", "scan", "b"]),
        ("docker build -t pathprint .", []),
        ("curl x", []),
        ("", []),
    ],
)
def test_calls_are_found_wherever_they_stand(line: str, called: list[str]) -> None:
    assert ours(shlex.split(line)) == called


@every_page
def test_commands_in_running_text_exist(page: Page, program: TyperGroup) -> None:
    names = set(subcommands(program))
    every = {"--help", *(option for one in everything(program) for option in options(one))}
    wrong: list[str] = []
    for code in page.code:
        first = code.split()[:1]
        if code.startswith("--"):
            wrong += [f"{option}: no command has it" for option in _OPTION.findall(code) if option not in every]
        elif first == ["pathprint"] or (first and first[0] in names and "--" in code):
            words = shlex.split(code.replace("…", ""))
            wrong += problems(program, words if first == ["pathprint"] else ["pathprint", *words])
    assert not wrong, f"{page.name}: {wrong}"


def problems(program: TyperGroup, words: list[str]) -> Iterator[str]:
    """Yield what is wrong with a command, if it is one of ours."""
    words = ours(words)
    if not words:
        return
    command: TyperCommand | TyperGroup = program
    rest = words[1:]
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        name, *rest = rest
        if name.isupper():  # a placeholder: `pathprint study NAME`
            return
        found = subcommands(command).get(name)
        if found is None:
            yield f"{shlex.join(words)}: there is no command {name}"
            return
        command = found
    for word in rest:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in {*options(command), "--help"}:
            yield f"{shlex.join(words)}: {command.name} has no option {option}"


def ours(words: list[str]) -> list[str]:
    """Return the part of a command line that calls us: after variables, and in a container after the image's name."""
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    if words[:2] in (["docker", "run"], ["podman", "run"]) and "pathprint" in words:
        words = words[words.index("pathprint") :]
    return words if words and words[0].rpartition("/")[2] == "pathprint" else []


def subcommands(group: TyperGroup) -> dict[str, TyperCommand | TyperGroup]:
    """Return the commands of a group, those included that it loads only when asked."""
    context = group.make_context(group.name, ["--help"], resilient_parsing=True)  # which shows no help
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: one for name, one in found.items() if isinstance(one, TyperCommand | TyperGroup)}


def options(command: TyperCommand | TyperGroup) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def everything(group: TyperGroup) -> Iterator[TyperCommand]:
    """Yield all commands, those of groups included."""
    for found in subcommands(group).values():
        if isinstance(found, TyperGroup):
            yield from everything(found)
        else:
            yield found
