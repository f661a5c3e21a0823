"""A windy night by the sea, painted in long strokes that curl with the air."""

import cv2
import numpy as np

from .canvas import HEIGHT, WIDTH, Array, ellipse, fbm, grid, mix, polygon, ramp, rgb, smoothstep
from .strokes import Brush, double_angle, painting

SHORE = 0.74
EDDIES = [(0.30, 0.30, 0.150, 1), (0.67, 0.43, 0.120, -1), (0.52, 0.10, 0.085, 1), (0.05, 0.58, 0.10, -1)]
STARS = [
    (0.86, 0.17, 0.056), (0.10, 0.12, 0.026), (0.49, 0.29, 0.018), (0.93, 0.50, 0.022), (0.70, 0.11, 0.020),
    (0.20, 0.55, 0.022), (0.47, 0.57, 0.017), (0.82, 0.64, 0.014), (0.33, 0.06, 0.014), (0.60, 0.64, 0.012),
]  # fmt: skip


def night_wind(u: Array, v: Array) -> tuple[Array, Array]:
    """The flow of the air: a wavy breeze, eddies, and rings around the stars; (across, down)."""
    x, aspect = u * 1.28, 1.28
    across, down = np.ones_like(u), 0.45 * np.cos(7.5 * u + 3 * v + 0.5)
    for cx, cy, size, sense in EDDIES:
        dx, dy = x - cx * aspect, v - cy
        near = np.exp(-(((dx**2 + dy**2) / (1.25 * size) ** 2) ** 1.5))
        distance = np.sqrt(dx**2 + dy**2) + 1e-4
        across = across * (1 - near) + 2.2 * near * (-dy * sense - 0.18 * dx) / distance
        down = down * (1 - near) + 2.2 * near * (dx * sense - 0.18 * dy) / distance
    for cx, cy, size in STARS:
        dx, dy = x - cx * aspect, v - cy
        distance = np.sqrt(dx**2 + dy**2) + 1e-4
        near = smoothstep(3.6, 2.0, distance / size)
        across = across * (1 - near) - near * dy / distance
        down = down * (1 - near) + near * dx / distance
    sea = smoothstep(SHORE - 0.02, SHORE + 0.02, v)
    across, down = mix(across[..., None], np.ones_like(u)[..., None], sea)[..., 0], down * (1 - sea)
    return across.astype(np.float32), (down + sea * 0.3 * np.cos(16 * u + 22 * v)).astype(np.float32)


