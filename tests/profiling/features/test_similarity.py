"""Every feature against its formula (docs/method.md), computed here with plain sets and loops."""

import math

import numpy as np
import pytest
import torch

from pathprint.profiling.features.similarity import compare
from pathprint.profiling.features.table import FeatureTable
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths, Members
from pathprint.profiling.signatures.counts import ClassSignatures, count, key
from pathprint.profiling.signatures.lookup import Lookup

IMAGES = 6


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.rand(IMAGES, 1, 8, 8, generator=torch.Generator().manual_seed(5))


@pytest.fixture(scope="module")
def paths(extractor: Extractor, pixels: torch.Tensor) -> ImagePaths:
    return extractor.extract(pixels)


@pytest.fixture(scope="module")
def table(paths: ImagePaths, signatures: ClassSignatures) -> FeatureTable:
    return compare(paths, Lookup.of(signatures))


def value(table: FeatureTable, name: str, image: int) -> float:
    (column,) = (j for j, feature in enumerate(table.features) if feature.name == name)
    return float(table.values[image, column])


def frequencies(signatures: ClassSignatures, layer: str, kind: str, row: int) -> list[float]:
    """Return p of every unit: (n_u + 1/2) / (N + 1)."""
    return [(int(n) + 0.5) / (int(signatures.images[row]) + 1) for n in signatures.counts[f"{layer}/{kind}"][row]]


@pytest.mark.parametrize("kind", ["neurons", "weights"])
@pytest.mark.parametrize("rank", [1, 2])
def test_comparisons_with_one_class(
    table: FeatureTable, paths: ImagePaths, signatures: ClassSignatures, kind: str, rank: int
) -> None:
    for layer in paths.layers:
        name = layer.shape.name
        for image in range(IMAGES):
            members = layer.members(kind).one(image).tolist()
            row = int(signatures.rows(paths.logits[image].argsort()[::-1][rank - 1 : rank].astype(np.int64))[0])
            p = frequencies(signatures, name, kind, row)
            counts = signatures.counts[f"{name}/{kind}"][row]
            expected = {
                "containment": sum(counts[u] > 0 for u in members) / len(members),
                "mean_frequency": sum(p[u] for u in members) / len(members),
                "mean_log_frequency": sum(math.log(p[u]) for u in members) / len(members),
                "coverage": sum(p[u] for u in members) / sum(p),
            }
            for measure, number in expected.items():
                assert value(table, f"{measure}/{name}/{kind}/{rank}", image) == pytest.approx(number)


@pytest.mark.parametrize("kind", ["neurons", "weights"])
def test_votes_are_naive_bayes(table: FeatureTable, paths: ImagePaths, signatures: ClassSignatures, kind: str) -> None:
    for layer in paths.layers:
        name = layer.shape.name
        for image in range(IMAGES):
            members = set(layer.members(kind).one(image).tolist())
            likelihood = []
            for row in range(len(signatures.classes)):
                p = frequencies(signatures, name, kind, row)
                likelihood.append(sum(math.log(q if u in members else 1 - q) for u, q in enumerate(p)))
            first, second = paths.logits[image].argsort()[::-1][:2]
            root = math.sqrt(len(members))
            best_other = max(v for c, v in enumerate(likelihood) if c != first)
            found = [
                value(table, f"{vote}/{name}/{kind}", image)
                for vote in ("vote_margin", "vote_runner_up", "vote_likelihood")
            ]
            expected = [likelihood[first] - best_other, likelihood[first] - likelihood[second], likelihood[first]]
            assert found == pytest.approx([v / root for v in expected])


def test_measures_of_the_path_alone(table: FeatureTable, paths: ImagePaths) -> None:
    for layer in paths.layers:
        name = layer.shape.name
        for image in range(IMAGES):
            wanted = len(layer.neurons.one(image))
            assert value(table, f"path_size/{name}/neurons", image) == pytest.approx(math.log(1 + wanted))
            assert value(table, f"empty/{name}/neurons", image) == 0
            assert value(table, f"coherence/{name}", image) == layer.coherence[image]
            assert value(table, f"effort/{name}", image) == layer.synapses[image] / wanted
            assert value(table, f"unexplained/{name}", image) == layer.unexplained[image] / wanted


def test_feature_names_are_unique(table: FeatureTable) -> None:
    names = [feature.name for feature in table.features]
    assert len(set(names)) == len(names) == table.values.shape[1]


def test_batch_equals_its_images_one_by_one(
    table: FeatureTable, extractor: Extractor, signatures: ClassSignatures, pixels: torch.Tensor
) -> None:
    single = [compare(extractor.extract(image[None]), Lookup.of(signatures)).values for image in pixels]
    np.testing.assert_allclose(np.vstack(single), table.values, rtol=1e-6)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_constant_images_give_finite_features(extractor: Extractor, signatures: ClassSignatures, level: float) -> None:
    assert np.isfinite(compare(extractor.extract(torch.full((1, 1, 8, 8), level)), Lookup.of(signatures)).values).all()


def test_empty_path_is_contained_and_marked(
    extractor: Extractor, pixels: torch.Tensor, signatures: ClassSignatures
) -> None:
    blind = extractor.extract(pixels[:1])
    first = blind.layers[0]
    nothing = Members(np.zeros(2, dtype=np.int64), np.zeros(0, dtype=np.int64), first.neurons.size)
    emptied = type(first)(first.shape, nothing, first.weights, first.synapses, first.unexplained, first.coherence)
    table = compare(ImagePaths(blind.logits, blind.seeds, (emptied, *blind.layers[1:])), Lookup.of(signatures))
    assert value(table, f"containment/{first.shape.name}/neurons/1", 0) == 1
    assert value(table, f"empty/{first.shape.name}/neurons", 0) == 1
    assert np.isfinite(table.values).all()


def test_class_without_signature_is_as_likely_as_not(extractor: Extractor, pixels: torch.Tensor) -> None:
    paths = extractor.extract(pixels)
    others = np.where(paths.seeds == 0, 1, 0)
    table = compare(paths, Lookup.of(count(paths, others, "elsewhere")))
    shape = paths.layers[0].shape
    for image in np.flatnonzero(~np.isin(paths.seeds, others)):
        assert value(table, f"containment/{shape.name}/neurons/1", int(image)) == 0
        assert value(table, f"mean_frequency/{shape.name}/neurons/1", int(image)) == 0.5
    assert np.isfinite(table.values).all()
    assert key(shape, "neurons") == f"{shape.name}/neurons"
