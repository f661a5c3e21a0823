"""A still life: a jug with flowers, and fruit on a cloth, lit from the left."""

from functools import partial

import cv2
import numpy as np

from .canvas import Array, fbm, grid, mix, ramp, smoothstep
from .solid import (
    ball,
    camera,
    carved,
    developed,
    facing,
    gloss,
    hit,
    joined,
    lightness,
    limb,
    openness,
    paint,
    within,
)  # fmt: skip

LIGHT = np.float32([-0.70, 0.62, 0.36])
APPLES = [(0.42, 0.33, 0.62, 0.33), (1.62, 0.31, 0.25, 0.31)]  # x, y, z and radius
PEARS = [(1.02, 0.38, -0.05), (-1.62, 0.37, 0.35)]
GRAPES = [(-0.62 + 0.17 * i + 0.06 * (j % 2), 0.12 + 0.11 * k, 0.95 + 0.16 * j - 0.05 * k)
          for i, j, k in [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0), (1, 1, 0), (2, 1, 0), (0, 2, 0), (1, 2, 0),
                          (0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1), (2, 1, 1), (0, 0, 2), (1, 1, 2)]]  # fmt: skip
FLOWERS = [(-0.95, 2.32, -0.35), (-0.48, 2.62, -0.55), (-1.28, 2.02, -0.2), (-0.28, 2.20, -0.2), (-0.85, 2.80, -0.65),
           (-0.62, 2.08, 0.02), (-1.35, 2.50, -0.55)]  # fmt: skip
JUG = -0.78, -0.45  # x, z
TABLE, VASE, RED, GREEN, YELLOW, DARK, PETALS, LEAVES = range(8)


def jug(p: Array) -> Array:
    """A round jug with a neck, a lip and a handle."""
    q = p - np.float32([JUG[0], 0, JUG[1]])
    around, y = np.hypot(q[..., 0], q[..., 2]), q[..., 1]
    side = (
        0.20 + 0.40 * np.sin(np.clip((y + 0.12) / 1.35, 0, 1) * np.pi).clip(0) ** 0.8 + 0.12 * smoothstep(1.2, 1.5, y)
    )
    body = np.maximum(np.abs(y - 0.74) - 0.74, (around - side) * 0.75)
    ring = np.hypot(np.hypot(q[..., 0] - 0.50, (y - 0.98) * 0.9) - 0.30, q[..., 2]) - 0.055
    return carved(joined(body - 0.02, ring, 0.06), ball(q, (0, 1.55, 0), (0.25, 0.5, 0.25)), 0.04)


def pear(p: Array, x: float, y: float, z: float) -> Array:
    return joined(ball(p, (x, y, z), (0.37, 0.36, 0.37)), ball(p, (x + 0.05, y + 0.42, z), (0.18, 0.27, 0.18)), 0.30)


def rose(p: Array, x: float, y: float, z: float) -> Array:
    """A flower: a ball with whorls of petals."""
    q = p - np.float32([x, y, z])
    turn, rise = np.arctan2(q[..., 1], q[..., 0]), np.hypot(q[..., 0], q[..., 1])
    return ball(p, (x, y, z), (0.25, 0.23, 0.20)) + 0.022 * np.sin(5 * turn + 26 * rise + 9 * x)


def leaves(p: Array) -> Array:
    """Two to each flower, and the stalks."""
    sides = [(x + 0.24 * side, y - 0.16, z + 0.1) for x, y, z in FLOWERS for side in (-1, 1)]
    stalks = [limb(p, (JUG[0], 1.2, JUG[1]), flower, 0.02, 0.02) for flower in FLOWERS]
    return least(*[ball(p, place, (0.20, 0.05, 0.10)) for place in sides], *stalks)


def least(*shapes: Array) -> Array:
    return np.stack(shapes).min(0)


def table(p: Array) -> Array:
    """Distances to the cloth, jug, apples, pears, lemons, grapes, flowers and leaves."""
    x, y, z = np.moveaxis(p, -1, 0)
    cloth = 0.7 * (y - 0.035 * np.sin(2.1 * x + 1.3 * z) - 0.03 * np.sin(3.4 * z - 1.7 * x))
    apples = least(*[carved(ball(p, a[:3], (a[3], 0.9 * a[3], a[3])), ball(p, (a[0], a[1] + 0.36, a[2]), 0.11), 0.16)
                     for a in APPLES])  # fmt: skip
    stalks = least(
        *[limb(p, (a[0], a[1] + 0.2, a[2]), (a[0] + 0.08, a[1] + 0.45, a[2]), 0.018, 0.025) for a in APPLES],
        *[limb(p, (a[0] + 0.05, a[1] + 0.6, a[2]), (a[0] + 0.14, a[1] + 0.85, a[2]), 0.02, 0.028) for a in PEARS],
    )
    lemons = least(*[joined(ball(p, (lx, 0.24, lz), (0.33, 0.24, 0.24)), ball(p, (lx + 0.33, 0.24, lz), 0.05), 0.12)
                     for lx, lz in [(1.15, 0.95), (-1.15, 1.05)]])  # fmt: skip
    grapes = within(p, (-0.4, 0.2, 1.1), 0.55, lambda q: least(*[ball(q, g, 0.105) for g in GRAPES]))
    bunch = partial(within, p, (-0.82, 2.2, -0.35), 1.05)
    return np.stack([cloth, jug(p), apples, least(*[pear(p, *a) for a in PEARS]), lemons, np.minimum(grapes, stalks),
                     bunch(lambda q: least(*[rose(q, *f) for f in FLOWERS])), bunch(leaves)])  # fmt: skip


