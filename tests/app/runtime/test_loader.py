"""Loading beside what answers: it takes its place as a whole, or nothing changes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime import memory
from pathprint.app.runtime.loader import Loader
from pathprint.app.runtime.loading import Wanted
from pathprint.app.runtime.models import Loaded, Models
from pathprint.app.server.hangup import on_hangup
from pathprint.models.network import canonical_json
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.manifest import sealed
from tests.app.bundles import damage, variant
from tests.app.collection import without_collection

SECONDS = 60


async def nothing(models: Models) -> None:
    """Do nothing with the first models."""


def loading(given: Path | str, scenario: Callable[[Loader], Awaitable[None]], default: str | None = None) -> None:
    """Run a scenario with a loader of what lies in a folder."""

    async def run() -> None:
        loader = Loader(Wanted((str(given),), default), nothing)
        try:
            await asyncio.wait_for(scenario(loader), SECONDS)
        finally:
            loader.close()

    asyncio.run(run())


def keys(loaded: tuple[Loaded, ...] | Models | None) -> list[tuple[str, str]]:
    return [one.key for one in loaded or ()]


@pytest.fixture
def repository(bundle: Bundle, tmp_path: Path) -> Path:
    """A model in two versions."""
    variant(bundle, tmp_path / "digits" / "1", 1)
    variant(bundle, tmp_path / "digits" / "2", 2)
    return tmp_path


def test_a_reload_keeps_what_is_unchanged_and_tells_what_is_not(bundle: Bundle, repository: Path) -> None:
    async def scenario(loader: Loader) -> None:
        first = await loader.load()
        assert keys(first.loaded) == keys(loader.models) == [("digits", "2"), ("digits", "1")]
        held = loader.models
        variant(bundle, repository / "digits" / "3", 3)
        (repository / "digits" / "1").rename(repository / ".digits-1")
        second = await loader.load()
        assert (keys(second.loaded), keys(second.kept)) == ([("digits", "3")], [("digits", "2")])
        assert keys(second.removed) == [("digits", "1")]
        assert held is not None and loader.models is not None
        assert loader.models.get(version="2") is held.get(version="2")
        assert not (await loader.load()).changed
        assert loader.outcomes == {"swapped": 2, "unchanged": 1}

    loading(repository, scenario)


def test_versions_differ_in_what_they_judge_by(bundle: Bundle, repository: Path) -> None:
    async def scenario(loader: Loader) -> None:
        await loader.load()
        assert loader.models is not None
        thresholds = [loader.models.get("digits", version).detector.calibration.threshold for version in ("1", "2")]
        before = bundle.detector.calibration.threshold
        assert thresholds == [before + 1, before + 2]

    loading(repository, scenario)


def refuse_memory(repository: Path, bundle: Bundle, patch: pytest.MonkeyPatch) -> None:
    variant(bundle, repository / "digits" / "3", 3)
    patch.setattr(memory, "available", lambda: 1)


BREAKS: dict[str, Callable[[Path, Bundle, pytest.MonkeyPatch], object]] = {
    "a flipped bit": lambda folder, bundle, patch: damage(folder / "digits" / "2"),
    "a version without a manifest": lambda folder, bundle, patch: (folder / "digits" / "3").mkdir(),
    "a name that no client could write": lambda folder, bundle, patch: variant(bundle, folder / "a b" / "1", 3),
    "no folder": lambda folder, bundle, patch: folder.rename(folder.with_name("gone")),
    "no default": lambda folder, bundle, patch: (folder / "digits").rename(folder / "other"),
    "too little memory": refuse_memory,
    "a manifest of another version": lambda folder, bundle, patch: (
        folder / "digits" / "2" / "manifest.json"
    ).write_text('{"schema": 99}'),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_refused_reload_changes_nothing(
    kind: str, bundle: Bundle, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(loader: Loader) -> None:
        await loader.load()
        held = loader.models
        BREAKS[kind](repository, bundle, monkeypatch)
        with capture_logs() as logs, pytest.raises(ProblemError) as refusal:
            await loader.load()
        assert loader.models is held
        assert refusal.value.code == "reload_failed"
        assert str(repository) not in refusal.value.detail
        assert loader.outcomes == {"swapped": 1, "failed": 1}
        assert loader.stages == {}
        (line,) = [line for line in logs if line["event"] == "bundles refused"]
        assert line["reason"]
        assert "traceback" not in line

    loading(repository, scenario, default="digits")


def test_a_golden_image_with_another_score_is_refused(bundle: Bundle, repository: Path) -> None:
    async def scenario(loader: Loader) -> None:
        await loader.load()
        held = loader.models
        # Its files are those of the manifest, but the manifest says another score: another processor, say.
        forge_golden(repository / "digits" / "2")
        with capture_logs() as logs, pytest.raises(ProblemError):
            await loader.load()
        assert loader.models is held
        assert "golden image" in logs[-1]["reason"]
        assert (logs[-1]["bundle"], logs[-1]["stage"]) == ("digits 2", "loading")

    loading(repository, scenario)


def forge_golden(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["golden"]["score"] += 1
    (folder / "manifest.json").write_bytes(canonical_json(sealed(manifest)))


def test_one_loading_runs_at_a_time_and_ends_without_its_caller(repository: Path) -> None:
    async def scenario(loader: Loader) -> None:
        caller = asyncio.create_task(loader.load())
        await asyncio.sleep(0)
        with pytest.raises(ProblemError) as refusal:
            await loader.load()
        assert refusal.value.code == "reload_in_progress"
        caller.cancel()
        while loader.models is None:
            await asyncio.sleep(0.01)
        assert loader.outcomes == {"swapped": 1}

    loading(repository, scenario)


def test_hangups_during_a_loading_are_followed_by_one_more(bundle: Bundle, repository: Path) -> None:
    async def scenario(loader: Loader) -> None:
        with on_hangup(loader.load_soon):
            os.kill(os.getpid(), signal.SIGHUP)
            while not loader.stages:
                await asyncio.sleep(0)
            for _ in range(5):
                os.kill(os.getpid(), signal.SIGHUP)
            while loader.outcomes.total() < 2:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
        assert loader.outcomes == {"swapped": 1, "unchanged": 1}

    loading(repository, scenario)


def test_a_bundle_lives_as_long_as_a_request_holds_it(bundle: Bundle, tmp_path: Path) -> None:
    async def scenario(loader: Loader) -> None:
        await loader.load()
        assert loader.models is not None
        taken = loader.models.get()
        watched = weakref.ref(taken.detector.network.graph)
        variant(bundle, tmp_path / "digits", 2)
        swap = await loader.load()
        (removed,) = swap.removed
        assert removed is taken
        assert taken.detector.examine(bundle.golden[None])
        with without_collection(), capture_logs() as logs:
            del taken, removed, swap
            while not logs:
                await asyncio.sleep(0.01)
            assert logs[0]["event"] == "bundle released"
            assert watched() is None, "the weights of a bundle that nobody holds wait for a garbage collection"

    variant(bundle, tmp_path / "digits", 1)
    loading(tmp_path / "digits", scenario)
