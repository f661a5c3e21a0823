"""Air, mountains, trees and water of the filmed scenes, in layers of premultiplied RGBA."""

from dataclasses import dataclass

import cv2
import numpy as np

from .canvas import Array, blur, fbm, grid, layer, mix, ramp, rgb, ridged, smoothstep, value_noise

SHORELINE = 0.56  # where the lake begins
BARK = (38, 28, 22, 255)


@dataclass(frozen=True)
class Plane:
    """A layer, wider than the view, and how far the pan shifts it (1 is the lake's shore)."""

    image: Array
    parallax: float


def slid(image: Array, shift: float, width: int) -> Array:
    """The window of `width` pixels of a wide picture that begins at `shift` (between pixels, too)."""
    matrix = np.array([[1, 0, -shift], [0, 1, 0]], np.float32)
    size = width, image.shape[0]
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


# ---------------------------------------------------------------- air and land


def clouds(height: int, width: int, seed: int, cover: float, sky: Array, shades: tuple[str, str]) -> Array:
    """Heaped clouds on a sky: noise above a threshold, lit from the upper right."""
    scale = height / 432
    billow = fbm(height, width, 170 * scale, seed, octaves=7, stretch=1.9, gain=0.52)
    offset = np.array([[1, 0, -16 * scale], [0, 1, 13 * scale]], np.float32)
    towards = cv2.warpAffine(billow, offset, (width, height), borderMode=cv2.BORDER_REPLICATE)
    density = smoothstep(cover, cover + 1.0, billow)
    light = np.clip(0.55 + 0.75 * (billow - towards) - 0.16 * density, 0, 1)
    body = ramp(light, [(0, shades[0]), (1, shades[1])])
    return mix(sky, body, density)


def range_of_mountains(
    height: int,
    width: int,
    level: float,
    rise: float,
    cell: float,
    seed: int,
    colours: list[tuple[float, str]],
) -> tuple[Array, Array, Array]:
    """A range under an outline of fractal noise: (colours, mask, depth below the outline)."""
    scale = height / 432
    _, v = grid(height, width)
    outline = level - rise * fbm(64, width, cell * scale, seed, octaves=8, gain=0.48)[32:33]
    depth = v - outline
    rock = ridged(height, width, 80 * scale, seed + 7, octaves=7) + 0.2 * fbm(height, width, 160 * scale, seed + 9)
    slope = cv2.Sobel(blur(rock, 0.7 * scale), cv2.CV_32F, 1, 0, scale=1 / 8) * 24 * scale
    fall = cv2.blur(np.gradient(outline, axis=1).astype(np.float32), (int(31 * scale), 1)) * height
    light = np.clip(0.46 + 0.42 * np.tanh(1.5 * slope) + 0.38 * np.tanh(1.4 * fall), 0, 1)
    return ramp(light, colours), smoothstep(-1 / height, 1 / height, depth), depth


def snowy_range(height: int, width: int) -> Plane:
    """High peaks far away: bluish rock, snow on top, haze at the foot."""
    _, v = grid(height, width)
    rock = [(0, "39456a"), (0.45, "6a7190"), (0.75, "a89f9c"), (1, "d9c3a8")]
    snow = [(0, "7489b8"), (0.4, "b4c2dd"), (0.7, "f4ecec"), (1, "fff9ee")]
    colour, mask, depth = range_of_mountains(height, width, 0.27, 0.075, 230, 24, rock)
    white, _, _ = range_of_mountains(height, width, 0.27, 0.075, 230, 24, snow)
    patches = fbm(height, width, 26 * height / 432, seed=44, stretch=0.7)
    colour = mix(colour, white, smoothstep(0.13, 0.08, depth + 0.05 * patches))
    return Plane(layer(mix(colour, rgb("b9c4da"), 0.15 + 0.5 * smoothstep(0.22, SHORELINE, v)), mask), 0.18)


def wooded_range(height: int, width: int, level: float, seed: int, haze: float, parallax: float) -> Plane:
    """Hills covered with forest, paler with distance."""
    scale = height / 432
    greens = [(0, "12261f"), (0.4, "264a2c"), (0.7, "55722f"), (1, "a59a44")]
    colour, mask, _ = range_of_mountains(height, width, level, 0.035, 190, seed, greens)
    trees = fbm(height, width, 7 * scale, seed + 3, octaves=3, stretch=0.5)
    colour = np.clip(colour * (1 + 0.34 * trees[..., None]), 0, 1)
    return Plane(layer(mix(colour, rgb("a9b8d2"), haze), mask), parallax)


def conifer(image: Array, x: float, foot: float, tall: float, rng: np.random.Generator) -> None:
    """Draws a fir tree into a premultiplied RGBA picture (0..255): tiers of boughs, sunlit on the right."""
    cv2.line(image, (round(x), round(foot)), (round(x), round(foot - 0.9 * tall)), BARK, max(1, round(tall / 50)))
    boughs, tiers = int(np.clip(1.3 * tall, 40, 420)), max(6.0, tall**0.5)
    for t in np.sort(rng.uniform(0, 1, boughs)):
        tier = 0.62 + 0.38 * ((t * tiers + rng.normal() * 0.12) % 1)
        side = rng.uniform(-1, 1)
        side = np.sign(side) * abs(side) ** 0.4
        reach = tall * (0.004 + 0.22 * t) * tier * side
        start = np.array([x + 0.15 * reach, foot - tall * (1 - 0.93 * t)])
        end = np.array([x + reach, start[1] + abs(reach) * rng.uniform(0.1, 0.5)])
        light = 0.30 + 0.26 * side - 1.1 * (tier - 0.8) + rng.normal() * 0.16
        bough(image, start, end, float(np.clip(light, 0, 1)), tall, rng)


