"""What ``profile`` leaves for ``fit``: network, signatures, options and the images that were used."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from pathprint.models.errors import ModelError
from pathprint.models.network import canonical_json
from pathprint.models.storage import load_network, save_network
from pathprint.profiling.data.roles import Keys
from pathprint.profiling.errors import ProfilingError, SignatureError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.signatures import storage
from pathprint.profiling.signatures.counts import ClassSignatures
from pathprint.profiling.signatures.synapses import ClassSynapses

SYNAPSES = "synapses.safetensors"
"""Name of the file that only a profile with synapses has."""
_FACTS, _SIGNATURES, _IMAGES = "profile.json", "signatures.safetensors", "images.safetensors"


@dataclass(frozen=True)
class NetworkProfile:
    """A network's class signatures, with the network, options and images that they were made from.

    Attributes:
        extractor: the network and the options of the path.
        keys: keys, which go by pixels, of the images that the network was trained on or profiled with.
        data: the data set as the user named it.
        seed: of the order of the images.
        class_map: class number of each folder of the data; None if the folders' names are the classes' names.
        synapses: synapses of each class, if they were asked for; ``load`` does not read them.
    """

    extractor: Extractor
    signatures: ClassSignatures
    keys: Keys
    data: str
    seed: int
    class_map: dict[str, int] | None
    synapses: ClassSynapses | None = None

    def save(self, folder: Path | str) -> None:
        """Write the profile into ``folder``."""
        folder = Path(folder)
        save_network(self.extractor.network, folder)
        self.signatures.save(folder / _SIGNATURES)
        (folder / _IMAGES).write_bytes(save({"profile": np.array(sorted(self.keys), dtype=np.uint64)}))
        facts = {
            "policy": self.extractor.policy.to_dict(),
            "data": self.data,
            "seed": self.seed,
            "class_map": self.class_map,
        }
        (folder / _FACTS).write_bytes(canonical_json(facts))
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
            facts = json.loads((folder / _FACTS).read_bytes())
            extractor = Extractor(load_network(folder), Policy(**facts["policy"]))
            signatures = ClassSignatures.load(folder / _SIGNATURES)
            keys = frozenset(load_file(folder / _IMAGES)["profile"].tolist())
            data, seed, class_map = str(facts["data"]), int(facts["seed"]), facts["class_map"]
        except SignatureError:
            raise
        except (ModelError, ProfilingError, *storage.UNREADABLE) as error:
            raise SignatureError(f"{folder} is not a readable profile: {error}") from error
        if signatures.extraction != extractor.fingerprint:
            raise SignatureError(
                f"{folder}: the signatures were made with another network or other options; profile again."
            )
        return NetworkProfile(extractor, signatures, keys, data, seed, class_map)
