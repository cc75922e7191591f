"""The program that the container starts, as a module: it lies in no package, and runs before any is imported."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

_FILE = Path(__file__).parents[2] / "deploy" / "container" / "start.py"


def _loaded() -> ModuleType:
    spec = spec_from_file_location("container_start", _FILE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


start = _loaded()
