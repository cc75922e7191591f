"""Families of classifiers, one small member each, with weights that make deep paths."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import timm
import torch
import torchvision
from torch import nn
from torchvision.models.maxvit import MaxVit

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True)
class Family:
    """A network of torchvision's or timm's, and the smallest square input that it takes comfortably.

    Attributes:
        faint: linear layers start with so small weights that a path would follow the shortcuts alone.
    """

    title: str
    network: str
    side: int = 64
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    faint: bool = False


_NO_AUXILIARY = {"init_weights": False, "aux_logits": False}

FAMILIES = (
    Family("AlexNet", "alexnet", 96),
    Family("VGG", "vgg11"),
    Family("VGG with BatchNorm", "vgg11_bn"),
    Family("ResNet", "resnet18"),
    Family("ResNeXt", "resnext50_32x4d"),
    Family("Wide ResNet", "wide_resnet50_2"),
    Family("SqueezeNet", "squeezenet1_1"),
    Family("MobileNet V2", "mobilenet_v2"),
    Family("MobileNet V3", "mobilenet_v3_small"),
    Family("ShuffleNet V2", "shufflenet_v2_x0_5"),
    Family("MNASNet", "mnasnet0_5"),
    Family("DenseNet", "densenet121"),
    Family("GoogLeNet", "googlenet", options=_NO_AUXILIARY),
    Family("Inception v3", "inception_v3", 96, _NO_AUXILIARY),
    Family("EfficientNet", "efficientnet_b0"),
    Family("EfficientNet V2", "efficientnet_v2_s"),
    Family("RegNet X", "regnet_x_400mf"),
    Family("RegNet Y", "regnet_y_400mf"),
    Family("ConvNeXt", "convnext_tiny"),
    Family("Vision Transformer", "vit_b_32", 96, {"image_size": 96}),
    Family("Swin", "swin_t"),
    Family("Swin V2", "swin_v2_t"),
    # As maxvit_t, but windows of 2 x 2 instead of 7 x 7, which need inputs of 224.
    Family("MaxViT", "maxvit_t, windows of 2", options={"partition_size": 2}),
    Family("ResNet-D", "timm:resnet10t"),
    Family("ResNeSt", "timm:resnest14d"),
    Family("RepVGG", "timm:repvgg_a0"),
    Family("NFNet", "timm:nfnet_l0"),
    Family("MobileNet V3", "timm:mobilenetv3_small_050"),
    Family("EfficientNet Lite", "timm:efficientnet_lite0"),
    Family("LCNet", "timm:lcnet_035"),
    Family("RegNet Y", "timm:regnety_002"),
    Family("ConvNeXt", "timm:convnext_atto"),
    Family("StarNet", "timm:starnet_s1"),
    Family("MambaOut", "timm:mambaout_femto"),
    Family("Vision Transformer", "timm:vit_tiny_patch16_224", options={"img_size": 64}),
    Family("EVA-02", "timm:eva02_tiny_patch14_224", 56, {"img_size": 56}, faint=True),
    Family("PiT", "timm:pit_ti_224", options={"img_size": 64}),
    Family("XCiT", "timm:xcit_nano_12_p16_224", options={"img_size": 64}),
    Family("LeViT", "timm:levit_128s", options={"img_size": 64}),
    Family("MobileViT", "timm:mobilevit_xxs"),
    Family("CoAtNet", "timm:coatnet_pico_rw_224", options={"img_size": 64}),
    Family("MLP-Mixer", "timm:mixer_s32_224", options={"img_size": 64}, faint=True),
    Family("ResMLP", "timm:resmlp_12_224", options={"img_size": 64}, faint=True),
    # CAFormer is captured, too; with random weights its tokens become equal, and so do all choices between them.
    Family("PoolFormer", "timm:poolformer_s12"),
    Family("FastViT", "timm:fastvit_t8"),
    Family("DaViT", "timm:davit_tiny"),
    Family("Visformer", "timm:visformer_tiny", options={"img_size": 64}),
    Family("DLA", "timm:dla34"),
    Family("VoVNet", "timm:vovnet39a"),
    Family("CSPNet", "timm:cspresnet50"),
)


def build(family: Family) -> tuple[nn.Module, Network]:
    """Return the network with ten classes and seeded weights, as a module and captured."""
    torch.manual_seed(0)
    module = _module(family)
    for part in module.modules() if family.faint else ():
        if isinstance(part, nn.Linear):
            nn.init.kaiming_normal_(part.weight)
    _vary(module, family.side)
    preprocessing = Preprocessing(3, (family.side,) * 2, family.side, (0.5,) * 3, (0.25,) * 3)
    return module, Network.capture(module, preprocessing, name=family.network)


def _module(family: Family) -> nn.Module:
    source, _, name = family.network.rpartition(":")
    if source == "timm":
        made: nn.Module = timm.create_model(name, num_classes=10, **family.options)
    elif "partition_size" in family.options:
        size = (family.side, family.side)
        made = MaxVit(size, 64, 2, [64, 128, 256, 512], [2, 2, 5, 2], 32, 0.0, num_classes=10)
    else:
        made = torchvision.models.get_model(name, num_classes=10, **family.options)
    return made


_SCALES = ("layer_scale", "gamma", "ls1", "ls2")
"""Parts of the names of factors on the way past a shortcut, which start at almost nothing."""


def _vary(module: nn.Module, side: int) -> None:
    """Undo initial values that silence a layer; let the BatchNorms see a few images."""
    for name, parameter in module.named_parameters():
        if any(part in name for part in _SCALES) or (parameter.dim() == 1 and name.endswith("weight")):
            nn.init.uniform_(parameter, 0.2, 1)
        elif parameter.dim() == 1 or not bool(parameter.any()):
            nn.init.normal_(parameter, std=0.1)
    for part in module.modules():
        if isinstance(part, nn.Dropout) or type(part).__name__ == "StochasticDepth":
            part.p = 0.0  # type: ignore[assignment]  # a float in both
    _calibrate([part for part in module.modules() if isinstance(part, nn.BatchNorm2d)], module, side)
    module.eval()


def _calibrate(norms: list[nn.BatchNorm2d], module: nn.Module, side: int) -> None:
    for norm in norms:
        norm.momentum = None  # the statistics become those of the images
    if norms:
        module.train()
        with torch.no_grad():
            module(torch.randn(4, 3, side, side))
    for norm in norms:
        assert norm.running_var is not None
        norm.running_var.clamp_(min=0.05)  # a silent channel would be amplified without limit
