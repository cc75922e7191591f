"""Draw the pictures of docs/pictures.md: ``python docs/draw_pictures.py BUNDLE``, with a bundle of the digits.

They show a digit that the network answers rightly, and a copy that PGD made it misjudge and that is flagged.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from pathprint.profiling.attacks.crafting import craft
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.datasets import open_dataset
from pathprint.profiling.detection.bundle import load_bundle
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.pictures.explained import explain_pixels

FOLDER = Path(__file__).with_name("images")
_FIRST = 205


def pair(detector: Detector) -> tuple[Tensor, Tensor]:
    """Return the pixels ``c h w`` of the first digit from number 205 on that will do, and of its attacked copy."""
    data, network = open_dataset("digits"), detector.network
    (attack,) = chosen(network, ["pgd-0.2"])
    for index in range(_FIRST, len(data.labels)):
        pixels = network.preprocessing.pixels(data.image(index))[None]
        made = craft(attack, network, pixels, torch.tensor([int(data.labels[index])]))
        benign, attacked = (detector.examine(one)[0].decision for one in (pixels, made.pixels))
        if made.success[0] and (benign, attacked) == ("benign", "adversarial"):
            return pixels[0], made.pixels[0]
    raise SystemExit("the detector flags no attacked digit; is it a bundle of the digits?")


def main(bundle_folder: str) -> None:
    """Draw all pictures."""
    detector = load_bundle(Path(bundle_folder)).detector
    original, attacked = (explain_pixels(detector, pixels) for pixels in pair(detector))
    attacked.save(FOLDER / "attacked-digit.svg")
    original.save(FOLDER / "digit-and-copy.svg", attacked)


if __name__ == "__main__":
    main(sys.argv[1])
