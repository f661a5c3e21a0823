"""A red sun over a bay, cut in wood: flat inks, black outlines, tapered cuts of the gouge."""

import cv2
import numpy as np

from .canvas import HEIGHT, WIDTH, Array, fbm, grid, rgb, smoothstep
from .strokes import gouges

DISC = (0.62, 0.29, 0.165)  # the sun: u, v and radius, in heights of the picture
CREAM, STRAW, OCHRE, ORANGE, RED, WINE = "f6e7c4", "f0c878", "dc9a35", "dd6a2a", "c22f22", "7a1a1c"


def pick(codes: list[str], index: Array) -> Array:
    """Flat colours by whole-numbered index."""
    return np.stack([rgb(c) for c in codes])[np.clip(index.astype(int), 0, len(codes) - 1)]


class Block:
    """A block of wood in the making: for each pixel its region, colour, lightness and grain of the cuts."""

    def __init__(self, height: int, width: int) -> None:
        self.labels = np.zeros((height, width), np.int64)
        self.plate = np.zeros((height, width, 3), np.float32)
        self.tone = np.zeros((height, width), np.float32)
        self.angle = np.zeros((height, width), np.float32)

    def fill(self, mask: Array, plate: Array, tone: Array | float, angle: Array | float) -> None:
        """A new region on top of the others."""
        mask = mask > 0.5
        self.labels[mask] = self.labels.max() + 1
        for layer, value in ((self.plate, plate), (self.tone, tone), (self.angle, angle)):
            layer[mask] = np.broadcast_to(value, layer.shape)[mask]


CLOUDS = [(0.30, 0.13, 0.20), (0.86, 0.12, 0.17), (0.40, 0.31, 0.16), (0.93, 0.36, 0.14), (0.12, 0.27, 0.12)]


def carve_sky(block: Block, u: Array, v: Array) -> None:
    """Rays around the red disc, alternating in colour, and long flat clouds."""
    dx, dy = (u - DISC[0]) * 1.28, v - DISC[1]
    angle, distance = np.arctan2(dy, dx), np.hypot(dx, dy)
    ray = np.floor((angle / (2 * np.pi) + 0.5) * 36)
    colours = pick([CREAM, OCHRE, STRAW, ORANGE], ray % 4)
    block.fill(np.ones_like(u), colours, np.clip(1.1 - 0.75 * distance - 0.22 * (ray % 2), 0.2, 1), angle)
    for cx, cy, w in CLOUDS:
        bump = 0.020 + 0.018 * np.abs(np.sin((u - cx) * 38 + cx * 9))
        body = np.sqrt(np.clip(1 - ((u - cx) / w) ** 2, 0, 1))
        cloud = (v < cy + 0.012 * body) & (v > cy - bump * 1.6 * body) & (body > 0)
        block.fill(cloud, rgb(CREAM), 0.95, 0.25 * np.sin((u - cx) * 38))
    block.fill(distance < DISC[2] + 0.014, rgb(CREAM), 0.45, angle + np.pi / 2)
    block.fill(distance < DISC[2], pick([RED, ORANGE], v > DISC[1] + 0.10), 1.0, 0.05)


PEAKS = [
    (0.31, 0.36, 0.95, (STRAW, ORANGE)), (0.9, 0.34, 0.9, (STRAW, ORANGE)), (0.70, 0.50, 0.70, (CREAM, RED)),
    (0.47, 0.46, 0.75, (STRAW, RED)), (0.99, 0.47, 0.8, (CREAM, RED)), (0.24, 0.52, 0.70, (OCHRE, WINE)),
    (0.58, 0.57, 0.45, (OCHRE, WINE)), (0.82, 0.56, 0.5, (OCHRE, WINE)), (0.38, 0.58, 0.4, (STRAW, WINE)),
]  # fmt: skip


def carve_mountains(block: Block, u: Array, v: Array) -> None:
    """Peaks from far to near, each with a lit flank on the sun's side and a dark one, cut down the fall."""
    height, width = u.shape
    jag = 0.012 * fbm(height, width, 36, seed=5, octaves=4)
    for x, y, steep, (light, dark) in PEAKS:
        top = y + steep * 1.28 * np.abs(u + jag - x) + 0.6 * jag
        crease = x + (0.03 if x < DISC[0] else -0.03) * np.sin((v - y) * 42) + 2.5 * jag
        lit = (u > crease) == (x < DISC[0])
        fall = np.arctan(1.25 * steep) * np.where(u > crease, 1, -1)
        tone = np.where(lit, 0.95, 0.5) - 1.1 * np.clip(v - y - 0.05, 0, 0.25)
        inside = v > top
        for side in (lit, ~lit):
            block.fill(inside & side, pick([light, dark], ~lit), tone, fall + 9 * jag)


