"""A church window: sun, hills and tulips in coloured glass between strips of lead, lit from behind."""

import cv2
import numpy as np

from .canvas import HEIGHT, WIDTH, Array, blur, fbm, grid, rgb, smoothstep, value_noise

K = 2  # the window is drawn this many times larger
SUN = 0.5, 0.40  # centre in heights, from the left and the top of the middle
GOLDS, ROSES = ["ffd23f", "ffb01f", "ff8c1a", "ffe58a"], ["d81e3a", "f0486a", "a3123c", "ff7a5c"]
BLUES, GREENS = ["1d4fd0", "2f86e0", "0f2f8f", "5cb8ee", "6a3fc0"], ["1f8f4a", "6cc04a", "0f6a4f", "b5d33d"]
BORDER = ["b3162f", "1d3fb0", "e8a91e", "0f6a4f"]


class Panes:
    """Which pane each pixel belongs to, and its colours to choose from."""

    def __init__(self, height: int, width: int) -> None:
        self.labels = np.zeros((height, width), np.int64)
        self.hues: dict[int, list[str]] = {}
        self.count = 0

    def add(self, mask: Array, parts: Array, hues: list[str]) -> None:
        """Panes where the mask is, one for each whole number of `parts`."""
        inside = mask.astype(bool)
        _, inverse = np.unique(parts[inside].astype(np.int64), return_inverse=True)
        self.labels[inside] = self.count + 1 + inverse
        last = self.count + 1 + (int(inverse.max()) if inverse.size else -1)
        self.hues.update(dict.fromkeys(range(self.count + 1, last + 1), hues))
        self.count = last


def glazed(panes: Panes, x: Array, y: Array, wide: float) -> None:
    """The picture, from back to front; x and y are in heights."""
    dx, dy = x - SUN[0] * wide, y - SUN[1]
    turn, far = np.arctan2(dy, dx), np.hypot(dx, dy)
    every = np.ones_like(x)
    ray = np.floor((turn / (2 * np.pi) + 0.02 * np.sin(9 * far)) * 22)
    ring = np.floor((far + 0.02 * np.cos(11 * turn)) / 0.155)
    panes.add(every, 100 * ring + ray % 22, BLUES)
    panes.add(far < 0.30 + 0.035 * np.cos(11 * turn), ray % 22, ["ffb01f", "ff8c1a", "f0486a", "ffd23f"])
    panes.add(far < 0.175, np.floor(turn / (2 * np.pi) * 8 + 0.5) % 8, GOLDS)
    panes.add(far < 0.085, 0 * x, ["fff3b0"])
    for n, (level, swing, phase, hues) in enumerate(
        [(0.60, 0.05, 0.4, ["6a3fc0", "3f5fd0", "8a5fd8"]), (0.68, 0.045, 2.2, ["1f9f9a", "0f6a7f", "4cc0b0"]),
         (0.765, 0.035, 4.1, GREENS)]
    ):  # fmt: skip
        top = level + swing * np.sin(4.2 * x + phase)
        split = np.floor(x / 0.17 + 0.5 * n + 0.9 * (y - top)) + 50 * np.floor((y - top) / 0.085)
        panes.add(y > top, split, hues)
    stream = 0.62 * wide + 0.16 * np.sin(9 * (y - 0.6)) * (y - 0.5) / 0.4
    panes.add((np.abs(x - stream) < 0.5 * (y - 0.64)) & (y > 0.66), np.floor(y / 0.055), ["5cb8ee", "bfe6ff", "2f86e0"])
    for place, size in [(0.13, 0.23), (0.27, 0.18), (0.40, 0.20), (0.78, 0.17), (0.92, 0.22)]:
        tulip(panes, (x - place * wide) / size, (y - (0.93 - 1.25 * size)) / size)
    edge = np.minimum(np.minimum(x, wide - x), np.minimum(y, 1 - y))
    side = np.where(np.minimum(x, wide - x) < np.minimum(y, 1 - y), 1000 + np.floor(y * 12), np.floor(x * 12))
    panes.add(edge < 0.055, side + 5000 * (x > y * wide) + 9000 * (x + y * wide > wide), BORDER)


def tulip(panes: Panes, x: Array, y: Array) -> None:
    """A flower of three petals on a stalk with two leaves, in units of its size."""
    panes.add((np.abs(x - 0.03 * np.sin(5 * y)) < 0.055) & (y > 0), 0 * x, ["0f6a4f"])
    for side in (-1, 1):
        bend = side * x - 0.30 * np.sin(np.clip((1.3 - y) / 1.0, 0, 1) * np.pi * 0.75)
        panes.add((np.abs(bend) < 0.14 * np.sin(np.clip((1.3 - y) / 0.95, 0, 1) * np.pi)) & (y > 0.35), 0 * x, GREENS)
        petal = np.hypot((side * x - 0.19) / 0.21, (y + 0.12 + 0.3 * (side * x - 0.19)) / 0.42)
        panes.add(petal < 1, 0 * x, ROSES)
    panes.add(np.hypot(x / 0.17, (y + 0.13) / 0.40) < 1, 0 * x, ["ff7a5c", "ffb01f", "f0486a"])


def glass() -> Array:
    """A church window, lit from behind."""
    height, width = HEIGHT * K, WIDTH * K
    u, v = grid(height, width)
    wide = WIDTH / HEIGHT
    panes = Panes(height, width)
    wobble = 0.004 * value_noise(height, width, (60, 60), 3)
    glazed(panes, u * wide + wobble, v + 0.004 * value_noise(height, width, (60, 60), 4), wide)
    rng = np.random.default_rng(6)
    colours = np.zeros((panes.count + 1, 3), np.float32)
    for n, hues in panes.hues.items():
        colours[n] = rgb(str(rng.choice(hues))) * rng.uniform(0.72, 1.08) + rng.normal(size=3) * 0.02
    lead = np.zeros((height, width), np.uint8)
    lead[:, 1:] |= panes.labels[:, 1:] != panes.labels[:, :-1]
    lead[1:] |= panes.labels[1:] != panes.labels[:-1]
    away = cv2.distanceTransform(1 - lead, cv2.DIST_L2, 5)
    streak = cv2.warpAffine(
        fbm(height, width, 40, 7, stretch=0.25),
        cv2.getRotationMatrix2D((width / 2, height / 2), 24, 1.5),
        (width, height),
    )
    seeds = smoothstep(2.2, 2.9, value_noise(height, width, (7, 7), 8))
    glow = 0.86 + 0.16 * streak + 0.10 * fbm(height, width, 16, 9) + 0.5 * seeds
    glow = glow * (1.12 - 0.55 * np.hypot(u - SUN[0], v - SUN[1])) * (0.70 + 0.34 * smoothstep(2, 20, away))
    pane = np.clip(colours[panes.labels], 0, 1) * 1.12 * glow[..., None]
    pane = pane + 0.10 * np.maximum(glow - 1, 0)[..., None]
    pane = pane + 0.30 * (blur(pane, 14) - 0.25 * pane) * 0.6
    ridge = np.sqrt(np.clip(1 - (away / 5.5) ** 2, 0, 1))
    slope = cv2.Sobel(blur(ridge, 1.0), cv2.CV_32F, 1, 0) + cv2.Sobel(blur(ridge, 1.0), cv2.CV_32F, 0, 1)
    metal = rgb("17171c") + np.clip(0.05 * ridge + 0.16 * slope + 0.02 * fbm(height, width, 5, 11), 0, 1)[..., None]
    window = np.where((away < 5.5)[..., None], metal, pane)
    return cv2.resize(np.clip(window, 0, 1).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
