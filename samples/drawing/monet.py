"""A river on a misty morning with water lilies, painted in short dabs of broken colour."""

import cv2
import numpy as np

from .canvas import HEIGHT, WIDTH, Array, blur, ellipse, fbm, grid, mix, ramp, rgb, smoothstep, value_noise
from .strokes import Brush, double_angle, painting

BANK = 0.40  # where the water begins
SUN = (0.575, 0.17)


def morning_sky(u: Array, v: Array) -> Array:
    """Violet blue above, peach below, broken by drifting cloud and the glow of a low sun."""
    height, width = u.shape
    clouds = fbm(height, width, 90, seed=3, stretch=2.4)
    sky = ramp(v / BANK + 0.10 * clouds, [(0, "5f86c4"), (0.35, "93a6d8"), (0.65, "e3b6b4"), (1, "ffd79a")])
    sky = mix(sky, rgb("fbe3d6"), 0.55 * smoothstep(0.3, 1.6, fbm(height, width, 60, seed=8, stretch=3)))
    glow = np.exp(-(((u - SUN[0]) * 1.28) ** 2 + (v - SUN[1]) ** 2) / 0.022)
    sky = mix(sky, rgb("ffb45c"), 0.85 * glow)
    return mix(sky, rgb("ff7a2c"), smoothstep(1.08, 0.92, ellipse(u, v, SUN, (0.034, 0.0435))))


def foliage(u: Array, v: Array, top: Array, colours: tuple[str, str, str], seed: int) -> tuple[Array, Array]:
    """A clump of trees below the outline `top`: (colours, mask), lit from the right."""
    height, width = u.shape
    lumps = fbm(height, width, 34, seed)
    light = np.clip(0.45 + 0.32 * lumps + 0.5 * (cv2.Sobel(blur(lumps, 3), cv2.CV_32F, 1, 0) * -0.6), 0, 1)
    mask = smoothstep(-0.012, 0.012, v - top - 0.018 * fbm(height, width, 22, seed + 1))
    return ramp(light, [(0, colours[0]), (0.5, colours[1]), (1, colours[2])]), mask


def morning_banks(u: Array, v: Array, sky: Array) -> Array:
    """Misty trees far away, a row of poplars, and a dark willow on the left."""
    wave = value_noise(1, u.shape[1], (40, 1), 21)[:1]
    far, mask = foliage(u, v, BANK - 0.09 - 0.022 * wave, ("7d82bd", "9a95c8", "c3acc6"), 31)
    scene = mix(sky, far, mask * 0.9)
    for k in range(7):
        x, tall = 0.985 - 0.072 * k - 0.004 * k * k, 0.37 - 0.036 * k
        body = 1 - ((u - x) / (0.030 - 0.0024 * k)) ** 2
        top = BANK - tall * np.sqrt(np.clip(body, 0, 1)) + np.where(body > 0, 0, 0.1)
        haze = k / 9
        tree, mask = foliage(u, v, top, ("2b4a63", "3f7d62", "a8b95c"), 50 + k)
        scene = mix(scene, mix(tree, rgb("a59fca"), haze), mask * (v < BANK + 0.02))
    shrubs, mask = foliage(u, v, BANK - 0.03 - 0.012 * wave, ("4f6a9c", "739a86", "d5c873"), 77)
    scene = mix(scene, shrubs, mask)
    return mix(scene, *willow(u, v))


def willow(u: Array, v: Array) -> tuple[Array, Array]:
    """A weeping willow on the left: a ragged crown of hanging fronds, (colours, mask)."""
    height, width = u.shape
    fronds = fbm(height, width, 90, seed=91, stretch=0.12, octaves=5, gain=0.8)
    lumps = fbm(height, width, 55, seed=96)
    light = np.clip(0.46 + 0.12 * fronds + 0.17 * lumps + 0.9 * (u - 0.13), 0, 1)
    reach = 0.30 + 0.05 * value_noise(1, width, (22, 1), 93)[:1] - 0.5 * np.maximum(v - 0.16, 0)
    crown = smoothstep(0.012, -0.012, u - reach + 0.012 * fronds)
    colours = ramp(light, [(0, "1d2c66"), (0.3, "2a6072"), (0.6, "5a9a74"), (0.85, "a9c285"), (1, "efdca0")])
    return colours, crown


