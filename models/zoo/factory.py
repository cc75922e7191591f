"""Networks that a user's own function makes: ``package.module:factory``, found in the current directory first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from inspect import iscoroutine, signature
from pathlib import Path
from sysconfig import get_paths
from traceback import extract_tb
from types import ModuleType

from torch import nn
from torch.export import ExportedProgram

from pathprint.models.errors import FactoryError, UnknownNetworkError
from pathprint.models.zoo.names import check_module, no_module

_SHOWN_NAMES = 10
_SHOWN_LETTERS = 300
_SHOWN_ITEMS = 3
_INSTALLED = {path for name, path in get_paths().items() if "lib" in name}
"""Folders of the standard library and of installed packages."""


def made_by(module_name: str, function: str) -> nn.Module:
    """Return what ``function`` of the module called ``module_name`` returns when it is called without arguments.

    If ``function`` is the name of a torch module itself, that is returned.

    While the module is imported and the function called, the current directory is first on ``sys.path``. A module that
    is imported already is not imported again, so a ``torch.py`` in that directory does not hide the library.

    Raises:
        UnknownNetworkError: ``module_name`` is not a dotted name, or there is no such module or function.
        FactoryError: the module or the function raised, the function needs arguments, or returned no torch module.
    """
    name, here = f"{module_name}:{function}", Path.cwd()
    check_module(module_name, function)
    with searched_first(here), _found_in(here, module_name):
        factory = _function(_imported(module_name, here), function)
        if isinstance(factory, nn.Module):
            return factory
        _check_arguments(name, factory)
        try:
            made = factory()
        except BaseException as error:  # a user's code may raise anything; the message says it in one sentence
            if isinstance(error, KeyboardInterrupt):
                raise
            raise FactoryError(f"{name} raised {_told(error, here)}.") from error
    if not isinstance(made, nn.Module):
        raise FactoryError(f"{name} returned {_kind(made)}, not a torch module. {_advice(made)}")
    return made


def _check_arguments(name: str, factory: Callable[..., object]) -> None:
    """Refuse a factory that cannot be called without arguments."""
    try:
        parameters = signature(factory).parameters.values()
    except (TypeError, ValueError):  # written in C, without a signature
        return
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if needed:
        raise FactoryError(
            f"{name} needs arguments ({', '.join(needed)}). Write a function without arguments that calls it, and give "
            "the name of that function."
        )


def _kind(made: object) -> str:
    if isinstance(made, type):
        return f"the class {made.__name__}"
    if isinstance(made, tuple | list):
        return f"a {type(made).__name__} of {', '.join(type(item).__name__ for item in made[:_SHOWN_ITEMS])}"
    return type(made).__name__


def _advice(made: object) -> str:
    """Say what a factory should return in place of what it returned."""
    if made is None:
        return "Perhaps a `return` is missing."
    if isinstance(made, type) and issubclass(made, nn.Module):
        return f"Return an instance: {made.__name__}(…)."
    if isinstance(made, tuple | list) and any(isinstance(item, nn.Module) for item in made):
        return "Return the module alone."
    if isinstance(made, Mapping):
        return "Return a module that has loaded these weights."
    if iscoroutine(made):
        made.close()
        return "Write `def` in place of `async def`."
    if isinstance(made, ExportedProgram):
        return "Write it with torch.export.save, and give the name of that file, which ends in .pt2."
    return "Return an instance of torch.nn.Module."


@contextmanager
def searched_first(folder: Path) -> Iterator[None]:
    """Keep ``folder`` first on ``sys.path`` inside the block."""
    entry = str(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)


@contextmanager
def _found_in(folder: Path, name: str) -> Iterator[None]:
    """Inside the block, let the module called ``name`` be found in ``folder``, if it is there.

    If its outermost package has the name of one that was imported from elsewhere, the imported one is set aside inside
    the block. So users may call their package ``models``, even if a package of that name is installed, or
    ``profiling``, which the standard library has too from Python 3.15 on.
    """
    top, file = name.partition(".")[0], folder.joinpath(*name.split("."))
    if name in sys.modules or not (file.with_suffix(".py").is_file() or (file / "__init__.py").is_file()):
        yield
        return
    imported = {} if _lies_in(folder, sys.modules.get(top)) else _modules_of(top)
    for other in imported:
        del sys.modules[other]
    finder = _Finder(top, folder)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if imported:
            for own in _modules_of(top):
                del sys.modules[own]
            sys.modules.update(imported)


class _Finder:
    """Finds the outermost package or module called ``top`` in ``folder``, and nothing else."""

    def __init__(self, top: str, folder: Path) -> None:
        self.top, self.folder = top, folder

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [str(self.folder)]) if name == self.top else None


def _modules_of(top: str) -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name == top or name.startswith(f"{top}.")}


def _lies_in(folder: Path, package: ModuleType | None) -> bool:
    """Say whether an imported ``package`` is a folder directly inside ``folder``."""
    return any(Path(path).parent == folder for path in getattr(package, "__path__", ()))


def _imported(name: str, here: Path) -> ModuleType:
    try:
        return import_module(name)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        # A module that is missing inside a user's module is that module's mistake, not a wrong name.
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise no_module(name) from error
        raise FactoryError(f"the module {name} raised {_told(error, here)} while it was imported.") from error


def _function(module: ModuleType, name: str) -> Callable[[], object]:
    found = getattr(module, name, None)
    if callable(found):
        made: Callable[[], object] = found
        return made
    where = f"{module.__name__} ({getattr(module, '__file__', None) or 'built in'})"
    if found is not None:
        raise UnknownNetworkError(f"{name} in {where} is {type(found).__name__}, not a function.")
    raise UnknownNetworkError(f"{where} has no function {name!r}; {_offered(module)}.")


def _offered(module: ModuleType) -> str:
    """Say which functions and classes a module has: its own before those that it imported, ten at most."""
    public = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    own = [name for name in public if getattr(vars(module)[name], "__module__", None) == module.__name__]
    names = list(dict.fromkeys([*own, *public]))
    more = ", …" if len(names) > _SHOWN_NAMES else ""
    return f"it has {', '.join(names[:_SHOWN_NAMES])}{more}" if names else "it has no functions"


def _told(error: BaseException, here: Path) -> str:
    """Return type and message of an exception in one line, with the file and line of the user's code that raised it."""
    message = " ".join((error.msg if isinstance(error, SyntaxError) else _message(error)).split())
    short = message if len(message) <= _SHOWN_LETTERS else f"{message[:_SHOWN_LETTERS]} …"
    told = f"{type(error).__name__}: {short}" if short else type(error).__name__
    file, line = _place(error)
    if not file:
        return told
    path = Path(file)
    return f"{told} ({path.relative_to(here) if path.is_relative_to(here) else path}, line {line})"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # the exception's own __str__
        return ""


def _place(error: BaseException) -> tuple[str, int | None]:
    """Return file and line of a traceback's last step in the user's own code, or of its last step outside of it."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    steps = [(step.filename, step.lineno) for step in extract_tb(error.__traceback__) if _is_theirs(step.filename)]
    own = [step for step in steps if not any(Path(step[0]).is_relative_to(folder) for folder in _INSTALLED)]
    return (own or steps or [("", None)])[-1]


def _is_theirs(file: str) -> bool:
    """Say whether a step of a traceback lies neither in this file nor in the import system."""
    return file != __file__ and not file.startswith("<") and Path(file).parent.name != "importlib"
