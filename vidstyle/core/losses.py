"""The losses of one image: content, style, temporal, total variation, and their sum (`Objective`).

Content is the squared error of activations (Gatys et al. 2015, equation 1). Style is how far a `Statistic` of the
activations, one for each ``--style-loss``, lies from the style's: see `style_statistics`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.frame_style import blended
from vidstyle.core.sizes import Size, size_of
from vidstyle.core.style_statistics import Distance, Statistic, summed_moments
from vidstyle.core.tiling import Tile, gathered, layer_size, sum_over_tiles, tiles_of
from vidstyle.core.vgg import VGG19, reflected

WINDOW = 5  # positions along a side of the window that prominence is measured in


def prominence(activations: Tensor) -> Tensor:
    """How much shape there is around each position of a layer's activations (1, C, h, w): (1, 1, h, w), 0..1.

    v / (v + mean v) with v the variance in a window, all channels together. Where the image is flat there is
    nothing to recognise, and a model is free.
    """

    def local_mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)

    # PyTorch's pooling on the CPU is five times faster with the channels last.
    means = local_mean(activations.contiguous(memory_format=torch.channels_last))
    squares = local_mean(activations.square().sum(1, keepdim=True))
    variance = (squares - means.square().sum(1, keepdim=True)).clamp_min(0)
    return (variance + 1e-12) / (variance + variance.mean() + 1e-12)


def content_weights(target: Tensor) -> Tensor:
    """What a squared error counts at each position of a content target (1, C, h, w): (1, 1, h, w).

    The prominence, over the energy that a flat image would miss: an error of 1 is that of a flat image.
    """
    weights = prominence(target)
    energy = (weights * (target - target.mean((2, 3), keepdim=True)).square()).sum()
    return weights / energy.clamp_min(1e-12)


def temporal_loss(image: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Mean over all values of the weighted squared difference from the painting that is carried along.

    Ruder et al. 2016 (arXiv 1604.08610), equation 7, where the weights are 1 for pixels that can be seen in both
    images and 0 for others; ours are those of `temporal.temporal_weights`.

    Args:
        image: (3, H, W), 0..1.
        target: the carried paint, (3, H, W), 0..1.
        weights: what each pixel counts, (1, H, W), 0 or more.

    Returns:
        A scalar.
    """
    return (weights * (image - target).square()).mean()


def total_variation(image: Tensor) -> Tensor:
    """Squared differences from the pixels below and to the right over the number of values, of (3, H, W).

    Mahendran and Vedaldi 2014 (arXiv 1412.0035) with beta = 2.
    """
    down, right = image.diff(dim=-2), image.diff(dim=-1)
    return (down.square().sum() + right.square().sum()) / image.numel()


LossForm = Literal["relative", "sums"]
LayerWeights = Mapping[str, float]
Value = Tensor | float


@dataclass(frozen=True)
class Losses:
    """The parts of the loss of one image, each already weighted, as tensors or as numbers."""

    content_layers: Mapping[str, Value] = field(default_factory=dict)
    style_layers: Mapping[str, Value] = field(default_factory=dict)
    variation: Value = 0.0
    temporal: Value = 0.0

    @property
    def content(self) -> Value:
        return sum(self.content_layers.values())

    @property
    def style(self) -> Value:
        return sum(self.style_layers.values())

    @property
    def spatial(self) -> Value:
        """The loss of the image on its own, without the temporal part."""
        return self.content + self.style + self.variation

    @property
    def total(self) -> Value:
        return self.spatial + self.temporal

    def numbers(self) -> "Losses":
        """The same losses as numbers, by one copy from their device."""
        tensors = [value for value in self._values if isinstance(value, Tensor)]
        numbers = iter(torch.stack(tensors).tolist() if tensors else ())
        return self._with([next(numbers) if isinstance(value, Tensor) else value for value in self._values])

    def detached(self) -> "Losses":
        """The same losses without their graph."""
        return self._with([value.detach() if isinstance(value, Tensor) else value for value in self._values])

    @classmethod
    def where(cls, condition: Tensor, yes: "Losses", no: "Losses") -> "Losses":
        """The one or the other, which have the same layers, by a `condition` that is True or False."""
        pairs = [map(torch.as_tensor, pair) for pair in zip(yes._values, no._values, strict=True)]
        return yes._with([torch.where(condition, a, b) for a, b in pairs])

    @property
    def _values(self) -> Sequence[Value]:
        return [*self.content_layers.values(), *self.style_layers.values(), self.variation, self.temporal]

    def _with(self, values: Sequence[Value]) -> "Losses":
        """Losses of the same layers with other values."""
        given = iter(values)
        content, style = (dict(zip(layers, given, strict=False)) for layers in (self.content_layers, self.style_layers))
        return Losses(content, style, *given)