def river(u: Array, v: Array, scene: Array) -> Array:
    """The scene mirrored in rippled water, deeper and bluer than what it mirrors."""
    height, width = u.shape
    depth = np.clip((v - BANK) / (1 - BANK), 0, 1)
    ripple = fbm(height, width, 12, seed=5, stretch=5) * (0.008 + 0.03 * depth)
    source_v = np.clip(BANK - (v - BANK) * 0.66 + ripple, 0, BANK - 0.002)
    mirrored = cv2.remap(
        scene, (u + 0.4 * ripple) * width, source_v * height, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    water = mix(mirrored, rgb("3f6fb0"), 0.10 + 0.30 * depth)
    bands = fbm(height, width, 16, seed=15, stretch=6)
    water = mix(water, rgb("8f7cc8"), 0.55 * smoothstep(0.3, 1.6, bands))
    water = mix(water, rgb("1f5a78"), 0.5 * smoothstep(0.5, 1.8, -bands))
    path = np.exp(-(((u - SUN[0]) / (0.035 + 0.07 * depth)) ** 2))
    glints = path * smoothstep(-0.2, 0.7, fbm(height, width, 9, seed=25, stretch=5)) * (1 - 0.5 * depth)
    return mix(water, rgb("ff9a44"), 0.95 * glints)


ISLANDS = [(0.10, 0.62), (0.36, 0.55), (0.80, 0.60), (0.24, 0.80), (0.62, 0.74), (0.88, 0.86), (0.48, 0.94)]
LEAVES = ["4f9a6a", "7fb86c", "3c8286", "a9cc7e", "5aa58c"]
PETALS = ["ffd9e2", "fff3ea", "f48fb0", "ffe9b8"]


def lily_pads(u: Array, v: Array, water: Array) -> Array:
    """Floating islands of leaves, with blossoms; smaller and closer together far away."""
    rng = np.random.default_rng(12)
    scene = water
    for cx, cy in ISLANDS:
        scale = 0.25 + 1.15 * (cy - BANK)
        for _ in range(22):
            spot = cx + 0.125 * scale * rng.normal(), cy + 0.04 * scale * rng.normal()
            scene = leaf(u, v, scene, spot, scale * rng.uniform(0.030, 0.058), rgb(str(rng.choice(LEAVES))))
        for _ in range(5):
            spot = cx + 0.1 * scale * rng.normal(), cy + 0.03 * scale * rng.normal()
            scene = blossom(u, v, scene, spot, 0.022 * scale, rgb(str(rng.choice(PETALS))))
    return scene


def leaf(u: Array, v: Array, scene: Array, spot: tuple[float, float], size: float, green: Array) -> Array:
    """A lily leaf with its shadow on the water, lighter at the far rim."""
    x, y = spot
    shadow = ellipse(u, v, (x, y + 0.16 * size), (size, 0.42 * size))
    scene = mix(scene, rgb("1d3f6b"), 0.7 * smoothstep(1.25, 0.9, shadow))
    colour = mix(green, rgb("e9e3a0"), 0.5 * smoothstep(0.2, -0.9, (v - y) / size))
    return mix(scene, colour, smoothstep(1.05, 0.85, ellipse(u, v, spot, (size, 0.42 * size))))


def blossom(u: Array, v: Array, scene: Array, spot: tuple[float, float], size: float, petal: Array) -> Array:
    """A water lily: pale above, carmine below."""
    under = ellipse(u, v, (spot[0], spot[1] + 0.3 * size), (1.1 * size, 0.8 * size))
    scene = mix(scene, rgb("c2457e"), smoothstep(1.1, 0.8, under))
    return mix(scene, petal, smoothstep(1.1, 0.7, ellipse(u, v, spot, (size, 0.7 * size))))


def monet() -> Array:
    """Morning on the river: short dabs of broken colour."""
    u, v = grid(HEIGHT, WIDTH)
    banks = morning_banks(u, v, morning_sky(u, v))
    water = lily_pads(u, v, river(u, v, banks))
    scene = mix(banks, water, smoothstep(BANK - 0.004, BANK + 0.004, v))
    scene = np.clip(0.53 + 1.14 * (scene - 0.5), 0, 1)
    drift = 0.35 * value_noise(HEIGHT, WIDTH, (60, 60), 4)
    leaning = double_angle(np.where(v < BANK - 0.02, -0.6 + 2 * drift, 0.25 * drift).astype(np.float32))
    upright = smoothstep(0.34, 0.24, u) * smoothstep(BANK, BANK - 0.05, v)
    guide = mix(leaning, double_angle(np.pi / 2 + 0.4 * drift), upright)
    brushes = [
        Brush(11, 60, 0.0, 0.9, hue=12, light=0.05, rough=0.09),
        Brush(6, 30, 0.06, 1.0, hue=16, light=0.06, saturation=1.15, rough=0.09),
        Brush(3.4, 16, 0.10, 1.1, hue=16, light=0.06, saturation=1.2, rough=0.08),
        Brush(1.9, 9, 0.16, 1.2, hue=10, light=0.05, saturation=1.2),
    ]
    return painting(scene, guide, brushes, rgb("7c6f9a"), seed=1)
