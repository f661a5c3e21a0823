"""How far the pixels move for a gradient, before a descent knows anything of the curvature of its loss."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

SLOPE = 0.4  # coarse patterns move as the frequency to the power of minus this


@dataclass(frozen=True)
class Preconditioner:
    """A symmetric positive map of gradients (3, H, W) to directions: along colours and frequencies, of free pixels.

    `colours` (3, 3) is the root of the covariance of the style's colours, so that pixels move along colours that the
    style has. A frequency f is weighted by f^-0.4: between plain pixels (exponent 0) and the amplitudes of natural
    images (exponent 1; Olah et al. 2017, "Feature Visualization", descend on Fourier coefficients of that scale and on
    decorrelated colours). Pixels that are not `free` (1, H, W), True or False, stay; None: all are free. `wraps`: the
    image continues at its opposite side; else it is reflected at its border.
    """

    colours: Tensor | None = None
    free: Tensor | None = None
    wraps: bool = False

    def __call__(self, gradient: Tensor) -> Tensor:
        if self.free is None:
            return self._coloured(_coarser(gradient, self.wraps))
        return self.free * self._coloured(_coarser(self.free * gradient, self.wraps))

    @property
    def free_share(self) -> float:
        """The share of the pixels that are free, 0..1."""
        return 1.0 if self.free is None else float(self.free.float().mean())

    def _coloured(self, direction: Tensor) -> Tensor:
        if self.colours is None:
            return direction
        return torch.einsum("cd,dhw->chw", self.colours.to(direction), direction)


def _coarser(image: Tensor, wraps: bool) -> Tensor:
    """`image` (3, H, W) with its frequencies weighted by `_spectrum`, by a cosine or a Fourier transform.

    The cosine transform is a product of matrices: at 1080p a fortieth of the operations of a step.
    """
    height, width = image.shape[1:]
    spectrum = _spectrum(height, width, wraps, image.device)
    if wraps:
        wrapped: Tensor = torch.fft.irfft2(spectrum * torch.fft.rfft2(image), (height, width))
        return wrapped
    rows, columns = _cosines(height, image.device), _cosines(width, image.device)
    return rows.T @ (spectrum * (rows @ image @ columns.T)) @ columns


@lru_cache(8)
def _spectrum(height: int, width: int, wraps: bool, device: torch.device) -> Tensor:
    """Each frequency's weight: 1 at half a cycle a pixel, more for lower ones; the mean as half a cycle a side."""
    if wraps:
        down, right = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
    else:
        down, right = torch.arange(height) / (2 * height), torch.arange(width) / (2 * width)
    frequency = torch.hypot(down[:, None], right[None, :]).clamp_min(0.5 / max(height, width))
    return (2 * frequency).pow(-SLOPE).to(device)


@lru_cache(8)
def _cosines(size: int, device: torch.device) -> Tensor:
    """The orthonormal cosine transform of `size` values, (size, size), a row for each frequency (DCT-II)."""
    angles = math.pi / size * torch.outer(torch.arange(size), torch.arange(size) + 0.5).double()
    rows = angles.cos() * math.sqrt(2 / size)
    rows[0] = math.sqrt(1 / size)
    return rows.float().to(device)
