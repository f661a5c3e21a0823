"""Sums over the positions of an image whose activations are too many to be held at once: tile by tile, exactly.

Each tile is seen with a border as wide as its deepest positions look, and starts where all poolings start, so that its
activations are those of the whole image. Content losses and style statistics that are means over positions are sums of
the tiles' parts. Their gradient is too: each tile is seen again, with the gradient of the whole image's sums. That
is the checkpointing of Chen et al. 2016 (arXiv 1604.06174), in space instead of in depth.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from vidstyle.core.sizes import Size, size_of
from vidstyle.settings.layers import block_of, deepest_layer, layers_up_to

Parts = tuple[Tensor, ...]
Range = tuple[int, int]


@dataclass(frozen=True)
class Tile:
    """A part of an image, in pixels: its own `rows` and `columns`, and a `border` of others around it, where there are.

    All are multiples of the network's stride.
    """

    rows: Range
    columns: Range
    border: int
    size: Size

    def seen(self, image: Tensor) -> Tensor:
        """The part of an `image` (..., H, W) that is looked at: the tile with its border. A view."""
        (top, bottom), (left, right) = (
            (max(0, first - self.border), min(side, last + self.border))
            for (first, last), side in zip((self.rows, self.columns), self.size, strict=True)
        )
        return image[..., top:bottom, left:right]

    def inside(self, activations: Tensor, layer: str) -> Tensor:
        """Of a layer's activations to what is `seen`, (1, C, h, w), those of the tile itself."""
        scale = 1 << (block_of(layer) - 1)
        top, left = (min(first, self.border) // scale for first in (self.rows[0], self.columns[0]))
        height, width = ((last - first) // scale for first, last in (self.rows, self.columns))
        return activations[..., top : top + height, left : left + width]

    def of_layer(self, whole: Tensor, layer: str) -> Tensor:
        """Of what the whole image has at each position of a layer, (..., h, w), that of the tile. A view."""
        scale = 1 << (block_of(layer) - 1)
        (top, bottom), (left, right) = ((a // scale, b // scale) for a, b in (self.rows, self.columns))
        return whole[..., top:bottom, left:right]


def layer_size(size: Size, layer: str) -> Size:
    """(height, width) of a layer's activations to an image of a `size` that the network's stride divides."""
    scale = 1 << (block_of(layer) - 1)
    return size[0] // scale, size[1] // scale


def border_of(layers: Iterable[str]) -> int:
    """How many pixels beside a tile the positions of its deepest layer see, as a multiple of the network's stride.

    Each 3x3 convolution sees one position of its own block further.
    """
    deepest = deepest_layer(layers)
    stride = 1 << (block_of(deepest) - 1)
    sees = sum(1 << (block_of(layer) - 1) for layer in layers_up_to(deepest))
    return -(-sees // stride) * stride


def tiles_of(size: Size, side: int, layers: Iterable[str]) -> Sequence[Tile]:
    """Tiles that cover an image.

    Args:
        size: (height, width) of the image, multiples of the network's stride.
        side: of a tile without its border, in pixels, a multiple of the stride too.
        layers: what is looked at.
    """
    border = border_of(layers)
    rows, columns = ([(at, min(at + side, length)) for at in range(0, length, side)] for length in size)
    return [Tile(row, column, border, size) for row, column in product(rows, columns)]


def sum_over_tiles(image: Tensor, tiles: Sequence[Tile], measure: Callable[[Tile, Tensor], Parts]) -> Parts:
    """The sums of what a `measure` finds of each tile, as if all had been looked at together; with a gradient.

    Args:
        image: (3, H, W).
        tiles: what it is made of.
        measure: takes a tile and what is `seen` of the image there, and gives tensors that depend on it.
    """
    return _SumOverTiles.apply(image, tiles, measure)  # type: ignore[no-any-return]


class _SumOverTiles(torch.autograd.Function):
    """Keeps nothing of a tile but its part of the sums; for the gradient it is seen again."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, tiles: Sequence[Tile], measure: Callable[[Tile, Tensor], Parts]) -> Parts:
        ctx.save_for_backward(image)
        ctx.tiles, ctx.measure = tiles, measure
        sums = measure(tiles[0], tiles[0].seen(image))
        for tile in tiles[1:]:
            for total, part in zip(sums, measure(tile, tile.seen(image)), strict=True):
                total += part
        return sums

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        image: Tensor = ctx.saved_tensors[0]
        total = torch.zeros_like(image)
        for tile in ctx.tiles:
            seen = tile.seen(image).detach().requires_grad_()
            with torch.enable_grad():
                parts = ctx.measure(tile, seen)
            (gradient,) = torch.autograd.grad(parts, seen, gradients)
            tile.seen(total).add_(gradient)
        return total, None, None


def gathered(image: Tensor, tiles: Sequence[Tile], find: Callable[[Tensor], dict[str, Tensor]]) -> dict[str, Tensor]:
    """A network's activations (1, C, h, w) to an image (3, H, W) by layer, found tile by tile, without a gradient.

    `find` gives the activations to a part of the image.
    """
    whole: dict[str, Tensor] = {}
    for tile in tiles:
        for layer, found in find(tile.seen(image)).items():
            if layer not in whole:
                whole[layer] = found.new_empty(1, found.shape[1], *layer_size(size_of(image), layer))
            tile.of_layer(whole[layer], layer).copy_(tile.inside(found, layer))
    return whole
