"""A brush with ink: strokes along paths of (u, v), hair by hair, on a sheet of ink densities."""

import cv2
import numpy as np

from .canvas import HEIGHT, WIDTH, Array, blur

K = 2  # the sheet is painted this many times larger
SIZE = HEIGHT * K, WIDTH * K


def stroke(ink: Array, path: Array, widths: Array, dark: float, dry: float, rng: np.random.Generator) -> None:
    """One stroke of the brush along a path of (u, v); a `dry` one splits into its hairs."""
    points = path * (SIZE[1], SIZE[0])
    tangent = np.gradient(points, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], -1) / np.maximum(np.linalg.norm(tangent, axis=-1), 1e-6)[:, None]
    hairs = max(3, int(1.3 * widths.max() * K))
    layer = np.zeros(SIZE, np.uint8)
    for across in np.linspace(-1, 1, hairs):
        line = points + (across * widths * K)[:, None] * normal
        runs = rng.random(len(line)) > dry * np.linspace(0, 1, len(line)) ** 2 * rng.uniform(0.3, 1.9)
        tone = int(255 * np.clip(dark * (0.85 + 0.25 * rng.standard_normal()), 0.1, 1))
        for i in np.flatnonzero(runs[:-1]):
            ends = np.rint(16 * line[i : i + 2]).astype(np.int32)
            cv2.line(layer, ends[0].tolist(), ends[1].tolist(), tone, 2, cv2.LINE_AA, 4)
    np.maximum(ink, blur(layer.astype(np.float32) / 255, 0.8) * 1.7, out=ink)


def bent(start: tuple[float, float], angle: float, length: float, bend: float, count: int = 24) -> Array:
    """A path that turns by `bend` along its length (in heights)."""
    angles = angle + bend * np.linspace(0, 1, count)
    steps = np.stack([np.cos(angles) * HEIGHT / WIDTH, np.sin(angles)], -1) * length / count
    return (np.array(start) + np.cumsum(steps, 0)).astype(np.float32)


def stroke_thin(ink: Array, path: Array, dark: float) -> None:
    """A single hair of ink that thins out."""
    corners = np.rint(path * (SIZE[1], SIZE[0]) * 16).astype(np.int32)
    cv2.polylines(ink, [corners[: len(corners) // 2 + 1]], False, 1.5 * dark, 3, cv2.LINE_AA, 4)
    cv2.polylines(ink, [corners], False, 1.3 * dark, 1, cv2.LINE_AA, 4)
