"""Measure a bundle on images that none of its steps has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pathprint.profiling.attacks.crafting import Crafting
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.datasets import Dataset, matched_data
from pathprint.profiling.data.roles import split_again
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.evaluation.figures import Report
from pathprint.profiling.evaluation.options import Options
from pathprint.profiling.evaluation.protocol import Outcome, measured_outcome


def evaluate(
    bundle: Bundle | str | Path,
    data: Dataset | str | Path,
    *,
    attacks: Sequence[str] | None = None,
    class_map: Mapping[str, int] | None = None,
    images: int = 500,
    full: bool = False,
    paper_protocol: bool = False,
    adaptive: int = 0,
    cache: str | Path | None = None,
    seed: int = 1,
) -> Report:
    """Return how well a bundle tells clean from attacked images, on images that nothing has seen.

    Args:
        bundle: what ``pathprint.fit`` returned, or the folder that it was saved in.
        data: labelled images; those that the bundle has seen are left out.
        attacks: names of the attacks to defend against; the default is a whole suite.
        class_map: the network's class number of each folder of the data, where names do not say it.
        images: correctly predicted test images, at most.
        full: also measure all attacks, benign changes, other detectors, and classifiers that have not seen
            the attacks that they are tested on. Slow.
        paper_protocol: also the papers' leaky split, to compare with published figures.
        adaptive: test images for an attacker who knows the detector, at most. Slow.
        cache: folder that keeps attacked images, from which an interrupted run goes on.
        seed: of the attacks; another one than the bundle was fitted with.

    Raises:
        BundleError: the bundle cannot be read, or cannot be fitted again as ``full`` needs it.
        DataError, SplitError: the data cannot be read, do not fit the network, or have no unseen image.
        OptionsError: there is no such attack.
        MissingExtraError: an attack that is named comes from a library that is not installed.
        FitError: the network answers no image correctly.
    """
    loaded = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
    labels = loaded.detector.network.labels
    crafting = Crafting(seed, None if cache is None else Path(cache))
    options = Options(images, crafting=crafting, full=full, paper=paper_protocol, adaptive=adaptive)
    return outcome(loaded, matched_data(data, labels, class_map), attacks, options).report


def outcome(bundle: Bundle, dataset: Dataset, attacks: Sequence[str] | None, options: Options) -> Outcome:
    """Return what ``evaluate`` returns, with the images and scores behind it.

    Args:
        dataset: its labels are the network's class numbers.
    """
    crafted = chosen(bundle.detector.network, attacks, "full" if options.full else "default")
    return measured_outcome(bundle.detector, split_again(dataset, bundle.used), crafted, options)
