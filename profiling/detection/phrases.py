"""What each measure says about an image, in words: the one table behind evidence and docs/glossary.md.

A new measure needs one entry here; a view brings its own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pathprint.profiling.features.views import VIEWS


@dataclass(frozen=True, slots=True)
class Phrase:
    """The words for one measure, with places for what differs from image to image.

    The places are ``{units}`` (neurons or weights), ``{predicted}`` and ``{runner_up}`` (two classes by name),
    ``{compared}`` (the one of them that a feature compares with) and ``{clean}`` (the clean images that show what is
    usual). A phrase says *its* of the image.

    Attributes:
        name: a short name of the measure.
        more, less, alike: what it means that the value is larger than usual, smaller, or about as usual.
        meaning: what the number is.
        scale: said behind the value where a reader would take it for something else.
    """

    name: str
    more: str
    less: str
    alike: str
    meaning: str
    scale: str = ""


_PATHS = {
    "containment": Phrase(
        name="share of {units} known from {compared}",
        more="a larger share of its {units} is known from {compared} than in {clean}",
        less="a smaller share of its {units} is known from {compared} than in {clean}",
        alike="about as large a share of its {units} is known from {compared} as in {clean}",
        meaning="Share of the image's {units} that at least one profiled image of the class uses, too.",
    ),
    "mean_frequency": Phrase(
        name="how typical the {units} are of {compared}",
        more="its {units} are more typical of {compared} than those of {clean}",
        less="its {units} are less typical of {compared} than those of {clean}",
        alike="its {units} are about as typical of {compared} as those of {clean}",
        meaning="Share of the class's profiled images that use one of the image's {units}, averaged over these.",
    ),
    "mean_log_frequency": Phrase(
        name="how typical the {units} are of {compared}, rare ones counting most",
        more="its {units} are more typical of {compared}, rare ones counting most, than those of {clean}",
        less="its {units} are less typical of {compared}, rare ones counting most, than those of {clean}",
        alike="its {units} are about as typical of {compared}, rare ones counting most, as those of {clean}",
        meaning="Logarithm of how large a share of the class uses one of the image's {units}, averaged over these.",
        scale=" on a log scale",
    ),
    "coverage": Phrase(
        name="how much the {units} cover of the usual path of {compared}",
        more="its {units} cover more of the usual path of {compared} than those of {clean} do",
        less="its {units} cover less of the usual path of {compared} than those of {clean} do",
        alike="its {units} cover about as much of the usual path of {compared} as those of {clean} do",
        meaning="Share of the class's usual {units} that the image uses; those it uses more often count for more.",
    ),
    "vote_margin": Phrase(
        name="how much the {units} favour {predicted} over every other class",
        more="its {units} favour {predicted} over every other class more than {clean} do",
        less="its {units} favour {predicted} over every other class less than {clean} do",
        alike="its {units} favour {predicted} over every other class about as much as {clean} do",
        meaning="Logarithm of how much likelier the image's {units} make this class than any other (naive Bayes).",
    ),
    "vote_runner_up": Phrase(
        name="how much the {units} favour {predicted} over {runner_up}",
        more="its {units} favour {predicted} over {runner_up} more than {clean} do",
        less="its {units} favour {predicted} over {runner_up} less than {clean} do",
        alike="its {units} favour {predicted} over {runner_up} about as much as {clean} do",
        meaning="Logarithm of how much likelier the image's {units} make this class than the runner-up (naive Bayes).",
    ),
    "vote_likelihood": Phrase(
        name="how well the {units} fit {predicted}",
        more="its {units} fit {predicted} better than those of {clean}",
        less="its {units} fit {predicted} less well than those of {clean}",
        alike="its {units} fit {predicted} about as well as those of {clean}",
        meaning="Logarithm of how likely an image of this class is to use just these {units} (naive Bayes).",
    ),
    "path_size": Phrase(
        name="number of {units} used",
        more="the image uses more {units} than {clean} do",
        less="the image uses fewer {units} than {clean} do",
        alike="the image uses about as many {units} as {clean} do",
        meaning="Number of {units} that the image uses, as the natural logarithm of that number plus one.",
        scale=" on a log scale",
    ),
    "empty": Phrase(
        name="whether no {units} are used",
        more="the image uses no {units}, unlike many {clean}",
        less="the image uses some {units}, unlike many {clean}",
        alike="the image is like most {clean} in whether it uses any {units}",
        meaning="1 if the image uses no {units} in the layer, otherwise 0.",
    ),
    "coherence": Phrase(
        name="how much the inputs of the neurons agree",
        more="the inputs of its neurons agree with one another more than in {clean}",
        less="the inputs of its neurons agree with one another less than in {clean}",
        alike="the inputs of its neurons agree with one another about as much as in {clean}",
        meaning="1 if all inputs of a neuron push its own way, 0 if they cancel out; averaged over the neurons.",
    ),
    "effort": Phrase(
        name="average number of inputs that a neuron rests on",
        more="on average its neurons rest on more inputs than in {clean}",
        less="on average its neurons rest on fewer inputs than in {clean}",
        alike="on average its neurons rest on about as many inputs as in {clean}",
        meaning="Number of inputs that it takes to explain a neuron, averaged over the image's neurons.",
    ),
    "unexplained": Phrase(
        name="share of neurons that no input explains",
        more="a larger share of its neurons is explained by no input than in {clean}",
        less="a smaller share of its neurons is explained by no input than in {clean}",
        alike="about as large a share of its neurons is explained by no input as in {clean}",
        meaning="Share of the image's neurons for which no input could be found that makes them what they are.",
    ),
    "probe_margin": Phrase(
        name="how clearly what reaches the layer reads as {predicted}",
        more="what reaches it reads more clearly as {predicted}, rather than as any other class, than in {clean}",
        less="what reaches it reads less clearly as {predicted}, rather than as any other class, than in {clean}",
        alike="what reaches it reads about as clearly as {predicted} as in {clean}",
        meaning="A linear reading of the layer's input: the answer's share minus the largest other one.",
    ),
    "probe_lead": Phrase(
        name="how far what reaches the layer reads as {predicted} rather than {runner_up}",
        more="what reaches it reads more clearly as {predicted} rather than {runner_up} than in {clean}",
        less="what reaches it reads less clearly as {predicted} rather than {runner_up} than in {clean}",
        alike="what reaches it reads about as clearly as {predicted} rather than {runner_up} as in {clean}",
        meaning="A linear reading of the layer's input: the answer's share minus the runner-up's.",
    ),
    "probe_reading": Phrase(
        name="share of {predicted} in a reading of what reaches the layer",
        more="what reaches it has more of {predicted} than in {clean}",
        less="what reaches it has less of {predicted} than in {clean}",
        alike="what reaches it has about as much of {predicted} as in {clean}",
        meaning="A linear reading of the layer's input: how much of the answer it finds, usually between 0 and 1.",
    ),
}

_ANSWER = {
    "confidence": Phrase(
        name="confidence of the network",
        more="the network is more sure of {predicted} than with {clean}",
        less="the network is less sure of {predicted} than with {clean}",
        alike="the network is about as sure of {predicted} as with {clean}",
        meaning="The network's own probability (softmax) of its answer.",
    ),
    "doubt": Phrase(
        name="doubt of the network",
        more="the network has more doubt about {predicted} than with {clean}",
        less="the network has less doubt about {predicted} than with {clean}",
        alike="the network has about as much doubt about {predicted} as with {clean}",
        meaning="Square root of one minus the network's own probability (softmax) of its answer.",
    ),
    "entropy": Phrase(
        name="how widely the network spreads its answer over the classes",
        more="the network spreads its answer more widely over the classes than with {clean}",
        less="the network spreads its answer less widely over the classes than with {clean}",
        alike="the network spreads its answer about as widely over the classes as with {clean}",
        meaning="Entropy of the network's own probabilities: 0 if one class has all, larger the more even they are.",
    ),
    "probe_settled": Phrase(
        name="share of the layers before which {predicted} does not lead for good",
        more="its layers read as {predicted} for good only from a later one on than in {clean}",
        less="its layers read as {predicted} for good from an earlier one on than in {clean}",
        alike="its layers read as {predicted} for good from about as early a one on as in {clean}",
        meaning="Share of the layers whose input comes before the answer leads in linear readings for good.",
    ),
    "probe_turns": Phrase(
        name="how often the layers change what they read",
        more="from layer to layer, what it reads as changes more often than in {clean}",
        less="from layer to layer, what it reads as changes less often than in {clean}",
        alike="from layer to layer, what it reads as changes about as often as in {clean}",
        meaning="How often the class that leads in linear readings of the layers' inputs changes on the way.",
    ),
    "probe_jump": Phrase(
        name="how suddenly the layers turn to {predicted}",
        more="one layer turns it to {predicted} more suddenly than in {clean}",
        less="no layer turns it to {predicted} as suddenly as in {clean}",
        alike="its layers turn to {predicted} about as suddenly as in {clean}",
        meaning="Largest rise, from one layer to the next, of the answer's lead in linear readings of their inputs.",
    ),
}


def _lost_by(change: str) -> Phrase:
    """Return the words for how much of its lead the answer loses by ``change``."""
    return Phrase(
        name=f"lead that {{predicted}} loses by {change}",
        more=f"{change} costs {{predicted}} more of its lead than with {{clean}}",
        less=f"{change} costs {{predicted}} less of its lead than with {{clean}}",
        alike=f"{change} costs {{predicted}} about as much of its lead as with {{clean}}",
        meaning=f"How much of the answer's lead over the next class, in logits, is lost by {change}.",
    )


PHRASES: Mapping[str, Phrase] = MappingProxyType(
    {**_PATHS, **_ANSWER, **{f"margin_loss_{name}": _lost_by(view.words) for name, view in VIEWS.items()}}
)
"""The words of every measure."""
