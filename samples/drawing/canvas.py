"""Shared ground of the drawn samples: noise, colour ramps, coordinates and soft shapes.

Pictures are float32 arrays of height x width x 3, RGB in 0..1. Coordinates are fractions of the
picture: u runs 0..1 from left to right, v runs 0..1 from top to bottom.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

HEIGHT, WIDTH = 400, 512  # of the style pictures


def grid(height: int, width: int) -> tuple[Array, Array]:
    """Coordinates (u, v) of the pixel centres."""
    u = (np.arange(width, dtype=np.float32) + 0.5) / width
    v = (np.arange(height, dtype=np.float32) + 0.5) / height
    return np.broadcast_to(u, (height, width)).copy(), np.broadcast_to(v[:, None], (height, width)).copy()


def value_noise(height: int, width: int, cell: tuple[float, float], seed: int) -> Array:
    """Smooth noise of mean 0 and about unit deviation; `cell` is its grain in pixels (across, down)."""
    shape = int(np.ceil(height / cell[1])) + 4, int(np.ceil(width / cell[0])) + 4
    lattice = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    x = np.arange(width, dtype=np.float32) / np.float32(cell[0]) + 1
    y = np.arange(height, dtype=np.float32) / np.float32(cell[1]) + 1
    return cv2.remap(lattice, *np.meshgrid(x, y), cv2.INTER_CUBIC) * np.float32(1.6)


def fbm(
    height: int, width: int, cell: float, seed: int, octaves: int = 6, stretch: float = 1.0, gain: float = 0.5
) -> Array:
    """Fractal noise, mean 0 and unit deviation; `stretch` > 1 draws it out horizontally."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        size = cell * 0.5**octave
        if size < 1:
            break
        total += gain**octave * value_noise(height, width, (size * stretch, size), seed + 101 * octave)
    return (total - total.mean()) / max(float(total.std()), 1e-6)


def ridged(height: int, width: int, cell: float, seed: int, octaves: int = 6) -> Array:
    """Ridged fractal noise in 0..1: creases like those of weathered rock."""
    total, weight = np.zeros((height, width), np.float32), 0.0
    for octave in range(octaves):
        size = cell * 0.5**octave
        if size < 1:
            break
        crease = 1 - np.abs(np.tanh(value_noise(height, width, (size, size), seed + 71 * octave)))
        total, weight = total + 0.55**octave * crease, weight + 0.55**octave
    return total / np.float32(weight)


def smoothstep(low: float, high: float, x: Array) -> Array:
    """Hermite step from 0 at `low` to 1 at `high` (which may be the smaller one)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def rgb(code: str) -> Array:
    """Colour of a hexadecimal code such as ``f4d8a0``."""
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


def ramp(x: Array, stops: Sequence[tuple[float, str]]) -> Array:
    """Colours along a gradient given by (position, hexadecimal code) stops."""
    places, colours = [s for s, _ in stops], np.stack([rgb(c) for _, c in stops])
    return np.stack([np.interp(x, places, colours[:, k]) for k in range(3)], -1).astype(np.float32)


def mix(below: Array, above: Array, alpha: Array | float) -> Array:
    """`above` laid over `below` with opacity `alpha` (height x width, or one number)."""
    a = alpha[..., None] if isinstance(alpha, np.ndarray) else np.float32(alpha)
    return below + (above - below) * a


def blur(image: Array, sigma: float) -> Array:
    return cv2.GaussianBlur(image, (0, 0), sigma)


def ellipse(u: Array, v: Array, centre: tuple[float, float], radii: tuple[float, float]) -> Array:
    """Elliptic radius: 0 at the centre, 1 on the rim."""
    return np.sqrt(((u - centre[0]) / radii[0]) ** 2 + ((v - centre[1]) / radii[1]) ** 2)


def polygon(height: int, width: int, points: Sequence[tuple[float, float]]) -> Array:
    """Antialiased mask of a polygon whose corners are (u, v)."""
    mask = np.zeros((height, width), np.uint8)
    corners = np.array([[(u * width - 0.5) * 16, (v * height - 0.5) * 16] for u, v in points])
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def layer(colour: Array, alpha: Array) -> Array:
    """Premultiplied RGBA: colours (a picture, or one colour) seen through the mask `alpha`."""
    return np.concatenate([colour * alpha[..., None], alpha[..., None]], -1).astype(np.float32)


def over(below: Array, above: Array) -> Array:
    """Premultiplied RGBA laid over a picture, or over another RGBA layer."""
    colours = above if below.shape[-1] == 4 else above[..., :3]
    return below * (1 - above[..., 3:]) + colours
