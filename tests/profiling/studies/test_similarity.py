"""Similarities of classes are those of plain sets."""

import numpy as np
import pytest

from pathprint.profiling.data.correct import correct_images
from pathprint.profiling.errors import FitError
from pathprint.profiling.studies.similarity import Similarity, containment, similarity
from pathprint.profiling.studies.subject import Subject
from tests.profiling.studies import paths


@pytest.fixture(scope="module")
def found(subject: Subject) -> Similarity:
    return similarity(subject, images=60)


@pytest.mark.parametrize("kind", ["neurons", "weights"])
def test_jaccard_is_that_of_plain_sets(subject: Subject, found: Similarity, kind: str) -> None:
    unions = [path for _, path in sorted(paths.classes(subject, kind).items())]
    expected = [[len(a & b) / len(a | b) for b in unions] for a in unions]
    np.testing.assert_allclose(found.kinds[kind].jaccard, expected)
    layer = subject.extractor.layout.names[1]
    alone = [{element for element in path if element[0] == layer} for path in unions]
    between = [len(a & b) / len(a | b) for i, a in enumerate(alone) for b in alone[:i]]
    assert found.kinds[kind].layers[layer] == pytest.approx(np.mean(between))
    assert found.kinds[kind].to_dict()["max"] == pytest.approx(np.max(expected - np.eye(10)))


@pytest.mark.parametrize("kind", ["neurons", "weights"])
def test_containment_is_that_of_plain_sets(subject: Subject, kind: str) -> None:
    held = correct_images(subject.extractor.network, subject.split.fit, 8)
    extracted = subject.extractor.extract(held.pixels)
    unions = [path for _, path in sorted(paths.classes(subject, kind).items())]
    found = containment(subject.signatures(), kind, extracted)
    for image, row in enumerate(found):
        own = {(layer.shape.name, int(e)) for layer in extracted.layers for e in layer.members(kind).one(image)}
        np.testing.assert_allclose(row, [len(own & union) / len(own) for union in unions])


def test_own_class_knows_most_of_a_path(found: Similarity) -> None:
    assert found.held_out == 60
    for alike in found.kinds.values():
        assert alike.own > alike.others + 0.2
        assert alike.nearest > 0.9


def test_one_class_cannot_be_compared(subject: Subject) -> None:
    zeros = subject.images[subject.dataset.labels[subject.images] == 0]
    alone = Subject(subject.extractor, subject.dataset, 3)
    object.__setattr__(alone, "images", zeros)  # what profile_images gives for data of one class
    with pytest.raises(FitError, match="two classes are needed"):
        similarity(alone)
