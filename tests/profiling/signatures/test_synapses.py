"""Class synapses are unions: any chunking and any order of the same paths gives identical bytes."""

import json
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from pathprint.models.network import Network
from pathprint.profiling.arrays import Indices
from pathprint.profiling.errors import OptionsError, SignatureError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.signatures.synapses import ClassSynapses, collect

LABELS = np.array([3, 1, 3, 3, 7, 1, 3, 0, 7, 3])


@pytest.fixture(scope="module")
def single_paths(digits_network: Network) -> list[ImagePaths]:
    pixels = torch.rand(len(LABELS), 1, 8, 8, generator=torch.Generator().manual_seed(0))
    extractor = Extractor(digits_network, Policy(synapses=True))
    return [extractor.extract(image[None]) for image in pixels]


def synapses_of(paths: list[ImagePaths], labels: Indices) -> ClassSynapses:
    return collect(ImagePaths.join(paths), labels, "extraction")


def saved(synapses: ClassSynapses, folder: Path) -> bytes:
    synapses.save(folder / "s.safetensors")
    return (folder / "s.safetensors").read_bytes()


@given(order=st.permutations(range(len(LABELS))), cuts=st.sets(st.integers(1, len(LABELS) - 1)))
@settings(max_examples=20, deadline=None)
def test_any_order_and_chunking_gives_identical_bytes(
    single_paths: list[ImagePaths], tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: set[int]
) -> None:
    chunks = np.split(np.array(order), sorted(cuts))
    parts = [synapses_of([single_paths[i] for i in chunk], LABELS[chunk]) for chunk in chunks]
    folder = tmp_path_factory.mktemp("synapses")
    assert saved(reduce(ClassSynapses.merge, parts), folder) == saved(synapses_of(single_paths, LABELS), folder)


def test_sets_are_the_unions_of_the_paths(single_paths: list[ImagePaths]) -> None:
    synapses = synapses_of(single_paths, LABELS)
    for position, shape in enumerate(synapses.layout.layers):
        for number in np.unique(LABELS):
            own = [
                single_paths[i].layers[position].members("synapses").one(0) for i in np.flatnonzero(number == LABELS)
            ]
            assert set(synapses.sets[shape.name, int(number)]) == set(np.concatenate(own).tolist())


def test_containment_is_the_share_of_known_synapses(single_paths: list[ImagePaths]) -> None:
    known = synapses_of(single_paths[:8], LABELS[:8])
    found = known.containment(ImagePaths.join(single_paths), LABELS)
    assert (found[:8] == 1).all()
    ((layer, *_),) = (single_paths[9].layers[1:],)
    own = set(layer.members("synapses").one(0).tolist())
    assert found[9, 1] == pytest.approx(len(own & set(known.sets[layer.shape.name, 3])) / len(own))
    nobody = known.containment(ImagePaths.join(single_paths), np.full(10, 5))
    empty = np.stack([[p.layers[k].synapses[0] == 0 for k in range(len(p.layers))] for p in single_paths])
    np.testing.assert_array_equal(nobody, empty)


def test_saved_synapses_are_loaded(single_paths: list[ImagePaths], tmp_path: Path) -> None:
    synapses = synapses_of(single_paths, LABELS)
    saved(synapses, tmp_path)
    loaded = ClassSynapses.load(tmp_path / "s.safetensors")
    assert loaded == synapses


@given(place=st.floats(0, 1), value=st.integers(0, 255), length=st.floats(0, 1))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_sets_are_refused_or_are_sets(
    single_paths: list[ImagePaths], tmp_path: Path, place: float, value: int, length: float
) -> None:
    path = tmp_path / "s.safetensors"
    synapses = synapses_of(single_paths, LABELS)
    saved(synapses, tmp_path)
    facts = {"pathprint": json.dumps({"schema": 1, "layout": synapses.layout.to_list(), "extraction": "extraction"})}
    tensors = {name: tensor.copy() for name, tensor in load_file(path).items()}
    tensor = tensors["2/3"]
    tensor[int(place * (len(tensor) - 1))] = value
    tensors["2/3"] = tensor[: max(1, len(tensor) if length > 0.3 else int(length * len(tensor)))]
    save_file(tensors, path, facts)
    try:
        loaded = ClassSynapses.load(path)
    except SignatureError:
        return
    members = list(loaded.sets["2", 3])
    assert members == sorted(set(members))
    assert members[-1] < synapses.layout.layers[1].size("synapses")


def test_other_schema_and_other_options_are_refused(single_paths: list[ImagePaths], tmp_path: Path) -> None:
    synapses = synapses_of(single_paths, LABELS)
    with pytest.raises(SignatureError, match="do not merge"):
        synapses.merge(collect(single_paths[0], LABELS[:1], "another"))
    (tmp_path / "s.safetensors").write_bytes(b"no such thing")
    with pytest.raises(SignatureError, match="not a readable file of class synapses"):
        ClassSynapses.load(tmp_path / "s.safetensors")
    save_file({"2/3": np.zeros(1, dtype=np.uint8)}, tmp_path / "s.safetensors", {"pathprint": '{"schema": 9}'})
    with pytest.raises(SignatureError, match="schema 9; this version reads 1"):
        ClassSynapses.load(tmp_path / "s.safetensors")


def test_paths_without_a_list_of_synapses_are_refused(extractor: Extractor) -> None:
    with pytest.raises(OptionsError, match="synapses were not recorded"):
        collect(extractor.extract(torch.rand(1, 1, 8, 8)), np.array([0]), "extraction")
