"""Read the wanted bundles, verify them and try them out, beside those that answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch

from pathprint.app.runtime import memory
from pathprint.app.runtime.beside import found_beside
from pathprint.app.runtime.models import Loaded, Models
from pathprint.app.runtime.places import Place, find
from pathprint.app.settings import MEBIBYTE
from pathprint.profiling.detection.bundle import Bundle, checksum_of, load_bundle
from pathprint.profiling.errors import BundleError

Say = Callable[[str, str], None]
"""Told which bundle has come to which stage."""

WAITING, CHECKING, LOADING, WARMING, LOADED = "waiting", "checking its files", "loading", "warming up", "loaded"
"""The stages of a bundle, in their order."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator wants to have loaded.

    Attributes:
        given: ``FOLDER`` or ``NAME=FOLDER`` each; see ``places.find``.
        default: the model that requests mean which name none; None lets the first of ``given`` decide.
        batch_sizes: numbers of images that are examined together; each is tried once before a bundle answers.
        trusted_keys: files of public keys, one of which must have signed each bundle; None asks for no signature. They
            are read again at each reading.
    """

    given: tuple[str, ...]
    default: str | None = None
    batch_sizes: tuple[int, ...] = (1,)
    trusted_keys: tuple[Path, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of the wanted bundles.

    Attributes:
        held: the models that answer now; None at the start.
        say: is told of each stage.
    """

    wanted: Wanted
    held: Models | None
    say: Say

    def models(self) -> Models:
        """Return the wanted models. A bundle that is loaded and has not changed in its folder is kept as it is.

        Raises:
            BundleError: there are no bundles, one is refused, there is too little memory for it, or names and versions
                are not clear.
            OptionsError: a file of ``trusted_keys`` holds no public key that can be used.
        """
        if not self.wanted.given:
            raise BundleError("no folder was given to load bundles from; set PATHPRINT_BUNDLE.")
        groups = find(self.wanted.given)
        titles = {place: _title(place, number) for number, place in enumerate(chain.from_iterable(groups), 1)}
        for title in titles.values():
            self.say(title, WAITING)
        loaded = [[self._loaded(place, titles[place]) for place in group] for group in groups]
        return Models.of([*chain.from_iterable(loaded)], self.wanted.default or _only_name(loaded[0]))

    def _loaded(self, place: Place, title: str) -> Loaded:
        self.say(title, CHECKING)
        trusted = self.wanted.trusted_keys
        held = {one.bundle.sha256: one for one in self.held or ()}.get(checksum_of(place.folder, trusted))
        if held is None:
            if self.held is not None:
                _check_memory(place.folder)
            self.say(title, LOADING)
            bundle = load_bundle(place.folder, trusted_keys=trusted)
            self.say(title, WARMING)
            _warm_up(bundle, self.wanted.batch_sizes)
        else:
            bundle = held.bundle
        self.say(title, LOADED)
        shape = bundle.detector.network.preprocessing.input_shape
        found = Loaded.of(bundle, place.name, place.version, found_beside(place.folder, bundle.sha256, shape))
        return held if held is not None and held.key == found.key else found


def _title(place: Place, number: int) -> str:
    """Return what clients may know of a bundle: where it lies is nothing for them."""
    return f"bundle {number}" if place.name is None else " ".join(filter(None, (place.name, place.version)))


def _only_name(loaded: Sequence[Loaded]) -> str | None:
    names = {one.name for one in loaded}
    return names.pop() if len(names) == 1 else None


def _check_memory(folder: Path) -> None:
    left, needed = memory.available(), memory.needed(folder)
    if left is not None and left < needed:
        raise BundleError(
            f"{folder}: loading it beside the bundles that answer may take {needed // MEBIBYTE} MiB of memory, but "
            f"{left // MEBIBYTE} MiB are left; give the service more memory, or start it anew."
        )


def _warm_up(bundle: Bundle, batch_sizes: Sequence[int]) -> None:
    """Examine black images, so that no request waits for something to be compiled."""
    shape = bundle.detector.network.preprocessing.input_shape
    for size in batch_sizes:
        bundle.detector.examine(torch.zeros(size, *shape))
    memory.give_back()
