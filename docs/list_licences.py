"""Write docs/licences.md: the licences of what the images install, as the installed packages declare them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
FILES = {"service": "requirements/service.txt", "jobs": "requirements/batch.txt"}
"""What uses the packages, with the file that names them."""
UNKNOWN, UNSEEN = "not declared", "not installed where this page was written"
_OSI, _LONGEST = "License :: OSI Approved :: ", 60
_HEAD = """# Licences

The licences of the packages that our images install, as each package declares them. The wheels of
some packages hold libraries with licences of their own, which lie beside them. Pathprint itself is
under the Apache License 2.0. `make licences` writes this page, and a test compares it with
[what is installed](../requirements/service.txt).

| package | licence | used by |
|---|---|---|
"""


def names(path: Path) -> list[str]:
    """Return the names of the packages in a file of requirements, each once."""
    return list(
        dict.fromkeys(re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==", path.read_text(encoding="utf-8"), re.MULTILINE))
    )


def licence(found: PackageMetadata) -> str:
    """Return the licence that a package declares: by expression, else by classifiers, else in a word of its own."""
    if expression := found.get("License-Expression"):
        return str(expression)
    classified = [one.removeprefix(_OSI) for one in found.get_all("Classifier") or () if one.startswith("License ::")]
    if classified:
        return ", ".join(sorted(one.removeprefix("License :: ") for one in classified))
    own = " ".join(str(found.get("License") or "").split())
    return own if 0 < len(own) <= _LONGEST else UNKNOWN


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield name, licence and use of each package; what is not installed here keeps what the page says."""
    users = {use: names(ROOT / file) for use, file in FILES.items()}
    earlier = {name: said for name, said, _ in listed()}
    for name in sorted({name for found in users.values() for name in found}):
        try:
            said = licence(metadata(name))
        except PackageNotFoundError:
            said = earlier.get(name, UNSEEN)
        yield name, said.replace("|", "/"), ", ".join(use for use, found in users.items() if name in found)


def listed() -> list[tuple[str, str, str]]:
    """Return the rows of the page as it is."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return re.findall(r"^\| ([\w.-]+) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)[1:]


if __name__ == "__main__":
    PAGE.write_text(_HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows()), encoding="utf-8")
