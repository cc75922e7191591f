"""Weights as training scripts leave them: what can be taken is taken and told, or one sentence says why not."""

import argparse
import collections
import enum
import os
import pathlib
import re
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pathprint.models.errors import NetworkWarning, WeightsError
from pathprint.models.zoo import catalogue
from pathprint.models.zoo.loading import load_weights

State = dict[str, Tensor]


class Net(nn.Module):
    """A classifier with names of every kind: BatchNorm statistics and counter, a part in a part."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))
        self.fc = nn.Linear(3, classes)
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.stem(x).mean((2, 3)))
        return logits


class Colour(enum.Enum):
    RED = 1


@pytest.fixture
def state() -> State:
    torch.manual_seed(1)
    return dict(Net().state_dict())


def prefixed(prefix: str, state: State) -> State:
    return {prefix + key: value for key, value in state.items()}


def whole(state: State) -> nn.Module:
    made = Net()
    made.load_state_dict(state)
    return made


def with_optimiser(state: State) -> dict[str, Any]:
    module = whole(state)
    optimiser = torch.optim.Adam(module.parameters())
    module(torch.rand(2, 1, 4, 4)).sum().backward()
    optimiser.step()
    return {"model": state, "optimizer": optimiser.state_dict(), "epoch": np.int64(3), "loss": np.float64(0.5)}


TAKEN: dict[str, tuple[Callable[[State], object], str]] = {
    "plain": (lambda s: s, ""),
    "state_dict": (lambda s: {"state_dict": s, "epoch": 3}, "taken from 'state_dict'"),
    "model": (with_optimiser, "taken from 'model'"),
    "model_state_dict": (lambda s: {"model_state_dict": s}, "taken from 'model_state_dict'"),
    "net": (lambda s: {"acc": 93.1, "net": prefixed("module.", s)}, r"'net'; the prefix 'module\.' is left out"),
    "an unheard-of key": (lambda s: {"a": {"b": {"c": s}}}, r"taken from 'a\.b\.c'"),
    "beside an average": (
        lambda s: {"model_ema": zeros(s), "model": s},
        "'model'; weights .* fit too are in 'model_ema'",
    ),
    "an average alone": (lambda s: {"ema": {"model": s}}, r"taken from 'ema\.model'"),
    "AveragedModel": (lambda s: {"n_averaged": torch.tensor(5), **prefixed("module.", s)}, "left out: n_averaged"),
    "DataParallel": (lambda s: prefixed("module.", s), r"prefix 'module\.' is left out"),
    "torch.compile": (lambda s: prefixed("_orig_mod.", s), r"prefix '_orig_mod\.' is left out"),
    "both": (lambda s: prefixed("module._orig_mod.", s), "left out of its names"),
    "a compiled part": (
        lambda s: {key.replace("stem.", "stem._orig_mod."): value for key, value in s.items()},
        "'_orig_mod.' are left out",
    ),
    "Lightning": (
        lambda s: {
            "state_dict": {**prefixed("model.", s), "criterion.weight": torch.ones(4)},
            "hparams": argparse.Namespace(),
        },
        r"'state_dict'; the prefix 'model\.' is left out of its names; left out: criterion\.weight",
    ),
    "backbone": (lambda s: prefixed("net.backbone.", s), r"prefix 'net\.backbone\.' is left out"),
    "odd types beside": (
        lambda s: {
            "model": s,
            "args": argparse.Namespace(lr=np.float32(0.1), out=pathlib.PurePosixPath("x")),
            "c": Colour.RED,
        },
        "taken from 'model'",
    ),
    "a default dictionary": (lambda s: {"model": s, "log": collections.defaultdict(list)}, "taken from 'model'"),
    "a whole module": (whole, ""),
    "a whole module, inside": (lambda s: {"net": whole(s)}, "taken from 'net'"),
    "half precision": (
        lambda s: {key: value.half() if value.is_floating_point() else value for key, value in s.items()},
        "",
    ),
    "no counters": (lambda s: {key: value for key, value in s.items() if "num_batches" not in key}, ""),
    "an ordered dictionary": (lambda s: collections.OrderedDict(s), ""),
}


def zeros(state: State) -> State:
    return {key: torch.zeros_like(value) for key, value in state.items()}


@pytest.mark.parametrize("name", list(TAKEN))
def test_weights_are_taken_wherever_they_are_and_that_is_told(name: str, state: State, tmp_path: Path) -> None:
    content, message = TAKEN[name]
    torch.save(content(state), tmp_path / "w.ckpt")
    module = Net()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        load_weights(module, tmp_path / "w.ckpt")
    notes = [str(note.message) for note in told if issubclass(note.category, NetworkWarning)]
    assert len(notes) == bool(message)
    assert re.search(message, "".join(notes))
    for key, value in module.state_dict().items():
        torch.testing.assert_close(value, state[key], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".bin"])
def test_the_content_of_a_file_decides_not_its_ending(suffix: str, state: State, tmp_path: Path) -> None:
    save_file(prefixed("module.", state), tmp_path / f"a{suffix}")
    torch.save(prefixed("module.", state), tmp_path / f"b{suffix}")
    torch.save(state, tmp_path / f"c{suffix}", _use_new_zipfile_serialization=False)
    for name in "abc":
        module = Net()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NetworkWarning)
            load_weights(module, tmp_path / f"{name}{suffix}")
        assert torch.equal(module.fc.weight, state["fc.weight"])


def test_a_prefix_that_the_module_has_is_put_in_front(state: State, tmp_path: Path) -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Net()

    torch.save(prefixed("module.", state), tmp_path / "w.pth")
    outer = Outer()
    with pytest.warns(NetworkWarning, match=r"prefix 'net\.' is put in front"):
        load_weights(outer, tmp_path / "w.pth")
    assert torch.equal(outer.net.fc.weight, state["fc.weight"])


def test_modules_without_values_take_those_of_the_file(state: State, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "w.pth")
    with torch.device("meta"):
        module = Net()
    load_weights(module, tmp_path / "w.pth")
    assert torch.equal(module.fc.weight, state["fc.weight"])


def changed(**tensors: Tensor) -> Callable[[State], State]:
    return lambda s: {**s, **{name.replace("__", "."): value for name, value in tensors.items()}}


FOREIGN = {f"layer{i}.weight": torch.ones(2) for i in range(200)}
REFUSED: dict[str, tuple[Callable[[State], object], str]] = {
    "NaN": (changed(fc__weight=torch.full((4, 3), torch.nan)), r"not finite \(NaN or infinity\) in fc\.weight: "),
    "infinite": (changed(fc__bias=torch.tensor([0, torch.inf, 0, 0])), r"in fc\.bias: the training diverged"),
    "other classes": (
        changed(fc__weight=torch.ones(7, 3), fc__bias=torch.ones(7)),
        r"for 7 classes, but the network has 4 \(fc\.weight is \[7, 3\] in the file, \[4, 3\] in the network\)",
    ),
    "other shapes": (
        changed(stem__0__weight=torch.ones(5, 1, 3, 3), fc__weight=torch.ones(4, 5)),
        "other shapes are in",
    ),
    "another network": (
        lambda _: FOREIGN,
        r"of another network: its names begin with mask, stem\.0\.weight, .* and 7 more",
    ),
    "a part": (
        lambda s: {"fc.weight": s["fc.weight"], "mask": s["mask"]},
        r"it lacks stem\.0\.weight, .* and 4 more\.$",
    ),
    "too much": (lambda s: {**s, **FOREIGN}, r"it has layer0\.weight, .* and 197 more, which the network lacks"),
    "no tensors": (lambda _: {"epoch": 3}, "has no weights"),
    "a number": (lambda _: 3, "has no weights"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_weights_that_do_not_fit_are_refused_with_the_cause_and_three_names(
    name: str, state: State, tmp_path: Path
) -> None:
    content, message = REFUSED[name]
    for wrapped in (content(state), {"state_dict": content(state)}):
        torch.save(wrapped, tmp_path / "w.pth")
        with pytest.raises(WeightsError, match=message) as raised:
            load_weights(Net(), tmp_path / "w.pth")
        assert str(raised.value).startswith(str(tmp_path / "w.pth"))
        assert len(str(raised.value)) < len(str(tmp_path)) + 500


def archive(path: Path) -> bytes:
    torch.save(Net().state_dict(), path)
    return path.read_bytes()


def scripted(path: Path) -> bytes:
    torch.jit.trace(Net().eval(), torch.rand(1, 1, 4, 4)).save(str(path))  # type: ignore[no-untyped-call]
    return path.read_bytes()


def zipped(path: Path) -> bytes:
    np.savez(path.with_suffix(".npz"), x=np.ones(3))
    return path.with_suffix(".npz").read_bytes()


FILES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "empty": (lambda _: b"", "it is empty"),
    "truncated": (lambda path: archive(path)[:2000], r"truncated or damaged \(2,000 bytes are there\); copy it again"),
    "truncated safetensors": (lambda _: (200).to_bytes(8, "little") + b'{"a"', "is truncated or damaged"),
    "a web page": (lambda _: b"<!DOCTYPE html>", "neither a safetensors file nor .* begins with b'<!DOCTYPE html>'"),
    "a pointer": (lambda _: b"version https://git-lfs.github.com/spec/v1", "begins with b'version https"),
    "TorchScript": (scripted, "is a TorchScript program; save the weights alone"),
    "another archive": (zipped, "is a zip archive that torch.save did not write"),
    "another pickle": (lambda _: b"\x80\x04\x95junk", "cannot be read as plain data"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", list(FILES))
def test_what_is_no_file_of_weights_is_told(name: str, tmp_path: Path) -> None:
    content, message = FILES[name]
    path = tmp_path / "w.pth"
    path.write_bytes(content(path))
    with pytest.raises(WeightsError, match=message):
        load_weights(Net(), path)


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "none.pth", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(WeightsError, match=message):
            load_weights(Net(), path)


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, call: Callable[..., object], *args: object) -> None:
        self.call = call, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


@pytest.mark.parametrize("call", [os.system, subprocess.check_call, eval, print])
def test_nothing_in_a_file_is_run(
    call: Callable[..., object], state: State, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "mark"
    what = f"open({str(mark)!r}, 'w')" if call is eval else f"touch {mark}"
    torch.save({"x": Hostile(call, what), "model": state}, tmp_path / "w.pth")
    module = Net()
    if call is os.system:  # torch refuses names of the operating system outright
        with pytest.raises(WeightsError, match=r"cannot be read as plain data \(it holds posix\.system\); save"):
            load_weights(module, tmp_path / "w.pth")
    else:
        with pytest.warns(NetworkWarning):
            load_weights(module, tmp_path / "w.pth")
    assert not mark.exists()
    assert "touch" not in capfd.readouterr().out


def test_torchvision_networks_have_as_many_classes_as_the_weights(tmp_path: Path) -> None:
    import torchvision

    torch.save({"model": torchvision.models.squeezenet1_1(num_classes=7).state_dict()}, tmp_path / "w.pth")
    taken = pytest.warns(NetworkWarning, match="the weights are taken from 'model'")
    with taken, pytest.warns(NetworkWarning, match="the weights are for 7 classes"):
        module, _, labels = catalogue.opened("torchvision:squeezenet1_1", tmp_path / "w.pth")
    assert module.state_dict()["classifier.1.bias"].shape == (7,)
    assert labels == ()
