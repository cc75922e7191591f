"""Load weights into a module by name, whatever a training script put around them; say what was taken."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pathprint.models.capture.preparing import shown
from pathprint.models.errors import NetworkWarning, WeightsError
from pathprint.models.zoo.checkpoint_files import Found, State, state_dicts

_WRAPPERS = {"module", "_orig_mod"}
"""Parts of names that DataParallel and torch.compile add."""
_COUNTER = "num_batches_tracked"
"""What BatchNorms count in training alone; old files lack it."""
_AVERAGES = ("ema", "swa", "averag", "shadow")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A state dict under names that may be those of a module.

    Attributes:
        place: where it is in the file.
        change: what was done to its names, for people; empty for nothing.
        state: the tensors under their new names.
        left_out: names without a place in the module, as they are outside of the part that was taken.
    """

    place: str
    change: str
    state: State
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """How a candidate fits a module: which names it lacks, has too many, or holds in another shape."""

    candidate: Candidate
    own: State
    missing: tuple[str, ...]
    strange: tuple[str, ...]
    shapes: tuple[str, ...]

    @staticmethod
    def of(candidate: Candidate, own: State) -> Fit:
        """Compare ``candidate`` with ``own``, a module's state dict."""
        state = candidate.state
        both = [key for key in own if key in state and not is_lazy(own[key])]
        return Fit(
            candidate,
            own,
            tuple(key for key in own if key not in state and not key.endswith(_COUNTER)),
            tuple(key for key in state if key not in own and not key.endswith(_COUNTER)),
            tuple(key for key in both if own[key].shape != state[key].shape),
        )

    @property
    def worse(self) -> tuple[int, bool]:
        """Orders fits, the best first; averages of weights come after weights."""
        averages = any(word in self.candidate.place.lower() for word in _AVERAGES)
        return len(self.missing) + len(self.strange) + len(self.shapes), averages

    @property
    def classes(self) -> tuple[int, int] | None:
        """Numbers of classes of module and file, if these alone differ: only layers that nothing reads have others."""
        if self.missing or self.strange or not self.shapes:
            return None
        pairs = [(tuple(self.own[key].shape), tuple(self.candidate.state[key].shape)) for key in self.shapes]
        if any(len(own) == 0 or len(own) != len(other) or own[1:] != other[1:] for own, other in pairs):
            return None
        counts = {(own[0], other[0]) for own, other in pairs}
        return counts.pop() if len(counts) == 1 else None


def load_weights(module: nn.Module, path: Path) -> None:
    """Load the weights in ``path`` into ``module``; every name and shape of the module must be there.

    The file may hold them inside of other data, and with other names in front: ``{"state_dict": {"module.conv1…``.
    What was opened, changed and left out is said as a ``NetworkWarning``.

    Raises:
        WeightsError: the file cannot be read, or the weights do not fit or are not finite; the error says what differs.
    """
    fits = _fits(module, path)
    best = fits[0]
    state = {key: value for key, value in best.candidate.state.items() if key in best.own or key in best.strange}
    state |= {key: value for key, value in best.own.items() if key.endswith(_COUNTER) and key not in state}
    _check_finite(state, best.own, path)
    try:
        module.load_state_dict(state, assign=any(value.is_meta for value in best.own.values()))
    except Exception as error:  # torch's own check, or that of a user's module
        raise WeightsError(f"{path} does not fit the network: {_difference(best, error)}") from error
    _say(path, best, fits[1:])


def class_count(module: nn.Module, path: Path) -> int | None:
    """Return for how many classes the weights in ``path`` are, if they fit ``module`` but for that number.

    Raises:
        WeightsError: the file cannot be read.
    """
    classes = _fits(module, path)[0].classes
    return classes[1] if classes else None


def _fits(module: nn.Module, path: Path) -> list[Fit]:
    own = {key: value for key, value in module.state_dict().items() if isinstance(value, Tensor)}
    return sorted((Fit.of(c, own) for found in state_dicts(path) for c in _candidates(found, own)), key=_worse)


def _worse(fit: Fit) -> tuple[int, bool]:
    return fit.worse


