"""The VGG19 network of Simonyan and Zisserman (arXiv 1409.1556, configuration E), by layer name.

Filters carry the keys of torchvision's ``vgg19`` state dict (``features.0.weight`` ...) and expect its normalised RGB.

Differences from torchvision's module, all for painting: the filters are frozen so that no weight gradient
is ever computed; nothing behind the deepest layer in use is built; the image is continued by reflection to
sides that the poolings divide, and the first convolution continues it by its edge instead of by black, so
that neither leaves marks at the border; pooling may average (Gatys et al. 2015, section "Methods").
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidstyle.core import winograd
from vidstyle.errors import WeightsError
from vidstyle.settings.layers import LAYERS, block_of, filter_shape, layers_up_to, state_key

Pooling = Literal["max", "avg"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class VGG19(nn.Module):
    """VGG19 up to the deepest of `layers`, frozen.

    `filters` maps torchvision's keys to tensors; WeightsError when one that is needed is missing.
    """

    def __init__(self, filters: Mapping[str, Tensor], layers: Iterable[str], pooling: Pooling = "max") -> None:
        super().__init__()
        self.layers = tuple(sorted(set(layers), key=LAYERS.index))
        self.pooling = pooling
        self.convolutions = nn.ModuleDict()
        for layer in layers_up_to(self.layers[-1]):
            self.convolutions[layer] = _Convolution(layer, filters)

    def forward(
        self, image: Tensor, layers: Collection[str] | None = None, *, wraps: bool = False
    ) -> dict[str, Tensor]:
        """Activations of `layers` (all of the network's when None) to an image; deeper ones are not computed.

        image: (3, H, W) or (1, 3, H, W), RGB, 0..1. Returns {layer: (1, C, h, w)}, h = ceil(H / 2 ** pools), in float32
        whatever the network works in: what is summed over positions needs its digits.
        `wraps`: the image wraps around at its sides, as on a torus; its sides must be multiples of `stride`.
        """
        wanted = self.layers if layers is None else layers
        x = (image if image.dim() == 4 else image[None]).contiguous(memory_format=torch.channels_last)
        x = normalized(x if wraps else reflected(x, self.stride))
        x = F.pad(x, (1, 1, 1, 1), mode="circular" if wraps else "replicate").to(self.dtype)
        block = 1
        activations: dict[str, Tensor] = {}
        for layer, convolution in self.convolutions.items():
            if len(activations) == len(wanted):
                break
            if block_of(layer) > block:
                x, block = self._pooled(x), block_of(layer)
            x = _wrapped(convolution, x) if wraps and layer != LAYERS[0] else convolution(x)
            if layer in wanted:
                activations[layer] = x.float()
        return activations

    @property
    def device(self) -> torch.device:
        return next(self.buffers()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the numbers that convolutions work with."""
        return next(self.buffers()).dtype

    @property
    def stride(self) -> int:
        """Image pixels per position of the deepest layer."""
        return 1 << (block_of(self.layers[-1]) - 1)

    def _pooled(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2) if self.pooling == "max" else F.avg_pool2d(x, 2)


def normalized(image: Tensor) -> Tensor:
    """RGB 0..1 (..., 3, H, W) as torchvision's filters expect it."""
    mean, std = _imagenet(image.device)
    return (image - mean) / std


@lru_cache(8)
def _imagenet(device: torch.device) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return mean, std


class _Convolution(nn.Module):
    """One frozen layer: 3x3 convolution, bias, rectifier."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: str, filters: Mapping[str, Tensor]) -> None:
        super().__init__()
        weight, bias = (filters.get(f"{state_key(layer)}.{part}") for part in ("weight", "bias"))
        shape = filter_shape(layer)
        if weight is None or bias is None:
            raise WeightsError("VS709", layer=layer, state_key=state_key(layer))
        if weight.shape != shape or bias.shape != shape[:1]:
            raise WeightsError("VS710", layer=layer, shape=shape, shape2=tuple(weight.shape))
        self.register_buffer("weight", weight.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", bias)
        # The first convolution's border is added outside, by its edge.
        self.padding = 0 if layer == LAYERS[0] else 1

    def forward(self, x: Tensor) -> Tensor:
        if winograd.pays(self.weight, x):
            return winograd.RectifiedConvolution.apply(x, *self._winograd, self.bias)  # type: ignore[no-any-return]
        return F.relu_(F.conv2d(x, self.weight, self.bias, padding=self.padding))

    @cached_property
    def _winograd(self) -> tuple[Tensor, Tensor]:
        return winograd.transformed(self.weight), winograd.gradient_filters(self.weight)


def _wrapped(convolution: nn.Module, x: Tensor) -> Tensor:
    """A convolution that adds zeros at the border, as if the other side followed there."""
    wide: Tensor = convolution(F.pad(x, (1, 1, 1, 1), mode="circular"))
    return wide[..., 1:-1, 1:-1]


def reflected(x: Tensor, stride: int) -> Tensor:
    """Sides continued to the next multiple of `stride` by reflection, by the edge where too short for it."""
    height, width = x.shape[-2:]
    bottom, right = -height % stride, -width % stride
    if not (bottom or right):
        return x
    mode = "reflect" if bottom < height and right < width else "replicate"
    return F.pad(x, (0, right, 0, bottom), mode=mode)
