"""Masks for the photo: white is where to paint."""

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 384, 512
SHORE = 212  # row where the lake begins
BOAT = ((199, 129), (205, 131), (263, 263), (247, 286), (152, 286), (137, 265), (149, 262), (196, 150))
FIR = ((421, 86), (434, 150), (462, 260), (478, 372), (366, 372), (388, 260), (410, 150))


def around_boat() -> NDArray[np.float64]:
    """All but the boat, (384, 512, 3)."""
    mask = np.ones((HEIGHT, WIDTH, 3))
    cv2.fillPoly(mask, [np.array(BOAT, np.int32)], (0, 0, 0))
    return mask


def lake() -> NDArray[np.float64]:
    """The water, (384, 512, 3)."""
    mask = np.zeros((HEIGHT, WIDTH, 3))
    mask[SHORE:] = 1
    for shape in (BOAT, FIR):
        cv2.fillPoly(mask, [np.array(shape, np.int32)], (0, 0, 0))
    return mask
