"""The paths behind a subject's signatures as plain sets, image by image."""

from collections.abc import Iterator

from pathprint.profiling.studies.subject import Subject

Elements = set[tuple[str, int]]
"""Layer and element."""


def images(subject: Subject, kind: str) -> Iterator[tuple[int, Elements]]:
    """Yield the label and the path of each correctly predicted profile image, in order."""
    network, dataset = subject.extractor.network, subject.dataset
    taken: dict[int, int] = {}
    for position in subject.images:
        pixels, label = dataset.pixels([position], network.preprocessing), int(dataset.labels[position])
        if int(network.predict(pixels)[0]) != label or taken.get(label, 0) == subject.per_class:
            continue
        taken[label] = taken.get(label, 0) + 1
        layers = subject.at(synapses=True).extractor.extract(pixels).layers
        yield label, {(layer.shape.name, int(e)) for layer in layers for e in layer.members(kind).one(0)}


def classes(subject: Subject, kind: str) -> dict[int, Elements]:
    """Return the union over each class."""
    found: dict[int, Elements] = {}
    for label, path in images(subject, kind):
        found[label] = found.get(label, set()) | path
    return found
