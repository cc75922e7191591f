"""Where keys are trusted, the service takes only bundles that one of them has signed, at the start and at each swap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from pathprint.app.main import create_app, from_environment
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.loader import Loader
from pathprint.app.runtime.loading import Wanted
from pathprint.app.runtime.models import Models
from pathprint.app.settings import Settings
from pathprint.profiling.detection import signing
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.bundle_files import SIGNATURE
from tests.app.admission.guarded import bearer, key_file
from tests.app.bundles import damage, variant
from tests.app.images import digit, encoded
from tests.app.server import post, problem, serving
from tests.profiling.detection.keys import KeyPair, key_pair


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return key_pair(tmp_path)


def signed(bundle: Bundle, folder: Path, pair: KeyPair, shift: float = 0) -> Bundle:
    made = variant(bundle, folder, shift)
    signing.sign(folder, pair.private)
    return made


def unsigned(bundle: Bundle, folder: Path, pair: KeyPair) -> None:
    variant(bundle, folder, 2)


def by_another_key(bundle: Bundle, folder: Path, pair: KeyPair) -> None:
    signed(bundle, folder, key_pair(folder.parent, "other"), 2)


def with_an_earlier_signature(bundle: Bundle, folder: Path, pair: KeyPair) -> None:
    earlier = (folder / SIGNATURE).read_bytes()
    variant(bundle, folder, 2)
    (folder / SIGNATURE).write_bytes(earlier)


def damaged(bundle: Bundle, folder: Path, pair: KeyPair) -> None:
    damage(folder)


def without_its_signature(bundle: Bundle, folder: Path, pair: KeyPair) -> None:
    (folder / SIGNATURE).unlink()


def no_longer_trusted(bundle: Bundle, folder: Path, pair: KeyPair) -> None:
    pair.public.write_bytes(key_pair(folder.parent, "next").public.read_bytes())


def without_keys(bundle: Bundle, folder: Path, pair: KeyPair) -> None:
    pair.public.unlink()


REFUSED: dict[Callable[[Bundle, Path, KeyPair], None], str] = {
    unsigned: "is not signed",
    by_another_key: "is not trusted",
    with_an_earlier_signature: "is not what was signed",
    damaged: "was changed",
    without_its_signature: "is not signed",
    no_longer_trusted: "is not trusted",
    without_keys: "cannot be read",
}


def loading(folder: Path, pair: KeyPair, scenario: Callable[[Loader], Awaitable[None]]) -> None:
    async def nothing(models: Models) -> None:
        pass

    async def run() -> None:
        loader = Loader(Wanted((str(folder),), trusted_keys=(pair.public,)), nothing)
        try:
            await asyncio.wait_for(scenario(loader), 120)
        finally:
            loader.close()

    asyncio.run(run())


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_a_swap_is_refused_and_the_bundle_that_answers_goes_on(
    bundle: Bundle, tmp_path: Path, pair: KeyPair, change: Callable[[Bundle, Path, KeyPair], None]
) -> None:
    folder = tmp_path / "digits"
    signed(bundle, folder, pair)

    async def scenario(loader: Loader) -> None:
        await loader.load()
        held = loader.models
        change(bundle, folder, pair)
        with capture_logs() as logs, pytest.raises(ProblemError):
            await loader.load()
        assert loader.models is held
        (line,) = [line for line in logs if line["event"] == "bundles refused"]
        assert REFUSED[change] in line["reason"]
        assert "traceback" not in line

    loading(folder, pair, scenario)


def test_a_newer_signed_bundle_takes_over(bundle: Bundle, tmp_path: Path, pair: KeyPair) -> None:
    async def scenario(loader: Loader) -> None:
        await loader.load()
        newer = signed(bundle, tmp_path / "digits", pair, 1)
        swap = await loader.load()
        assert [one.bundle.sha256 for one in swap.loaded] == [newer.sha256]

    signed(bundle, tmp_path / "digits", pair)
    loading(tmp_path / "digits", pair, scenario)


def test_over_http_an_unsigned_bundle_is_a_problem_and_the_signed_one_answers(
    bundle: Bundle, tmp_path: Path, pair: KeyPair
) -> None:
    folder = tmp_path / "digits"
    held = signed(bundle, folder, pair).sha256
    file, (secret,) = key_file(tmp_path, {"id": "operations", "scopes": ["admin"]})
    settings = Settings(
        bundle=(str(folder),), trusted_keys=(pair.public,), keys=file, allow_anonymous=True, admin_calls=True
    )
    app = create_app(settings=settings)
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        while client.get("/readyz").status_code != 200:
            pass
        variant(bundle, folder, 1)
        refusal = client.post("/v1/admin/reload", headers=bearer(secret))
        assert problem(refusal) == (409, "reload_failed")
        assert str(tmp_path) not in refusal.text
        assert post(client, encoded(digit(), "PNG")).json()["model"]["bundle_sha256"] == held


@pytest.mark.parametrize(
    ("keys", "installed", "named"),
    [
        ("/nowhere/release.pub", True, "/nowhere/release.pub cannot be read"),
        (__file__, True, "holds no public key"),
        ("[]", True, "trusts nobody"),
        ("[release.pub]", True, "JSON"),
        (__file__, False, "pip install 'pathprint[sign]'"),
    ],
)
def test_keys_that_cannot_be_used_end_the_start(
    bundle_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    keys: str,
    installed: bool,
    named: str,
) -> None:
    monkeypatch.setenv("PATHPRINT_BUNDLE", str(bundle_folder))
    monkeypatch.setenv("PATHPRINT_TRUSTED_KEYS", keys)
    if not installed:
        monkeypatch.setattr(signing, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        from_environment()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pathprint: ")
    assert named in line


def test_one_key_or_several_are_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"": None, "a.pub": (Path("a.pub"),), '["a.pub", "b.pub"]': (Path("a.pub"), Path("b.pub"))}
    for text, files in named.items():
        monkeypatch.setenv("PATHPRINT_TRUSTED_KEYS", text)
        assert Settings().trusted_keys == files
