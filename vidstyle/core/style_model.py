"""A style made ready to paint: the network, what it sees of the style images, and the balance with the content."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from vidstyle.core.color_transfer import Palette, Palettes, colour_root, grey_palette
from vidstyle.core.device import precision_on, tile_side, usable_memory, use_precision
from vidstyle.core.frame_style import PLAIN, FrameStyle
from vidstyle.core.losses import Anchor, ContentTargets, Objective, Region, StyleTargets
from vidstyle.core.sizes import Size, fit_size, resize, size_of
from vidstyle.core.style_statistics import statistic_of
from vidstyle.core.tiling import border_of
from vidstyle.core.vgg import VGG19, Pooling
from vidstyle.core.weights import Filters, OnProgress, load_filters
from vidstyle.settings.settings import Settings

STROKES = 1.5  # long side of the style against the painting's: strokes of a style of the same size look like noise
SMALLEST_STYLE = 32  # pixels of a style's long side, below which its deep layers have too few positions
SMALLEST_AREA = 1e-3  # of an image, below which a style leaves no trace in it


@dataclass(frozen=True, eq=False)
class StyleFeatures:
    """What is found of style images once, for all that is painted like them.

    `styles` (each (3, H, W)) are in the colours that they are painted in; `colours` (3, 3), symmetric, is how far
    pixels move, and noise spreads, along colours. `targets` holds what `targets_at` has found.
    """

    network: VGG19
    styles: Sequence[Tensor]
    colours: Tensor
    targets: dict[tuple[object, ...], tuple[StyleTargets, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, network: VGG19, styles: Sequence[Tensor], palettes: Palettes, settings: Settings) -> Self:
        """Features of `styles` (each (3, H, W), RGB, 0..1), moved to the colours of `palettes` first."""
        coloured = [p(s) for p, s in zip(palettes.styles, styles, strict=True)] if palettes.styles else styles
        known = {"luminance": torch.ones(3, 3) / math.sqrt(3), "free": torch.eye(3)}
        found = known.get(settings.keep_colors)
        return cls(network, coloured, (colour_root(coloured) if found is None else found).to(network.device))

    def targets_at(self, size: Size, settings: Settings, tile: int | None = None) -> tuple[StyleTargets, ...]:
        """Each style's targets for paintings of `size` (height, width): strokes keep their size relative to it.

        The styles are looked at by tiles of `tile` pixels where the paintings are.
        """
        layers = tuple(settings.style_layer_weights)
        if not layers:
            return ()
        key = (size, layers, settings.loss, settings.style_loss, settings.style_scale)
        if key not in self.targets:
            long_side = max(SMALLEST_STYLE, round(STROKES * settings.style_scale * max(size)))
            statistic = statistic_of(settings.loss, settings.style_loss)
            styles = (resize(s.to(self.network.device), fit_size(size_of(s), long_side)) for s in self.styles)
            self.targets[key] = tuple(StyleTargets.of(self.network, s, layers, statistic, tile) for s in styles)
        return self.targets[key]

    def noise(self, size: Size, seed: int) -> Tensor:
        """Normal noise (3, H, W) in the `colours`. It depends on the seed alone, so that frames share it."""
        noise = torch.randn(3, *size, generator=torch.Generator().manual_seed(seed))
        return torch.einsum("cd,dhw->chw", self.colours, noise.to(self.colours.device))


@dataclass(frozen=True, eq=False)
class StyleModel:
    """Everything that painting an image depends on. Made by `StyleModel.of`, never changed; `changed` makes variants.

    `styles` are images (3, H, W), RGB, 0..1, and `features` what is found of them. `balance` is the weight of the
    content loss against a style loss of weight 1, and `palettes` the colours that contents and styles are moved to
    first; `calibrated` finds both, and `balances` for each strength of a video (strength, balance) whose strength
    changes. Without palettes all keep their colours. `init_image` is the start that ``Settings.init`` names where it
    names a file. `wraps`: each image wraps around at its sides, so that tiles of it show no seam. Images that take more
    than `memory`, in bytes, are painted by tiles: see `tiling`.
    """

    styles: Sequence[Tensor]
    filters: Filters
    settings: Settings
    features: StyleFeatures
    balance: float = 1.0
    balances: tuple[tuple[float, float], ...] = ()
    palettes: Palettes = field(default_factory=Palettes)
    init_image: Tensor | None = None
    wraps: bool = False
    memory: float = math.inf

    @classmethod
    def of(
        cls,
        styles: Sequence[Tensor],
        filters: Filters,
        settings: Settings | None = None,
        *,
        device: torch.device | str = "cpu",
        palettes: Palettes | None = None,
        memory: float | None = None,
        **rest: Any,
    ) -> Self:
        """A model on `device` of `styles`, each (3, H, W), RGB, 0..1; `rest` are other fields.

        `memory` is the usable share of what is free, unless it is given.

        Raises WeightsError if `filters` lack a layer that the settings name, SettingsError for a precision that the
        device does not support.
        """
        settings, palettes = settings or Settings(), palettes or Palettes()
        rest["memory"] = usable_memory(torch.device(device)) if memory is None else memory
        network = _network(filters, settings, torch.device(device))
        features = StyleFeatures.of(network, styles, palettes, settings)
        return cls(styles, filters, settings, features, palettes=palettes, **rest)

    def changed(self, **changes: Any) -> "StyleModel":
        """This model with other styles, settings, palettes, balance or start.

        It shares the network and what was found of the styles as far as these are the same.
        """
        other, network = replace(self, **changes), self.network
        pooling, before, now = pooling_of(other.filters, other.settings), self.settings, other.settings
        same_layers = set(network.layers) == set(now.layers) and network.pooling == pooling
        same_network = same_layers and other.filters is self.filters and now.precision == before.precision
        if same_network and now.keep_colors == before.keep_colors and not {"styles", "palettes"} & changes.keys():
            return other
        if not same_network:
            network = _network(other.filters, now, self.device)
        return replace(other, features=StyleFeatures.of(network, other.styles, other.palettes, now))

    @property
    def network(self) -> VGG19:
        return self.features.network

    @property
    def device(self) -> torch.device:
        return self.network.device

    def balance_for(self, look: FrameStyle) -> float:
        """The balance for a frame: on the line between those of the nearest strengths, in logarithms."""
        if look.strength is None or not self.balances:
            return self.balance
        strengths, balances = zip(*self.balances, strict=True)
        return math.exp(np.interp(look.strength, strengths, np.log(balances)))

    def coloured(self, content: Tensor, look: FrameStyle = PLAIN) -> Tensor:
        """`content` (3, H, W) on the model's device, in the colours that it is painted in."""
        content, palettes = content.to(self.device), self.palettes.contents
        if not palettes:
            return content
        if look.places is None:
            return Palette.blended(palettes, look.shares)(content)
        places = resize(look.places, size_of(content)).to(content)
        bare = (1 - places.sum(0)).clamp_min(0)
        parts = [place * palette(content) for place, palette in zip(places, palettes, strict=True)]
        return torch.stack([*parts, bare * content]).sum(0) / (places.sum(0) + bare)

    def objective(self, content: Tensor, look: FrameStyle = PLAIN, anchor: Anchor | None = None) -> Objective:
        """The loss of paintings of `content` (3, H, W), which is `coloured`, at its size."""
        settings = self.settings
        tile = None if self.wraps else tile_for(settings, size_of(content), self.memory)
        layers = tuple(settings.content_layer_weights)
        return Objective(
            network=self.network,
            regions=self._regions(size_of(content), look, tile),
            statistic=statistic_of(settings.loss, settings.style_loss),
            content=ContentTargets.of(self.network, content, layers, settings.loss, tile),
            style_layers=settings.style_layer_weights,
            content_layers=settings.content_layer_weights,
            style_weight=settings.style_weight,
            content_weight=settings.content_weight * self.balance_for(look),
            tv_weight=settings.tv_weight,
            wraps=self.wraps,
            anchor=anchor,
            tile=tile,
        )

    def _regions(self, size: Size, look: FrameStyle, tile: int | None) -> Sequence[Region]:
        """Where which style is painted in an image of `size`."""
        styles = self.features.targets_at(size, self.settings, tile)
        if not styles:
            return []
        if look.places is None:
            shares = look.shares or (1 / len(styles),) * len(styles)
            weights = None if look.cover is None else resize(look.cover, size).to(self.device)
            regions = [Region(StyleTargets.blended(styles, shares), weights)]
        else:
            places = resize(look.places * (1.0 if look.mask is None else look.mask), size).to(self.device)
            regions = [Region(style, place[None]) for style, place in zip(styles, places, strict=True)]
        return [region for region in regions if region.area >= SMALLEST_AREA]

    @cached_property
    def style_luminance(self) -> float:
        """The mean luminance of the styles, 0..1."""
        return fmean(float(grey_palette()(style)[0].mean()) for style in self.styles)