def carve_sea(block: Block, u: Array, v: Array) -> None:
    """Rolling waves in rows, larger towards the viewer, with the sun's path in ochre and straw."""
    rng = np.random.default_rng(3)
    for row in 0.665 + 0.40 * np.linspace(0, 1, 8) ** 1.3:
        size = 0.010 + 0.16 * (row - 0.66)
        phase = u * 1.28 / (size * 2.1) + rng.uniform(0, 7)
        phase = phase + 0.5 * np.sin(phase)
        top = row - size * np.abs(np.sin(phase)) ** 1.3
        depth = (v - top) / size
        path = np.abs(u - DISC[0]) < 0.07 + 0.25 * (row - 0.66) + 0.02 * np.sin(2 * phase)
        slope = np.arctan(np.gradient(cv2.blur(top, (9, 1)), axis=1) * u.shape[0])
        foam, body = depth < 0.42, (depth // 0.34).astype(int) % 2
        colours = np.where(path[..., None], pick([ORANGE, STRAW], body), pick([WINE, RED], body))
        block.fill(v > top, colours, 0.9 - 0.3 * body, slope)
        block.fill((v > top) & foam, pick([CREAM, STRAW], path), 1.0, slope)


CLUMPS = [
    (0.10, 0.24, 0.10), (0.03, 0.37, 0.09), (0.20, 0.36, 0.095),
    (0.08, 0.48, 0.075), (0.235, 0.50, 0.07), (0.02, 0.60, 0.07),
]  # fmt: skip


def carve_pine(block: Block, u: Array, v: Array) -> None:
    """A crooked pine on a cliff at the left edge: clumps of needles cut in fans."""
    height, width = u.shape
    rough = 0.02 * fbm(height, width, 30, seed=8)
    block.fill(
        u + rough < 0.20 - 0.35 * np.clip(v - 0.70, 0, 1) - 3 * np.clip(0.70 - v, 0, 1),
        pick([OCHRE, WINE], rough > 0),
        0.7,
        1.2 + 12 * rough,
    )
    spine = 0.115 + 0.035 * np.sin(v * 15) - 0.1 * (v - 0.4)
    trunk = (np.abs(u - spine) < 0.014 + 0.02 * np.clip(v - 0.35, 0, 1)) & (v > 0.24) & (v < 0.76)
    block.fill(trunk, pick([RED, ORANGE], u > spine), 0.75, np.pi / 2 - 0.4 * np.cos(v * 15))
    for cx, cy, size in CLUMPS:
        dx, dy = (u - cx) * 1.28, (v - cy) * 1.7
        edge = 1 + 0.10 * np.sin(np.arctan2(dy, dx) * 11 + cx * 50)
        base_angle = np.arctan2(v - cy - size * 0.5, dx)
        tone = 0.30 + 0.55 * smoothstep(0.3, -0.8, (v - cy) / size)
        block.fill(np.hypot(dx, dy) < size * edge, pick([STRAW, OCHRE], v > cy), tone, base_angle)


def woodcut() -> Array:
    """A red sun over the bay: flat inks, black outlines, tapered cuts of the gouge."""
    u, v = grid(HEIGHT, WIDTH)
    block = Block(HEIGHT, WIDTH)
    carve_sky(block, u, v)
    carve_mountains(block, u, v)
    carve_sea(block, u, v)
    carve_pine(block, u, v)
    field = np.stack([np.cos(block.angle), np.sin(block.angle)], -1)
    inner = cv2.erode(block.labels.astype(np.float32), np.ones((3, 3))) == block.labels
    ink = gouges(block.plate, np.where(inner, block.labels, -1), field, block.tone, 5.0, 42, seed=6)
    size = ink.shape[:2]
    grain = (0.05 * fbm(*size, 6, seed=7, stretch=0.8) + 0.04 * fbm(*size, 8, seed=8, stretch=12))[..., None]
    ink = np.clip(ink * (0.97 + grain) + 0.025 + 0.3 * np.maximum(grain - 0.06, 0), 0, 1)
    return cv2.resize(ink, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
