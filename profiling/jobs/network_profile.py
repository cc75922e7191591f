"""What ``profile`` leaves for ``fit``: network, signatures, options and the images that were used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from pathprint.models.errors import ModelError
from pathprint.models.network import canonical_json
from pathprint.models.storage import load_network, save_network
from pathprint.profiling.data.identity import NO_KEYS, Keys64
from pathprint.profiling.data.roles import Keys
from pathprint.profiling.errors import OptionsError, ProfilingError, SignatureError
from pathprint.profiling.jobs.defaults import FACTS, IMAGES, PROFILE, SIGNATURES, SYNAPSES
from pathprint.profiling.jobs.origin import Origin
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.exact import Exact, open_signatures
from pathprint.profiling.signatures.synapses import ClassSynapses
from pathprint.profiling.writing.whole import whole_folder


@dataclass(frozen=True)
class NetworkProfile:
    """A network's class signatures, with the network, options and images that they were made from.

    Attributes:
        extractor: the network and the options of the path.
        keys: keys, which go by pixels, of the images that the network was trained on or profiled with.
        data: the data set as the user named it; empty if the profile was merged from those of several data sets.
        seed: of the order of the images.
        class_map: class number of each folder of the data; None if the folders' names are the classes' names.
        synapses: synapses of each class, if they were asked for; ``load`` does not read them.
        accuracy: how often the network was right on a few of the images: ``share``, ``images``, ``confidence``; None in
            profiles of earlier versions. A record that nothing depends on.
        looks: looks of the images with ``keys``; empty in profiles of earlier versions.
        predicted: whether the classes of the images are the network's own answers.
        parts: what the profile was merged from; empty if it was made in one piece.
        version: of the package that made the profile; empty where that is not known.
    """

    extractor: Extractor
    signatures: Exact
    keys: Keys
    data: str
    seed: int
    class_map: dict[str, int] | None
    synapses: ClassSynapses | None = None
    accuracy: Mapping[str, float] | None = None
    looks: Keys64 = field(default_factory=lambda: NO_KEYS)
    predicted: bool = False
    parts: tuple[Origin, ...] = ()
    version: str = ""

    @property
    def origins(self) -> tuple[Origin, ...]:
        """What the profile was made from: one entry, or one for each profile that it was merged from."""
        images = int(self.signatures.images.sum())
        return self.parts or (Origin(self.data, self.seed, self.class_map, images, self.version),)

    def data_to_fit_on(self) -> str:
        """Return the data set that was profiled.

        Raises:
            OptionsError: there are several, or the data had no name.
        """
        if self.data or not self.parts:
            return self.data
        named = list(dict.fromkeys(part.data for part in self.parts))
        raise OptionsError(
            f"the profile was merged from profiles of {len(named)} data sets ({', '.join(named)}); name the images to "
            "fit on with `data`. Those that were profiled are left out, whatever data set they lie in."
        )

    def class_map_of(self, data: str) -> dict[str, int] | None:
        """Return the class map that a data set was profiled with; that of the whole profile for any other data set."""
        found = [part.class_map for part in self.parts if part.data == data]
        return self.class_map if not found else None if found[0] is None else dict(found[0])

    def save(self, folder: Path | str) -> None:
        """Write the profile; ``folder`` appears only when it is complete, and replaces an older profile.

        Raises:
            OutputError: ``folder`` exists and is not a profile, or it cannot be written.
        """
        with whole_folder(Path(folder), PROFILE) as partial:
            self._write(partial)

    def _write(self, folder: Path) -> None:
        """Write every file into a new folder."""
        save_network(self.extractor.network, folder)
        self.signatures.save(folder / SIGNATURES)
        keys = {"profile": np.array(sorted(self.keys), dtype=np.uint64), "looks": np.sort(self.looks)}
        (folder / IMAGES).write_bytes(save(keys))
        facts = {
            "policy": self.extractor.policy.to_dict(),
            "data": self.data,
            "seed": self.seed,
            "class_map": self.class_map,
            "accuracy": self.accuracy,
            "predicted": self.predicted,
            "parts": [part.to_dict() for part in self.parts],
            "version": self.version,
        }
        (folder / FACTS).write_bytes(canonical_json(facts))
        if self.synapses is not None:
            self.synapses.save(folder / SYNAPSES)

    @staticmethod
    def load(folder: Path | str) -> NetworkProfile:
        """Return the profile in ``folder``.

        Raises:
            SignatureError: a file is missing or damaged, or the files do not belong together.
        """
        folder = Path(folder)
        try:
            facts = json.loads((folder / FACTS).read_bytes())
            extractor = Extractor(load_network(folder), Policy(**facts["policy"]))
            signatures = open_signatures(folder / SIGNATURES)
            images = load_file(folder / IMAGES)
            keys, looks = frozenset(images["profile"].tolist()), images.get("looks", NO_KEYS)
            data, seed, class_map = str(facts["data"]), int(facts["seed"]), facts["class_map"]
            # Profiles of earlier versions were made in one piece, and do not say which version made them.
            parts = tuple(Origin.from_dict(part) for part in facts.get("parts", ()))
            made_by = str(facts.get("version", ""))
        except SignatureError:
            raise
        except (ModelError, ProfilingError, OSError) as error:
            raise SignatureError(f"{folder} is not a readable profile: {error}") from error
        except storage.UNREADABLE as error:
            raise SignatureError(
                f"{folder} has content that this version does not read ({error!r}): it is damaged, or another version "
                "of Pathprint wrote it; profile again."
            ) from error
        if signatures.extraction != extractor.fingerprint:
            raise SignatureError(
                f"{folder}: the signatures were made with another network or other options; profile again."
            )
        made = {"accuracy": facts.get("accuracy"), "predicted": bool(facts.get("predicted", False))}
        made |= {"parts": parts, "version": made_by, "looks": looks}
        return NetworkProfile(extractor, signatures, keys, data, seed, class_map, **made)
