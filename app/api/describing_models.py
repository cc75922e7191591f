"""Describe loaded bundles for clients."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from pathprint.app.api.answers import model, promise
from pathprint.app.api.schemas import AnsweringModel, Calibration, ClassName
from pathprint.app.runtime.models import Loaded, Models
from pathprint.app.schema import Schema
from pathprint.profiling.detection.detector import ENOUGH_IMAGES
from pathprint.profiling.detection.joined import TestName
from pathprint.profiling.features.tiers import Tier


class ListedModel(Schema):
    """A model and its versions."""

    name: str = Field(description="The name of the model.")
    versions: list[AnsweringModel] = Field(description="The current one comes first.")


class ModelList(Schema):
    """All models that are loaded."""

    models: list[ListedModel]


class ModelInput(Schema):
    """What the network takes, and how it is made of an image."""

    shape: tuple[int, int, int] = Field(description="Channels, height, width; of `application/x-npy` in float32, too.")
    range: tuple[float, float] = Field(description="Least and largest value of a pixel, before normalisation.")
    resize: int = Field(description="The length that the shorter side of an image is scaled to, before it is cut.")
    stretch: bool = Field(description="Whether images are scaled to the shape exactly, whatever their proportions.")
    mean: list[float] = Field(description="Subtracted from each channel by the service.")
    std: list[float] = Field(description="Each channel is divided by it, by the service.")


class ModelDescription(AnsweringModel):
    """A version of a model."""

    versions: list[str] = Field(description="All versions of the model, the current one first.")
    input: ModelInput
    classes: int = Field(ge=1, description="Number of classes that the network knows.")
    judged_classes: int = Field(ge=0, description="Classes with enough profiled images for a verdict.")
    tests: list[TestName] = Field(description="The tests that give verdicts; either may flag an image.")
    tier: Tier = Field(description="How closely each image is looked at; the thorough tier is the slowest.")
    views: list[str] = Field(description="The slightly changed copies of each image that are classified, too.")
    kernel: str = Field(description="The code that extracts paths on this machine.")
    threshold: float = Field(description="Scores above it mean adversarial.")
    uncertain: tuple[float, float] = Field(description="Between these scores the verdict is uncertain.")
    calibration: Calibration


class ProfiledClass(ClassName):
    """A class, and what is known of it."""

    images: int = Field(ge=0, description="Number of profiled images of this class.")
    judged: bool = Field(description="Whether these are enough; if not, verdicts on images of it are uncertain.")


class ModelClasses(Schema):
    """All classes of a model."""

    model: AnsweringModel
    needed_images: int = Field(description="Number of profiled images that are enough.")
    classes: list[ProfiledClass] = Field(description="By number; the network's outputs have this order.")


def listed(models: Models) -> ModelList:
    """Return all models with their versions."""
    found = [ListedModel(name=name, versions=[model(one) for one in models.versions(name)]) for name in models.names]
    return ModelList(models=found)


def described(loaded: Loaded, models: Models) -> ModelDescription:
    """Return what a client may want to know before it sends images."""
    detector = loaded.detector
    preprocessing = detector.network.preprocessing
    return ModelDescription(
        **model(loaded).model_dump(),
        versions=[one.version for one in models.versions(loaded.name)],
        input=ModelInput(
            shape=preprocessing.input_shape,
            range=(0, 1),
            resize=preprocessing.resize,
            stretch=preprocessing.stretch,
            mean=list(preprocessing.mean),
            std=list(preprocessing.std),
        ),
        classes=len(detector.network.labels),
        judged_classes=len(detector.judged),
        tests=list(detector.score.names),
        tier=detector.tier,
        views=list(detector.views),
        kernel=detector.extractor.chooser.name,
        threshold=detector.calibration.threshold,
        uncertain=detector.calibration.uncertain,
        calibration=promise(detector.calibration),
    )


def classes_of(loaded: Loaded) -> ModelClasses:
    """Return the classes of a model."""
    labels, signatures = loaded.detector.network.labels, loaded.detector.signatures
    images = np.zeros(len(labels), np.int64)
    images[signatures.classes] = signatures.images
    return ModelClasses(
        model=model(loaded),
        needed_images=ENOUGH_IMAGES,
        classes=[
            ProfiledClass(
                class_id=number, label=label, images=int(images[number]), judged=images[number] >= ENOUGH_IMAGES
            )
            for number, label in enumerate(labels)
        ],
    )
