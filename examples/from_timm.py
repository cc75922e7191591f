"""Protect a network of timm: from its checkpoint and a folder of images to verdicts.

    python examples/from_timm.py resnet18 weights.safetensors photos suspect.png

``photos`` holds one folder of images per class.
"""

import sys
from pathlib import Path

import timm

import pathprint
from pathprint.models.from_timm import preprocessing_of


def protect(architecture: str, checkpoint: str, photos: str, suspects: list[str]) -> None:
    """Profile, fit and save a detector, and judge the suspects."""
    labels = tuple(sorted(folder.name for folder in Path(photos).iterdir() if folder.is_dir()))
    module = timm.create_model(architecture, num_classes=len(labels), checkpoint_path=checkpoint)
    network = pathprint.Network.capture(module, preprocessing_of(module), labels, architecture)
    bundle = pathprint.fit(pathprint.profile(network, photos), classifier="one-class").save("protected")
    for suspect, verdict in zip(suspects, pathprint.detect(bundle, suspects), strict=True):
        print(f"{suspect}: {verdict.decision}, answered {verdict.label!r} ({verdict.confidence:.0%})")
        print(f"    {verdict.layers[0].text}")


if __name__ == "__main__":
    protect(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
