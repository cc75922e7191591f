"""Add up profiles that were made on different machines or days, as if all their images had been profiled together."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations
from pathlib import Path

import numpy as np

from pathprint.models.network import Network
from pathprint.profiling.errors import OptionsError, SignatureError
from pathprint.profiling.jobs.defaults import SIGNATURES, SYNAPSES
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.jobs.origin import Origin
from pathprint.profiling.jobs.run import differences
from pathprint.profiling.jobs.version import version
from pathprint.profiling.progress import meter
from pathprint.profiling.signatures.exact import Exact, open_signatures
from pathprint.profiling.signatures.gathering import merge as merge_signatures
from pathprint.profiling.signatures.synapses import ClassSynapses

_SHOWN = 5


def merge(profiles: Sequence[NetworkProfile | str | Path]) -> NetworkProfile:
    """Return the profile of the images of all ``profiles`` together.

    Its counts are those of one profile that was made from all these images. Signatures of many classes are merged in
    a temporary file.

    Args:
        profiles: two or more, each what ``pathprint.profile`` returned, or the folder that it was saved in.

    Raises:
        OptionsError: there are fewer than two.
        SignatureError: one cannot be read, or is named twice; or they are of different networks or options; or an image
            is in several of them. The message says what differs, or how many images.
    """
    if len(profiles) < 2:
        raise OptionsError(f"merging takes two profiles or more; {len(profiles)} were named.")
    names = [_name(profile, number) for number, profile in enumerate(profiles, 1)]
    _check_distinct(profiles, names)
    loaded = dict(zip(names, map(_loaded, profiles), strict=True))
    first, *others = names
    for name in others:
        _check_alike((first, loaded[first]), (name, loaded[name]))
    _check_disjoint(loaded)
    return _merged(list(loaded.values()))


def _name(profile: NetworkProfile | str | Path, number: int) -> str:
    return f"profile {number}" if isinstance(profile, NetworkProfile) else str(profile)


def _check_distinct(profiles: Sequence[NetworkProfile | str | Path], names: Sequence[str]) -> None:
    places = [profile if isinstance(profile, NetworkProfile) else Path(profile).resolve() for profile in profiles]
    for (name, one), (other_name, other) in combinations(zip(names, places, strict=True), 2):
        if one is other or (isinstance(one, Path) and one == other):
            what = name if name == other_name else f"{name}, which is also {other_name},"
            raise SignatureError(f"{what} is named twice; its images would count twice. Name each profile once.")


def _loaded(profile: NetworkProfile | str | Path) -> NetworkProfile:
    """Return a profile with its synapses, if it has any."""
    if isinstance(profile, NetworkProfile):
        return profile
    found, synapses = NetworkProfile.load(profile), Path(profile) / SYNAPSES
    return replace(found, synapses=ClassSynapses.load(synapses)) if synapses.exists() else found


def _check_alike(one: tuple[str, NetworkProfile], other: tuple[str, NetworkProfile]) -> None:
    """Check that two profiles, each with its name, were made with one network and with the same options."""
    (name, first), (other_name, second) = one, other
    networks = _network_differences(first.extractor.network, second.extractor.network)
    if networks:
        raise SignatureError(
            f"{name} and {other_name} are profiles of different networks, whose paths do not compare: "
            f"{'; '.join(networks)}."
        )
    policies = (first.extractor.policy.to_dict(), second.extractor.policy.to_dict())
    found = differences(*policies, sides=("in the first", "in the second"))
    if (first.synapses is None) != (second.synapses is None):
        found.append(f"only {name if second.synapses is None else other_name} has synapses")
    if first.predicted != second.predicted:
        found.append(f"only {name if first.predicted else other_name} takes the network's answers for labels")
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise SignatureError(
            f"{name} and {other_name} were made with different options: {'; '.join(found[:_SHOWN])}{more}. Profile one "
            "of them again with the options of the other."
        )


def _network_differences(one: Network, other: Network) -> list[str]:
    """Return in which respects two networks differ."""
    if one.fingerprint == other.fingerprint:
        return []
    first, second = one.description(), other.description()
    parts = {"labels": "the names of the classes differ", "preprocessing": "the preprocessing of images differs"}
    found = [text for part, text in parts.items() if first.pop(part) != second.pop(part)]
    if first != second:
        return [*found, f"{one.name} and {other.name} have different layers"]
    same = one.graph.constants.keys() == other.graph.constants.keys() and all(
        value.equal(other.graph.constants[name].to(value.device)) for name, value in one.graph.constants.items()
    )
    return found if same else [*found, "the weights differ"]


def _check_disjoint(profiles: Mapping[str, NetworkProfile]) -> None:
    """Check that no image is in two profiles."""
    for (name, one), (other_name, other) in combinations(profiles.items(), 2):
        shared = len(one.keys & other.keys)
        if shared:
            raise SignatureError(
                f"{shared} of the {len(other.keys)} images of {other_name} are also among the {len(one.keys)} of "
                f"{name}; they would count twice. Profile only images that are in no other profile."
            )


def _merged(profiles: Sequence[NetworkProfile]) -> NetworkProfile:
    origins = tuple(origin for profile in profiles for origin in profile.origins)
    data = {origin.data for origin in origins}
    with meter("merging", sum(len(profile.signatures.classes) for profile in profiles)) as shown:
        signatures = _signatures([profile.signatures for profile in profiles])
        shown.advance(sum(len(profile.signatures.classes) for profile in profiles))
    synapses = [profile.synapses for profile in profiles if profile.synapses is not None]
    return NetworkProfile(
        profiles[0].extractor,
        signatures,
        frozenset().union(*(profile.keys for profile in profiles)),
        data.pop() if len(data) == 1 else "",
        profiles[0].seed,
        _class_map(origins),
        reduce(ClassSynapses.merge, synapses) if synapses else None,
        looks=np.concatenate([profile.looks for profile in profiles]),
        predicted=profiles[0].predicted,
        parts=origins,
        version=version(),
    )


def _signatures(parts: Sequence[Exact]) -> Exact:
    with tempfile.TemporaryDirectory(prefix="pathprint-") as folder:
        merge_signatures(parts, Path(folder) / SIGNATURES)
        return open_signatures(Path(folder) / SIGNATURES)  # a file that is removed while it is mapped can still be read


def _class_map(origins: Sequence[Origin]) -> dict[str, int] | None:
    """Return the class numbers of the folders of all data sets; None if no data set, or a folder twice, needs them."""
    found: dict[str, int] = {}
    for origin in origins:
        for folder, number in (origin.class_map or {}).items():
            if found.setdefault(folder, number) != number:
                return None
    return found or None
