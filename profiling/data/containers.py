"""Find the images of a place, whatever holds them: a folder, an archive, several archives, tables or a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pathprint.profiling.data.files import READ, Files, ending
from pathprint.profiling.data.folders import folder_files
from pathprint.profiling.data.left_out import LeftOut
from pathprint.profiling.data.parquet_files import parquet_files
from pathprint.profiling.data.places import KNOWN, LIST, Place, is_url
from pathprint.profiling.data.remote import is_remote_folder, matching_files, remote_file, remote_folder_files
from pathprint.profiling.data.stored import LocalFile, StoredFile, whole_image
from pathprint.profiling.data.tar_files import shard_files, tar_files
from pathprint.profiling.data.zip_files import zip_files
from pathprint.profiling.errors import DataError

_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")


def image_files(place: Place, labelled: bool) -> Files:
    """Return the image files of a place that is not an ``.npz`` file.

    Args:
        labelled: labels are wanted, where they do not follow from folders.

    Raises:
        DataError: there is nothing, or it has no form that is read.
        MissingExtraError: what reads the form is not installed.
    """
    if place.files:
        return _several(place.path, _matching(place.files), labelled)
    if is_url(place.path) and is_remote_folder(place.path):
        return _of_folder(place, remote_folder_files(f"{place.path.rstrip('/')}/{place.inside}".rstrip("/")), labelled)
    if Path(place.path).is_dir():
        return _of_folder(place, folder_files(Path(place.path, place.inside)), labelled)
    return _of_file(place, labelled)


def stored_file(path: str) -> StoredFile:
    """Return the file that a path or a URL names, without a look at it."""
    return remote_file(path) if is_url(path) else LocalFile(Path(path))


def _of_file(place: Place, labelled: bool) -> Files:
    file = stored_file(place.path)
    match ending(place.path):
        case ".zip":
            return zip_files(file, place.inside)
        case ".tar":
            return tar_files(file, place.inside, labelled)
        case ".parquet":
            return parquet_files([file], labelled)
        case image if image in READ:
            return Files((file.name,), lambda _: whole_image(file), LeftOut())
    if place.path.lower().endswith(_COMPRESSED):
        raise DataError(
            f"{place.path} is a compressed tar archive, of which no single image can be read; unpack it, or make a "
            ".tar of it (`gunzip` does for .tar.gz)."
        )
    listed = "" if labelled else f" A text file that lists images is passed as {LIST}FILE."
    raise DataError(
        f"{place.path} is not a folder, an archive, a table or an image that is read; pass {KNOWN}.{listed}"
    )


def _of_folder(place: Place, files: Files, labelled: bool) -> Files:
    """Return the images of a folder; if there are none, those in the archives or tables that lie in it."""
    packed = [name for name in files.left_out.packed if ending(name) in (".tar", ".parquet")]
    if files.names or not packed:
        return files
    root = f"{place.path.rstrip('/')}/{place.inside}".rstrip("/")
    if len({ending(name) for name in packed}) > 1:
        raise DataError(f"{root} holds .tar and .parquet files; give one kind, such as {root}/*.parquet.")
    return _several(root, [stored_file(f"{root}/{name}") for name in packed], labelled)


def _matching(files: tuple[str, ...]) -> Sequence[StoredFile]:
    if is_url(files[0]):
        return matching_files(files)
    return [LocalFile(Path(file)) for file in files]


def _several(name: str, files: Sequence[StoredFile], labelled: bool) -> Files:
    endings = {ending(file.name) for file in files}
    if endings == {".parquet"}:
        return parquet_files(files, labelled)
    if endings == {".tar"}:
        return tar_files(files[0], "", labelled) if len(files) == 1 else shard_files(files, labelled)
    raise DataError(
        f"{name} stands for files that end in {', '.join(sorted(endings))}; several files must all be .tar or all "
        "be .parquet."
    )