def tile_for(settings: Settings, size: Size, memory: float) -> int | None:
    """The side in pixels of the tiles that images of `size` are painted by, which take more `memory` than there is.

    None where the whole image fits in so many bytes, or where the style is no sum over tiles.
    """
    summed = statistic_of(settings.loss, settings.style_loss).of_moments is not None
    return tile_side(size, memory, border_of(settings.layers)) if summed else None


def _network(filters: Filters, settings: Settings, device: torch.device) -> VGG19:
    """The network of the settings on a device."""
    numbers = use_precision(device, precision_on(device, settings.precision))
    return VGG19(filters.tensors, settings.layers, pooling_of(filters, settings)).to(device, numbers)


def pooling_of(filters: Filters, settings: Settings) -> Pooling:
    """The pooling of the settings; for ``auto`` what suits the filters."""
    return filters.pooling if settings.pooling == "auto" else settings.pooling


def load_style(
    styles: Sequence[Tensor],
    contents: Sequence[Tensor],
    settings: Settings | None = None,
    *,
    device: torch.device | str = "cpu",
    init_image: Tensor | None = None,
    memory: float | None = None,
    on_progress: OnProgress | None = None,
) -> StyleModel:
    """A model of styles, its filters loaded or learned; `calibration.calibrated` finds its balance.

    Args:
        styles: images, each (3, H, W), RGB, 0..1.
        contents: samples of what is to be painted, in the same form; filters are learned from styles and contents.
        settings: the filters, the layers and everything else that determines the painting.
        device: what paints.
        init_image: the initial image, (3, H, W), if ``Settings.init`` names a file.
        memory: bytes that painting may take; larger images are painted in tiles. None for 70 % of what is free.
        on_progress: called with what is in progress, how much of it is done, and how much there is.

    Raises:
        SettingsError: the device does not support the precision.
        WeightsError: the filters cannot be fetched or read, or lack layers.
    """
    settings = settings or Settings()
    precision_on(torch.device(device), settings.precision)  # refused before filters are learned
    filters = load_filters(
        settings.weights,
        settings.layers,
        teachers=lambda: [*styles, *contents],
        seed=settings.seed,
        on_progress=on_progress,
    )
    return StyleModel.of(styles, filters, settings, device=device, init_image=init_image, memory=memory)
