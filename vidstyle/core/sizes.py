"""Sizes of images, and images of other sizes."""

import torch.nn.functional as F
from torch import Tensor

Size = tuple[int, int]  # (height, width)


def fit_size(size: tuple[int, int], long_side: int | None) -> tuple[int, int]:
    """(height, width) of the same aspect with the longer side at most ``long_side`` pixels; never larger."""
    height, width = size
    longest = max(height, width)
    if long_side is None or longest <= long_side:
        return height, width
    scale = long_side / longest
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """``image`` (C, H, W) 0..1 at ``size`` (height, width), antialiased, within 0..1."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    scaled = F.interpolate(image[None], size=size, mode="bicubic", antialias=True, align_corners=False)
    return scaled[0].clamp(0, 1)


def size_of(image: Tensor) -> Size:
    """(height, width) of an image (3, H, W)."""
    return image.shape[-2], image.shape[-1]
