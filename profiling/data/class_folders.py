"""Labels of image files by the folders that they lie in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pathprint.profiling.data.files import Files, Labels, check_types, folder_of, once
from pathprint.profiling.data.layout import layout


def in_class_folders(name: str, files: Files) -> Files:
    """Return the images that lie in class folders, with their labels; ``layout`` says what class folders are.

    Raises:
        DataError: there is no class folder, or it is not clear which folders are classes.
    """
    check_types(name, files)
    # Only folders decide, so one image of each says all: there may be millions.
    first = {folder_of(file): file for file in reversed(files.names)}
    found = layout(name, [tuple(file.split("/")) for file in first.values()])
    placed = {folder_of("/".join(image.file)): image for image in found.images}
    kept = [i for i, file in enumerate(files.names) if folder_of(file) in placed]
    names = tuple(files.names[i] for i in kept)
    loose = once(file for file in files.names if folder_of(file) not in placed)
    number = {label: i for i, label in enumerate(sorted({image.label for image in found.images}))}
    labels = np.fromiter((number[placed[folder_of(file)].label] for file in names), dtype=np.int64)
    held_out = np.fromiter((placed[folder_of(file)].held_out for file in names), dtype=np.bool_)
    positions = np.array(kept, dtype=np.int64)
    return Files(
        names,
        lambda index: files.read(int(positions[index])),
        replace(files.left_out, loose=loose),
        Labels(labels, tuple(number), held_out if found.two_sided else None),
    )
