"""The parts of the reference that follow from the program, put in where a page has their mark.

A mark is a comment, ``<!-- written by the site: NAME -->``; the pages say what stands there where no site is built.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_FOLDER = Path(__file__).parent
_MARK = re.compile(r"<!-- written by the site: (\w+) -->")
_MEMBER = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)
"""A line of "Attributes:", with those that go on with it."""


def setup(app: Sphinx) -> None:
    """Have the marks replaced, and the OpenAPI document written."""
    app.connect("source-read", _replace_marks)
    app.connect("build-finished", _write_document)


def _replace_marks(app: Sphinx, docname: str, source: list[str]) -> None:
    source[0] = _MARK.sub(lambda mark: _PARTS[mark[1]](), source[0])


def _write_document(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        text = json.dumps(_document(), indent=2, ensure_ascii=False)
        (Path(app.outdir) / "docs" / "reference" / "openapi.json").write_text(text, encoding="utf-8")


def _library() -> str:
    """Return the public names, whose docstrings Sphinx fills in."""
    import pathprint

    def described(name: str) -> str:
        is_class = inspect.isclass(getattr(pathprint, name))
        kind, options = ("class", "   :members:\n") if is_class else ("function", "")
        return f"### {name}\n\n```{{eval-rst}}\n.. auto{kind}:: pathprint.{name}\n{options}```\n"

    return "\n".join(described(name) for name in pathprint.__all__)


def _commands() -> str:
    """Return the help of each command."""
    from typer.core import TyperGroup

    from pathprint.profiling.cli.main import commands

    def helped(command: Any, name: str, above: Any, depth: int) -> str:
        context = command.make_context(name, ["--help"], parent=above, resilient_parsing=True, terminal_width=100)
        text = command.get_help(context).replace("\b\n", "")
        part = f"{'#' * depth} {context.command_path}\n\n```text\n{text}\n```\n\n"
        if not isinstance(command, TyperGroup):
            return part
        inner = {one: command.get_command(context, one) for one in command.list_commands(context)}
        return part + "".join(helped(found, one, context, depth + (depth > 2)) for one, found in inner.items())

    return helped(commands, "pathprint", None, 2)


def _settings() -> str:
    """Return the settings of the service, group by group, as tables."""
    from pathprint.app.settings import Settings

    properties, parts = Settings.model_json_schema()["properties"], []
    for group in Settings.__bases__:
        if group.__module__ == Settings.__module__:
            title, _, text = inspect.cleandoc(group.__doc__ or "").partition("Attributes:")
            meanings = [(name, properties[name], meaning) for name, meaning in _MEMBER.findall(text)]
            parts.append(_rendered("settings.md.j2", title=title.split(" (")[0].strip(" .\n"), rows=meanings))
    return "\n".join(parts)


def _http() -> str:
    """Return all requests and answers of the service."""
    return _rendered("http.md.j2", document=_document())


@cache
def _document() -> dict[str, Any]:
    """Return the OpenAPI document of a service that has all routes."""
    from pathprint.app.main import create_app
    from pathprint.app.settings import Settings

    document: dict[str, Any] = create_app(settings=Settings(admin_calls=True)).openapi()
    return document


def kind_of(schema: dict[str, Any]) -> str:
    """Return in words which values a JSON schema allows; names of other schemas become links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(kind_of(one) for one in schema.get("anyOf", schema.get("oneOf")))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {kind_of(schema['items'])}" if "items" in schema else "list"
    return {"null": "nothing", "string": "text", "boolean": "true or false"}.get(
        schema.get("type", ""), schema.get("type", "anything")
    ) + _range(schema)


def _range(schema: dict[str, Any]) -> str:
    limits = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "to {}", "exclusiveMaximum": "below {}"}
    found = [text.format(f"{schema[name]:,}") for name, text in limits.items() if name in schema]
    return ", " + " ".join(found) if found else ""


def _rendered(template: str, **values: Any) -> str:
    environment = jinja2.Environment(  # noqa: S701  # it writes Markdown
        loader=jinja2.FileSystemLoader(_FOLDER), trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "kind": kind_of,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        "cell": lambda text: " ".join(str(text or "").split()).replace("|", "\\|"),
    }
    return environment.get_template(template).render(values)


_PARTS: dict[str, Callable[[], str]] = {
    "library": _library,
    "commands": _commands,
    "settings": _settings,
    "http": _http,
}
