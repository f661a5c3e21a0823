"""A Sunday by the river in dots of pure colour, which mix in the eye."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import HEIGHT, WIDTH, Array, blur, ellipse, fbm, grid, mix, polygon, ramp, rgb, smoothstep
from .strokes import OVERSAMPLE, SHIFT, lit, look_up

TREES = [(0.10, 0.26, 0.17, 0.20), (0.27, 0.30, 0.11, 0.15), (0.93, 0.22, 0.17, 0.22), (0.76, 0.33, 0.09, 0.11)]
SAILS = [(0.44, 0.49, 0.10), (0.56, 0.465, 0.06), (0.66, 0.475, 0.075)]
WALKERS = [(0.30, 0.66, 0.24, "35307a", "e2543a"), (0.375, 0.65, 0.22, "7a2f57", ""),
           (0.74, 0.78, 0.30, "b03a55", "f2c14a"),
           (0.58, 0.60, 0.13, "2f3f8f", ""), (0.10, 0.83, 0.30, "3a3f6a", "f08a4a")]  # fmt: skip


def river(u: Array, v: Array) -> Array:
    """Sky, far bank and water with the sails and what they mirror."""
    height, width = u.shape
    soft = fbm(height, width, 60, 3, stretch=3)
    sky = ramp(v + 0.02 * soft, [(0, "7fb4e0"), (0.25, "bcd6e6"), (0.42, "f6e3b8")])
    bank = 0.40 + 0.02 * np.sin(9 * u) + 0.012 * fbm(height, width, 30, 4)
    sky = mix(sky, ramp(0.5 + 0.2 * soft, [(0, "4a6fa0"), (1, "8fae8a")]), smoothstep(0, 0.01, v - bank))
    water = ramp(
        v + 0.01 * fbm(height, width, 10, 6, stretch=7), [(0.44, "cfe0d8"), (0.52, "6fb0d8"), (0.75, "2f6fb8")]
    )
    scene = mix(sky, water, smoothstep(0.445, 0.45, v))
    for x, y, size in SAILS:
        for flip, alpha in ((1, 1.0), (-1, 0.55)):
            sail = [(x, y), (x + 0.45 * size, y), (x + 0.05 * size, y - flip * 1.7 * size)]
            scene = mix(scene, rgb("fff6de"), alpha * polygon(height, width, sail))
        scene = mix(
            scene,
            rgb("7a3f3a"),
            polygon(
                height, width, [(x - 0.1 * size, y), (x + 0.5 * size, y), (x + 0.4 * size, y + 0.012), (x, y + 0.012)]
            ),
        )
    return scene


def meadow(scene: Array, u: Array, v: Array) -> Array:
    """The near bank in sun and shade, trees, and people with parasols."""
    height, width = u.shape
    shore = (
        0.55 + 0.16 * smoothstep(0.95, 0.15, u) ** 2 * 0.2 + 0.13 * np.abs(u - 0.45) + 0.006 * fbm(height, width, 16, 8)
    )
    shade = smoothstep(0.1, -0.1, np.sin(26 * (v - 0.12 * u)) * 0.6 + 0.35 * fbm(height, width, 50, 9, stretch=4))
    grass = mix(
        ramp(v, [(0.5, "e8d98a"), (1, "b9bf62")]),
        ramp(v, [(0.5, "5a8f6a"), (1, "2a5f6a")]),
        shade * smoothstep(0.55, 0.75, v),
    )
    scene = mix(scene, grass, smoothstep(0, 0.006, v - shore))
    for x, y, wide, tall in TREES:
        trunk = [(x - 0.014, y), (x + 0.014, y), (x + 0.022, 0.66), (x - 0.022, 0.66)]
        scene = mix(scene, rgb("5a3a5f"), polygon(height, width, trunk))
        crown = ellipse(u, v, (x, y), (wide, tall)) + 0.16 * fbm(height, width, 26, int(90 * x))
        leaf = ramp(
            0.55 - (v - y) / tall * 0.4 + 0.14 * fbm(height, width, 14, int(70 * x)) + 0.3 * (x - u) / wide,
            [(0, "12386a"), (0.4, "3a7a62"), (0.75, "94b05a"), (1, "f2dc82")],
        )
        scene = mix(scene, leaf, smoothstep(1.03, 0.95, crown))
    for x, y, size, coat, parasol in WALKERS:
        shadow = ellipse(u, v, (x + 0.25 * size, y), (0.34 * size, 0.035))
        scene = mix(scene, rgb("1f4f6a"), 0.85 * smoothstep(1.1, 0.8, shadow))
        skirt = [
            (x - 0.045 * size, y - 0.62 * size),
            (x + 0.045 * size, y - 0.62 * size),
            (x + 0.15 * size, y),
            (x - 0.17 * size, y),
        ]
        scene = mix(
            scene, mix(rgb(coat), rgb("f0a0a0"), 0.5 * smoothstep(x, x - 0.1 * size, u)), polygon(height, width, skirt)
        )
        body = ellipse(u, v, (x, y - 0.66 * size), (0.065 * size, 0.15 * size))
        scene = mix(scene, rgb(coat), smoothstep(1.1, 0.9, body))
        scene = mix(
            scene, rgb("e8b48a"), smoothstep(1.1, 0.9, ellipse(u, v, (x, y - 0.86 * size), (0.042 * size, 0.06 * size)))
        )
        hat = parasol or "2a2a5a"
        dome = ellipse(
            u,
            v,
            (x - 0.03 * size * bool(parasol), y - 0.89 * size),
            (0.24 * size, 0.20 * size) if parasol else (0.06 * size, 0.05 * size),
        )
        cap = smoothstep(1.04, 0.96, dome) * (v < y - 0.89 * size)
        scene = mix(scene, mix(rgb(hat), rgb("fff0c0"), 0.6 * smoothstep(x + 0.05, x - 0.2 * size, u)), cap)
    return scene


def divided(colours: Array, rng: np.random.Generator) -> Array:
    """Colours taken apart: neighbours in hue, lighter or darker, and now and then the complement."""
    hsv = cv2.cvtColor(np.clip(colours, 0, 1)[None], cv2.COLOR_RGB2HSV)[0]
    opposite = rng.random(len(hsv)) < 0.10
    hsv[:, 0] = (hsv[:, 0] + rng.normal(0, 12, len(hsv)) + 180 * opposite + rng.choice([-22, 0, 22], len(hsv))) % 360
    hsv[:, 1] = np.clip(hsv[:, 1] * rng.uniform(0.95, 1.55, len(hsv)) + 0.04 - 0.2 * opposite, 0, 1)
    hsv[:, 2] = np.clip(hsv[:, 2] + rng.normal(0.02, 0.10, len(hsv)), 0.1, 1)
    return cv2.cvtColor(hsv.astype(np.float32)[None], cv2.COLOR_HSV2RGB)[0]


def dab(relief: NDArray[np.uint8], place: Array, radius: float, angle: float, colour: Array) -> None:
    """A round dot of thick colour, a little longer than wide."""
    centre = np.rint((place + 0.5) * OVERSAMPLE * 2**SHIFT).astype(int).tolist()
    for share, thick in ((1.0, 120), (0.72, 185), (0.4, 225)):
        axes = np.rint(share * radius * OVERSAMPLE * np.array([1.15, 0.9]) * 2**SHIFT).astype(int).tolist()
        cv2.ellipse(relief, centre, axes, angle, 0, 360, (*(255 * colour).tolist(), thick), -1, cv2.LINE_AA, SHIFT)


def points() -> Array:
    """A Sunday by the river: dots of three sizes on a light ground."""
    u, v = grid(HEIGHT, WIDTH)
    scene = blur(meadow(river(u, v), u, v), 0.7)
    rng = np.random.default_rng(5)
    relief = np.zeros((HEIGHT * OVERSAMPLE, WIDTH * OVERSAMPLE, 4), np.uint8)
    relief[..., :3] = np.rint(255 * np.repeat(np.repeat(mix(scene, rgb("f3e6c8"), 0.35), OVERSAMPLE, 0), OVERSAMPLE, 1))
    for radius, share in ((4.2, 1.0), (3.2, 1.0), (2.5, 1.0), (1.7, 0.35)):
        step = 1.75 * radius
        x, y = np.meshgrid(np.arange(0, WIDTH, step), np.arange(0, HEIGHT, step * 0.87))
        x = x + 0.5 * step * (np.arange(len(x)) % 2)[:, None]
        places = np.stack([x.ravel(), y.ravel()], -1) + rng.normal(0, 0.22 * step, (x.size, 2))
        places = rng.permutation(places[rng.random(len(places)) < share]).astype(np.float32)
        tones = divided(look_up(scene, places), rng)
        for place, tone in zip(places, tones, strict=True):
            dab(relief, place, radius * rng.uniform(0.75, 1.1), rng.uniform(0, 180), tone)
    return cv2.resize(lit(relief, 0.13, 3), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
