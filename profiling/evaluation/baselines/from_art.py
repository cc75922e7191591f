"""Detectors of the Adversarial Robustness Toolbox, ART (extra ``bench``).

Two of them need a network from the user; a small one is defined here. ART's own verdict compares two outputs of this
network, or a score with the largest score of the background. Here, the difference of the outputs and the score get a
threshold from clean calibration images, as all baselines do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from art.defences.detector.evasion import BinaryActivationDetector, BinaryInputDetector, SubsetScanningDetector
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn
from torch.nn import functional as F

from pathprint.models.graph import Node
from pathprint.models.network import Network
from pathprint.models.operations import CONVOLUTIONS
from pathprint.profiling.arrays import Floats
from pathprint.profiling.data.correct import CHUNK
from pathprint.profiling.errors import FitError
from pathprint.profiling.evaluation.baselines.layers import by_channel, observed
from pathprint.profiling.evaluation.baselines.observation import Baseline, Lessons, Observation

_SIDE = 8
"""Most positions of a layer along height and width; larger maps are averaged, so that they fit in memory."""
_FINE = 64
"""Approximate positions per side that the small network looks at; training it on whole photographs takes hours."""
_SEED = 0
_LAYER = "middle"
Single = npt.NDArray[np.float32]


def on_pixels(lessons: Lessons) -> Baseline:
    """Return a small network that tells clean from attacked fit images by their pixels (``BinaryInputDetector``)."""
    return _taught(lessons, lessons.network.preprocessing.input_shape, BinaryInputDetector)


def on_activations(lessons: Lessons) -> Baseline:
    """Return a small network that tells clean from attacked fit images by the outputs of the protected network's middle
    layer (``BinaryActivationDetector``; Metzen et al. 2017).
    """
    middle = _Middle.of(lessons.network)
    shape = middle.get_activations(_pixels(lessons.clean)[:1]).shape[1:]
    return _taught(lessons, shape, lambda detector: BinaryActivationDetector(middle, detector, _LAYER))


def by_subsets(lessons: Lessons) -> Baseline:
    """Return the score of the most unusual subset of the middle layer's units (``SubsetScanningDetector``).

    Raises:
        FitError: a profile image has no unusual unit, so that ART's scan fails.
    """
    try:
        detector = SubsetScanningDetector(_Middle.of(lessons.network), _pixels(lessons.profiled), _LAYER, verbose=False)
    except ValueError as error:
        raise FitError(f"ART cannot scan the profile images: {error}") from error

    def scanned(images: Single) -> Floats:
        try:
            found: Floats = detector.detect(images)[0]["scores"]
        except ValueError:  # no unit of an image is above the background's median, so there is no subset
            found = np.concatenate([scanned(image[None]) for image in images]) if len(images) > 1 else np.zeros(1)
        return found

    return lambda seen: np.concatenate([scanned(part) for part in _batches(_pixels(seen))])


DETECTORS: Mapping[str, tuple[str, Callable[[Lessons], Baseline]]] = {
    "art-input": ("ART: BinaryInputDetector, a small network on pixels; saw the fit attacks", on_pixels),
    "art-activation": ("ART: BinaryActivationDetector, middle layer; saw the fit attacks", on_activations),
    "art-subset": ("ART: SubsetScanningDetector, middle layer (McFowland et al. 2013)", by_subsets),
}


@dataclass(frozen=True)
class _Middle:
    """The middle layer's activations, which are all that ART's detectors ask of a classifier.

    ART's own classifier is not used for two reasons: if an in-place activation follows the layer, it reads the
    overwritten output; and every call leaves a hook behind.
    """

    network: Network
    node: Node
    layer_names: tuple[str, ...] = (_LAYER,)

    @staticmethod
    def of(network: Network) -> _Middle:
        nodes = observed(network)
        return _Middle(network, nodes[len(nodes) // 2])

    def get_activations(self, x: Single, *_: object) -> Single:
        """Return the layer's maps ``n c h w``, at most 8 x 8, of images ``x``; values without positions are 1 x 1."""
        return np.concatenate([self._maps(torch.from_numpy(part)) for part in _batches(x)])

    def _maps(self, pixels: Tensor) -> Single:
        with torch.inference_mode():
            inputs = self.network.preprocessing.normalise(pixels.to(self.network.device))
            value = self.network.graph.record(inputs, [self.node.name])[self.node.name]
            spatial = self.node.operation in CONVOLUTIONS and value.dim() == 4
            maps = value if spatial else by_channel(value, self.node)[..., None]
            height, width = (min(side, _SIDE) for side in maps.shape[2:])
            found: Single = F.adaptive_avg_pool2d(maps, (height, width)).cpu().numpy()
        return found


def _taught(
    lessons: Lessons, shape: tuple[int, ...], wrapped: Callable[[PyTorchClassifier], BinaryInputDetector]
) -> Baseline:
    rows = [_pixels(lessons.clean), _pixels(lessons.attacked)]
    truth = np.repeat([0, 1], [len(part) for part in rows])
    with _own_chance():
        detector = wrapped(_classifier(lessons.network, shape, truth))
        # Batch normalisation fails on a last batch of one image, which has no variance.
        detector.fit(np.concatenate(rows), truth, batch_size=CHUNK, drop_last=len(truth) > CHUNK)

    def score(seen: Observation) -> Floats:
        with _own_chance():
            report, _ = detector.detect(_pixels(seen), batch_size=CHUNK)
        outputs: Floats = report["predictions"].astype(np.float64)
        return outputs[:, 1] - outputs[:, 0]

    return score


@contextmanager
def _own_chance() -> Iterator[None]:
    """Fix torch's seed and restore its state: ART draws initial weights and the order of examples from it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        yield


def _classifier(network: Network, shape: tuple[int, ...], truth: npt.NDArray[np.int64]) -> PyTorchClassifier:
    """Return the small network, untrained; clean and attacked images have equal total weight, whatever their number."""
    step = max(1, min(shape[1:]) // _FINE)
    module = nn.Sequential(
        nn.BatchNorm2d(shape[0]),
        *(nn.Conv2d(shape[0], 16, max(3, step), stride=step, padding=1), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(32, 32, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2)),
    )
    weights = torch.tensor(len(truth) / np.bincount(truth, minlength=2).clip(1), device=network.device).float()
    return PyTorchClassifier(
        model=module,
        loss=nn.CrossEntropyLoss(weight=weights),
        input_shape=shape,
        nb_classes=2,
        optimizer=torch.optim.Adam(module.parameters(), 1e-3),
        device_type="gpu" if network.device.type == "cuda" else "cpu",
    )


def _pixels(seen: Observation) -> Single:
    return seen.pixels.float().cpu().numpy()


def _batches(x: Single) -> list[Single]:
    return [x[start : start + CHUNK] for start in range(0, len(x), CHUNK)]