def bough(image: Array, start: Array, end: Array, light: float, tall: float, rng: np.random.Generator) -> None:
    """One bough of a fir tree: a limb and the twigs that hang from it."""
    paint = np.array([10, 26, 22]) * (1 - light) + np.array([150, 156, 66]) * light
    width = max(1, round(tall / 220))
    limb = np.rint(np.stack([start, end])).astype(int).tolist()
    cv2.line(image, limb[0], limb[1], (*paint, 255), width, cv2.LINE_AA)
    if tall < 120 or abs(end - start)[0] < 0.02 * tall:
        return
    hang = tall * min(1.0, float(np.abs(end - start)[0]) / (0.08 * tall))
    for s in np.linspace(0.25, 1, 7):
        root = start + s * (end - start)
        lean = 0.008 * rng.normal() + 0.006 * np.sign(end[0] - start[0])
        tip = root + hang * np.array([lean, rng.uniform(0.010, 0.028)])
        twig = np.rint(np.stack([root, tip])).astype(int).tolist()
        shade = (*np.clip(paint * rng.uniform(0.7, 1.25), 0, 255), 255)
        cv2.line(image, twig[0], twig[1], shade, width, cv2.LINE_AA)


def far_shore(height: int, width: int) -> Plane:
    """The other side of the lake: a strip of sunlit meadow and a fringe of fir trees."""
    _, v = grid(height, width)
    scale = height / 432
    bank = SHORELINE - 0.018 - 0.008 * value_noise(1, width, (120 * scale, 1), 5)[:1]
    grass = ramp(
        0.5 + 0.22 * fbm(height, width, 14 * scale, 52, stretch=4),
        [(0, "4b5a24"), (0.5, "9a9440"), (1, "e0c872")],
    )
    image = 255 * layer(grass, smoothstep(-1 / height, 1 / height, v - bank))
    rng = np.random.default_rng(17)
    density = value_noise(1, width, (150 * scale, 1), 61)[0]
    for x in np.sort(rng.uniform(0, width, int(width / scale / 7))):
        if density[int(x)] > -0.35:
            conifer(image, x, (SHORELINE - 0.006) * height, height * rng.uniform(0.06, 0.15), rng)
    return Plane(image / 255, 1.0)


def near_bank(height: int, width: int) -> Plane:
    """Close to the camera: a grassy bank and tall firs that hide what is behind them."""
    u, v = grid(height, width)
    scale = height / 432
    bank = 0.93 + 0.05 * np.cos(u[:1] * 9 + 0.6) - 0.02 * value_noise(1, width, (60 * scale, 1), 3)[:1]
    turf = 0.42 + 0.2 * fbm(height, width, 30 * scale, 72) - 1.5 * (v - bank)
    image = 255 * layer(
        ramp(turf, [(0, "1b2412"), (0.5, "5c6a26"), (1, "b7a550")]), smoothstep(-0.002, 0.002, v - bank)
    )
    rng = np.random.default_rng(23)
    greens = np.array([[44, 56, 24], [120, 124, 48], [196, 172, 84], [84, 96, 36]], float)
    for x in rng.uniform(0, width, int(1.6 * width / scale)):
        foot = round(x), round((bank[0, int(x)] + rng.uniform(-0.005, 0.08)) * height)
        tip = round(x + 7 * scale * rng.normal()), foot[1] - round(rng.uniform(8, 26) * scale)
        cv2.line(image, foot, tip, (*rng.choice(greens), 255), max(1, round(1.4 * scale)), cv2.LINE_AA)
    for place, tall in [(0.10, 0.86), (0.17, 0.60), (0.90, 0.74)]:
        conifer(image, place * width, 0.97 * height, tall * height, rng)
    return Plane(image / 255, 2.0)


# ---------------------------------------------------------------- water


def waves(height: int, width: int, level: float, shift: float, time: float) -> Array:
    """Slopes of small waves in perspective on the water below `level`, about -1..1."""
    tile = fbm(512, 512, 24, seed=81, octaves=4, stretch=1.5)
    u, v = grid(height, width)
    near = np.maximum(v - level, 0.004)
    total = np.zeros((height, width), np.float32)
    for speed, size in ((5.0, 1.0), (-3.5, 1.9)):
        x = (((u - 0.5) * width / height) * 17 + shift * 17) / (near + 0.09) * size
        z = 26 / (near + 0.06) * size + speed * time * 5
        place = x.astype(np.float32), z.astype(np.float32)
        total += cv2.remap(tile, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return 0.6 * total


def reflected(scene: Array, level: float, slopes: Array, deep: str, gloss: float = 0.55) -> Array:
    """`scene` with the water below `level` mirroring what is above, broken by the waves."""
    height, width = slopes.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    near = np.clip((y / height - level) / (1 - level), 0, 1)
    jolt = slopes * (0.008 + 0.055 * near) * height
    source = np.clip(2 * level * height - y + jolt - 0.02 * height * near, 0, level * height - 1)
    mirror = cv2.remap(scene, x + 0.25 * jolt, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    water = mix(mirror * 0.93, rgb(deep), 0.08 + (1 - gloss) * near + 0.10 * np.clip(-slopes, 0, 1.5))
    glint = smoothstep(1.0, 2.0, slopes) * (0.25 + 0.4 * near)
    water = mix(water, rgb("fdf3df"), glint)
    return mix(scene, water, smoothstep(level - 0.5 / height, level + 0.5 / height, y / height))
