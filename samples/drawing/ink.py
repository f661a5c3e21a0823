"""Mountains in the mist: ink and water on paper, from wet washes to strokes of a dry brush."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .brush import SIZE, K, bent, stroke, stroke_thin
from .canvas import HEIGHT, WIDTH, Array, blur, fbm, grid, rgb, ridged, smoothstep, value_noise

# From far to near: level of the outline, height, grain, how it falls from which place, ink and seed.
RANGES = [
    (0.34, 0.06, 150, -0.030, 0.02, 0.30, 21),
    (0.42, 0.13, 190, 0.250, 0.72, 0.75, 4),
    (0.62, 0.12, 150, -0.252, 0.02, 1.25, 9),
]
BRANCHES = [  # where on the trunk, angle, length, bend
    (0.30, 2.9, 0.40, 0.5), (0.46, -2.7, 0.36, -0.4), (0.62, 3.0, 0.50, 0.3),
    (0.80, -2.9, 0.30, -0.3), (0.95, 2.8, 0.26, 0.4), (0.72, -0.3, 0.14, 0.2),
]  # fmt: skip
BIRDS = [(0.42, 0.14), (0.455, 0.165), (0.40, 0.18), (0.49, 0.13)]


def wash(ink: Array, mask: Array, depth: Array, seed: int) -> Array:
    """Lays a wash: ink that pools at the edge of the mask and blooms where water ran into it."""
    bloom = 0.75 + 0.22 * fbm(*SIZE, 130, seed) + 0.10 * fbm(*SIZE, 18, seed + 1)
    pooled = np.clip(mask - blur(mask, 5), 0, 1)
    return ink + mask * depth * np.clip(bloom, 0.15, 1.6) + 1.1 * pooled * depth


def mountains() -> Array:
    """Ranges whose ink fades downwards into mist, with wrinkles of a dry brush."""
    u, v = grid(*SIZE)
    ink = np.zeros(SIZE, np.float32)
    for level, rise, cell, fall, place, dark, seed in RANGES:
        profile = fbm(64, SIZE[1], cell * K, seed, octaves=6, gain=0.46)[32]
        outline = level - rise * profile + fall * np.abs(u[0] - place)
        below = v - outline[None] - 0.004 * value_noise(*SIZE, (9, 9), seed)
        mask = smoothstep(-0.002, 0.004, below)
        ink = ink * (1 - 0.9 * mask * smoothstep(0.30, 0.05, below))
        ink = wash(ink, mask, (dark * smoothstep(0.34, 0.0, below)).astype(np.float32), seed)
        slant = cv2.getRotationMatrix2D((SIZE[1] / 2, SIZE[0] / 2), 35, 1.3)
        slanted = cv2.warpAffine(ridged(*SIZE, 46, seed + 3), slant, SIZE[::-1], borderMode=cv2.BORDER_REFLECT)
        wrinkles = smoothstep(0.60, 0.72, slanted) * smoothstep(-0.4, 0.6, fbm(*SIZE, 8, seed + 5))
        ink += 1.1 * dark * mask * wrinkles * smoothstep(0.26, 0.01, below)
    return ink


def pine(ink: Array, rng: np.random.Generator) -> None:
    """A crooked pine that leans in from the right, with fans of needles."""
    trunk = np.concatenate(
        [bent((1.02, 0.99), -2.2, 0.34, 0.9), bent((0.94, 0.73), -1.2, 0.30, -1.1), bent((0.94, 0.48), -2.4, 0.22, 0.7)]
    )
    stroke(ink, trunk, np.linspace(13, 3, len(trunk)), 0.85, 0.35, rng)
    for at, angle, length, bend in BRANCHES:
        branch = bent(tuple(trunk[int(at * (len(trunk) - 1))]), angle, length, bend)
        stroke(ink, branch, np.linspace(4.5, 1.2, len(branch)), 0.9, 0.3, rng)
        for spot in branch[5::3]:
            for turn in np.linspace(-2.9, -0.25, 17) + rng.normal(0, 0.07, 17):
                needle = bent(tuple(spot - np.float32([0, 0.006])), turn, rng.uniform(0.04, 0.065), 0.15, 8)
                stroke_thin(ink, needle, rng.uniform(0.55, 1.0))


def bamboo(ink: Array, rng: np.random.Generator) -> None:
    """Stems in segments, and leaves of one stroke each, at the left."""
    for x, lean, wide, dark in [(0.055, 0.02, 6, 0.5), (0.13, -0.05, 8, 0.9), (0.20, 0.05, 4, 0.42)]:
        for n in range(6):
            low, high = 1.02 - 0.17 * n, 1.02 - 0.17 * (n + 0.94)
            v = np.linspace(low, high, 12, dtype=np.float32)
            stem = np.stack([x + lean * (1 - v) ** 2, v], -1)
            stroke(ink, stem, wide * (1 - 0.06 * n) * (1 + 0.25 * np.linspace(-1, 1, 12) ** 6), dark, 0.25, rng)
            for _ in range(5 * (n > 1)):
                angle = rng.choice([0.5, 0.9, 2.2, 2.6]) + rng.normal(0, 0.25)
                place = tuple(stem[-1] + rng.normal(0, 0.012, 2))
                leaf = bent(place, angle, rng.uniform(0.10, 0.18), rng.normal(0, 0.3), 20)
                widths = 4.6 * np.sin(np.pi * np.linspace(0.04, 0.98, 20)) ** 0.8
                stroke(ink, leaf, widths, dark * rng.uniform(0.7, 1.15), 0.10, rng)


def ink() -> Array:
    """Mountains in the mist, a pine, bamboo, a boat and a seal in red."""
    rng = np.random.default_rng(7)
    sheet = mountains()
    u, v = grid(*SIZE)
    for y, dark in ((0.86, 0.30), (0.93, 0.22), (0.79, 0.16)):
        band = np.exp(-(((v - y - 0.02 * value_noise(*SIZE, (260, 400), int(100 * y))) / 0.018) ** 2))
        sheet += dark * band * smoothstep(-0.9, 0.9, fbm(*SIZE, 40, int(50 * y), stretch=7)) * smoothstep(0.15, 0.4, u)
    hull = np.stack([np.linspace(0.44, 0.56, 20), 0.80 + 0.014 * np.sin(np.linspace(0, np.pi, 20))], -1).astype(
        np.float32
    )
    stroke(sheet, hull, 3.2 * np.sin(np.pi * np.linspace(0.05, 0.95, 20)), 1.0, 0.1, rng)
    stroke(sheet, bent((0.505, 0.795), -1.6, 0.045, 0.2, 10), np.full(10, 2.2), 0.95, 0.1, rng)
    for x, y in BIRDS:
        for way in (-2.6, -0.5):
            stroke(
                sheet, bent((x, y), way, 0.03, 0.9 * np.sign(way + 1.5), 10), np.linspace(1.6, 0.5, 10), 0.8, 0.0, rng
            )
    bamboo(sheet, rng)
    pine(sheet, rng)
    drops = smoothstep(3.4, 3.9, value_noise(*SIZE, (11, 11), 30)) * 0.8
    fibre = 0.05 * fbm(*SIZE, 5, 31, octaves=3) + 0.03 * fbm(*SIZE, 30, 32, stretch=5)
    density = np.clip(sheet + drops, 0, 2.6) * (1 + 2.4 * fibre)
    paper = rgb("efe5cf") * (1 + 0.35 * fibre - 0.10 * np.hypot(u - 0.5, v - 0.5))[..., None]
    image = paper * np.exp(-density[..., None] * np.float32([1.02, 0.98, 0.90]))
    image = sealed(image, u, v)
    return cv2.resize(np.clip(image, 0, 1).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def sealed(image: Array, u: Array, v: Array) -> Array:
    """The painter's seal, stamped in red."""
    x, y = (u - 0.315) / 0.022, (v - 0.11) / 0.034
    inside = (
        (np.maximum(np.abs(x), np.abs(y)) < 1)
        & ~((np.abs(x) % 0.6 < 0.14) & (np.abs(y) < 0.75))
        & ~(np.abs(y + 0.1) < 0.09)
    )
    worn = smoothstep(-1.6, -0.8, fbm(*SIZE, 6, 40))
    stamp: NDArray[np.float32] = (0.88 * inside * worn).astype(np.float32)
    return image + (rgb("b8321f") - image) * stamp[..., None]
