"""3x3 convolution with a quarter of the multiplications, for the CPU: Winograd's F(4x4, 3x3).

Lavin and Gray 2015 (arXiv 1509.09308), section 4: every 4x4 tile of the output comes from a 6x6 tile of the input,
both in a transformed space where the convolution is 36 products of matrices. Filters are transformed once, since
they never change here. In float32 the result differs from the direct sum by about 1e-5 of its largest value.

Tiles are worked on in bands of rows that stay in the cache; in plain torch that is what makes it pay.
"""

from typing import Any

import torch
from torch import Tensor

Matrix = tuple[tuple[int, ...], ...]

TILE, PATCH = 4, 6  # sides of a tile of the output and of the input
BAND = 128  # tiles that are worked on together, about
FEWEST_WEIGHTS = 128 * 128  # input times output channels; with fewer the direct convolution is as fast
FEWEST_TILES = 12  # with fewer, reading the transformed filters takes longer than the direct convolution

# Lavin and Gray, equation 21, for the points 0, 1, -1, 2, -2 and infinity.
INPUT: Matrix = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
FILTER: Matrix = ((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 24))  # times 24
OUTPUT: Matrix = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


def pays(weight: Tensor, x: Tensor) -> bool:
    """Whether `x` (1, I, H, W) is convolved faster this way with `weight` (O, I, 3, 3) than directly."""
    tiles = -(-x.shape[2] // TILE) * -(-x.shape[3] // TILE)
    enough = weight[..., 0, 0].numel() >= FEWEST_WEIGHTS and tiles >= FEWEST_TILES
    return enough and x.device.type == "cpu" and x.dtype == torch.float32 and len(x) == 1


def transformed(weight: Tensor) -> Tensor:
    """Filters (O, I, 3, 3) as `convolved` takes them: (36, I, O)."""
    points = weight.new_tensor(FILTER) / 24
    return torch.einsum("xa,yb,oiab->xyio", points, points, weight).flatten(0, 1).contiguous()


def gradient_filters(weight: Tensor) -> Tensor:
    """Filters (O, I, 3, 3) for the gradient of the convolution's input: (36, O, I)."""
    return transformed(weight.flip(2, 3).transpose(0, 1))


def convolved(x: Tensor, filters: Tensor, bias: Tensor | None = None) -> Tensor:
    """The convolution of (1, I, H, W), continued by 0, with transformed `filters` (36, I, O): (1, O, H, W).

    With a `bias` (O,) that is added, and what is negative then becomes 0.
    """
    height, width = x.shape[-2:]
    down, across = -(-height // TILE), -(-width // TILE)
    padded = x.new_zeros(TILE * down + 2, TILE * across + 2, x.shape[1])
    padded[1 : 1 + height, 1 : 1 + width] = x[0].permute(1, 2, 0)
    result = x.new_empty(down, TILE, across, TILE, filters.shape[2])
    rows = max(1, round(BAND / across))
    for first in range(0, down, rows):
        band = result[first : first + rows]
        pixels = _band(padded[TILE * first :], filters, len(band), across)
        if bias is None:
            band.copy_(pixels)
        else:
            torch.add(pixels, bias, out=band).relu_()
    return result.flatten(2, 3).flatten(0, 1)[:height, :width].permute(2, 0, 1)[None]


class RectifiedConvolution(torch.autograd.Function):
    """``convolved`` with a bias, and its gradient for the input alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, filters: Tensor, for_gradient: Tensor, bias: Tensor) -> Tensor:
        result = convolved(x, filters, bias)
        ctx.save_for_backward(result, for_gradient)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        result, for_gradient = ctx.saved_tensors
        (gradient,) = gradients
        return convolved(torch.ops.aten.threshold_backward(gradient, result, 0), for_gradient), None, None, None


def _band(padded: Tensor, filters: Tensor, down: int, across: int) -> Tensor:
    """The first `down` x `across` tiles (down, 4, across, 4, O) of an input (h, w, I) with its border."""
    (row, column, _), into = padded.stride(), padded.shape[2]
    shape, strides = (down, across, PATCH, PATCH, into), (TILE * row, TILE * column, row, column, 1)
    patches = padded.as_strided(shape, strides, padded.storage_offset()).reshape(-1, PATCH**2, into)
    spread = _both_sides(padded, INPUT) @ patches  # (tiles, 36, I)
    products = torch.bmm(spread.transpose(0, 1), filters).transpose(0, 1)  # (tiles, 36, O)
    pixels = _both_sides(padded, OUTPUT) @ products
    return pixels.view(down, across, TILE, TILE, -1).permute(0, 2, 1, 3, 4)


def _both_sides(like: Tensor, matrix: Matrix) -> Tensor:
    """The map of whole tiles that applies `matrix` from the left and, transposed, from the right."""
    values = like.new_tensor(matrix)
    return torch.kron(values, values)
