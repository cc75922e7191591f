"""Run an image as an unprivileged user on a read-only root: by docker or podman, or by buildah and namespaces."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.docs.pages import ROOT

Done = subprocess.CompletedProcess[bytes]
USER = 10001
SECONDS = 900


class Running(Protocol):
    """A container that runs."""

    def run(self, command: Sequence[str], given: bytes = b"") -> Done:
        """Run a command inside."""
        ...

    def stop(self) -> int:
        """Ask process 1 to end; return its exit status."""
        ...

    def status(self) -> int:
        """Wait until process 1 ends; return its exit status."""
        ...


class Engine(Protocol):
    """What builds and runs images."""

    def build(self, arguments: dict[str, str]) -> str:
        """Build the image of the checkout; return its name."""
        ...

    def started(self, image: str, arguments: Sequence[str], work: Path) -> AbstractContextManager[Running]:
        """Return a context in which a container runs with these arguments, and with a folder at ``/jobs``."""
        ...


def present() -> Engine | None:
    """Return an engine of this machine that answers."""
    for name in ("docker", "podman"):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return ByEngine(name)
    return ByBuildah() if shutil.which("buildah") and os.getuid() == 0 else None


def _build(program: Sequence[str], arguments: dict[str, str]) -> str:
    name = f"localhost/pathprint-test:{uuid.uuid4().hex[:12]}"
    given = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    subprocess.run([*program, *given, "--tag", name, str(ROOT)], check=True)
    return name


class ByEngine:
    """Docker or podman."""

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, arguments: dict[str, str]) -> str:
        form = ["--format", "docker"] if self.name == "podman" else []
        return _build([self.name, "build", *form], arguments)

    @contextmanager
    def started(self, image: str, arguments: Sequence[str], work: Path) -> Iterator[Running]:
        name = f"pathprint-test-{uuid.uuid4().hex[:12]}"
        guard = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        mounted = ["--network", "none", "--volume", f"{work}:/jobs"]
        command = [self.name, "run", "--detach", "--name", name, *guard, *mounted, image, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        try:
            yield _Named(self.name, name)
        finally:
            subprocess.run([self.name, "rm", "--force", name], capture_output=True, check=False)


class _Named:
    def __init__(self, engine: str, name: str) -> None:
        self.engine, self.name = engine, name

    def run(self, command: Sequence[str], given: bytes = b"") -> Done:
        words = [self.engine, "exec", "--interactive", self.name, *command]
        return subprocess.run(words, input=given, capture_output=True, timeout=SECONDS, check=False)

    def stop(self) -> int:
        subprocess.run([self.engine, "kill", "--signal", "TERM", self.name], capture_output=True, check=False)
        return self.status()

    def status(self) -> int:
        done = subprocess.run([self.engine, "wait", self.name], capture_output=True, timeout=SECONDS, check=True)
        return int(done.stdout)


START = """set -e
root=$1 work=$2; shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$work" "$root/jobs"
ip link set lo up
exec "$@"
"""


class ByBuildah:
    """Buildah builds; the image runs in namespaces of its own, as its configuration says."""

    program = ("buildah", "--storage-driver", "vfs")

    def build(self, arguments: dict[str, str]) -> str:
        return _build([*self.program, "build", "--isolation", "chroot", "--format", "docker"], arguments)

    @contextmanager
    def started(self, image: str, arguments: Sequence[str], work: Path) -> Iterator[Running]:
        name = self._ask("from", image)
        try:
            root = self._ask("mount", name)
            settings = json.loads(self._ask("inspect", "--type", "image", image))["Docker"]["config"]
            words = [*settings["Entrypoint"], *(arguments or settings["Cmd"] or [])]
            chroot = _chroot(root, settings)
            spaces = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]
            command = [*spaces, "sh", "-c", START, "sh", root, str(work), *chroot, *words]
            process = subprocess.Popen(command)
            try:
                yield _InNamespaces(process, chroot)
            finally:
                process.kill()
                process.wait()
        finally:
            self._ask("rm", name)

    def _ask(self, *words: str) -> str:
        return subprocess.run([*self.program, *words], capture_output=True, text=True, check=True).stdout.strip()


def _chroot(root: str, settings: dict[str, Any]) -> list[str]:
    """Return the words before a command that is to run inside with the user, folder and variables of the image."""
    user, folder = settings["User"], settings["WorkingDir"]
    return ["chroot", f"--userspec={user}", root, "env", "-i", f"--chdir={folder}", *settings["Env"]]


class _InNamespaces:
    def __init__(self, process: subprocess.Popen[bytes], chroot: Sequence[str]) -> None:
        self.process, self.chroot = process, chroot

    def first(self) -> int:
        """Return the number that process 1 has outside."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        assert children, "the container has ended"
        return int(children[0])

    def run(self, command: Sequence[str], given: bytes = b"") -> Done:
        enter = ["nsenter", "--target", str(self.first()), "--mount", "--pid", "--net"]
        words = [*enter, *self.chroot, *command]
        return subprocess.run(words, input=given, capture_output=True, timeout=SECONDS, check=False)

    def stop(self) -> int:
        os.kill(self.first(), signal.SIGTERM)
        return self.status()

    def status(self) -> int:
        return self.process.wait(SECONDS)


def build_arguments() -> dict[str, str]:
    """Return what the environment says about the build: ``PATHPRINT_TEST_BUILD_ARGS`` is ``NAME=VALUE NAME=VALUE``."""
    given = shlex.split(os.environ.get("PATHPRINT_TEST_BUILD_ARGS", ""))
    found = dict(word.split("=", 1) for word in given)
    if base := os.environ.get("PATHPRINT_TEST_BASE"):
        found["BASE"] = base
    return found
