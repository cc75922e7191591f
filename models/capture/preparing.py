"""Make a copy of a user's module that can be captured: plain weights, evaluation mode, float32, nothing around it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm
from torch.optim.swa_utils import AveragedModel
from torch.overrides import TorchFunctionMode

from pathprint.models.capture.returned import logits_of
from pathprint.models.errors import CaptureError, NetworkWarning

_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_TENSORS_AND_PARTS = ("_parameters", "_buffers", "_modules")
_BACKWARD_HOOKS = ("_backward_hooks", "_backward_pre_hooks")
_SHOWN = 3


def ready_copy(module: nn.Module) -> nn.Module:
    """Return a float32 copy of ``module`` on the CPU in evaluation mode; the original stays as it is.

    What wraps the module, or parts of it, is left out of the copy. Weights that are computed from other parameters
    (pruning, weight and spectral normalisation) become plain.

    Raises:
        CaptureError: the module is none of torch's, cannot be copied, or has parameters without values.
    """
    _check_kind(module)
    plain = unwrapped(module)
    _check_values(plain)
    ready = _copied(plain)
    _unwrap_parts(ready)
    evaluate(ready)
    with torch.no_grad():
        for part in tuple(ready.modules()):
            _make_plain(part)
    nn.Module.float(nn.Module.cpu(ready)).requires_grad_(False)
    return ready


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the network inside ``DataParallel`` or ``torch.compile``, and say so; else ``module`` itself."""
    found = module
    while (inner := _inner(found)) is not None:
        found = inner
    if found is not module:
        what = "the result of torch.compile" if hasattr(module, "_orig_mod") else f"a {type(module).__name__}"
        warnings.warn(
            f"the module is {what}; the {type(found).__name__} inside of it is taken.", NetworkWarning, stacklevel=2
        )
    return found


def _inner(module: nn.Module) -> nn.Module | None:
    inner = None if isinstance(module, torch.jit.ScriptModule) else module._modules.get("_orig_mod")
    return module.module if inner is None and isinstance(module, _WRAPPERS) else inner


def _check_kind(module: object) -> None:
    name = type(module).__name__
    if isinstance(module, torch.jit.ScriptModule):
        raise CaptureError(f"{name} is a TorchScript module, which cannot be captured; pass the module it was made of.")
    if not isinstance(module, nn.Module):
        raise CaptureError(f"{name} is no torch module (torch.nn.Module); pass the classifier itself.")


def _check_values(module: nn.Module) -> None:
    name = type(module).__name__
    held = [*module.named_parameters(), *module.named_buffers()]
    lazy = [key for key, value in held if is_lazy(value)]
    if lazy:
        raise CaptureError(
            f"{name} has parameters without a shape yet: {shown(lazy)}. Call the module once on a batch of images "
            "before it is passed on, or give it trained weights."
        )
    meta = [key for key, value in held if value.is_meta]
    if meta:
        raise CaptureError(
            f"{name} has parameters on the meta device, which hold no values: {shown(meta)}. Build the module without "
            'torch.device("meta"), or give it trained weights with `weights`.'
        )


def shown(keys: Iterable[str]) -> str:
    """Return the first three of ``keys`` as text, and how many more there are."""
    listed = list(keys)
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _copied(module: nn.Module) -> nn.Module:
    memo: dict[int, Any] = _uncopiable(module)
    try:
        with _Copying():
            return copy.deepcopy(module, memo)
    except Exception as error:  # whatever the parts of a user's module raise
        raise CaptureError(
            f"{type(module).__name__} cannot be copied ({type(error).__name__}: {error}); "
            "copy.deepcopy of the module has to work."
        ) from error


