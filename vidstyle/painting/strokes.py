"""A painting that appears stroke by stroke."""

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle.painting.palette import luminance_of

STROKE_BLUR = 1.5  # pixels, standard deviation: strokes that appear one by one are no smaller
STROKE_EDGE = 0.1  # of all strokes, that are just appearing


def stroke_cover(painting: Tensor, share: float) -> Tensor:
    """Which strokes of a `painting` (3, H, W) are there, (1, H, W), 0..1, when they cover a `share`, 0..1, of it.

    Dark strokes are the first, light ones the last, as in a drawing, so that each appears as a whole and moves along.
    """
    light = luminance_of(painting).cpu().numpy()
    smooth = cv2.GaussianBlur(light, (0, 0), STROKE_BLUR)
    ranks = np.empty(smooth.size, np.float32)
    ranks[np.argsort(smooth, axis=None, kind="stable")] = np.linspace(0, 1, smooth.size, dtype=np.float32)
    appeared = (share * (1 + STROKE_EDGE) - torch.from_numpy(ranks.reshape(smooth.shape))) / STROKE_EDGE
    return appeared.clamp(0, 1)[None].to(painting)
