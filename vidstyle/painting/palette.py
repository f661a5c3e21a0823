"""Giving the content the colours of the style before it is painted.

A content target in its own colours pulls against a style in others: of two losses that cannot both be met, the
picture gets a bad compromise in every pixel. With the content in the style's colours they agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

STRONGEST = 4.0  # times that a direction of colour is spread, at most: beyond, noise and compression show
FAINTEST = 1e-5  # variance that every direction of colour has at least


@dataclass(frozen=True)
class Palette:
    """An affine map of RGB: matrix (3, 3) and offset (3,), frozen for a job so that frames agree."""

    matrix: Tensor
    offset: Tensor

    def __call__(self, picture: Tensor) -> Tensor:
        """`picture` (3, H, W), 0..1, in the colours of the palette, clamped to 0..1."""
        matrix, offset = self.matrix.to(picture), self.offset.to(picture)
        return (torch.einsum("dc,chw->dhw", matrix, picture) + offset.view(3, 1, 1)).clamp(0, 1)


def matched_palette(contents: Sequence[Tensor], styles: Sequence[Tensor]) -> Palette:
    """The map that gives the pixels of `contents` together the mean and covariance of those of `styles`.

    Of all such maps the one that moves colours least, the optimal transport between two normal distributions
    (Pitie and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping", equation 4).
    """
    mean, covariance = _statistics(contents)
    wanted_mean, wanted_covariance = _statistics(styles)
    root = _square_root(covariance)
    inverse = torch.linalg.inv(root)
    matrix = inverse @ _square_root(root @ wanted_covariance @ root) @ inverse
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    matrix = vectors @ torch.diag(values.clamp(max=STRONGEST)) @ vectors.T
    return Palette(matrix.float(), (wanted_mean - matrix @ mean).float())


def colour_axes(styles: Sequence[Tensor]) -> Tensor:
    """The directions of colour that `styles` spread along, (3, 3): columns in RGB, the longest of length sqrt(3).

    Each is as long as the style spreads that way, so that a painting moves in the style's own colours: blue and
    yellow for one, with hardly a magenta that no stroke of it has. (Grey moves by 1 along an axis of (1, 1, 1).)
    """
    _, covariance = _statistics(styles)
    values, vectors = torch.linalg.eigh(covariance)
    axes: Tensor = vectors * (3 * values / values.max()).sqrt()
    return axes.float()


def _statistics(pictures: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean (3,) and covariance (3, 3) of all pixels, every picture counting the same."""
    pixels = [picture.detach().cpu().double().flatten(1) for picture in pictures]
    mean = torch.stack([p.mean(1) for p in pixels]).mean(0)
    second = torch.stack([(p - mean[:, None]) @ (p - mean[:, None]).T / p.shape[1] for p in pixels]).mean(0)
    return mean, second + FAINTEST * torch.eye(3, dtype=second.dtype)


def _square_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.T
    return root
