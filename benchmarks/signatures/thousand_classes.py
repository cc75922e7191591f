"""Measure signatures of many classes without profiling that number: size, loading, memory, looking up, merging.

Example: python benchmarks/signatures/thousand_classes.py PROFILE --data DATA --classes 1000

Classes are drawn from the real ones of PROFILE: each unit is counted anew with its frequency there. Only ``--distinct``
classes are drawn. They are repeated up to ``--classes``, which changes neither sizes nor what is read.
Times are of the processor, so other work on the machine matters less.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.data.datasets import matched_data
from pathprint.profiling.data.roles import split
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.signatures.compact import CompactSignatures, write_compact
from pathprint.profiling.signatures.compact_lookup import RESIDENT_BYTES, CompactLookup
from pathprint.profiling.signatures.counts import KINDS, ClassSignatures, key
from pathprint.profiling.signatures.exact import SparseSignatures
from pathprint.profiling.signatures.gathering import SignatureWriter, merge
from pathprint.profiling.signatures.lookup import Lookup
from pathprint.profiling.signatures.row_file import RowWriter
from pathprint.profiling.signatures.sparse import unit_sizes

VOTERS = 10


def drawn(signatures: ClassSignatures, images: int, classes: int) -> Iterator[tuple[int, int, dict[str, np.ndarray]]]:
    """Yield number, images and counts of classes whose units are met as often as those of a real class."""
    generator = np.random.default_rng(0)
    for number in range(classes):
        row = number % len(signatures.classes)
        share = {name: counts[row] / signatures.images[row] for name, counts in signatures.counts.items()}
        names = unit_sizes(signatures.layout)
        yield number, images, {n: generator.binomial(images, share[n].clip(max=1)).astype(np.uint32) for n in names}


def repeated(file: CompactSignatures, classes: int, path: Path) -> None:
    """Write compact signatures in which the classes of ``file`` come again and again."""
    rows = np.arange(classes) % len(file.classes)
    with path.open("wb") as out:
        writer = RowWriter(out, file.file.facts)
        for row in rows.tolist():
            writer.add(file.file.row(row))
            file.file.forget(row)
        arrays = {name: np.ascontiguousarray(array[rows]) for name, array in file.file.arrays.items()}
        writer.finish(arrays | {"classes": np.arange(classes)})


def resident() -> tuple[float, float]:
    """Return the memory that this process holds now and has held at most, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return int(found["VmRSS"]) / 1e3, int(found["VmHWM"]) / 1e3


def timed(what: str, work: Callable[[], Any], times: int = 1) -> Any:
    """Print what ``work`` takes, and return what it returns."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, start = resident()[0], time.process_time()
    for _ in range(times):
        found = work()
    seconds = (time.process_time() - start) / times
    now, peak = resident()
    print(f"{what}: {seconds * 1e3:,.1f} ms; memory {before:,.0f} -> {now:,.0f} MB, at most {peak:,.0f} MB", flush=True)
    return found


def main() -> None:
    """Print what was measured."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("profile", type=Path)
    options.add_argument("--data", required=True)
    options.add_argument("--classes", type=int, default=1000)
    options.add_argument("--distinct", type=int, default=20)
    options.add_argument("--images-per-class", type=int, default=1000)
    options.add_argument("--batch", type=int, default=16)
    wanted = options.parse_args()
    profile = NetworkProfile.load(wanted.profile)
    assert isinstance(profile.signatures, ClassSignatures)
    network = profile.extractor.network
    dataset = matched_data(wanted.data, network.labels, profile.class_map)
    images = correct_images(network, split(dataset, profile.keys, profile.seed).fit, wanted.batch).pixels
    paths = profile.extractor.extract(images)
    sets = [(key(layer.shape, kind), layer.members(kind)) for layer in paths.layers for kind in KINDS]
    units = sum(unit_sizes(profile.signatures.layout).values())
    print(f"{units:,} units; {sum(m.counts.sum() for _, m in sets) / len(images):,.0f} of them in an image's path")
    with TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        measure(profile.signatures, wanted, sets, folder)


def measure(signatures: ClassSignatures, wanted: Any, sets: list[tuple[str, Any]], folder: Path) -> None:
    """Print sizes, memory and times."""

    def gather(path: Path) -> None:
        with SignatureWriter(path, signatures.layout, signatures.extraction, 0) as writer:
            for found in drawn(signatures, wanted.images_per_class, wanted.distinct):
                writer.add(*found)

    exact, few, many = folder / "exact", folder / "few", folder / "many"
    timed(f"draw and write {wanted.distinct} classes, exact", lambda: gather(exact))
    print(f"exact: {exact.stat().st_size / wanted.distinct / 1e6:.2f} MB a class")
    opened = SparseSignatures.open(exact)
    timed(f"merge two files of {wanted.distinct} classes", lambda: merge([opened, opened], folder / "merged", 0))
    timed(f"round {wanted.distinct} classes", lambda: write_compact(opened, few))
    repeated(CompactSignatures.open(few), wanted.classes, many)
    print(f"compact: {many.stat().st_size / wanted.classes / 1e6:.2f} MB a class, {many.stat().st_size / 1e9:.2f} GB")
    compact = timed(f"open {wanted.classes} classes", lambda: CompactSignatures.open(many))
    generator, n = np.random.default_rng(0), len(sets[0][1].counts)
    ten = Lookup.of(replace(signatures, counts=dict(signatures.counts)))
    lookups = {
        "ten classes, exact": (ten, 10),
        "ten classes, compact": (CompactLookup.of(CompactSignatures.open(few)), 10),
        f"{wanted.classes} classes, compact": (CompactLookup.of(compact), wanted.classes),
    }
    for name, (lookup, classes) in lookups.items():

        def once(lookup: Any = lookup, classes: int = classes) -> None:
            rows = np.stack([generator.permutation(classes)[:VOTERS] for _ in range(n)])
            lookup.add_up(sets, rows)

        once()
        timed(f"look up a batch of {n}, {name}", once, 10)
        own = timed(f"look up again {name}", once, 10)
        assert own is None
    print(f"budget of rows in memory: {RESIDENT_BYTES / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