def look_up_noise(a: Array, b: Array, cell: float, seed: int) -> Array:
    """Fractal noise at points of a plane, in units of about 1/100."""
    noise = fbm(512, 512, cell, seed)
    return noise[(100 * b).astype(int) % 512, (100 * a).astype(int) % 512]


def colours(p: Array, which: Array) -> Array:
    """The colour of each thing at its points, linear."""
    x, y, z = np.moveaxis(p, -1, 0)
    speck = look_up_noise(x + 0.3 * z, y + 0.5 * z, 9, 3)
    broad = look_up_noise(x + 0.5 * z, y, 80, 4)
    check = (np.floor(2.6 * x) + np.floor(2.6 * z)) % 2
    stripe = smoothstep(0.08, 0.04, np.abs((1.3 * z + 0.1) % 1 - 0.5) - 0.03)
    cloth = mix(
        mix(np.broadcast_to(paint("e9e0cd"), (len(p), 3)), paint("3f6fa5"), 0.85 * stripe),
        paint("8fb0cf"),
        0.25 * check,
    )
    band = smoothstep(0.05, 0.02, np.abs(y - 0.62 - 0.05 * np.sin(9 * np.arctan2(x - JUG[0], z - JUG[1]))))
    glaze = mix(
        np.broadcast_to(paint("e8e4d8"), (len(p), 3)),
        paint("1f4f9a"),
        0.9 * np.maximum(band, (np.abs(y - 1.2) < 0.03) | (y > 1.43)),
    )
    apple = (
        ramp(
            0.45 + 0.22 * broad + 0.08 * speck + 0.2 * (y - 0.3),
            [(0, "7a0e12"), (0.45, "b81d1c"), (0.75, "d85a2a"), (1, "e8b94c")],
        )
        ** 2.2
    )
    green = ramp(0.5 + 0.15 * broad + 0.1 * speck, [(0, "7d7a22"), (0.5, "b3ad3c"), (1, "d9c455")]) ** 2.2
    lemon = ramp(0.5 + 0.25 * speck, [(0, "d9a312"), (1, "f7dc4a")]) ** 2.2
    dark = ramp(0.5 + 0.3 * broad, [(0, "1a0c22"), (0.6, "4a1f4f"), (1, "7a4a7c")]) ** 2.2
    blossom = ramp((7 * (x + 2 * y)) % 2 / 2 + 0.15 * speck, [(0, "f3b5bd"), (0.5, "e0607a"), (1, "f7ead2")]) ** 2.2
    leaf = ramp(0.5 + 0.3 * speck, [(0, "1f4420"), (1, "6d8f3a")]) ** 2.2
    return np.choose(which[:, None], [cloth, glaze, apple, green, lemon, dark, blossom, leaf]).astype(np.float32)


def wall(height: int, width: int) -> Array:
    """The plaster behind, in the light that comes through a window."""
    u, v = grid(height, width)
    plaster = (
        0.5
        + 0.08 * fbm(height, width, 0.2 * height, 6)
        + 0.45 * smoothstep(0.9, 0.0, np.hypot(u - 0.75, v - 0.2))
        - 0.25 * v
    )
    return ramp(plaster, [(0, "26262c"), (0.5, "615a55"), (1, "c2a67c")]) ** 2.2


def fruit(height: int = 400, width: int = 512, factor: float = 1.5) -> Array:
    """A jug with flowers, and fruit, on a striped cloth."""
    size = int(height * factor), int(width * factor)
    eye, rays = camera(*size, (0.05, 2.3, 8.2), (0.0, 1.15, 0.0), 2.05)
    reach = hit(table, eye, rays, 5.0, 13.0)
    found = (reach < 12.9) & ((eye + reach[:, None] * rays)[:, 2] > -2.2)
    points, rays = eye + reach[found, None] * rays[found], rays[found]
    which = table(points).argmin(0)
    normals, light = facing(table, points), LIGHT / np.linalg.norm(LIGHT)
    lit = normals @ light > 0
    seen = np.zeros(len(points), np.float32)
    seen[lit] = lightness(table, points[lit] + 0.012 * normals[lit], light)
    air = openness(table, points, normals)[:, None]
    sky, bounce = 0.5 + 0.5 * normals[:, 1:2], 0.5 - 0.5 * normals[:, 1:2]
    lamp = 2.6 * (np.clip(normals @ light, 0, 1) * seen)[:, None] * paint("fff0d8")
    lamp = lamp + air * (0.40 * sky * paint("b8cce8") + 0.20 * bounce * paint("e8c8a0"))
    shine = np.choose(which, [0, 1.3, 0.7, 0.3, 0.25, 0.7, 0.05, 0.1]) * gloss(normals, rays, light, 60) * seen
    image = wall(*size).reshape(-1, 3)
    image[found] = colours(points, which) * lamp + shine[:, None]
    linear = cv2.resize(image.reshape(*size, 3), (width, height), interpolation=cv2.INTER_AREA)
    return developed(0.8 * linear, 0.010, 5)