def _candidates(found: Found, own: Collection[str]) -> Iterator[Candidate]:
    """Yield ``found`` as it is, without what wraps names, without each prefix that names may have, and with one."""
    yield Candidate(found.place, "", found.state)
    yield from _inside(found.place, found.state, own)
    plain = {_without_wrappers(key): value for key, value in found.state.items()}
    if len(plain) == len(found.state):
        yield Candidate(found.place, "'module.' and '_orig_mod.' are left out of its names", plain)
        yield from _inside(found.place, plain, own)
    added = _common_prefix(own)
    if added:
        longer = {added + key: value for key, value in plain.items()}
        yield Candidate(found.place, f"the prefix '{added}' is put in front of its names", longer)


def _inside(place: str, state: State, own: Collection[str]) -> Iterator[Candidate]:
    """Yield the part of ``state`` behind each prefix that a module's names may have in it."""
    for prefix in _prefixes(state, own):
        inner = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        outside = tuple(key for key in state if not key.startswith(prefix))
        yield Candidate(place, f"the prefix '{prefix}' is left out of its names", inner, outside)


def _without_wrappers(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in _WRAPPERS)


def _prefixes(state: State, own: Collection[str]) -> tuple[str, ...]:
    """Return what stands in front of a module's first name in the names of ``state``."""
    first = next(iter(own), "")
    ends = (key.removesuffix(first) for key in state if key.endswith(f".{first}"))
    return tuple(dict.fromkeys(ends)) if first else ()


def _common_prefix(own: Collection[str]) -> str:
    """Return the name of the part that holds all parameters of a module, with its point; empty if there is none."""
    parts = {key.partition(".")[0] for key in own if "." in key}
    alone = len(parts) == 1 and all("." in key for key in own)
    return f"{parts.pop()}." if alone else ""


def _check_finite(state: State, own: State, path: Path) -> None:
    """Refuse numbers that are not finite, but for those that the module has there too, such as masks."""
    odd = [key for key, value in state.items() if not value.is_meta and _has_odd(value, own.get(key))]
    if odd:
        raise WeightsError(
            f"{path} holds numbers that are not finite (NaN or infinity) in {shown(odd)}: the training diverged, or "
            "the file is damaged. Take the weights of an earlier epoch."
        )


def _has_odd(value: Tensor, own: Tensor | None) -> bool:
    if not value.is_floating_point():
        return False
    if own is not None and own.is_meta:
        return bool(value.isnan().any())  # infinite values may be a mask
    finite = value.isfinite()
    if own is not None and own.shape == value.shape:
        finite |= ~own.isfinite()
    return not bool(finite.all())


def _difference(fit: Fit, error: Exception) -> str:
    """Say in which way weights do not fit, the likeliest cause first."""
    if fit.classes:
        here, there = fit.classes
        return (
            f"they are for {there} classes, but the network has {here} ({fit.shapes[0]} is "
            f"{_shape(fit, fit.shapes[0])}). Make the network with {there} classes."
        )
    if fit.own.keys().isdisjoint(fit.candidate.state):
        return (
            f"they are of another network: its names begin with {shown(fit.own)}, "
            f"those of the file with {shown(fit.candidate.state)}."
        )
    told = [
        (fit.missing, "it lacks {}"),
        (fit.strange, "it has {}, which the network lacks"),
        (tuple(f"{key} ({_shape(fit, key)})" for key in fit.shapes), "other shapes are in {}"),
    ]
    said = "; ".join(words.format(shown(keys)) for keys, words in told if keys)
    return f"{said or ' '.join(str(error).split())[:300]}."


def _shape(fit: Fit, key: str) -> str:
    there, here = (list(state[key].shape) for state in (fit.candidate.state, fit.own))
    return f"{there} in the file, {here} in the network"


def _say(path: Path, fit: Fit, others: list[Fit]) -> None:
    """Say what was opened, changed and left out, if anything was."""
    candidate = fit.candidate
    rivals = dict.fromkeys(
        o.candidate.place for o in others if o.worse[0] == 0 and o.candidate.place != candidate.place
    )
    notes = [
        f"the weights are taken from '{candidate.place}'" if candidate.place else "",
        candidate.change,
        f"left out: {shown(candidate.left_out)}" if candidate.left_out else "",
        f"weights that would fit too are in {shown(repr(place or 'the file itself') for place in rivals)}"
        if rivals
        else "",
    ]
    said = "; ".join(filter(None, notes))
    if said:
        warnings.warn(f"{path}: {said}.", NetworkWarning, stacklevel=3)