class _Copying(TorchFunctionMode):
    """Lets ``copy.deepcopy`` copy results of computations too: torch copies leaves of the autograd graph alone.

    A module holds them after weight normalisation or pruning, and if it or its hooks keep activations.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.__deepcopy__ and not args[0].is_leaf:
            value, memo = args
            memo[id(value)] = value.detach().clone()
            return memo[id(value)]
        return func(*args, **(kwargs or {}))


def _uncopiable(module: nn.Module) -> dict[int, Any]:
    """Return, by id, what attributes hold that cannot be copied (locks, files, loggers): the copy shares it."""
    parts = {id(part): part for part in module.modules()}
    shared: dict[int, Any] = {}
    for part in parts.values():
        for name, value in vars(part).items():
            if name in _TENSORS_AND_PARTS:
                continue
            try:
                with _Copying():
                    copy.deepcopy(value, dict(parts))
            except Exception:  # what cannot be copied says so in many ways
                shared[id(value)] = value
    return shared


def _unwrap_parts(module: nn.Module) -> None:
    """Replace each wrapped submodule by what is inside."""
    for part in tuple(module.modules()):
        for name, child in part._modules.items():
            while child is not None and (inner := _inner(child)) is not None:
                part._modules[name] = child = inner


def evaluate(module: nn.Module) -> None:
    """Bring ``module`` into evaluation mode, also if its own ``train`` or ``eval`` leaves some parts in training.

    Raises:
        CaptureError: its own ``train`` or ``eval`` raised.
    """
    try:
        module.eval()
    except Exception as error:  # a user's own train() or eval()
        raise CaptureError(
            f"{type(module).__name__} cannot be brought into evaluation mode: its eval() raised "
            f"{type(error).__name__}: {error}. Mend it, or pass the module inside of it that answers."
        ) from error
    for part in module.modules():
        part.training = False


def _make_plain(part: nn.Module) -> None:
    """Give ``part`` plain weights in place of computed ones, and plain tensors of its own in float32 on the CPU."""
    for hook in tuple(part._forward_pre_hooks.values()):
        if isinstance(hook, prune.BasePruningMethod):
            prune.remove(part, hook._tensor_name)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        elif isinstance(hook, WeightNorm):
            remove_weight_norm(part, hook.name)
        elif isinstance(hook, SpectralNorm):
            remove_spectral_norm(part, hook.name)
    if parametrize.is_parametrized(part):
        _give_own_class(part)
        assert isinstance(part.parametrizations, nn.ModuleDict)
        for name in tuple(part.parametrizations):
            parametrize.remove_parametrizations(part, name, leave_parametrized=True)
    for name in _BACKWARD_HOOKS:
        getattr(part, name, {}).clear()
    part._compiled_call_impl = None  # of part.compile()
    for name, value in tuple(vars(part).items()):
        if type(value) is Tensor:
            vars(part)[name] = value.detach().cpu().float() if value.is_floating_point() else value.detach().cpu()


def _give_own_class(part: nn.Module) -> None:
    """Give a parametrised ``part`` a class of its own: it shares the original's, which removing would change."""
    shared = type(part)
    own = {name: value for name, value in vars(shared).items() if name not in {"__dict__", "__weakref__"}}
    part.__class__ = type(shared.__name__, shared.__bases__, own)


def without_watching_hooks(module: nn.Module, input_shape: tuple[int, ...]) -> nn.Module:
    """Remove all forward hooks from a module of ``ready_copy`` if its logits are equal without them; return it.

    Hooks that only watch, such as those that keep activations, would be run and recorded by the export.
    """
    hooks = [getattr(part, name) for part in module.modules() for name in _HOOKS if getattr(part, name)]
    kept = [dict(registry) for registry in hooks]
    if hooks and not _watch_only(module, hooks, torch.zeros(2, *input_shape)):
        for registry, entries in zip(hooks, kept, strict=True):
            registry.update(entries)
    return module


def _watch_only(module: nn.Module, hooks: list[dict[int, Any]], x: Tensor) -> bool:
    """Clear ``hooks`` and say whether the logits of ``x`` are what they were before."""
    x.uniform_(generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            before = logits_of(module(x))
            for registry in hooks:
                registry.clear()
            return torch.equal(before, logits_of(module(x)))
    except Exception:  # the export, which comes next, says what does not work
        return False
