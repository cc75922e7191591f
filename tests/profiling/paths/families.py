"""The torchvision classification families, one small member each, with weights that make deep paths."""

from dataclasses import dataclass

import torch
import torchvision
from torch import nn

from models.network import Network
from models.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True)
class Family:
    """A network of torchvision's, and the smallest square input that it takes comfortably."""

    title: str
    network: str
    side: int = 64


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
    Family("GoogLeNet", "googlenet"),
    Family("Inception v3", "inception_v3", 96),
    Family("EfficientNet", "efficientnet_b0"),
    Family("EfficientNet V2", "efficientnet_v2_s"),
    Family("RegNet X", "regnet_x_400mf"),
    Family("RegNet Y", "regnet_y_400mf"),
    Family("ConvNeXt", "convnext_tiny"),
    Family("Vision Transformer", "vit_b_32", 96),
    Family("Swin", "swin_t"),
    Family("Swin V2", "swin_v2_t"),
    Family("MaxViT", "maxvit_t", 224),
)


def build(family: Family) -> tuple[nn.Module, Network]:
    """Return the network with ten classes and seeded weights, as a module and captured."""
    torch.manual_seed(0)
    sizes = {"image_size": family.side} if family.network.startswith("vit") else {}
    auxiliary = {"init_weights": False, "aux_logits": False} if family.network in ("googlenet", "inception_v3") else {}
    module: nn.Module = torchvision.models.get_model(family.network, num_classes=10, **sizes, **auxiliary)
    _vary(module, family.side)
    preprocessing = Preprocessing(3, (family.side,) * 2, family.side, (0.5,) * 3, (0.25,) * 3)
    return module, Network.capture(module, preprocessing, name=family.network)


def _vary(module: nn.Module, side: int) -> None:
    """Undo initial values that silence a layer; let the BatchNorms see a few images."""
    for name, parameter in module.named_parameters():
        if "layer_scale" in name or (parameter.dim() == 1 and name.endswith("weight")):
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