@dataclass(frozen=True)
class StyleTargets:
    """What a style is by a `Statistic`: one summary per style layer."""

    summaries: Mapping[str, Tensor]

    @classmethod
    @torch.no_grad()
    def of(
        cls, network: VGG19, image: Tensor, layers: Sequence[str], statistic: Statistic, tile: int | None = None
    ) -> "StyleTargets":
        """Targets of an `image` (3, H, W), 0..1, for `layers` of the network; `tile` is as in `Objective`."""
        if tile is None:
            return cls({layer: statistic.summary(r, None) for layer, r in network(image, layers).items()})
        _, summaries = measured_by_tiles(network, image, statistic, tile, dict.fromkeys(layers, (None,)))
        return cls({layer: found for layer, (found,) in summaries.items()})

    @classmethod
    def blended(cls, styles: Sequence["StyleTargets"], shares: Sequence[float]) -> "StyleTargets":
        """The mean of several styles by their shares, which sum to 1."""
        parts = {name: [t.summaries[name] for t in styles] for name in styles[0].summaries}
        return cls({name: blended(tuple(summaries), tuple(shares)) for name, summaries in parts.items()})


@dataclass(frozen=True)
class Region:
    """Where a style is painted: `weights` (1, H, W), 0..1, None for everywhere."""

    style: StyleTargets
    weights: Tensor | None = None

    @cached_property
    def area(self) -> float:
        """The share of the image, 0..1."""
        return 1.0 if self.weights is None else float(self.weights.mean())

    def at(self, size: Size) -> Tensor | None:
        """What each position of activations (1, C, h, w) of a `size` (h, w) counts, (1, 1, h, w)."""
        return None if self.weights is None else F.adaptive_avg_pool2d(self.weights[None], size)


@dataclass(frozen=True)
class ContentTargets:
    """Per content layer the image's activations (1, C, h, w) and what an error counts, (1, 1, h, w) or everywhere."""

    activations: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]

    @classmethod
    @torch.no_grad()
    def of(
        cls, network: VGG19, image: Tensor, layers: Sequence[str], form: LossForm, tile: int | None = None
    ) -> "ContentTargets":
        """Targets of `image` (3, H, W), 0..1, for `layers` of the network; `tile` is as in `Objective`.

        By the `form` "relative" losses are ||F - P||^2 / ||P - mean P||^2, positions weighted by their prominence; by
        "sums" they are equation 1 of Gatys et al. 2015, 1/2 sum (F - P)^2.
        """
        if tile is None:
            activations = network(image, layers)
        else:
            image = reflected(image, network.stride)
            activations = gathered(image, tiles_of(size_of(image), tile, network.layers), lambda x: network(x, layers))
        relative = form == "relative"
        weights = {name: content_weights(r) if relative else r.new_tensor(0.5) for name, r in activations.items()}
        return cls(activations, weights)

    def error(self, layer: str, activations: Tensor, tile: Tile | None = None) -> Tensor:
        """The weighted squared error of a layer's activations (1, C, h, w) to the image, or to a `tile` of it."""
        target, weights = self.activations[layer], self.weights[layer]
        if tile is not None:
            target, weights = tile.of_layer(target, layer), tile.of_layer(weights, layer) if weights.dim() else weights
        return (weights * (activations - target).square()).sum()


def measured_by_tiles(
    network: VGG19,
    image: Tensor,
    statistic: Statistic,
    side: int,
    counts: Mapping[str, Sequence[Tensor | None]],
    content: ContentTargets | None = None,
) -> tuple[Mapping[str, Tensor], Mapping[str, Sequence[Tensor]]]:
    """What an image's losses are made of, found with the activations of one tile at a time.

    Args:
        network: the network.
        image: (3, H, W), 0..1.
        statistic: one that has `of_moments`.
        side: of a tile in pixels, a multiple of the network's stride.
        counts: for each style layer what its positions, (1, 1, h, w), count for each region; None: all alike.
        content: what the content layers are held to.

    Returns:
        The weighted squared error of each content layer, and for each style layer the summary of each region.
    """
    image = reflected(image, network.stride)
    targets = content or ContentTargets({}, {})

    def measure(tile: Tile, seen: Tensor) -> tuple[Tensor, ...]:
        found = {layer: tile.inside(r, layer) for layer, r in network(seen, {*counts, *targets.activations}).items()}
        errors = [targets.error(layer, found[layer], tile) for layer in targets.activations]
        for layer, weights in counts.items():
            for w in weights:
                errors += summed_moments(found[layer], None if w is None else tile.of_layer(w, layer))
        return tuple(errors)

    sums = iter(sum_over_tiles(image, tiles_of(size_of(image), side, network.layers), measure))
    errors = {layer: next(sums) for layer in targets.activations}
    assert statistic.of_moments is not None
    summaries = {}
    for layer, weights in counts.items():
        masses = [math.prod(layer_size(size_of(image), layer)) if w is None else w.sum() for w in weights]
        summaries[layer] = [statistic.of_moments(next(sums) / mass, next(sums) / mass).float() for mass in masses]
    return errors, summaries


