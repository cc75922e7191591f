"""The hashed requirements are those of pyproject.toml: whatever is named there is pinned, within its bounds."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Compiled:
    """One call of ``make requirements``: what goes in, and the file that comes out."""

    file: str
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    project: bool
    others: tuple[str, ...]

    @property
    def wanted(self) -> list[Requirement]:
        """Everything that is asked for by name."""
        found = list(self.others)
        if self.project:
            found += PROJECT["project"]["dependencies"]
        for extra in self.extras:
            found += of_extra(extra)
        for group in self.groups:
            found += PROJECT["dependency-groups"][group]
        return [Requirement(text) for text in found]


def of_extra(extra: str) -> list[str]:
    """Return what an extra asks for; an extra may name other extras of this very project."""
    found = []
    for text in PROJECT["project"]["optional-dependencies"][extra]:
        named = Requirement(text)
        ours = named.name == PROJECT["project"]["name"]
        found += [one for other in sorted(named.extras) for one in of_extra(other)] if ours else [text]
    return found


def compiled() -> dict[str, Compiled]:
    """Return the calls in the Makefile by file."""
    found = {}
    for line in re.findall(r"^\t(.*\$\(COMPILE\).*)$", MAKEFILE, re.MULTILINE):
        before, _, call = line.rpartition("$(BIN)/$(COMPILE)")
        words = shlex.split(call)
        others = [word for word in shlex.split(before.rstrip("| ")) if word not in ("echo", "printf", "%s\\n")]
        options = list(pairwise(words))
        extras = tuple(value for option, value in options if option == "--extra")
        groups = tuple(value for option, value in options if option == "--group")
        file = next(value for option, value in options if option == "-o")
        found[file] = Compiled(file, extras, groups, "pyproject.toml" in words, tuple(others))
    return found


def unmet(wanted: list[Requirement], pinned: list[Requirement]) -> list[str]:
    """Return what is wanted and not pinned, or pinned to a version that is out of bounds."""
    versions: dict[str, list[str]] = {}
    for pin in pinned:
        versions.setdefault(canonicalize_name(pin.name), []).append(str(pin.specifier).removeprefix("=="))
    found = []
    for want in wanted:
        chosen = versions.get(canonicalize_name(want.name), [])
        if not chosen or not all(want.specifier.contains(version, prereleases=True) for version in chosen):
            found.append(f"{want} is pinned to {', '.join(chosen) or 'nothing'}")
    return found


def pins(file: str) -> list[Requirement]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return [Requirement(line.rstrip("\\ ")) for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]


CALLS = compiled()
EXTRAS = set(PROJECT["project"]["optional-dependencies"])


@pytest.mark.parametrize("file", sorted(CALLS))
def test_what_is_asked_for_is_pinned_within_its_bounds(file: str) -> None:
    assert not unmet(CALLS[file].wanted, pins(file)), "run make requirements"


@pytest.mark.parametrize("file", sorted(CALLS))
def test_every_pin_has_hashes_and_no_index_is_named(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins(file))
    assert not [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block]
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


def test_every_file_of_requirements_is_compiled_by_make() -> None:
    assert sorted(CALLS) == sorted(f"requirements/{path.name}" for path in (ROOT / "requirements").iterdir())


def test_developers_have_every_extra_with_either_pytorch() -> None:
    assert set(CALLS["requirements/dev.txt"].extras) == EXTRAS
    (listed,) = re.findall(r"--editable '\.\[([a-z,]+)\]'", MAKEFILE)
    assert set(listed.split(",")) == EXTRAS


@pytest.mark.parametrize(
    ("pinned", "said"),
    [
        ([], "is pinned to nothing"),
        (["tool-kit==1.9"], "is pinned to 1.9"),
        (["tool-kit==3.0"], "is pinned to 3.0"),
        (["tool-kit==2.1; python_version < '3.12'", "tool-kit==3.1; python_version >= '3.12'"], "2.1, 3.1"),
        (["tool-kit==2.1"], ""),
        (["Tool_Kit==2.1+cpu"], ""),
    ],
)
def test_a_pin_that_is_missing_or_out_of_bounds_is_noticed(pinned: list[str], said: str) -> None:
    found = unmet([Requirement("tool.kit>=2,<3")], [Requirement(text) for text in pinned])
    assert bool(found) == bool(said)
    assert said in " ".join(found)
