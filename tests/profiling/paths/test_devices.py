"""What follows a network to its device: its plan, its pixels, its kernel. Needs no GPU."""

from dataclasses import fields
from importlib.util import find_spec

import pytest
import torch
from torch import Tensor

from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import available, kernel_named
from pathprint.profiling.paths.kernels.precision import full_precision
from pathprint.profiling.paths.steps.addition import Addition
from pathprint.profiling.paths.steps.average import Average
from pathprint.profiling.paths.steps.elementwise import Elementwise
from pathprint.profiling.paths.steps.maximum import Maximum
from pathprint.profiling.paths.steps.movement import Movement
from pathprint.profiling.paths.steps.weighted import Weighted
from tests.profiling.paths.networks import case


def test_a_plan_moves_with_all_its_tensors() -> None:
    plan = Extractor(case("residual")[1]).plan
    assert {type(step) for step in plan.steps} == {Addition, Average, Elementwise, Maximum, Movement, Weighted}
    for step in plan.to(torch.device("meta")).steps:
        parts = [getattr(step, part.name) for part in fields(step)]  # type: ignore[arg-type]  # every kind is a dataclass
        nested = [value for part in parts for value in (part if isinstance(part, tuple) else [part])]
        assert {value.device.type for value in nested if isinstance(value, Tensor)} <= {"meta"}


def test_a_network_knows_its_device() -> None:
    network = case("residual")[1]
    assert network.device == torch.device("cpu")
    assert network.to("meta").device == torch.device("meta")
    assert network.to("cpu").graph is network.graph


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
def test_a_cuda_network_gets_the_gpu_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert list(available("cuda")) == ["gpu", "reference"]
    assert kernel_named("auto", "cuda:0").name == "gpu"
    assert kernel_named("auto", "cpu").name == "cpu"


def test_a_kernel_for_another_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OptionsError, match=r"'gpu' here for networks on cpu; available: auto, cpu, reference\."):
        kernel_named("gpu")
    with pytest.raises(OptionsError, match=r"'cpu' here for networks on cuda; available: auto, reference\."):
        kernel_named("cpu", "cuda")


def test_the_chosen_kernel_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "pathprint"):
        kernel_named("reference")
    assert "paths of networks on cpu are extracted by the kernel 'reference'" in caplog.text


def test_convolutions_on_a_gpu_are_not_rounded_while_recording() -> None:
    before = torch.backends.cudnn.allow_tf32
    with full_precision(torch.device("cuda")):
        assert not torch.backends.cudnn.allow_tf32
    with full_precision(torch.device("cpu")):
        assert torch.backends.cudnn.allow_tf32 == before
    assert torch.backends.cudnn.allow_tf32 == before
