"""Growth is that of a union to which one path after the other is added."""

import numpy as np
import pytest

from pathprint.profiling.signatures.counts import key
from pathprint.profiling.studies.growth import Growth, growth
from pathprint.profiling.studies.subject import Subject
from tests.profiling.studies import paths


@pytest.fixture(scope="module")
def found(subject: Subject) -> Growth:
    return growth(subject)


def test_points_end_at_the_number_of_images(found: Growth) -> None:
    assert found.at == (1, 2, 5, 10, 12)
    assert found.images.tolist() == [12] * 10


@pytest.mark.parametrize("kind", ["neurons", "weights"])
def test_curve_is_that_of_a_growing_union(subject: Subject, found: Growth, kind: str) -> None:
    size = sum(shape.size(kind) for shape in subject.extractor.layout.layers)
    three = [path for label, path in paths.images(subject, kind) if label == 3]
    expected = [len(set().union(*three[:n])) / size for n in found.at]
    np.testing.assert_allclose(found.kinds[kind].classes[3], expected)


def test_curves_never_fall_and_end_at_the_signature(subject: Subject, found: Growth) -> None:
    signatures = subject.signatures()
    for kind, grown in found.kinds.items():
        assert (np.diff(grown.classes) >= 0).all()
        counts = np.concatenate([signatures.counts[key(s, kind)] for s in signatures.layout.layers], axis=1)
        np.testing.assert_allclose(grown.classes[:, -1], (counts > 0).mean(1))
        np.testing.assert_allclose(grown.merged, np.logical_or.accumulate(counts > 0).mean(1))
        assert 1 <= grown.saturated <= 12


def test_new_is_what_earlier_images_did_not_have(subject: Subject, found: Growth) -> None:
    shares: list[list[float]] = [[] for _ in found.at]
    seen: dict[int, list[paths.Elements]] = {}
    for label, path in paths.images(subject, "neurons"):
        before = seen.setdefault(label, [])
        span = int(np.searchsorted(found.at, len(before) + 1))
        shares[span].append(len(path - set().union(*before)) / len(path))
        before.append(path)
    np.testing.assert_allclose(found.kinds["neurons"].new, [np.mean(span) for span in shares])
    assert found.kinds["neurons"].new[0] == 1


def test_a_class_with_fewer_images_is_left_out_where_it_has_none(subject: Subject) -> None:
    threes = np.flatnonzero(subject.dataset.labels[subject.images] == 3)
    fewer = Subject(subject.extractor, subject.dataset, 5)
    object.__setattr__(fewer, "images", np.delete(subject.images, threes[2:]))
    found = growth(fewer)
    assert found.images.tolist() == [5, 5, 5, 2, 5, 5, 5, 5, 5, 5]
    curves = found.kinds["weights"].classes
    assert np.isnan(curves[3]).tolist() == [False, False, True]
    np.testing.assert_allclose(found.kinds["weights"].mean[2], np.delete(curves[:, 2], 3).mean())


def test_final_sizes_are_those_of_all_images_of_each_class(subject: Subject) -> None:
    threes = np.flatnonzero(subject.dataset.labels[subject.images] == 3)
    fewer = Subject(subject.extractor, subject.dataset, 5)
    object.__setattr__(fewer, "images", np.delete(subject.images, threes[4:]))
    grown, signatures = growth(fewer).kinds["weights"], fewer.signatures()
    counts = np.concatenate([signatures.counts[key(s, "weights")] for s in signatures.layout.layers], axis=1)
    np.testing.assert_allclose(grown.final, (counts > 0).mean(1))  # that of 3 after four images, which is no point
    np.testing.assert_allclose(grown.of_final[1], (grown.classes[:, 1] / grown.final).mean())
