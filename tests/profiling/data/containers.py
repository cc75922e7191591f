"""One small data set in every container that is read."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

LABELS = {"cat": 0, "dog": 100}


def picture(level: int, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), level).save(buffer, form)
    return buffer.getvalue()


def content(prefix: str = "") -> dict[str, bytes]:
    """Return a small data set: three images of each class for training, two held out."""
    parts = {"train": range(3), "test": range(3, 5)}
    return {
        f"{prefix}{part}/{label}/{i}.png": picture(level + i)
        for part, numbers in parts.items()
        for label, level in LABELS.items()
        for i in numbers
    }


def unpacked(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def packed(path: Path, files: Mapping[str, bytes], sep: str = "/") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name.replace("/", sep)), data)
    return path


def tarred(path: Path, files: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def sharded(root: Path, files: Mapping[str, bytes], label: Callable[[str], Mapping[str, bytes]]) -> Path:
    """Write two archives for each part, of samples whose further files ``label`` returns for a class."""
    for part in sorted({name.split("/")[0] for name in files}):
        own = [(name, data) for name, data in files.items() if name.startswith(part)]
        for shard in range(2):
            samples: dict[str, bytes] = {}
            for name, data in own[shard::2]:
                key = name.removesuffix(".png").replace("/", "_")
                samples[f"{key}.png"] = data
                samples |= {f"{key}.{end}": text for end, text in label(name.split("/")[1]).items()}
            tarred(root / f"d-{part}-{shard:06}.tar", samples)
    return root


def by_number(label: str) -> dict[str, bytes]:
    return {"cls": str(LABELS[label]).encode(), "txt": b"a caption"}


def by_json(label: str) -> dict[str, bytes]:
    return {"json": json.dumps({"label": label, "width": 8}).encode()}


def tabled(path: Path, images: list[Any], labels: list[Any], names: tuple[str, ...] = (), **options: Any) -> Path:
    """Write images and labels as Hugging Face does; ``names`` are those of the labels 0, 1, …"""
    import pyarrow as pa
    from pyarrow import parquet

    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(images, kind), "label": labels})
    if names:
        features = {"image": {"_type": "Image"}, "label": {"names": list(names), "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, **options)
    return path


def tables(root: Path, files: Mapping[str, bytes], names: tuple[str, ...] = ("ant", "cat", "dog")) -> Path:
    """Write a Parquet file for each part, in row groups of two images."""
    for part in sorted({name.split("/")[0] for name in files}):
        own = {name: data for name, data in files.items() if name.startswith(part)}
        labels = [names.index(name.split("/")[1]) for name in own]
        images = [{"bytes": data, "path": None} for data in own.values()]
        tabled(root / "data" / f"{part}-00000-of-00001.parquet", images, labels, names, row_group_size=2)
    return root


def uploaded(root: Path, name: str) -> str:
    """Copy a folder into fsspec's file system in memory, and return its URL."""
    import fsspec

    memory = fsspec.filesystem("memory")
    for file in root.rglob("*"):
        if file.is_file():
            memory.pipe_file(f"/{name}/{file.relative_to(root)}", file.read_bytes())
    return f"memory://{name}"


def places(root: Path) -> dict[str, str]:
    """Write the data set of ``content`` in every form with classes, and return what names each below ``root``."""
    unpacked(root / "folder", content())
    packed(root / "d.zip", content())
    for form in ("USTAR", "GNU", "PAX"):
        tarred(root / f"{form}.tar", content("./up/"), getattr(tarfile, f"{form}_FORMAT"))
    sharded(root / "by-json", content(), by_json)
    sharded(root / "by-number", content(), by_number)
    tables(root / "tables", content())
    names = {name: name for name in ("folder", "d.zip", "USTAR.tar", "GNU.tar", "PAX.tar", "by-json", "tables")}
    return names | {
        "numbers": "by-number",
        "glob": "by-json/d-*.tar",
        "braces": "by-json/d-t*-{000000..000001}.tar",
        "files": "tables/data/*.parquet",
    }
