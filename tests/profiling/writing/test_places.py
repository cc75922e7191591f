"""Places are refused before the work for every reason for which writing would fail after it."""

import os
import runpy
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pathprint.profiling.errors import OutputError
from pathprint.profiling.writing import whole
from pathprint.profiling.writing.places import Form, check_file, check_folder, check_store
from pathprint.profiling.writing.whole import whole_file, whole_folder

CAKE = Form("cake", frozenset({"recipe.json", "icing"}), "recipe.json", frozenset({"flour"}))
RECIPE = '{"flour": 500, "eggs": 3}'


def folder(place: Path, **files: str) -> Path:
    place.mkdir()
    for name, content in files.items():
        (place / name.replace("_", ".")).write_text(content)
    return place


def a_file(place: Path) -> Path:
    place.write_text("mine")
    return place


def link(place: Path, to: Path) -> Path:
    place.symlink_to(to)
    return place


def in_a_circle(place: Path) -> Path:
    return link(place, place)


def a_socket(place: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place))
    return place


BLOCKED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "below a file": (lambda place: a_file(place) / "cake", "is not a folder"),
    "far below a file": (lambda place: a_file(place) / "a" / "b", "is not a folder"),
    "below a device": (lambda place: Path("/dev/null/cake"), "is not a folder"),
    "in a folder that takes no files": (lambda place: Path("/proc/cake"), "cannot be written"),
    "a name that is too long": (lambda place: place.with_name("x" * 300), "name too long|name is too long"),
}
NO_FOLDER: dict[str, tuple[Callable[[Path], Path], str]] = {
    **BLOCKED,
    "a file": (a_file, "is not a folder"),
    "a socket": (a_socket, "is not a folder"),
    "a device": (lambda place: Path("/dev/null"), "is not a folder"),
    "a link in a circle": (in_a_circle, "is not a folder"),
    "a mounted folder": (lambda place: Path("/proc"), "mounted folder"),
    "the root": (lambda place: Path("/"), "mounted folder"),
    "a folder of something else": (lambda place: folder(place, thesis_txt="years"), "not a cake.*'thesis.txt'"),
    "something beside ours": (lambda place: folder(place, recipe_json=RECIPE, thesis_txt="years"), "'thesis.txt'"),
    "a marker of another program": (lambda place: folder(place, recipe_json='{"name": "app"}'), "no 'recipe.json'"),
    "a marker that is no object": (lambda place: folder(place, recipe_json="[1]"), "no 'recipe.json' of a cake"),
    "a marker that is no JSON": (lambda place: folder(place, recipe_json="flour"), "no 'recipe.json' of a cake"),
    "no marker": (lambda place: folder(place, icing="sugar"), "no 'recipe.json' of a cake"),
    "a folder in place of a file": (lambda place: folder(folder(place) / "icing").parent, "'icing'"),
}


@pytest.mark.parametrize("case", NO_FOLDER)
def test_a_folder_is_not_written_over_anything_else(case: str, tmp_path: Path) -> None:
    made, reason = NO_FOLDER[case]
    place = made(tmp_path / "place")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=reason) as refused:
        check_folder(place, CAKE)
    assert str(place)[:200] in str(refused.value)
    with pytest.raises(OutputError, match=reason), whole_folder(place, CAKE):
        raise AssertionError("nothing may be written")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("given", [".", "../here", "link"])
def test_the_current_folder_is_not_replaced(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = folder(tmp_path / "here")
    (tmp_path / "link").symlink_to(here)
    monkeypatch.chdir(here)
    with pytest.raises(OutputError, match="is the current folder"):
        check_folder(tmp_path / given if given == "link" else Path(given), CAKE)


NO_FILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    **BLOCKED,
    "a folder": (folder, "is a folder"),
    "the current folder": (lambda place: Path(), "is a folder"),
}


@pytest.mark.parametrize("case", NO_FILE)
def test_a_file_is_not_written_where_none_can_be(case: str, tmp_path: Path) -> None:
    made, reason = NO_FILE[case]
    place = made(tmp_path / "place")
    with pytest.raises(OutputError, match=reason):
        check_file(place)


@pytest.mark.parametrize("case", [*BLOCKED, "a file"])
def test_a_store_is_not_kept_where_none_can_be(case: str, tmp_path: Path) -> None:
    made, _ = {**BLOCKED, "a file": (a_file, "")}[case]
    with pytest.raises(OutputError, match="cannot be written"):
        check_store(made(tmp_path / "place"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_protected_places_are_refused(tmp_path: Path) -> None:
    (file := a_file(tmp_path / "file")).chmod(0o400)
    (closed := folder(tmp_path / "closed")).chmod(0o500)
    with pytest.raises(OutputError, match="write-protected"):
        check_file(file)
    for check in (check_file, check_store, lambda place: check_folder(place, CAKE)):
        with pytest.raises(OutputError, match="Permission denied"):
            check(closed / "x")


Maker = Callable[[Path], Path]
FREE: dict[str, Maker] = {
    "nothing": lambda place: place,
    "nothing, in missing folders": lambda place: place / "a" / "b",
    "a link to nothing": lambda place: link(place, place.with_name("other")),
}
FREE_FOLDER: dict[str, Maker] = {
    **FREE,
    "an empty folder": folder,
    "an older one": lambda place: folder(place, recipe_json=RECIPE, icing="sugar"),
    "a link to an older one": lambda place: link(place, folder(place.with_name("other"), recipe_json=RECIPE)),
}
FREE_FILE: dict[str, Maker] = {
    **FREE,
    "an older one": a_file,
    "a link to an older one": lambda place: link(place, a_file(place.with_name("other"))),
}


@pytest.mark.parametrize("case", FREE_FOLDER)
def test_a_free_place_gets_the_whole_folder_and_nothing_else(case: str, tmp_path: Path) -> None:
    place = FREE_FOLDER[case](tmp_path / "place")
    was_link, others = place.is_symlink(), set(tmp_path.iterdir()) - {tmp_path / "other"}
    check_folder(place, CAKE)
    with whole_folder(place, CAKE) as partial:
        (partial / "recipe.json").write_text(RECIPE)
    assert {path.name for path in place.iterdir()} == {"recipe.json"}
    assert place.is_symlink() == was_link
    assert set(tmp_path.iterdir()) - {tmp_path / "other"} == others | {tmp_path / "place"}
    assert place.stat().st_mode == folder(tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("case", FREE_FILE)
def test_a_free_place_gets_the_whole_file_and_nothing_else(case: str, tmp_path: Path) -> None:
    place = FREE_FILE[case](tmp_path / "place")
    was_link = place.is_symlink()
    check_file(place)
    with whole_file(place) as partial:
        partial.write_text("new")
    assert (place.read_text(), place.is_symlink()) == ("new", was_link)
    assert {path.name for path in tmp_path.iterdir()} <= {"place", "other"}


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    (file := a_file(tmp_path / "file")).chmod(0o604)
    with whole_file(file) as partial:
        partial.write_text("new")
    assert file.stat().st_mode & 0o777 == 0o604


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    check_file(Path("/dev/null"))
    with whole_file(Path("/dev/null")) as partial:
        partial.write_text("new")
    assert Path("/dev/null").is_char_device()


def test_systems_without_locks_of_folders_are_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(ImportError, match="Pathprint needs Linux or macOS"):
        runpy.run_path(whole.__file__)
