"""Which bundles a folder holds, under which names and versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from pathprint.app.runtime.places import Place, find
from pathprint.profiling.errors import BundleError


def bundle_at(folder: Path) -> Path:
    """Make a folder that looks like a bundle from outside."""
    folder.mkdir(parents=True)
    (folder / "manifest.json").touch()
    return folder


def keys(*given: str) -> list[tuple[str | None, str | None]]:
    return [(place.name, place.version) for group in find(given) for place in group]


def test_a_bundle_has_the_name_that_it_is_given_or_its_own(tmp_path: Path) -> None:
    folder = bundle_at(tmp_path / "a=b")
    assert find([str(folder), f"digits={folder}"]) == ((Place(folder),), (Place(folder, "digits"),))


def test_a_repository_has_models_and_their_versions_the_newest_first(tmp_path: Path) -> None:
    for place in ("digits/9", "digits/10", "digits/1.10", "digits/1.9", "digits/beta", "faces/2026-01-31"):
        bundle_at(tmp_path / place)
    bundle_at(tmp_path / ".partial" / "1")
    (tmp_path / "README.md").touch()
    digits = [("digits", version) for version in ("10", "9", "1.10", "1.9", "beta")]
    assert keys(str(tmp_path)) == [*digits, ("faces", "2026-01-31")]
    assert keys(f"numbers={tmp_path / 'digits'}") == [("numbers", version) for _, version in digits]


def test_a_link_to_a_bundle_leads_to_where_it_leads_now(tmp_path: Path) -> None:
    folder = bundle_at(tmp_path / "first")
    (tmp_path / "current").symlink_to(folder)
    assert find([str(tmp_path / "current")]) == ((Place(folder),),)


@pytest.mark.parametrize(
    ("made", "given", "reason"),
    [
        ((), "absent", "there is no folder"),
        ((), "digits=absent", "there is no folder"),
        ((), ".", "is not a bundle, as it has no manifest.json"),
        (("digits/",), ".", "holds no version of a model"),
        (("digits/1/",), ".", "1 is not a bundle, or is not complete"),
        (("digits/1/manifest.json", "digits/2/"), ".", "2 is not a bundle, or is not complete"),
        (("digits/manifest.json",), ".", "is a bundle, where a folder of versions is expected"),
        (("digits/a b/manifest.json",), ".", "'a b' cannot be the name"),
        (("-/1/manifest.json",), ".", "'-' cannot be the name"),
        ((f"digits/{'x' * 65}/manifest.json",), ".", "cannot be the name"),
        (("digits/1/manifest.json",), "digits=.", "is not a bundle, or is not complete"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: tuple[str, ...], given: str, reason: str
) -> None:
    for name in made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match=reason):
        find([given])
