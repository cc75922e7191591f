"""README.md and the tutorial are followed to the letter: files are created, commands run, their output compared.

Each page has a folder of its own, which looks like a checkout after ``make install``: a virtual environment with this
checkout of the package, and the libraries of the environment that the tests run in. No network is reached.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Page
from tests.docs.shown import FOLLOWED, Block, Shown, blocks

NOWHERE = "http://127.0.0.1:9"
SECONDS = 1200
START = """#!{python}
from pathprint.profiling.cli.main import main
if __name__ == "__main__":  # worker processes import this file
    main()
"""


@dataclass(frozen=True)
class Reader:
    """Somebody who does what a page says, in a folder; the service is on a free port in place of 8000."""

    folder: Path
    environment: dict[str, str]
    port: int

    def create(self, name: str, content: str) -> None:
        (self.folder / name).write_text(content, encoding="utf-8")

    def run(self, shown: Shown) -> None:
        """Run a command; its status is 0, and its output what the page shows, if it shows any."""
        command = shown.command.replace(":8000", f":{self.port}")
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, stdout=-1, stderr=-2, timeout=SECONDS
        )
        output = done.stdout.decode()
        assert done.returncode == 0, f"{command}: {output}"
        if shown.lines:
            ended = output if output.endswith("\n") else output + "\n"
            assert re.fullmatch(shown.pattern, ended), f"{command} shows something else:\n{output}"

    @contextmanager
    def serving(self, shown: Shown) -> Iterator[None]:
        """Have the service run, once it is ready."""
        command = ["bash", "-c", f"exec {shown.command.partition('#')[0].strip()} --port {self.port}"]
        with subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL) as server:
            try:
                self._wait(server)
                yield
            finally:
                server.terminate()

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        for _ in range(4 * SECONDS):
            assert server.poll() is None, "the service has ended"
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10).close()
                return
            time.sleep(0.25)
        raise AssertionError("the service does not get ready")


def installed(folder: Path) -> Path:
    """Make what ``make install`` leaves in a checkout; return the folder of its programs."""
    venv.create(folder / ".venv", symlinks=True)
    (site,) = (folder / ".venv").glob("lib/python*/site-packages")
    (site / "checkout.pth").write_text(f"{ROOT / 'src'}\n{sysconfig.get_path('purelib')}\n")
    programs = folder / ".venv" / "bin"
    (programs / "pathprint").write_text(START.format(python=programs / "python"))
    (programs / "pathprint").chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "requirements/dev.txt", "requirements/bootstrap.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
        os.utime(folder / name, (0, 0))  # older than what was made of it
    (folder / ".venv" / ".installed").touch()
    return programs


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    programs = installed(tmp_path)
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    proxies = {f"{kind}_proxy": NOWHERE for kind in ("http", "https", "all")}
    environment = kept | proxies | {"no_proxy": "127.0.0.1", "PATH": f"{programs}{os.pathsep}{kept['PATH']}"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Reader(tmp_path, environment, int(free.getsockname()[1]))


def follow(page: Page, reader: Reader) -> Iterator[str]:
    """Do what a page says; yield the commands that were run. The service runs until another one is started."""
    with ExitStack() as running:
        for block in blocks(page):
            if block.created:
                reader.create(block.created, block.fence.content)
            for shown in block.commands if block.is_shell and not block.not_run else ():
                if "pathprint serve" in shown.command:
                    running.close()
                    running.enter_context(reader.serving(shown))
                else:
                    reader.run(shown)
                yield shown.command


@pytest.mark.slow
@pytest.mark.timeout(3600)  # two minutes of a processor, which others may use, too
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="the pages are for Linux")
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.name)
def test_following_the_page_works(page: Page, reader: Reader) -> None:
    commands = list(follow(page, reader))
    assert any("pathprint" in command or "quickstart" in command for command in commands)
    assert any(command.startswith("curl") for command in commands)


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for page in FOLLOWED for block in blocks(page) if block.not_run])
def test_a_block_that_cannot_be_run_here_is_listed(block: Block) -> None:
    pytest.skip(f"{block.not_run}: {'; '.join(shown.command for shown in block.commands)}")
