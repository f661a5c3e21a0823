"""Giving the content the colours of the style before it is painted, or the style those of the content.

A content target in its own colours pulls against a style in others: of two losses that cannot both be met, the
image gets a bad compromise in every pixel. With both in the same colours they agree.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.frame_style import blended
from vidstyle.core.style_statistics import square_root

LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
STRONGEST = 4.0  # times that a direction of colour is spread, at most: beyond, noise and compression show
FAINTEST = 1e-5  # variance that every direction of colour has at least


@dataclass(frozen=True)
class Palette:
    """An affine map of RGB: matrix (3, 3) and offset (3,), frozen for a job so that frames agree."""

    matrix: Tensor
    offset: Tensor

    def __call__(self, image: Tensor) -> Tensor:
        """`image` (3, H, W), 0..1, in the colours of the palette, clamped to 0..1."""
        matrix, offset = self.matrix.to(image), self.offset.to(image)
        return (torch.einsum("dc,chw->dhw", matrix, image) + offset.view(3, 1, 1)).clamp(0, 1)

    @classmethod
    def blended(cls, palettes: Sequence["Palette"], shares: tuple[float, ...] | None) -> "Palette":
        """The mean of palettes, by their shares where there are some."""
        matrices, offsets = (tuple(getattr(p, name) for p in palettes) for name in ("matrix", "offset"))
        return cls(blended(matrices, shares), blended(offsets, shares))


@dataclass(frozen=True)
class Palettes:
    """How contents and styles are coloured before they meet: `contents` towards each style, and each of the `styles`.

    Empty for those that keep their colours.
    """

    contents: tuple[Palette, ...] = ()
    styles: tuple[Palette, ...] = ()


def palettes_for(keep_colors: str, contents: Sequence[Tensor], styles: Sequence[Tensor]) -> Palettes:
    """The palettes of ``Settings.keep_colors`` for `contents` and `styles`, each (3, H, W).

    ``match`` and ``luminance`` are sections 3 and 4 of Gatys et al. 2016, "Preserving Color in Neural Artistic Style
    Transfer" (arXiv 1606.05897): the style in the colours of the content, or both in grey, the style with the content's
    mean and spread of luminance.
    """
    if keep_colors == "no":
        return Palettes(contents=tuple(matched_palette(contents, [style]) for style in styles))
    if keep_colors == "match":
        return Palettes(styles=tuple(matched_palette([style], contents) for style in styles))
    if keep_colors == "luminance":
        grey = grey_palette()
        return Palettes((grey,) * len(styles), tuple(_grey_like(style, contents) for style in styles))
    return Palettes()


def with_luminance(image: Tensor, painting: Tensor) -> Tensor:
    """`image` (3, H, W) with the luminance of `painting` and its own chroma, as differences from luminance.

    Where that would leave 0..1 the luminance is the nearest that does not, so that chroma stays what it is.
    """
    weights = image.new_tensor(LUMINANCE)
    shift = torch.einsum("c,chw->hw", weights, painting - image)
    return image + torch.minimum(torch.maximum(shift, -image.amin(0)), 1 - image.amax(0))


def contrast(image: Tensor) -> float:
    """The standard deviation of the luminance of `image` (3, H, W)."""
    return float(luminance_of(image).std(correction=0))


def luminance_of(image: Tensor) -> Tensor:
    """The luminance (H, W) of `image` (3, H, W)."""
    return torch.einsum("c,chw->hw", image.new_tensor(LUMINANCE), image)


def grey_palette() -> Palette:
    """Every colour's luminance, as grey."""
    return Palette(torch.tensor(LUMINANCE).expand(3, 3).contiguous(), torch.zeros(3))


def _grey_like(style: Tensor, contents: Sequence[Tensor]) -> Palette:
    """Grey with the mean and the spread of the luminance of `contents`."""
    grey = grey_palette()
    mean, variance = _statistics([grey(style)])
    wanted_mean, wanted_variance = _statistics([grey(content) for content in contents])
    scale = float((wanted_variance[0, 0] / variance[0, 0]).sqrt().clamp(max=STRONGEST))
    return Palette(scale * grey.matrix, (wanted_mean - scale * mean).float())


def matched_palette(contents: Sequence[Tensor], styles: Sequence[Tensor]) -> Palette:
    """The map that gives the pixels of `contents` together the mean and covariance of those of `styles`.

    Of all such maps the one that moves colours least, the optimal transport between two normal distributions
    (Pitie and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping", equation 4).
    """
    mean, covariance = _statistics(contents)
    wanted_mean, wanted_covariance = _statistics(styles)
    root = square_root(covariance)
    inverse = torch.linalg.inv(root)
    matrix = inverse @ square_root(root @ wanted_covariance @ root) @ inverse
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    matrix = vectors @ torch.diag(values.clamp(max=STRONGEST)) @ vectors.T
    return Palette(matrix.float(), (wanted_mean - matrix @ mean).float())


def colour_root(styles: Sequence[Tensor]) -> Tensor:
    """The root of the covariance of the colours of `styles`, (3, 3), times a factor: its largest eigenvalue is sqrt(3).

    So noise in it has the style's own colours: blue and yellow for one, with hardly a magenta that no stroke of it has.
    """
    root = square_root(_statistics(styles)[1]).float()
    return root * (math.sqrt(3) / float(torch.linalg.matrix_norm(root, 2)))


def _statistics(images: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean (3,) and covariance (3, 3) of all pixels, every image counting the same."""
    pixels = [image.detach().cpu().double().flatten(1) for image in images]
    mean = torch.stack([p.mean(1) for p in pixels]).mean(0)
    second = torch.stack([(p - mean[:, None]) @ (p - mean[:, None]).T / p.shape[1] for p in pixels]).mean(0)
    return mean, second + FAINTEST * torch.eye(3, dtype=second.dtype)


def gradient_energy(painting: Tensor) -> float:
    """Mean squared slope of (3, H, W): what a warp error is held against, so that blur cannot win."""
    down, right = painting.diff(dim=-2), painting.diff(dim=-1)
    return float(down.square().mean() + right.square().mean())
