"""Small paintings enlarged to the size of their pictures, with the detail of those."""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WINDOW = 9  # pixels of the painting across which it follows the picture's light and dark
SMALLEST_VARIANCE = 1e-3  # of a window: below, there is nothing to follow
NOISE = 3 / 255  # detail of cameras' noise; it would flicker
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def sharpened(painting: Floats, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`painting` (h, w, 3), 0..1, as large as `picture` (H, W, 3), 0..255, both RGB; 0..255.

    What enlarging cannot give is taken from the picture's luminance, as far as the painting follows that: by the slope
    of the line through both in each window (the coefficient a of the guided filter, He, Sun and Tang 2010, equation 5,
    found at the small size as in He and Sun 2015). There the filter replaces the painting by the line; here only what
    the small size lost is added, so that strokes that the picture knows nothing of stay.
    """
    height, width = picture.shape[:2]
    small = painting.shape[1::-1]
    if small == (width, height):
        return _levels(painting)
    light = _light(picture.astype(np.float32) / np.float32(255))
    coarse = _resized(light, small, cv2.INTER_AREA)
    lost = light - _resized(coarse, (width, height), cv2.INTER_CUBIC)
    lost = np.sign(lost) * np.maximum(np.abs(lost) - NOISE, 0)
    slope = _resized(_slope(coarse, _light(painting)), (width, height), cv2.INTER_LINEAR)
    large = _resized(painting, (width, height), cv2.INTER_CUBIC)
    return _levels(large + (slope * lost)[..., None])


def _slope(picture: Floats, painting: Floats) -> Floats:
    """How much the light of the painting rises with that of the picture, (h, w), in windows; -1.5 to 1.5."""
    mean_x, mean_y = _mean(picture), _mean(painting)
    variance = _mean(picture * picture) - mean_x * mean_x
    covariance = _mean(picture * painting) - mean_x * mean_y
    return np.clip(covariance / (variance + SMALLEST_VARIANCE), -1.5, 1.5)


def _light(picture: Floats) -> Floats:
    return np.asarray(picture @ _LUMINANCE, np.float32)


def _mean(plane: Floats) -> Floats:
    return np.asarray(cv2.boxFilter(plane, -1, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT), np.float32)


def _resized(plane: Floats, size: tuple[int, int], how: int) -> Floats:
    """At `size` (width, height)."""
    return np.asarray(cv2.resize(plane, size, interpolation=how), np.float32)


def _levels(picture: Floats) -> NDArray[np.uint8]:
    return np.asarray(np.clip(picture * 255 + 0.5, 0, 255), np.uint8)
