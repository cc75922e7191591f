"""Protect an image classifier of Hugging Face's transformers: from its checkpoint and a folder of images to verdicts.

    python examples/from_transformers.py my-vit photos suspect.png

``my-vit`` is a folder that ``save_pretrained`` wrote, or a model of the hub; ``photos`` holds one
folder of images per class, called like the model's classes.
"""

import sys

from transformers import AutoImageProcessor, AutoModelForImageClassification

import pathprint
from pathprint.models.from_transformers import labels_of, preprocessing_of


def protect(checkpoint: str, photos: str, suspects: list[str]) -> None:
    """Profile, fit and save a detector, and judge the suspects."""
    module = AutoModelForImageClassification.from_pretrained(checkpoint)
    eyes = preprocessing_of(AutoImageProcessor.from_pretrained(checkpoint))
    network = pathprint.Network.capture(module, eyes, labels_of(module), checkpoint)
    bundle = pathprint.fit(pathprint.profile(network, photos), classifier="one-class").save("protected")
    for suspect, verdict in zip(suspects, pathprint.detect(bundle, suspects), strict=True):
        print(f"{suspect}: {verdict.decision}, answered {verdict.label!r} ({verdict.confidence:.0%})")
        print(f"    {verdict.layers[0].text}")


if __name__ == "__main__":
    protect(sys.argv[1], sys.argv[2], sys.argv[3:])
