"""Figures of signatures are what their definitions say, in whatever form the signatures are stored."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathprint.profiling.inspection.signature_figures import expected_sizes, signature_figures
from pathprint.profiling.paths.path import LayerShape, Layout
from pathprint.profiling.signatures import class_rows
from pathprint.profiling.signatures.compact import CompactSignatures, write_compact
from pathprint.profiling.signatures.counts import ClassSignatures
from pathprint.profiling.signatures.exact import SparseSignatures
from tests.profiling.signatures.test_gathering import drawn, write

LABELS = [f"class {number}" for number in range(13)]
WIDE = Layout((LayerShape("conv", (3, 70), (3, 1, 7)), LayerShape("wide", (9000,), (1, 1))))
sets = st.lists(st.integers(0, 12), min_size=1, max_size=5, unique=True)
seeds = st.integers(0, 1000)


@settings(max_examples=30, deadline=None)
@given(sets, st.sampled_from([1, 9, 300]), seeds)
def test_densities_and_similarities_are_the_defined_ones(numbers: list[int], most: int, seed: int) -> None:
    signatures = drawn(numbers, most, seed)
    found = signature_figures(signatures, LABELS)
    shares = {name: counts / signatures.images[:, None] for name, counts in signatures.counts.items()}
    assert found.density == pytest.approx({name: float(own.mean()) for name, own in shares.items()})
    whole = np.concatenate(list(shares.values()), axis=1)
    for (i, one), (j, other) in combinations(enumerate(whole), 2):
        most_shared = np.maximum(one, other).sum()
        expected = np.minimum(one, other).sum() / most_shared if most_shared else 1
        assert found.similar[i, j] == found.similar[j, i] == pytest.approx(expected, abs=1e-5)
    assert (np.diag(found.similar) == 1).all()
    assert found.labels == tuple(LABELS[number] for number in sorted(numbers))
    assert set(found.missing) == set(LABELS) - set(found.labels)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 7), seeds)
def test_growth_is_the_mean_over_all_choices_of_images(images: int, seed: int) -> None:
    paths = np.random.default_rng(seed).random((images, 40)) < 0.3
    occurrences = np.bincount(paths.sum(0), minlength=images + 1)
    for number in range(1, images + 1):
        sizes = [paths[list(chosen)].any(0).sum() for chosen in combinations(range(images), number)]
        assert expected_sizes(occurrences, [number]) == pytest.approx([np.mean(sizes)])


def forms(signatures: ClassSignatures, folder: Path) -> tuple[SparseSignatures, CompactSignatures]:
    """Return the forms in which signatures of many classes are stored."""
    write(signatures, folder / "sparse", -1)
    write_compact(signatures, folder / "compact")
    return SparseSignatures.open(folder / "sparse"), CompactSignatures.open(folder / "compact")


def test_every_form_of_signatures_gives_the_figures(tmp_path: Path) -> None:
    signatures = drawn([1, 4, 9], 40, 2, WIDE)
    exact = signature_figures(signatures, LABELS)
    sparse, rounded = (signature_figures(form, LABELS) for form in forms(signatures, tmp_path))
    assert sparse.to_dict() == exact.to_dict()
    assert rounded.density == pytest.approx(exact.density, rel=1e-6)
    np.testing.assert_allclose(rounded.similar, exact.similar, atol=0.05)
    assert (rounded.grown, rounded.new) == (None, None)
    assert "growth is not known, as the counts are rounded" in rounded.notes()


def test_large_signatures_are_compared_on_units_drawn_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    signatures = drawn([0, 3, 5], 40, 7, WIDE)
    exact = signature_figures(signatures, LABELS)
    monkeypatch.setattr(class_rows, "_UNITS", 3000)
    estimated = signature_figures(signatures, LABELS)
    assert estimated.is_sampled > exact.is_sampled
    np.testing.assert_allclose(estimated.similar, exact.similar, atol=0.05)
    assert estimated.density == exact.density
    assert any("estimated" in note for note in estimated.notes())


def test_of_many_classes_some_are_looked_at_and_that_is_said() -> None:
    found = signature_figures(drawn(list(range(13)), 9, 0), LABELS, most_classes=3)
    assert found.labels == ("class 0", "class 6", "class 12")
    assert len(found.images) == 13
    assert found.notes()[0] == "densities, growth and similarity are of 3 of 13 classes"


def test_thin_classes_are_named_fewest_first() -> None:
    found = signature_figures(drawn([2, 3, 4, 5], 14, 1), LABELS)
    assert list(found.thin.values()) == sorted(count for count in found.images.values() if count < 10)
    assert all(name in str(found.sheets()[0].rows) for name in found.thin)
