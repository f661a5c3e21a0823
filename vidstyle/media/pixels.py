"""Image tensors as the raw bytes that ffmpeg reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def to_array(image: Tensor) -> NDArray[np.uint8]:
    """``image`` (3, H, W) RGB 0..1, clamped, as (H, W, 3) 0..255."""
    values = (image.detach().clamp(0, 1) * 255).round().permute(1, 2, 0)
    return np.ascontiguousarray(values.to("cpu").numpy().astype(np.uint8))
