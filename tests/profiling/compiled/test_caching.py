"""Compiled code is found again while no source changes, and never after one has."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pathprint.profiling.compiled import caching

PROFILING = Path(caching.__file__).parents[1]


def test_every_compiled_function_is_in_a_file_that_is_hashed() -> None:
    users = [path for path in PROFILING.rglob("*.py") if "caching import" in path.read_text()]
    assert len(users) >= 6
    assert set(users) <= set(caching.sources())


def test_only_one_file_asks_numba_to_compile() -> None:
    found = [path.name for path in PROFILING.rglob("*.py") if "njit(" in path.read_text()]
    assert found == ["caching.py"]


def test_the_hash_changes_with_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for source in caching.sources():
        copy = tmp_path / source.relative_to(PROFILING)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    monkeypatch.setattr(caching, "_PROFILING", tmp_path)
    fresh = caching.sources_hash.__wrapped__
    seen = {fresh()}
    for copy in caching.sources():
        copy.write_text(copy.read_text() + "\n")
        seen.add(fresh())
    assert len(seen) == len(caching.sources()) + 1


PROGRAM = """
import numba
before = numba.config.CACHE_DIR
from pathprint.profiling.compiled import caching
from pathprint.profiling.signatures.compiled_adding import add_up
from pathprint.profiling.signatures.adding import RANKS
import numpy as np
one = np.zeros((1, 2), np.int64)
tables = tuple(np.zeros((2, 2)) for _ in range(3))
add_up(np.array([0, 1]), np.array([0]), np.zeros((1, 1), np.uint8), one, tables, np.zeros((1, 2 + 3 * RANKS)))
assert numba.config.CACHE_DIR == before, "the numba of others is left as it was"
print(caching.cache_folder(), sum(add_up.stats.cache_hits.values()), sum(add_up.stats.cache_misses.values()))
"""


def run(*before: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [*before, sys.executable, "-c", PROGRAM],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
READS_ALL = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--bounding-set=-all,+dac_read_search")
"""For a Python that lies in a home that others cannot read."""


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="only root can become another user")
def test_what_the_administrator_compiled_is_used_by_a_user_without_a_home() -> None:
    place = Path(tempfile.mkdtemp(prefix="administered-", dir="/var/tmp"))
    place.chmod(0o755)
    try:
        run(NUMBA_CACHE_DIR=str(place))
        folder, hits, misses = run(*NOBODY, *READS_ALL, NUMBA_CACHE_DIR=str(place), HOME="/nonexistent")
        assert (hits, misses) == ("1", "0")
        assert not Path(folder).exists(), "the copy is gone with its process"
        for path in place.rglob("*.nbi"):
            path.chmod(0o666)
        assert run(*NOBODY, *READS_ALL, NUMBA_CACHE_DIR=str(place), HOME="/nonexistent")[:2] == ["None", "0"]
    finally:
        shutil.rmtree(place)


@pytest.mark.slow
def test_compiled_code_is_found_again_where_it_was_asked_to_be(tmp_path: Path) -> None:
    folder = str(tmp_path / f"pathprint-{caching.sources_hash()}")
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == [folder, "0", "1"]
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == [folder, "1", "0"]


@pytest.mark.slow
def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    """Numba unpickles what it finds there."""
    folder = tmp_path / f"pathprint-{caching.sources_hash()}"
    folder.mkdir()
    folder.chmod(0o777)
    assert run(NUMBA_CACHE_DIR=str(tmp_path))[:2] == ["None", "0"]


@pytest.mark.slow
def test_where_nothing_can_be_written_it_compiles_anew(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run(NUMBA_CACHE_DIR=str(tmp_path / "file" / "below"))[:2] == ["None", "0"]
