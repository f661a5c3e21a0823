"""The filmed scenes: a lake in the mountains under a panning camera, and a coast under a still one.

Layers slide past each other by their parallax; everything is drawn larger than wanted and averaged down.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from .canvas import Array, blur, fbm, grid, layer, mix, over, ramp, rgb, smoothstep
from .landscape import (
    SHORELINE,
    Plane,
    clouds,
    far_shore,
    near_bank,
    reflected,
    slid,
    snowy_range,
    waves,
    wooded_range,
)
from .things import cottage, hot_air_balloon, lighthouse, sailing_boat

SEA_LEVEL = 0.64  # the horizon at the coast


class Lake:
    """A lake in the mountains; the camera pans to the right, a sailing boat crosses to the left."""

    def __init__(self, height: int, width: int, pan: float = 0.3) -> None:
        """`pan` is the widest shift asked for later, in heights of the picture."""
        self.height, self.width = height, width
        wide = [width + int(np.ceil(pan * p * height)) + 2 for p in (0.05, 0.18, 0.4, 0.65, 1.0, 2.0)]
        _, v = grid(height, wide[0])
        air = ramp(v / SHORELINE, [(0, "2f6db8"), (0.45, "7fb0dd"), (0.8, "d9dfe4"), (1, "f6e2c2")])
        air = clouds(height, wide[0], 33, 0.05, air, ("8c98b4", "fffaf2"))
        self.planes = [
            Plane(layer(air, np.ones_like(v)), 0.05),
            snowy_range(height, wide[1]),
            wooded_range(height, wide[2], 0.44, 64, 0.42, 0.4),
            wooded_range(height, wide[3], 0.515, 85, 0.16, 0.65),
            far_shore(height, wide[4]),
        ]
        self.bank = near_bank(height, wide[5])

    def frame(self, pan: float, boat: tuple[float, float, float], time: float) -> Array:
        """The view after a pan of `pan` heights, with the boat at (x, waterline, size)."""
        scene = np.zeros((self.height, self.width, 3), np.float32)
        for plane in self.planes:
            scene = over(scene, slid(plane.image, pan * plane.parallax * self.height, self.width))
        slopes = waves(self.height, self.width, SHORELINE, pan, time)
        scene = reflected(scene, SHORELINE, slopes, "12384a")
        vessel = sailing_boat(self.height, self.width, *boat)
        x, y = np.meshgrid(np.arange(self.width, dtype=np.float32), np.arange(self.height, dtype=np.float32))
        jolt = 0.03 * slopes * self.height
        image = cv2.remap(vessel, x + 0.5 * jolt, 2 * boat[1] * self.height - y + jolt, cv2.INTER_LINEAR)
        scene = over(scene, 0.62 * image * (y > boat[1] * self.height)[..., None])
        scene = over(scene, vessel)
        return over(scene, slid(self.bank.image, pan * self.bank.parallax * self.height, self.width))


class Coast:
    """A lighthouse on a headland in evening light; only the sea and a balloon move."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        _, v = grid(height, width)
        self.v = v
        air = ramp(v / SEA_LEVEL, [(0, "34508f"), (0.4, "8f86b4"), (0.75, "f0ac86"), (1, "ffdf9c")])
        self.sky = clouds(height, width, 12, -0.1, air, ("6f5a86", "ffdcb0"))
        self.land = self.headland()

    def headland(self) -> Array:
        """Cliff, turf, lighthouse and cottage, premultiplied RGBA."""
        u, v = grid(self.height, self.width)
        scale = self.height / 432
        edge = 0.025 * fbm(self.height, self.width, 60 * scale, 5)
        top = 0.60 + 0.22 * smoothstep(0.28, 0.62, u + edge) + 0.02 * np.cos(9 * u)
        rock = fbm(self.height, self.width, 90 * scale, 9, octaves=7, stretch=0.55, gain=0.62)
        strata = fbm(self.height, self.width, 40 * scale, 19, stretch=3.5)
        relief = cv2.Sobel(blur(rock, scale), cv2.CV_32F, 1, 0, scale=scale)
        light = 0.38 + 0.34 * np.tanh(relief) + 0.12 * strata + 0.3 * (u - 0.3)
        stone = ramp(light, [(0, "221c2b"), (0.35, "56464a"), (0.7, "a97f5f"), (1, "f0c58e")])
        grass = 0.45 + 0.25 * fbm(self.height, self.width, 12 * scale, 15)
        turf = ramp(grass, [(0, "2a3a22"), (0.5, "6d7a35"), (1, "c9b45e")])
        ground = mix(stone, turf, smoothstep(0.075, 0.045, v - top + edge))
        mask = smoothstep(-1 / self.height, 1 / self.height, v - top)
        mask *= smoothstep(0.70, 0.67, u + 1.6 * edge + 0.55 * (0.9 - v))
        land = layer(ground, mask)
        buildings = over(cottage(self.height, self.width), lighthouse(self.height, self.width))
        return over(buildings, land)

    def frame(self, balloon: tuple[float, float, float], time: float) -> Array:
        """The view with the balloon at (x, y, radius) and the waves at `time`."""
        slopes = waves(self.height, self.width, SEA_LEVEL, 0.0, time)
        scene = reflected(self.sky, SEA_LEVEL, 1.5 * slopes, "0b4560", 0.4)
        troughs = smoothstep(0.0, -1.6, slopes) * (self.v > SEA_LEVEL)
        crests = smoothstep(0.3, 1.5, slopes) * (self.v > SEA_LEVEL)
        scene = mix(mix(scene, rgb("123a58"), 0.75 * troughs), rgb("d9a58c"), 0.55 * crests)
        scene = over(scene, hot_air_balloon(self.height, self.width, *balloon))
        return over(scene, self.land)


def shrunk(image: Array, factor: int) -> Array:
    """Averages blocks of factor x factor pixels."""
    size = image.shape[1] // factor, image.shape[0] // factor
    return cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)


def film(height: int, width: int, lengths: tuple[int, int], rate: int, factor: int = 3) -> Iterator[Array]:
    """The frames of both shots, with a hard cut between them."""
    lake = Lake(height * factor, width * factor, pan=0.32)
    for n in range(lengths[0]):
        t = n / max(lengths[0] - 1, 1)
        yield shrunk(lake.frame(0.30 * t, (1.46 - 0.90 * t, 0.73, 0.42), n / rate), factor)
    coast = Coast(height * factor, width * factor)
    for n in range(lengths[1]):
        t = n / max(lengths[1] - 1, 1)
        yield shrunk(coast.frame((0.95 + 0.42 * t, 0.31 - 0.06 * t, 0.15), n / rate), factor)


def photo(height: int = 384, width: int = 512, factor: int = 2) -> Array:
    """A still of the lake."""
    lake = Lake(height * factor, width * factor, pan=0.72)
    return shrunk(lake.frame(0.70, (0.52, 0.74, 0.40), 0.7), factor)
