"""How far a painting is from its style and from its source, by a network's activations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vidstyle.core.color_transfer import Palette, Palettes, grey_palette
from vidstyle.core.losses import ContentTargets, StyleTargets
from vidstyle.core.sizes import Size, fit_size, resize, size_of
from vidstyle.core.style_model import STROKES
from vidstyle.core.style_statistics import STATISTICS, gram_matrix
from vidstyle.core.vgg import VGG19, Pooling
from vidstyle.settings.layers import LAYERS, layers_up_to


@dataclass(frozen=True)
class Comparison:
    """Relative Gram errors by layer, of a painting and of its source, and the relative error of the content."""

    style: Mapping[str, float]
    source_style: Mapping[str, float]
    content: float


@dataclass(frozen=True)
class Judge:
    """Compares paintings with the style and the source by a network's activations.

    `optimised` are the style layers that were painted with, `held_out` others; `content_layers` those of the content,
    which are taken, like the styles, in the colours of `palettes`; `grey`: and paintings without their colours.
    """

    network: VGG19
    styles: Sequence[Tensor]
    optimised: Sequence[str]
    held_out: Sequence[str]
    content_layers: Sequence[str]
    palettes: Palettes = field(default_factory=Palettes)
    grey: bool = False
    _targets: dict[Size, tuple[StyleTargets, ...]] = field(init=False, default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        filters: Mapping[str, Tensor],
        pooling: Pooling,
        styles: Sequence[Tensor],
        style_layers: Iterable[str],
        content_layers: Iterable[str],
        palettes: Palettes,
        device: torch.device,
        *,
        grey: bool = False,
    ) -> "Judge":
        """A judge for videos painted with these layers; the layers held out are the second of every block.

        Args:
            filters: Weights and biases of the network, as in ``Filters.tensors``.
            pooling: Of the network, ``max`` or ``avg``.
            styles: Images (3, H, W), 0..1.
            style_layers: Those that were optimised.
            content_layers: Those of the content.
            palettes: The colours that styles and contents were given for the painting.
            device: Where the network is.
            grey: Whether only luminance was painted.
        """
        optimised, content = tuple(style_layers), tuple(content_layers)
        deepest = max(optimised, key=LAYERS.index)
        held_out = [k for k in layers_up_to(deepest) if k.endswith("_2") and k not in (*optimised, *content)]
        network = VGG19(filters, [*optimised, *held_out, *content], pooling).to(device)
        coloured = [p(s) for p, s in zip(palettes.styles, styles, strict=True)] if palettes.styles else styles
        return cls(network, coloured, optimised, held_out, content, palettes, grey)

    @property
    def layers(self) -> tuple[str, ...]:
        return (*self.optimised, *self.held_out)

    @torch.no_grad()
    def compare(self, painting: Tensor, image: Tensor, shares: tuple[float, ...] | None = None) -> Comparison:
        """Compares a painting with its source, both (3, H, W), 0..1, of one size.

        `shares` of the styles, which sum to 1, are what the painting should show; None: all the same.
        """
        device = next(self.network.buffers()).device
        painting, image = painting.to(device), image.to(device)
        palettes = self.palettes.contents
        coloured = Palette.blended(palettes, shares)(image) if palettes else image
        painted = self.network(grey_palette()(painting) if self.grey else painting)
        source = self.network(coloured if self.grey else image)
        content = ContentTargets.of(self.network, coloured, self.content_layers, "relative")
        wanted = self._wanted(image, shares)
        errors = [(content.weights[k] * (painted[k] - r).square()).sum() for k, r in content.activations.items()]
        return Comparison(
            style={k: _gram_error(painted[k], wanted[k]) for k in self.layers},
            source_style={k: _gram_error(source[k], wanted[k]) for k in self.layers},
            content=float(torch.stack(errors).mean()) if errors else float("nan"),
        )

    def _wanted(self, image: Tensor, shares: tuple[float, ...] | None) -> Mapping[str, Tensor]:
        size = size_of(image)
        if size not in self._targets:
            long_side = round(STROKES * max(size))
            scaled = [resize(style.to(image), fit_size(size_of(style), long_side)) for style in self.styles]
            of = (StyleTargets.of(self.network, style, self.layers, STATISTICS["gram"]) for style in scaled)
            self._targets[size] = tuple(of)
        targets = self._targets[size]
        return StyleTargets.blended(targets, shares or (1 / len(targets),) * len(targets)).summaries


def _gram_error(activations: Tensor, wanted: Tensor) -> float:
    return float((gram_matrix(activations) - wanted).square().sum() / wanted.square().sum().clamp_min(1e-12))
