"""Cut ImageNet weights of torchvision's MobileNetV2 down to the ten classes of Imagenette.

Example: python benchmarks/detection/ten_classes.py mobilenet_v2-imagenet.safetensors ten.safetensors

An attack on the whole network nearly always ends in one of the 990 classes that were never profiled. To
flag those is no feat: they have no signature.
"""

import json
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

CLASSES = json.loads(Path(__file__).with_name("imagenette.json").read_text())
"""ImageNet's number of each folder."""


def main(whole: str, ten: str) -> None:
    """Write the weights in ``whole`` with the last layer's rows of these classes alone to ``ten``."""
    folders = sorted(CLASSES)
    rows = [CLASSES[folder] for folder in folders]
    weights = load_file(whole)
    for name in ("classifier.1.weight", "classifier.1.bias"):
        weights[name] = weights[name][rows].contiguous()
    save_file(weights, ten, {"labels": json.dumps(folders)})


if __name__ == "__main__":
    main(*sys.argv[1:])
