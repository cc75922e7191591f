"""Commands that are imported only when they are called, so that help and wrong calls are answered at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import wraps
from importlib import import_module
from inspect import cleandoc, getdoc, signature
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from pathprint.models.errors import ModelError
from pathprint.profiling.cli.mistakes import with_options
from pathprint.profiling.cli.results import results_apart
from pathprint.profiling.errors import ProfilingError


class Commands(TyperGroup):
    """A group of commands, each a function in a module of its own name.

    Attributes:
        package: where these modules lie.
        sections: by heading, what each command does in one line, by name.
    """

    def __init__(self, name: str, package: str, sections: Mapping[str, Mapping[str, str]], help_text: str) -> None:
        super().__init__(name=name, help=_kept_lines(help_text), rich_markup_mode=None)
        self.package, self.sections = package, sections

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the table."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:
        """Import the module of a command; return the command, or none if there is no such name in the table."""
        if cmd_name not in self.list_commands(ctx):
            return None
        found = getattr(import_module(f"{self.package}.{cmd_name}"), cmd_name)
        return found if isinstance(found, TyperGroup) else command_of(found)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is called, or refuse with the names that are most alike."""
        names = self.list_commands(ctx)
        if args[0] not in names:
            near = " or ".join(get_close_matches(args[0], names))
            ctx.fail(f"there is no command {args[0]!r}" + (f" (perhaps {near})" if near else ""))
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Answer a call without any arguments with the help."""
        if not args:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table of commands, without importing one of them."""
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl(list(commands.items()))


class _Command(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            if getattr(error, "ctx", None) is None:
                error.ctx = ctx  # type: ignore[attr-defined]  # typer leaves it out where an option lacks its value
            raise

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (ModelError, ProfilingError) as error:
            raise ProfilingError(with_options(str(error), self.params)) from error


def command_of(function: Callable[..., None]) -> TyperCommand:
    """Return the command that calls ``function``: its help is the docstring, its options are the parameters."""
    application = typer.Typer(add_completion=False, rich_markup_mode=None)
    called = _with_results_apart(function) if "as_json" in signature(function).parameters else function
    application.command(cls=_Command, help=_kept_lines(getdoc(function) or ""))(called)
    return cast(TyperCommand, typer.main.get_command(application))


def _with_results_apart(function: Callable[..., None]) -> Callable[..., None]:
    @wraps(function)
    def called(**given: Any) -> None:
        with results_apart():
            function(**given)

    return called


def _kept_lines(text: str) -> str:
    r"""Mark the example in a help text with ``\b``: it is not to be wrapped, so that it can be copied."""
    return cleandoc(text).replace("\n\nExample:", "\n\n\b\nExample:")