@dataclass(frozen=True)
class Anchor:
    """A painting of nearly the same image that a new one is held to.

    `image` (3, H, W) shows the painting where the new image has it; `stiffness` (1, H, W) is what a squared
    difference from it counts; `mobility` (1, H, W) is how far a pixel moves for a gradient, 0: not by a bit.
    """

    image: Tensor
    stiffness: Tensor
    mobility: Tensor

    def holding(self, image: Tensor) -> Tensor:
        """`image` where it may leave the anchor."""
        return torch.where(self.mobility > 0, image, self.image)


@dataclass(frozen=True)
class Objective:
    """The loss of an image against its targets; call it with (3, H, W) to get Losses with a graph.

    Content is what `ContentTargets` make of ||F - P||^2, style the distance of the `statistic` in each region, which
    counts by its area. An image that `wraps` wraps around at its sides. With an `anchor` there is a temporal loss too,
    and pixels without mobility stay where they are. With a `tile`, a multiple of the network's stride, activations are
    held for so many pixels squared at a time, and the border that they need: the same loss to about 1e-5, for twice
    the work. The statistic must have `of_moments` then, and the image must not wrap.
    """

    network: VGG19
    regions: Sequence[Region]
    statistic: Statistic
    content: ContentTargets
    style_layers: LayerWeights
    content_layers: LayerWeights
    style_weight: float
    content_weight: float
    tv_weight: float = 0.0
    wraps: bool = False
    anchor: Anchor | None = None
    tile: int | None = None

    def __call__(self, image: Tensor) -> Losses:
        if self.anchor:
            image = self.anchor.holding(image)
        errors, summaries = self._measured(image)
        return Losses(
            content_layers={
                layer: self.content_weight * weight * errors[layer] for layer, weight in self.content_layers.items()
            },
            style_layers={layer: self._style_loss(layer, found) for layer, found in summaries.items()},
            variation=total_variation(image) * self.tv_weight if self.tv_weight else image.new_zeros(()),
            temporal=temporal_loss(image, self.anchor.image, self.anchor.stiffness) if self.anchor else 0.0,
        )

    def _measured(self, image: Tensor) -> tuple[Mapping[str, Tensor], Mapping[str, Sequence[Tensor]]]:
        """For each content layer the weighted squared error, and for each style layer the summary of each region."""
        if self.tile is not None:
            size = size_of(reflected(image, self.network.stride))
            counts = {layer: [r.at(layer_size(size, layer)) for r in self.regions] for layer in self.style_layers}
            return measured_by_tiles(self.network, image, self.statistic, self.tile, counts, self.content)
        activations = self.network(image, {*self.style_layers, *self.content_layers}, wraps=self.wraps)
        errors = {layer: self.content.error(layer, activations[layer]) for layer in self.content_layers}
        summaries = {
            layer: [self.statistic.summary(r, region.at(size_of(r))) for region in self.regions]
            for layer, r in ((layer, activations[layer]) for layer in self.style_layers)
        }
        return errors, summaries

    def _style_loss(self, layer: str, summaries: Sequence[Tensor]) -> Tensor:
        apart = [
            region.area * distance(summary)
            for region, distance, summary in zip(self.regions, self._distances[layer], summaries, strict=True)
        ]
        device = self.network.device
        return (
            self.style_weight * self.style_layers[layer] * torch.stack(apart or [torch.zeros((), device=device)]).sum()
        )

    @cached_property
    def _distances(self) -> Mapping[str, Sequence[Distance]]:
        """From each region's style."""
        return {
            layer: [self.statistic.toward(region.style.summaries[layer]) for region in self.regions]
            for layer in self.style_layers
        }
