"""What a painting is held against: style and content targets as values, and the objective made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.features.vgg19 import VGG19
from vidstyle.media.look import blended
from vidstyle.painting.losses import content_weights, temporal_loss, total_variation
from vidstyle.painting.statistics import Distance, Statistic

LossForm = Literal["relative", "sums"]
LayerWeights = Mapping[str, float]
Value = Tensor | float


@dataclass(frozen=True)
class Losses:
    """The parts of the loss of one picture, each already weighted, as tensors or as numbers."""

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
    def picture(self) -> Value:
        """The loss of the picture on its own, whatever was painted before it."""
        return self.content + self.style + self.variation

    @property
    def total(self) -> Value:
        return self.picture + self.temporal

    def numbers(self) -> "Losses":
        """The same losses detached from the graph."""
        content, style = (
            {layer: _number(part) for layer, part in parts.items()}
            for parts in (self.content_layers, self.style_layers)
        )
        return Losses(content, style, _number(self.variation), _number(self.temporal))


def _number(value: Value) -> float:
    return float(torch.as_tensor(value).detach())


@dataclass(frozen=True)
class StyleTargets:
    """What a style is by a `Statistic`: one summary per style layer."""

    summaries: Mapping[str, Tensor]

    @classmethod
    @torch.no_grad()
    def of(cls, network: VGG19, picture: Tensor, layers: Sequence[str], statistic: Statistic) -> "StyleTargets":
        """Targets of a `picture` (3, H, W), 0..1, for `layers` of the network."""
        return cls({layer: statistic.summary(r, None) for layer, r in network(picture, layers).items()})

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
        """The share of the picture, 0..1."""
        return 1.0 if self.weights is None else float(self.weights.mean())

    def at(self, responses: Tensor) -> Tensor | None:
        """What each position of responses (1, C, h, w) counts, (1, 1, h, w)."""
        if self.weights is None:
            return None
        return F.adaptive_avg_pool2d(self.weights[None], (responses.shape[-2], responses.shape[-1]))


@dataclass(frozen=True)
class ContentTargets:
    """Per content layer the picture's responses (1, C, h, w) and what an error counts, (1, 1, h, w) or everywhere."""

    responses: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]

    @classmethod
    @torch.no_grad()
    def of(cls, network: VGG19, picture: Tensor, layers: Sequence[str], form: LossForm) -> "ContentTargets":
        """Targets of `picture` (3, H, W), 0..1, for `layers` of the network.

        By the `form` "relative" losses are ||F - P||^2 / ||P - mean P||^2, positions weighted by their prominence; by
        "sums" they are equation 1 of Gatys et al. 2015, 1/2 sum (F - P)^2.
        """
        responses = network(picture, layers)
        relative = form == "relative"
        weights = {name: content_weights(r) if relative else r.new_tensor(0.5) for name, r in responses.items()}
        return cls(responses, weights)


@dataclass(frozen=True)
class Anchor:
    """A painting of nearly the same picture that a new one is held to.

    `picture` (3, H, W) shows the paint where the new picture has it; `stiffness` (1, H, W) is what a squared
    difference from it counts; `mobility` (1, H, W) is how far a pixel moves for a gradient, 0: not by a bit.
    """

    picture: Tensor
    stiffness: Tensor
    mobility: Tensor

    def holding(self, image: Tensor) -> Tensor:
        """`image` where it may leave the anchor."""
        return torch.where(self.mobility > 0, image, self.picture)


@dataclass(frozen=True)
class Objective:
    """The loss of a picture against its targets; call it with (3, H, W) to get Losses with a graph.

    Content is what `ContentTargets` make of ||F - P||^2, style the distance of the `statistic` in each region, which
    counts by its area. A picture that `wraps` goes on at its other side. With an `anchor` there is a temporal loss too,
    and pixels without mobility stay where they are.
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

    def __call__(self, image: Tensor) -> Losses:
        if self.anchor:
            image = self.anchor.holding(image)
        responses = self.network(image, {*self.style_layers, *self.content_layers}, wraps=self.wraps)
        return Losses(
            content_layers={layer: self._content_loss(layer, responses[layer]) for layer in self.content_layers},
            style_layers={layer: self._style_loss(layer, responses[layer]) for layer in self.style_layers},
            variation=total_variation(image) * self.tv_weight if self.tv_weight else image.new_zeros(()),
            temporal=temporal_loss(image, self.anchor.picture, self.anchor.stiffness) if self.anchor else 0.0,
        )

    def _content_loss(self, layer: str, responses: Tensor) -> Tensor:
        error = (responses - self.content.responses[layer]).square()
        return self.content_weight * self.content_layers[layer] * (self.content.weights[layer] * error).sum()

    def _style_loss(self, layer: str, responses: Tensor) -> Tensor:
        apart = [
            region.area * distance(self.statistic.summary(responses, region.at(responses)))
            for region, distance in zip(self.regions, self._distances[layer], strict=True)
        ]
        return self.style_weight * self.style_layers[layer] * torch.stack(apart or [responses.new_zeros(())]).sum()

    @cached_property
    def _distances(self) -> Mapping[str, Sequence[Distance]]:
        """From each region's style."""
        return {
            layer: [self.statistic.toward(region.style.summaries[layer]) for region in self.regions]
            for layer in self.style_layers
        }
