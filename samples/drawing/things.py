"""What stands and moves in the filmed scenes: a boat, a balloon, a lighthouse and a cottage.

Each is a layer of premultiplied RGBA. Outlines are polygons, lengths are in heights of the picture.
"""

from collections.abc import Sequence

import numpy as np

from .canvas import Array, fbm, grid, layer, over, polygon, ramp, rgb, smoothstep

Outline = Sequence[tuple[float, float]]


class Easel:
    """A transparent layer on which shapes are placed, in units of `size` around (x, y)."""

    def __init__(self, height: int, width: int, x: float, y: float, size: float) -> None:
        self.size, self.ratio = size, height / width
        self.x, self.y = x, y
        u, v = grid(height, width)
        self.across, self.down = (u / self.ratio - x) / size, (v - y) / size
        self.image = np.zeros((height, width, 4), np.float32)

    def shape(self, outline: Outline, dark: str, light: str, shade: Array) -> None:
        """A polygon shaded from `dark` (0) to `light` (1)."""
        points = [((self.x + px * self.size) * self.ratio, self.y + py * self.size) for px, py in outline]
        mask = polygon(*self.across.shape, points)
        self.add(layer(ramp(np.clip(shade, 0, 1), [(0, dark), (1, light)]), mask))

    def box(self, left: float, top: float, right: float, bottom: float, dark: str, light: str) -> None:
        """A rectangle, shaded from left to right."""
        shade = (self.across - left) / (right - left)
        self.shape([(left, top), (right, top), (right, bottom), (left, bottom)], dark, light, shade)

    def add(self, above: Array) -> None:
        self.image = over(self.image, above)


def sailing_boat(height: int, width: int, x: float, y: float, size: float) -> Array:
    """A sailing boat with a red jib; (x, y) is amidships on the waterline, `size` its height."""
    easel = Easel(height, width, x, y, size)
    across, down = easel.across, easel.down
    seams = 0.10 * smoothstep(0.12, 0.0, (9 * down + 2 * across) % 1) + 0.05 * fbm(height, width, 0.04 * height, 2)
    easel.shape([(0.02, -0.98), (0.40, -0.16), (0.02, -0.14)], "b39f8c", "fffaf0", across / 0.3 + 0.15 - 2 * seams)
    easel.shape([(-0.02, -0.90), (-0.34, -0.13), (-0.02, -0.14)], "84190f", "ea5a32", 1 + across / 0.34 - 2 * seams)
    easel.shape([(0, -1), (0.012, -1), (0.016, -0.08), (-0.01, -0.08)], "3a2a1e", "8a6844", 0.5 + 30 * across)
    easel.shape([(-0.40, -0.11), (0.42, -0.12), (0.32, 0), (-0.30, 0)], "14233f", "3d6494", -9 * down)
    easel.shape([(-0.40, -0.125), (0.42, -0.135), (0.42, -0.11), (-0.4, -0.10)], "c99f63", "f6dfae", across + 0.5)
    return easel.image


def hot_air_balloon(height: int, width: int, x: float, y: float, radius: float) -> Array:
    """A striped balloon lit from the upper right; (x, y) is the centre of its envelope."""
    easel = Easel(height, width, x, y, radius)
    down = easel.down
    girth = np.sqrt(np.clip(1 - down**2, 0, 1))
    girth = np.where(down > 0.35, np.clip(0.937 - (down - 0.35) * 0.72, 0.2, 1), girth)
    across = easel.across / np.maximum(girth, 1e-3)
    rim = 0.003 / radius
    envelope = smoothstep(1 + rim, 1 - rim, np.abs(across)) * (down > -1) * (down < 1.32)
    gore = np.floor((np.arcsin(np.clip(across, -1, 1)) / np.pi + 0.5) * 9).astype(int)
    colours = np.stack([rgb(c) for c in ("d8342a", "f7e3b5", "1f6f8c")])[gore % 3]
    colours = np.where((np.abs(down - 0.12) < 0.13)[..., None], rgb("f2a93b"), colours)
    facing = girth * (across + np.sqrt(np.clip(1 - across**2, 0, 1)))
    light = 0.36 + 0.80 * np.clip(0.62 * facing - 0.45 * down, 0, 1)
    easel.add(layer(np.clip(colours * light[..., None], 0, 1), envelope))
    for side in (-1, 1):
        rope = [(0.20 * side, 1.3), (0.16 * side, 1.3), (0.12 * side, 1.7), (0.15 * side, 1.7)]
        easel.shape(rope, "3b2c20", "3b2c20", down)
    easel.shape([(-0.19, 1.62), (0.19, 1.62), (0.15, 1.95), (-0.15, 1.95)], "4a2a16", "a0683a", 0.5 + 3 * easel.across)
    return easel.image


def lighthouse(height: int, width: int) -> Array:
    """A tapering tower with red bands, gallery and lantern, rounded by the light from the right."""
    easel = Easel(height, width, 0.418, 0.0, 1.0)
    head, foot, v = 0.20, 0.66, easel.down
    half = 0.053 + 0.028 * (v - head) / (foot - head)
    across = easel.across / half
    light = 0.42 + 0.62 * smoothstep(-1.1, 0.9, across) - 0.12 * smoothstep(0.7, 1.1, across)
    red = np.floor((v - head) / 0.0875).astype(int) % 2 == 1
    bands = np.where(red[..., None], rgb("c23a2c"), rgb("fbf3e4"))
    grime = 1 + 0.05 * fbm(height, width, height / 20, 3, stretch=0.3)
    tower = smoothstep(1.03, 0.97, np.abs(across)) * ((v > head) & (v < foot))
    easel.add(layer(np.clip(bands * (light * grime)[..., None], 0, 1), tower))
    easel.box(-0.075, 0.184, 0.075, 0.200, "241c22", "5a4a4c")
    easel.box(-0.039, 0.115, 0.039, 0.184, "6b5540", "fff2b8")
    easel.box(-0.052, 0.104, 0.052, 0.118, "241c22", "5a4a4c")
    easel.shape([(-0.05, 0.106), (0, 0.05), (0.05, 0.106)], "6d1f1c", "d9533a", 0.5 + 11 * easel.across)
    for y in (0.31, 0.47):
        easel.box(-0.011, y, 0.011, y + 0.045, "20202e", "3c3c50")
    return easel.image


def cottage(height: int, width: int) -> Array:
    """A whitewashed house with a slate roof and a lit window."""
    easel = Easel(height, width, 0.0, 0.0, 1.0)
    rough = 0.2 * fbm(height, width, height / 54, 6)
    wall = [(0.107, 0.64), (0.107, 0.51), (0.338, 0.51), (0.338, 0.64)]
    easel.shape(wall, "b59c8e", "fff0d8", 2.8 * easel.across - 0.1 + 0.3 * rough)
    roof = [(0.08, 0.515), (0.151, 0.43), (0.293, 0.43), (0.364, 0.515)]
    easel.shape(roof, "40364a", "8a6d6a", 0.3 + rough + 1.1 * easel.across)
    easel.box(0.151, 0.39, 0.187, 0.44, "5c2f28", "a8583e")
    easel.box(0.151, 0.535, 0.196, 0.58, "ffe08a", "ff9c3a")
    easel.box(0.258, 0.54, 0.302, 0.64, "27303f", "4f5a68")
    return easel.image
