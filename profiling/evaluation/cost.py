"""Time and memory of a detection, compared with plain inferences that are timed in turn in the same process."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pathprint.profiling.detection.scores import LinearScore, total
from pathprint.profiling.evaluation.plain import TimedWay, is_as_given, screened
from pathprint.profiling.evaluation.timing import Run, in_turn
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.probes import MOST_CLASSES, Probes
from pathprint.profiling.features.tiers import TIERS, Tier
from pathprint.profiling.features.views import VIEWS
from pathprint.profiling.paths.borderline import borderline
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.signatures.counts import count

_VIEWS: dict[Tier, tuple[str, ...]] = {"fast": (), "standard": ("mirrored",), "thorough": tuple(VIEWS)}
"""Views of each tier that is timed. Which view a standard detector asks about hardly changes its cost. Of the thorough
tier it is the most: an image that goes through all stages is asked about in all views."""
_WARM_UP = 3
_SLOW_IMAGES = 2
"""Images that the borderline rate is measured on; few, because that runs in float64."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What detection costs. Milliseconds are per image, the median of all rounds.

    Attributes:
        network: its name.
        batch: images per batch; ``threads`` and ``layers`` are the numbers of CPU threads and of weighted layers.
        plain_ms: a plain inference in the fastest way of all that were tried (``evaluation.plain``).
        plain: the name of that way.
        as_given_ms: inference of the module on the whole batch at once, in the faster of contiguous and channels-last
            memory.
        detect_ms: a detection of each tier: recorded inference, path extraction, similarity to the classes, probes or
            views of the tier, score. In the thorough tier that is what an image costs that is asked about in all views;
            what stages save is counted for a bundle (``stages``).
        ratio: ``detect_ms / plain_ms`` of each tier.
        as_given_ratio: ``detect_ms / as_given_ms`` of each tier.
        extract_ms: what path extraction takes beyond the fastest plain inference.
        contributions_per_s: contributions of wanted units that extraction weighs per second.
        peak_mb: peak memory of a fast detection of the batch, in MB; None if the system does not report it.
        activations_mb: memory of all activations of the batch, in MB, for comparison.
        borderline: share of wanted units whose choice may depend on rounding.
        ways: all ways of a plain inference. Those that were timed for all rounds come first, the fastest of them,
            which is ``plain``, before all others. The rest was timed for few rounds, and its figures are rougher.
        left_out: why a way of a plain inference could not be compared, by its name.
    """

    network: str
    batch: int
    threads: int
    layers: int
    rounds: int
    plain_ms: float
    plain: str
    as_given_ms: float
    detect_ms: Mapping[Tier, float]
    ratio: Mapping[Tier, float]
    as_given_ratio: Mapping[Tier, float]
    extract_ms: float
    contributions_per_s: float
    peak_mb: float | None
    activations_mb: float
    borderline: float
    ways: tuple[TimedWay, ...]
    left_out: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-able data."""
        return asdict(self) | {"ways": [timed.to_dict() for timed in self.ways]}


def cost(extractor: Extractor, module: nn.Module, pixels: Tensor, rounds: int) -> Cost:
    """Measure what detection costs on pixels ``n c h w``, taken as one batch.

    The signatures are made from these very images, because the cost does not depend on what signatures hold.

    Args:
        module: the network as the user's own module, for plain inferences.
        rounds: how often each run is timed.
    """
    network, images = extractor.network, len(pixels)
    pixels, module = pixels.to(network.device), module.to(network.device)
    x = network.preprocessing.normalise(pixels)
    paths = extractor.extract(pixels)
    signatures = count(paths, paths.seeds, extractor.fingerprint)
    makers = {
        tier: with_what_it_has(FeatureMaker(extractor, signatures, views), tier) for tier, views in _VIEWS.items()
    }
    detections = {tier: _detection(maker, pixels) for tier, maker in makers.items()}
    screening = screened(network, module, x)

    runs = {
        **{way.name: run for way, run in screening.finalists.items()},
        **{str(tier): detection for tier, detection in detections.items()},
        "extract": lambda: extractor.extract(pixels),
    }
    ms = {name: 1e3 * seconds / images for name, seconds in in_turn(runs, rounds, _WARM_UP).items()}
    ways = screening.timed(ms, rounds)
    plain_ms, as_given_ms = ways[0].ms, min(ms[way.name] for way in screening.finalists if is_as_given(way, images))
    extract_ms = max(ms["extract"] - plain_ms, 1e-6)
    narrow, units = borderline(extractor, pixels[:_SLOW_IMAGES])
    return Cost(
        network=network.name,
        batch=images,
        threads=torch.get_num_threads(),
        layers=len(extractor.layout.layers),
        rounds=rounds,
        plain_ms=plain_ms,
        plain=ways[0].way.name,
        as_given_ms=as_given_ms,
        detect_ms={tier: ms[tier] for tier in TIERS},
        ratio={tier: ms[tier] / plain_ms for tier in TIERS},
        as_given_ratio={tier: ms[tier] / as_given_ms for tier in TIERS},
        extract_ms=extract_ms,
        contributions_per_s=_contributions(paths) / images / extract_ms * 1e3,
        peak_mb=_peak_mb(detections["fast"]) if network.device.type == "cpu" else _peak_on_gpu_mb(detections["fast"]),
        activations_mb=_activations_mb(extractor, x),
        borderline=narrow / max(units, 1),
        ways=ways,
        left_out=screening.left_out,
    )


def with_what_it_has(maker: FeatureMaker, tier: Tier) -> FeatureMaker:
    """Return the maker with blank probes if a bundle of the tier has fitted ones."""
    extractor = replace(maker.extractor, averages=True)
    averages, classes = extractor.plan.averages, len(maker.network.labels)
    if tier != "fast" or not averages or classes > MOST_CLASSES:
        return maker
    return replace(maker, extractor=extractor, probes=Probes.blank(averages, classes))


def _detection(maker: FeatureMaker, pixels: Tensor) -> Run:
    _, features = maker.make(pixels)
    ones = np.ones(features.values.shape[1])
    score = LinearScore("logistic", 0 * ones, ones, ones, 0.0)
    return lambda: total(score, maker.make(pixels)[1].values)


def _contributions(paths: ImagePaths) -> int:
    return sum(int(layer.neurons.counts.sum()) * layer.shape.fan_in for layer in paths.layers)


def _activations_mb(extractor: Extractor, x: Tensor) -> float:
    graph = extractor.network.graph
    with torch.inference_mode():
        values = graph.record(x[:1], [node.name for node in graph.nodes])
    return (
        len(x) * sum(value.numel() * value.element_size() for value in values.values() if torch.is_tensor(value)) / 1e6
    )


def _peak_mb(run: Run) -> float | None:
    """Return the peak memory of ``run`` in MB beyond what the process already holds; None where this is not Linux."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # give back what earlier runs left in the heap
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        before = _status_mb("VmRSS")
        run()
        return _status_mb("VmHWM") - before
    return None


def _peak_on_gpu_mb(run: Run) -> float:
    """Return the peak memory of ``run`` in MB on the GPU, beyond what the process already holds there."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    return (torch.cuda.max_memory_allocated() - before) / 1e6


def _status_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith(field))
