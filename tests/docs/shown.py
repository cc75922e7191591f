"""What README.md and the tutorial have their readers do, in order: files to create, and commands with their output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from markdown_it.token import Token

from tests.docs.pages import ROOT, Page

FOLLOWED = [Page(ROOT / "README.md"), Page(ROOT / "docs" / "tutorial.md")]
SHELLS = ("console", "sh", "bash", "shell", "zsh")
_MARK = re.compile(r"<!-- not run: (\S.+) -->")
_CREATED = re.compile(r"Create `([^`]+)`:$")


@dataclass(frozen=True)
class Shown:
    """A command, and the lines that the page shows below it; ``…`` in them stands for anything."""

    command: str
    lines: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """What the whole output has to match; a line that is ``…`` stands for any number of lines."""
        parts = (r"(?:.*\n)*?" if line == "…" else _any(line) + r"\n" for line in self.lines)
        return "".join(parts)


def _any(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.rstrip().split("…"))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the block of text or the comment right above it."""

    fence: Token
    above: str

    @cached_property
    def is_shell(self) -> bool:
        return self.fence.info.split()[:1] in ([name] for name in SHELLS)

    @property
    def not_run(self) -> str | None:
        """Why the block is not run, if its page says so."""
        found = _MARK.fullmatch(self.above.strip())
        return found[1] if found else None

    @property
    def created(self) -> str | None:
        """The file that the reader is to create with this content."""
        found = _CREATED.search(" ".join(self.above.split()))
        return found[1] if found else None

    @property
    def commands(self) -> Iterator[Shown]:
        """The commands of a console block: lines that start with ``$``, continued at a backslash."""
        for part in re.split(r"^\$ ", self.fence.content, flags=re.MULTILINE)[1:]:
            command, *lines = re.sub(r"\\\n *", "", part).splitlines()
            yield Shown(command, tuple(lines))


def blocks(page: Page) -> list[Block]:
    """Return the fenced blocks of a page."""
    found, above = [], ""
    for token in page.tokens:
        if token.type == "fence":
            found.append(Block(token, above))
        if token.content:
            above = token.content
    return found
