"""Paintings smaller than the camera's images: how small they are to hold a rate, and how they are enlarged."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.core.sizes import Size

STEPS = 1  # of each image, where the size can be chosen: larger paintings look better than further ones
MOST_STEPS = 8
SMALLEST_LONG_SIDE = 96  # pixels; smaller paintings show nothing
MARGIN = 0.85  # of the time there is, that is planned with
TOLERANCE = 1.35  # the factor between areas below which a size is kept
PATIENCE = 4  # images in a row that ask for another size before it changes
LEARNING = 0.3  # how much the latest image tells about the next
STRIDE = 8  # sides of paintings are multiples of it

Floats = NDArray[np.float32]

WINDOW = 9  # pixels of the painting across which it follows the image's light and dark
SMALLEST_VARIANCE = 1e-3  # of a window: below, there is nothing to follow
NOISE = 3 / 255  # detail of cameras' noise; it would flicker
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class FrameBudget:
    """The `size` (height, width) of a painting and its `steps`."""

    size: Size
    steps: int

    @property
    def work(self) -> int:
        """Pixels times steps."""
        return math.prod(self.size) * self.steps


class Pace:
    """Finds the budget that takes so much time an image, from what the last ones took.

    A painting is as large as STEPS of it leave time for, up to the largest, where it takes more of them. It changes its
    size only where that is far off for a while.

    Args:
        largest: The (height, width) that no painting exceeds.
        seconds: What an image may take.
        cost: The seconds of a step for each pixel, as they are guessed first.
        fixed: Whether all paintings have the largest size.
    """

    def __init__(self, largest: Size, seconds: float, cost: float, *, fixed: bool = False) -> None:
        self.largest, self.seconds, self.fixed = largest, seconds, fixed
        self.cost, self.overhead, self._unfit = cost, 0.0, 0
        self.size = largest if fixed else self._wanted_size()

    @property
    def budget(self) -> FrameBudget:
        """How the next image is to be painted."""
        steps = math.floor(self._affordable / math.prod(self.size))
        return FrameBudget(self.size, min(MOST_STEPS, max(1, steps)))

    @property
    def rate(self) -> float:
        """Images a second, as the last ones took."""
        return 1 / (self.cost * self.budget.work + self.overhead)

    @property
    def _affordable(self) -> float:
        """Pixels times steps that there is time for."""
        return max(0.0, MARGIN * self.seconds - self.overhead) / self.cost

    def took(self, budget: FrameBudget, painting: float, whole: float) -> None:
        """Tells that an image took `painting` seconds of steps and `whole` seconds in all."""
        self.cost += LEARNING * (painting / budget.work - self.cost)
        self.overhead += LEARNING * (max(0.0, whole - painting) - self.overhead)
        wanted = self._wanted_size()
        ratio = math.prod(wanted) / math.prod(self.size)
        self._unfit = self._unfit + 1 if max(ratio, 1 / ratio) > TOLERANCE else 0
        if self._unfit >= PATIENCE and not self.fixed:
            self.size, self._unfit = wanted, 0

    def _wanted_size(self) -> Size:
        height, width = self.largest
        share = self._affordable / STEPS / (height * width)
        scale = min(1.0, max(SMALLEST_LONG_SIDE / max(height, width), math.sqrt(share)))
        return _strided(height * scale), _strided(width * scale)


def _strided(side: float) -> int:
    return max(STRIDE, STRIDE * round(side / STRIDE))


def sharpened(painting: Floats, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A painting as large as the image that it is painted of.

    What enlarging cannot give is taken from the image's luminance, as far as the painting follows that: by the slope
    of the line through both in each window (the coefficient a of the guided filter, He, Sun and Tang 2010, equation 5,
    found at the small size as in He and Sun 2015). There the filter replaces the painting by the line; here only what
    the small size lost is added, so that strokes that the image knows nothing of stay.

    Args:
        painting: (h, w, 3), RGB, 0..1.
        image: (H, W, 3), RGB, 0..255.

    Returns:
        (H, W, 3), RGB, 0..255.
    """
    small, large = painting.shape[1::-1], image.shape[1::-1]
    if small == large:
        return _levels(painting)
    light = _light(image.astype(np.float32) / np.float32(255))
    coarse = _resized(light, small, cv2.INTER_AREA)
    lost = light - _resized(coarse, large, cv2.INTER_CUBIC)
    lost = np.sign(lost) * np.maximum(np.abs(lost) - NOISE, 0)
    slope = _resized(_slope(coarse, _light(painting)), large, cv2.INTER_LINEAR)
    return _levels(_resized(painting, large, cv2.INTER_CUBIC) + (slope * lost)[..., None])


def _slope(image: Floats, painting: Floats) -> Floats:
    """How much the light of the painting rises with that of the image, (h, w), in windows; -1.5 to 1.5."""
    mean_x, mean_y = _mean(image), _mean(painting)
    variance = _mean(image * image) - mean_x * mean_x
    covariance = _mean(image * painting) - mean_x * mean_y
    return np.clip(covariance / (variance + SMALLEST_VARIANCE), -1.5, 1.5)


def _light(image: Floats) -> Floats:
    return np.asarray(image @ _LUMINANCE, np.float32)


def _mean(plane: Floats) -> Floats:
    return np.asarray(cv2.boxFilter(plane, -1, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT), np.float32)


def _resized(plane: Floats, size: tuple[int, int], how: int) -> Floats:
    """At `size` (width, height)."""
    return np.asarray(cv2.resize(plane, size, interpolation=how), np.float32)


def _levels(image: Floats) -> NDArray[np.uint8]:
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255), np.uint8)
