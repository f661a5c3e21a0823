"""Images as arrays of bytes, as files and cameras have them, and as the tensors that are painted."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

Pixels = NDArray[np.uint8]  # (H, W, 3), RGB, 0..255


def to_tensor(pixels: Pixels | NDArray[np.uint16]) -> Tensor:
    """(C, H, W) float32, 0..1, from an image (H, W, C) of 8 or 16 bits; in memory its channels stay last."""
    white = np.float32(np.iinfo(pixels.dtype).max)
    return from_numpy(np.divide(pixels, white, dtype=np.float32)).permute(2, 0, 1)


def to_array(image: Tensor) -> Pixels:
    """(H, W, C), 0..255, from an image (C, H, W), 0..1, on any device; what lies outside is clamped."""
    levels = image.detach().clamp(0, 1).mul(255).round().byte()
    return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())
