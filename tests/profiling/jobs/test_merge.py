"""A merged profile is that of all images together, and what does not belong together is refused."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pathprint
from pathprint.models.network import Network
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.errors import OptionsError, SignatureError
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.paths.policy import Policy


def part(digits: Dataset, positions: list[int], name: str = "part") -> Dataset:
    """Return digits of which all are to be profiled."""
    chosen = np.array(positions)
    return replace(digits.only(chosen, digits.keys[chosen]), name=name, held_out=np.zeros(len(chosen), bool))


def profiled(network: Network, data: Dataset, **options: Any) -> NetworkProfile:
    return pathprint.profile(network, data, any_accuracy=True, **options)


@pytest.fixture(scope="module")
def halves(digits_network: Network, digits: Dataset) -> tuple[NetworkProfile, NetworkProfile]:
    """Profiles of digits of two days."""
    days = part(digits, list(range(40)), "monday"), part(digits, list(range(40, 90)), "tuesday")
    first, second = (profiled(digits_network, day, seed=seed) for seed, day in enumerate(days))
    return first, second


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=60, max_size=60).filter(lambda parts: len(set(parts)) > 1))
def test_merged_counts_are_those_of_all_images_together(
    tmp_path_factory: pytest.TempPathFactory, digits_network: Network, digits: Dataset, parts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("merged")
    images = [[at for at, own in enumerate(parts) if own == number] for number in sorted(set(parts))]
    merged = pathprint.merge([profiled(digits_network, part(digits, own)) for own in images])
    together = profiled(digits_network, part(digits, list(range(60))))
    for name, profile in {"merged": merged, "together": together}.items():
        profile.save(folder / name)
    for file in ("signatures.safetensors", "images.safetensors", "network.safetensors", "network.json"):
        assert (folder / "merged" / file).read_bytes() == (folder / "together" / file).read_bytes()


def test_order_and_grouping_do_not_matter(digits_network: Network, digits: Dataset, tmp_path: Path) -> None:
    a, b, c = (profiled(digits_network, part(digits, list(range(at, at + 20)))) for at in (0, 20, 40))
    ways = [[a, b, c], [c, a, b], [pathprint.merge([a, b]), c], [a, pathprint.merge([c, b])]]
    made = [pathprint.merge(way) for way in ways]
    for number, profile in enumerate(made):
        profile.save(tmp_path / str(number))
    assert len({(tmp_path / str(n) / "signatures.safetensors").read_bytes() for n in range(len(ways))}) == 1
    assert [len(profile.parts) for profile in made] == [3, 3, 3, 3]


def test_a_class_that_only_one_profile_has_is_added(digits_network: Network, digits: Dataset) -> None:
    even, odd = (np.flatnonzero(digits.labels[:200] % 2 == rest).tolist() for rest in (0, 1))
    merged = pathprint.merge([profiled(digits_network, part(digits, own)) for own in (even, odd)])
    assert merged.signatures.classes.tolist() == list(range(10))


def test_provenance_names_every_part_and_is_stored(
    halves: tuple[NetworkProfile, NetworkProfile], tmp_path: Path
) -> None:
    merged = pathprint.merge(halves)
    merged.save(tmp_path / "merged")
    found = NetworkProfile.load(tmp_path / "merged")
    counted = [int(half.signatures.images.sum()) for half in halves]
    assert [(p.data, p.seed, p.images) for p in found.parts] == [("monday", 0, counted[0]), ("tuesday", 1, counted[1])]
    assert found.parts == merged.parts
    assert found.keys == halves[0].keys | halves[1].keys
    assert found.data == ""


def test_synapses_are_merged_too(digits_network: Network, digits: Dataset, tmp_path: Path) -> None:
    parts = [list(range(10)), list(range(10, 20)), list(range(20))]
    made = [profiled(digits_network, part(digits, own), synapses=True) for own in parts]
    for number, profile in enumerate(made):
        profile.save(tmp_path / str(number))
    pathprint.merge([tmp_path / "0", tmp_path / "1"]).save(tmp_path / "merged")
    name = "synapses.safetensors"
    assert (tmp_path / "merged" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    with pytest.raises(SignatureError, match="profile 1 has synapses"):
        pathprint.merge([made[0], profiled(digits_network, part(digits, parts[1]))])


def test_images_in_common_are_refused_with_their_number(digits_network: Network, digits: Dataset) -> None:
    one, other = (profiled(digits_network, part(digits, list(own))) for own in (range(30), range(23, 50)))
    with pytest.raises(SignatureError, match="7 of the 27 images of profile 2 are also among the 30 of profile 1"):
        pathprint.merge([one, other])
    with pytest.raises(SignatureError, match="7 of the"):
        pathprint.merge([profiled(digits_network, part(digits, list(range(60, 80)))), one, other])


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "theta": ({"policy": Policy(theta=0.6)}, r"theta: 0\.5 in the first, 0\.6 in the second"),
    "reference": ({"policy": Policy(reference="output")}, "reference: sum in the first, output in the second"),
    "unexplained": ({"policy": Policy(unexplained="argmax")}, "unexplained: none in the first, argmax"),
    "layers": ({"policy": Policy(layers=1)}, "layers: null in the first, 1 in the second"),
    "selection": ({"selection": "absolute"}, "phi .*: null in the first"),
    "forward": ({"forward": True}, "firing .*: null in the first"),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_other_options_are_refused_by_name(
    option: str, halves: tuple[NetworkProfile, NetworkProfile], digits_network: Network, digits: Dataset
) -> None:
    given, message = OPTIONS[option]
    other = profiled(digits_network, part(digits, list(range(100, 150))), **given)
    with pytest.raises(SignatureError, match=f"different options: {message}"):
        pathprint.merge([halves[0], other])


def heavier(network: Network) -> Network:
    """Return the network with one weight changed a little."""
    name, value = next((name, value) for name, value in network.graph.constants.items() if value.is_floating_point())
    changed = value.clone()
    changed.view(-1)[0] += 1e-3
    return replace(network, graph=replace(network.graph, constants={**network.graph.constants, name: changed}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: replace(n, labels=tuple(f"{label}!" for label in n.labels)), "the names of the classes differ"),
        (lambda n: replace(n, preprocessing=replace(n.preprocessing, mean=(0.4,))), "the preprocessing of images"),
        (heavier, "the weights differ"),
    ],
    ids=["labels", "preprocessing", "weights"],
)
def test_other_networks_are_refused(
    change: Callable[[Network], Network], message: str, halves: tuple[NetworkProfile, NetworkProfile]
) -> None:
    second = halves[1]
    network = change(second.extractor.network)
    other = replace(second, extractor=replace(second.extractor, network=network))
    with pytest.raises(SignatureError, match=f"different networks.*{message}"):
        pathprint.merge([halves[0], other])


def test_a_profile_is_not_merged_with_itself(halves: tuple[NetworkProfile, NetworkProfile], tmp_path: Path) -> None:
    halves[0].save(tmp_path / "one")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    for again in (tmp_path / "one", tmp_path / "link"):
        with pytest.raises(SignatureError, match="named twice"):
            pathprint.merge([tmp_path / "one", again])
    with pytest.raises(SignatureError, match="40 of the 40 images"):
        pathprint.merge([tmp_path / "one", tmp_path / "copy"])
    with pytest.raises(SignatureError, match="named twice"):
        pathprint.merge([halves[0], halves[1], halves[0]])
    with pytest.raises(OptionsError, match="two profiles or more; 1 were named"):
        pathprint.merge([halves[0]])


def test_fit_is_told_which_data_unless_there_is_one_data_set(halves: tuple[NetworkProfile, NetworkProfile]) -> None:
    merged = pathprint.merge(halves)
    with pytest.raises(OptionsError, match=r"2 data sets \(monday, tuesday\); name the images to fit on with `data`"):
        pathprint.fit(merged)
    same = pathprint.merge([replace(half, data="digits") for half in halves])
    assert same.data_to_fit_on() == "digits"


def test_data_are_matched_as_they_were_when_they_were_profiled(halves: tuple[NetworkProfile, NetworkProfile]) -> None:
    mapped = replace(halves[0], class_map={"zero": 0})
    merged = pathprint.merge([mapped, halves[1]])
    assert merged.class_map_of("monday") == {"zero": 0}
    assert merged.class_map_of("tuesday") is None
    assert merged.class_map_of("wednesday") == {"zero": 0}
    conflict = pathprint.merge([mapped, replace(halves[1], class_map={"zero": 1})])
    assert conflict.class_map_of("tuesday") == {"zero": 1}
    assert conflict.class_map_of("wednesday") is None
