"""Images as arrays of bytes, as files and cameras have them, and as the tensors that are painted."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy


def to_tensor(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> Tensor:
    """(C, H, W) float32, 0..1, from an image (H, W, C) of 8 or 16 bits."""
    values = np.ascontiguousarray(np.moveaxis(pixels, -1, 0), dtype=np.float32)
    return from_numpy(values / np.float32(np.iinfo(pixels.dtype).max))


def to_array(image: Tensor) -> NDArray[np.uint8]:
    """(H, W, C), 0..255, from an image (C, H, W), 0..1, on any device; what lies outside is clamped."""
    levels = image.detach().clamp(0, 1).mul(255).round().byte()
    return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())
