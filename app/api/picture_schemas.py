"""What the service answers to whoever wants to draw a verdict, as types: the OpenAPI document is made from them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pathprint.app.api.schemas import Absent, Explanation, Layer, Share
from pathprint.app.schema import Schema
from pathprint.profiling.detection.joined import TestName

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]


class PictureFile(Schema):
    """A picture as text."""

    png: str = Field(description="A PNG file as a `data:` address.")
    width: int = Field(ge=1, le=512, description="In pixels; larger pictures are made smaller.")
    height: int = Field(ge=1, le=512, description="In pixels; larger pictures are made smaller.")


class Map(PictureFile):
    """Numbers over the image, as grey levels: black is 0, white is `most`."""

    most: Amount = Field(description="The number that white stands for.")


class Maps(Schema):
    """Where in the image the path lies. All maps cover the whole image that the network saw."""

    image: PictureFile = Field(description="What the network saw: the image as it was scaled and cropped for it.")
    input: Map | Absent = Field(
        default=None,
        description="Which pixels are on the path: the share of a pixel's colour channels that are. Absent if the path "
        "does not reach the network's input, as where only the last layers were profiled.",
    )
    input_channels: list[Map] | Absent = Field(default=None, description="Which pixels are, for each colour channel.")
    input_share: Share | Absent = Field(default=None, description="Share of the network's input that is on the path.")
    layer: str | Absent = Field(
        default=None,
        description="The layer that the following maps are of: the first convolution on the path. Absent, with them, "
        "if there is none.",
    )
    path: Map | Absent = Field(default=None, description="How many units of that layer are on the path at each place.")
    usual: Map | Absent = Field(
        default=None,
        description="How many are, on average, on the paths of profiled images of the predicted class.",
    )
    usual_runner_up: Map | Absent = Field(
        default=None, description="How many are, on average, on those of the runner-up. White is as in `usual`."
    )


class Band(Schema):
    """Where a number lies for clean images: as if normally distributed, from their mean and standard deviation."""

    usual: float = Field(description="The mean over clean images.")
    spread: Amount = Field(description="The standard deviation over clean images.")
    of_class: bool = Field(
        description="Whether these are clean images of the predicted class; if too few were seen, all clean images are."
    )
    low: float = Field(description="About 5 % of clean images lie below it.")
    high: float = Field(description="About 5 % of clean images lie above it.")
    lower_quartile: float = Field(description="About 25 % of clean images lie below it.")
    upper_quartile: float = Field(description="About 25 % of clean images lie above it.")


class Similarity(Schema):
    """How similar the path is to that of a class, and what is usual for clean images of the predicted class."""

    value: Share = Field(
        description="Which share of the class's profiled images use a neuron of the path, on average over the path."
    )
    deviations: float = Field(
        description="`(value - usual) / spread`: below -1.645 the path is less similar than those of about 95 % of "
        "clean images. 0 where all clean images have one and the same value."
    )
    band: Band


class Density(Schema):
    """Which share of the layer is on the paths of clean images of the predicted class."""

    low: Share = Field(description="About 5 % of clean images have less.")
    usual: Share = Field(description="Typical for clean images.")
    high: Share = Field(description="About 5 % of clean images have more.")


class LayerPath(Schema):
    """How much of the layer the path takes."""

    units: Count = Field(description="Number of the layer's units on the path.")
    size: int = Field(ge=1, description="Number of the layer's units.")
    density: Share = Field(description="`units / size`.")
    usual_density: Density


class Known(Schema):
    """Which classes know the units of the path: shares that add up to 1; all 0 if no unit is on the path.

    A class knows a unit that was on the path of any of its profiled images; of many classes, of at least 2 % of them.
    """

    by_both: Share = Field(description="Known to the predicted class and to the runner-up.")
    by_predicted: Share = Field(description="Known to the predicted class only.")
    by_runner_up: Share = Field(description="Known to the runner-up only.")
    by_neither: Share = Field(description="Known to neither: here the path is off the road.")
    usual: Band = Field(description="Of the share that the predicted class knows, `by_both + by_predicted`.")


class Channel(Schema):
    """One channel of a convolution, or one unit of a linear layer."""

    number: Count = Field(description="From 0.")
    units: Count = Field(description="How many of its units are on the path.")
    usual: Amount = Field(description="How many are on average, for profiled images of the predicted class.")
    usual_runner_up: Amount = Field(description="How many are on average, for profiled images of the runner-up.")


class PicturedLayer(Schema):
    """One layer of the network."""

    name: str
    kind: str = Field(description="What the layer is, in words.")
    contribution: float = Field(description="How far it moves the score from the usual score.")
    text: str = Field(description="What it says about the image, as a sentence.")
    similarity: Similarity = Field(description="To the path of the predicted class.")
    similarity_runner_up: Similarity = Field(description="To the path of the runner-up.")
    stands_out: bool = Field(
        description="Whether the path leaves the road here: `similarity.deviations` is below -1.645."
    )
    path: LayerPath
    known: Known
    channels: list[Channel] = Field(
        max_length=8, description="The channels with most units on the path, or usually with most, most first."
    )


class CleanScores(Schema):
    """A histogram of the scores of the clean images that the threshold was set on."""

    edges: list[float] = Field(
        min_length=31, max_length=31, description="Where the bins begin; and the end of the last."
    )
    counts: list[Count] = Field(min_length=30, max_length=30, description="Number of images in each bin.")
    images: int = Field(ge=1, description="Number of images.")


class Score(Schema):
    """The score, and where it lies among those of clean images."""

    value: float = Field(description="The score of the image.")
    threshold: float
    usual: float = Field(description="The score of an image for which all is as usual.")
    p_value: Share = Field(description="Estimated share of clean images with a score at least this high.")
    test: TestName = Field(description="The test that gave the score.")
    tests: dict[TestName, float] = Field(description="The score by each test; the larger one counts.")
    uncertain: tuple[float, float] = Field(
        description="Scores above the first and up to the second are too near the threshold for a verdict."
    )
    target_fpr: Share = Field(description="The promise: a clean image is flagged with at most this probability.")
    clean: CleanScores


class Picture(Schema):
    """The path of the image beside those of the predicted class and of the runner-up."""

    reasons: list[str] = Field(
        description="What every layer says, as sentences, the one that moves the score most first."
    )
    score: Score
    layers: list[PicturedLayer] = Field(description="In the order of the network.")
    answer: Layer | Absent = Field(
        default=None, description="What the network's answer as a whole says; absent if no score looks at it."
    )
    maps: Maps


class PictureAnswer(Explanation):
    """The verdict on one image, with all that is behind it, and what it takes to draw that."""

    picture: Picture
