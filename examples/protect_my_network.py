"""Protect a network of torchvision that you have trained: from its weights and a folder of images to verdicts.

    python examples/protect_my_network.py resnet18 weights.pth photos suspect.png

``photos`` holds one folder of images per class. For a network of timm, write ``timm.create_model`` in
the place of ``torchvision.models.get_model``; for any other, the call that makes your module.
"""

import sys
from pathlib import Path

import torch
import torchvision

import pathprint


def protect(architecture: str, weights: str, photos: str, suspects: list[str]) -> None:
    """Profile, fit and save a detector, and judge the suspects."""
    labels = tuple(sorted(folder.name for folder in Path(photos).iterdir() if folder.is_dir()))
    module = torchvision.models.get_model(architecture, num_classes=len(labels))
    module.load_state_dict(torch.load(weights, weights_only=True))
    eyes = pathprint.Preprocessing(3, (224, 224), 256, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    network = pathprint.Network.capture(module, eyes, labels)
    profile = pathprint.profile(network, photos)
    bundle = pathprint.fit(profile, classifier="one-class").save("protected")
    for suspect, verdict in zip(suspects, pathprint.detect(bundle, suspects), strict=True):
        print(f"{suspect}: {verdict.decision}, answered {verdict.label!r} ({verdict.confidence:.0%})")
        print(f"    {verdict.layers[0].text}")


if __name__ == "__main__":
    protect(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
