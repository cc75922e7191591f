"""Densities are sizes of plain sets over sizes of layers."""

from dataclasses import replace

import numpy as np
import pytest

from pathprint.profiling.studies.density import WHOLE, Point, density
from pathprint.profiling.studies.subject import Subject
from tests.profiling.studies import paths

KINDS = ("neurons", "weights", "synapses")


@pytest.fixture(scope="module")
def few(subject: Subject) -> Subject:
    return replace(subject, per_class=3)


@pytest.fixture(scope="module")
def points(few: Subject) -> tuple[Point, ...]:
    return density(few, (0.5, 0.2), synapses=True).points


@pytest.mark.parametrize("kind", KINDS)
def test_shares_are_those_of_plain_sets(few: Subject, points: tuple[Point, ...], kind: str) -> None:
    sizes = {shape.name: shape.size(kind) for shape in few.extractor.layout.layers}
    images = [path for _, path in paths.images(few.at(theta=0.2), kind)]
    unions = list(paths.classes(few.at(theta=0.2), kind).values())
    found = points[0].shares[kind]
    for layer, size in {**sizes, WHOLE: sum(sizes.values())}.items():

        def share(path: paths.Elements, layer: str = layer, size: int = size) -> float:
            return sum(layer in (name, WHOLE) for name, _ in path) / size

        assert found["image"][layer] == pytest.approx(np.mean([share(path) for path in images]))
        assert found["class"][layer] == pytest.approx(np.mean([share(union) for union in unions]))
        assert found["network"][layer] == pytest.approx(share(set().union(*unions)))


@pytest.mark.parametrize("kind", KINDS)
def test_more_theta_and_more_images_make_larger_paths(points: tuple[Point, ...], kind: str) -> None:
    small, large = (point.shares[kind] for point in points)
    assert [point.theta for point in points] == [0.2, 0.5]
    for layer in small["image"]:
        assert all(small[of][layer] <= large[of][layer] for of in small)
        assert large["image"][layer] <= large["class"][layer] <= large["network"][layer]


def test_unions_of_synapses_are_only_made_where_asked(few: Subject, points: tuple[Point, ...]) -> None:
    (without,) = density(few, (0.5,)).points
    assert without.shares["synapses"] == {"image": points[1].shares["synapses"]["image"]}
