"""A sheet of paper for flat inks: filled outlines, lines and dots."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import HEIGHT, WIDTH, Array, rgb

K = 3  # the sheet is drawn this many times larger


def curve(corners: list[tuple[float, float]], count: int = 120) -> Array:
    """A smooth line through the corners (Catmull-Rom), count points of (u, v)."""
    p = np.array([corners[0], *corners, corners[-1]], np.float32)
    t = np.linspace(0, len(corners) - 1.001, count)
    i, f = t.astype(int), (t % 1)[:, None].astype(np.float32)
    a, b, c, d = (p[i + k] for k in range(4))
    return 0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3)


class Sheet:
    """The paper, with (u, v) corners and lengths in heights."""

    def __init__(self, image: Array) -> None:
        self.image = np.ascontiguousarray(np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8))

    def corners(self, points: Array) -> NDArray[np.int32]:
        return np.rint(points * (WIDTH * K * 16, HEIGHT * K * 16)).astype(np.int32)

    def fill(self, points: Array, code: str) -> None:
        cv2.fillPoly(self.image, [self.corners(points)], (255 * rgb(code)).tolist(), cv2.LINE_AA, 4)

    def line(self, points: Array, code: str, width: float) -> None:
        cv2.polylines(
            self.image, [self.corners(points)], False, (255 * rgb(code)).tolist(), round(width * K), cv2.LINE_AA, 4
        )

    def dot(self, place: Array, radius: float, code: str) -> None:
        centre = self.corners(np.asarray(place, np.float32)[None])[0]
        cv2.circle(
            self.image, centre.tolist(), round(radius * HEIGHT * K * 16), (255 * rgb(code)).tolist(), -1, cv2.LINE_AA, 4
        )