def streaks(across: Array, down: Array, grain: Array, reach: int = 26) -> Array:
    """Noise smeared along a flow (line integral convolution), mean 0 and unit deviation."""
    height, width = grain.shape
    norm = np.maximum(np.hypot(across, down), 1e-6)
    flow = across / norm, down / norm
    total = grain.copy()
    for sense in (-1.0, 1.0):
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        for _ in range(reach):
            dx = cv2.remap(flow[0], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            dy = cv2.remap(flow[1], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            x, y = x + np.float32(1.5 * sense) * dx, y + np.float32(1.5 * sense) * dy
            total += cv2.remap(grain, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return (total - total.mean()) / total.std()


def night_sky(u: Array, v: Array, wind: Array) -> Array:
    """Streaks of blue along the wind, spiral arms in the eddies, and discs with halos."""
    tone = 0.36 + 0.17 * wind + 0.22 * smoothstep(0.30, SHORE, v)
    for cx, cy, size, sense in EDDIES:
        dx, dy = (u - cx) * 1.28, v - cy
        distance = np.sqrt(dx**2 + dy**2) + 1e-3
        near = np.exp(-((distance / (1.3 * size)) ** 3))
        arms = 0.5 + 0.5 * np.sin(2 * np.arctan2(dy, dx) - sense * 5.5 * np.log(distance / size + 0.12))
        tone = mix(tone[..., None], (0.12 + 0.72 * arms + 0.08 * wind)[..., None], near)[..., 0]
    blues = [
        (0, "060d2e"),
        (0.22, "10276b"),
        (0.42, "1f52ab"),
        (0.6, "3f8bcf"),
        (0.78, "93c9dd"),
        (0.95, "f2ecc0"),
    ]
    sky = ramp(tone, blues)
    for cx, cy, size in STARS:
        distance = ellipse(u, v, (cx, cy), (size / 1.28, size)) + 0.10 * wind
        halo = ramp(distance, [(1, "ffe27a"), (1.5, "f5c542"), (2.0, "6cc3b0"), (2.5, "e8d36a"), (3.4, "2f7fc4")])
        sky = mix(sky, halo, smoothstep(3.4, 2.4, distance))
        sky = mix(sky, rgb("fff0a8"), smoothstep(1.5, 0.9, distance))
        sky = mix(sky, rgb("ffb326"), smoothstep(0.75, 0.4, distance))
    return sky


def night_coast(u: Array, v: Array, wind: Array, sky: Array) -> Array:
    """A dark headland with a village and a tower, over water that breaks the light into bars."""
    height, width = u.shape
    depth = (v - SHORE) / (1 - SHORE)
    bars = fbm(height, width, 14, seed=64, stretch=6)
    sea = ramp(0.36 + 0.24 * bars + 0.12 * wind, [(0, "071036"), (0.4, "17408f"), (0.7, "2f86b5"), (1, "9ad6cf")])
    for cx, _, size in STARS[:1] + STARS[3:]:
        column = np.exp(-(((u - cx) / (size * (0.5 + 0.6 * depth))) ** 2)) * min(1.0, size * 40)
        sea = mix(sea, rgb("f6cf55"), 0.95 * column * smoothstep(0.0, 0.8, bars))
    scene = mix(sky, sea, smoothstep(SHORE - 0.003, SHORE + 0.003, v))
    hills = SHORE - 0.035 - 0.09 * np.exp(-(((u - 0.28) / 0.16) ** 2)) - 0.05 * np.exp(-(((u - 0.62) / 0.12) ** 2))
    land = ramp(0.4 + 0.3 * wind, [(0, "070c26"), (0.4, "143a4e"), (0.7, "2c6a5c"), (1, "86a860")])
    land_mask = smoothstep(-0.006, 0.006, v - hills) * smoothstep(SHORE + 0.02, SHORE, v - 0.01 * wind)
    return mix(scene, land, land_mask.astype(np.float32))


def night_village(scene: Array) -> Array:
    """Houses with lit windows along the shore, and their lights on the water."""
    height, width = scene.shape[:2]
    u, v = grid(height, width)
    rng = np.random.default_rng(9)
    bars = smoothstep(-0.2, 0.6, fbm(height, width, 10, seed=44, stretch=5))
    for x in np.concatenate([np.linspace(0.10, 0.42, 8), np.linspace(0.53, 0.72, 5)]):
        w, h, y = rng.uniform(0.014, 0.022), rng.uniform(0.03, 0.05), SHORE - rng.uniform(0.0, 0.03)
        wall = [(x - w, y), (x - w, y - h), (x + w, y - h), (x + w, y)]
        roof = [(x - 1.25 * w, y - h), (x, y - 1.9 * h), (x + 1.25 * w, y - h)]
        scene = mix(scene, rgb(str(rng.choice(["24365f", "3b4a78", "1b2a57"]))), polygon(height, width, wall))
        scene = mix(scene, rgb(str(rng.choice(["7a3a3a", "1a1c3c", "4a2c48"]))), polygon(height, width, roof))
        glow = rgb(str(rng.choice(["ffd24a", "ff9a2e", "ffe9a0"])))
        scene = mix(scene, glow, smoothstep(1.2, 0.7, ellipse(u, v, (x, y - 0.5 * h), (0.5 * w, 0.35 * h))))
        path = np.exp(-(((u - x) / 0.010) ** 2)) * smoothstep(0.2, 0.02, v - SHORE) * (v > SHORE + 0.012)
        scene = mix(scene, glow, (0.85 * bars * path).astype(np.float32))
    return scene


def swirl() -> Array:
    """A windy night: long strokes that curl with the air."""
    u, v = grid(HEIGHT, WIDTH)
    across, down = night_wind(u, v)
    wind = streaks(across, down, fbm(HEIGHT, WIDTH, 12, seed=61, octaves=3))
    scene = night_village(night_coast(u, v, wind, night_sky(u, v, wind)))
    guide = double_angle(np.arctan2(down, across), 2.5)
    brushes = [
        Brush(9, 120, 0.0, 0.9, hue=8, light=0.05, rough=0.12, freedom=0.3),
        Brush(5, 90, 0.08, 1.0, hue=10, light=0.08, rough=0.13, saturation=1.15, freedom=0.2),
        Brush(2.7, 60, 0.10, 1.1, hue=9, light=0.09, rough=0.12, saturation=1.15, freedom=0.2),
        Brush(1.6, 20, 0.22, 1.3, hue=6, light=0.06),
    ]
    return painting(scene, guide, brushes, rgb("1a2c63"), seed=2, depth=0.3)
