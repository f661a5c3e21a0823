"""What a painting is held against: style and content targets as values, and the objective made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vidstyle.features.vgg19 import VGG19
from vidstyle.painting.losses import content_weights, gram_matrix, squared_error, temporal_loss, total_variation

LossForm = Literal["relative", "sums"]
LayerWeights = Mapping[str, float]


@dataclass(frozen=True)
class Losses:
    """The parts of the loss of one picture, each already weighted, as tensors or as numbers."""

    content: Tensor | float
    style: Tensor | float
    variation: Tensor | float
    temporal: Tensor | float = 0.0

    @property
    def picture(self) -> Tensor | float:
        """The loss of the picture on its own, whatever was painted before it."""
        return self.content + self.style + self.variation

    @property
    def total(self) -> Tensor | float:
        return self.picture + self.temporal

    def numbers(self) -> "Losses":
        """The same losses detached from the graph."""
        parts = (self.content, self.style, self.variation, self.temporal)
        return Losses(*(float(torch.as_tensor(part).detach()) for part in parts))


@dataclass(frozen=True)
class StyleTargets:
    """One Gram matrix (C, C) per style layer, the mean over the style pictures."""

    grams: Mapping[str, Tensor]

    @classmethod
    @torch.no_grad()
    def of(cls, network: VGG19, pictures: Sequence[Tensor], layers: Sequence[str]) -> "StyleTargets":
        """Targets of `pictures`, each (3, H, W), 0..1, for `layers` of the network."""
        grams = [{name: gram_matrix(r) for name, r in network(p, layers).items()} for p in pictures]
        return cls({layer: torch.stack([g[layer] for g in grams]).mean(0) for layer in layers})


@dataclass(frozen=True)
class ContentTargets:
    """Per content layer the picture's responses (1, C, h, w) and what an error counts, (1, 1, h, w) or everywhere."""

    responses: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]

    @classmethod
    @torch.no_grad()
    def of(cls, network: VGG19, picture: Tensor, layers: Sequence[str], form: LossForm) -> "ContentTargets":
        """Targets of `picture` (3, H, W), 0..1, for `layers` of the network; `form` as for `Objective`."""
        responses = network(picture, layers)
        relative = form == "relative"
        weights = {name: content_weights(r) if relative else r.new_tensor(0.5) for name, r in responses.items()}
        return cls(responses, weights)


@dataclass(frozen=True)
class Anchor:
    """A painting of nearly the same picture that a new one is held to.

    `picture` (3, H, W) shows the paint where the new picture has it; `stiffness` (1, H, W) is what a squared
    difference from it counts; `free` (1, H, W), True or False: may leave it at all; other pixels
    are kept bit for bit.
    """

    picture: Tensor
    stiffness: Tensor
    free: Tensor

    def holding(self, image: Tensor) -> Tensor:
        """`image` where it may leave the anchor."""
        return torch.where(self.free, image, self.picture)


@dataclass(frozen=True)
class Objective:
    """The loss of a picture against its targets; call it with (3, H, W) to get Losses with a graph.

    `form` "relative": content ||F - P||^2 / ||P - mean P||^2, positions weighted by their prominence, and style
    ||G - A||^2 / ||A||^2, per layer.
    `form` "sums": Gatys et al. 2015, equations 1 and 4, 1/2 sum (F - P)^2 and 1/(4 N^2) ||G - A||^2 with Gram
    matrices that are means over positions (the article's factor 1/M^2 for pictures of one size).
    With an `anchor` there is a temporal loss too, and pixels that are not free stay where they are.
    """

    network: VGG19
    style: StyleTargets
    content: ContentTargets
    style_layers: LayerWeights
    content_layers: LayerWeights
    style_weight: float
    content_weight: float
    tv_weight: float
    form: LossForm
    anchor: Anchor | None = None

    def __call__(self, image: Tensor) -> Losses:
        if self.anchor:
            image = self.anchor.holding(image)
        responses = self.network(image)
        return Losses(
            content=self._content_loss(responses) * self.content_weight,
            style=self._style_loss(responses) * self.style_weight,
            variation=total_variation(image) * self.tv_weight if self.tv_weight else image.new_zeros(()),
            temporal=temporal_loss(image, self.anchor.picture, self.anchor.stiffness) if self.anchor else 0.0,
        )

    def _content_loss(self, responses: Mapping[str, Tensor]) -> Tensor:
        parts = []
        for layer, weight in self.content_layers.items():
            error = (responses[layer] - self.content.responses[layer]).square()
            parts.append(weight * (self.content.weights[layer] * error).sum())
        return torch.stack(parts).sum() if parts else torch.zeros(())

    def _style_loss(self, responses: Mapping[str, Tensor]) -> Tensor:
        parts = []
        for layer, weight in self.style_layers.items():
            target = self.style.grams[layer]
            scale = 1 / target.square().sum() if self.form == "relative" else 1 / (4 * len(target) ** 2)
            parts.append(weight * scale * squared_error(gram_matrix(responses[layer]), target))
        return torch.stack(parts).sum()
