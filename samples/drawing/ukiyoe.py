"""A great wave before a far mountain, as a colour print: flat inks, bold outlines, claws of foam."""

import cv2
import numpy as np

from .canvas import HEIGHT, WIDTH, Array, fbm, grid, mix, ramp, rgb, smoothstep
from .sheet import K, Sheet, curve

INK, NAVY, BLUE, PALE, FOAM, SAND = "1b2640", "1f3f74", "3f74a8", "a9c6d0", "f5ecd6", "e7d3a6"
OUTER = [(-0.10, 0.66), (0.06, 0.46), (0.17, 0.24), (0.31, 0.09), (0.47, 0.10), (0.57, 0.22), (0.60, 0.33)]
INNER = [(0.72, 0.97), (0.50, 0.86), (0.38, 0.68), (0.34, 0.50), (0.38, 0.36), (0.48, 0.29), (0.59, 0.34)]
SWELL = [(0.42, 1.10), (0.52, 0.88), (0.64, 0.74), (0.77, 0.66), (0.89, 0.68), (0.96, 0.76), (0.93, 0.84)]
HOLLOW = [(1.10, 1.14), (0.98, 1.06), (0.87, 1.00), (0.80, 0.93), (0.80, 0.84), (0.85, 0.80), (0.93, 0.85)]
NEAR = [(-0.25, 1.12), (-0.10, 0.98), (0.02, 0.86), (0.13, 0.80), (0.23, 0.83), (0.29, 0.90), (0.27, 0.96)]
UNDER = [(0.50, 1.25), (0.38, 1.18), (0.24, 1.12), (0.16, 1.05), (0.15, 0.97), (0.19, 0.93), (0.26, 0.97)]


def claw(
    start: Array, angle: float, size: float, sense: float, rng: np.random.Generator, depth: int = 2
) -> list[tuple[Array, float]]:
    """A finger of foam as a chain of discs (place, radius) that curls over and branches."""
    place, discs = np.array(start, float), []
    for n in range(9):
        radius = size * (0.30 - 0.026 * n)
        discs.append((place.copy(), max(radius, 0.0035)))
        place += size * 0.27 * np.array([np.cos(angle) * HEIGHT / WIDTH, np.sin(angle)])
        angle += sense * (0.10 + 0.065 * n)
        if depth and n in (2, 4):
            discs += claw(place, angle - sense * rng.uniform(0.5, 1.0), size * 0.55, sense, rng, depth - 1)
    return discs


def foam(sheet: Sheet, edge: Array, size: float, sense: float, rng: np.random.Generator) -> None:
    """Claws along an edge, outlined in ink, with pale hollows."""
    steps = np.gradient(edge * (WIDTH / HEIGHT, 1), axis=0)
    angles = np.arctan2(steps[:, 1], steps[:, 0])
    groups = [[(edge[i], size * rng.uniform(0.22, 0.36)) for i in range(0, len(edge), 3)]]
    for i in rng.permutation(np.arange(2, len(edge), 3)):
        lean = angles[i] + sense * rng.uniform(-0.9, 0.5)
        groups.append(claw(edge[i], lean, size * rng.uniform(0.45, 0.95), sense, rng))
    for discs in groups:
        for grow, code in ((0.0042, INK), (0.0, FOAM)):
            for place, radius in discs:
                sheet.dot(place, radius + grow, code)
        for place, radius in discs[1:6:2]:
            sheet.dot(place + np.array([0.1, 0.3]) * radius, 0.40 * radius, PALE)


def wave_of(sheet: Sheet, outer: Array, inner: Array, bands: int) -> None:
    """The body of a wave: stripes that run up from its foot and meet in its tip."""
    sheet.fill(np.concatenate([outer, inner[::-1]]), NAVY)
    for n in range(bands):
        low, wide = (n + 0.25) / bands, (0.62 if n % 2 else 0.40) / bands
        fade = np.linspace(1, 0.55, len(outer), dtype=np.float32)[:, None]
        a, b = outer + (inner - outer) * low, outer + (inner - outer) * (low + wide * fade)
        stripe = np.concatenate([a, b[::-1]])
        sheet.fill(stripe, (BLUE, PALE, BLUE, FOAM)[n % 4])
        sheet.line(a, INK, 0.9)
        sheet.line(b, INK, 0.9)
    sheet.line(np.concatenate([outer, inner[::-1]]), INK, 2.2)


def ground() -> Array:
    """Sky in graded ink, a bank of cloud, and the mountain."""
    height, width = HEIGHT * K, WIDTH * K
    u, v = grid(height, width)
    sky = ramp(v, [(0, "8fa3a8"), (0.10, "b9bda9"), (0.34, "ecdcb4"), (0.55, "f1d9a8"), (0.72, "dfa98a")])
    sun = smoothstep(1.01, 0.99, np.hypot((u - 0.83) * WIDTH / HEIGHT, v - 0.20) / 0.085)
    sky = mix(sky, rgb("c8452f"), sun)
    for y, start, end in [(0.235, 0.66, 0.93), (0.275, 0.74, 1.1), (0.115, 0.72, 0.90), (0.40, 0.86, 1.2)]:
        thick = 0.012 * smoothstep(start, start + 0.04, u) * smoothstep(end, end - 0.04, u)
        sky = mix(sky, rgb("f4e7c8"), (np.abs(v - y) < thick).astype(np.float32))
    slope = 0.445 + 1.35 * np.abs(u - 0.745) ** 1.25 - 0.012 * (np.abs(u - 0.745) < 0.012)
    mountain = smoothstep(0.0, 0.002, v - slope) * (v < 0.72)
    jag = 0.545 + 0.035 * np.abs(((u * 21) % 1) - 0.5) * 2 + 0.02 * np.abs(((u * 47) % 1) - 0.5)
    body = mix(ramp(v, [(0.5, "32548a"), (0.72, "7d97a8")]), rgb(FOAM), (v < jag).astype(np.float32))
    sky = mix(sky, body, mountain)
    sky = mix(sky, rgb(INK), mountain * (v - slope < 0.005))
    return mix(sky, rgb("5f8fae"), smoothstep(0.70, 0.702, v))


def ukiyoe() -> Array:
    """A great wave: flat blues, ink outlines, foam like claws, on paper with the grain of the block."""
    rng = np.random.default_rng(12)
    sheet = Sheet(ground())
    for n, y in enumerate(0.70 + 0.34 * np.linspace(0, 1, 15) ** 1.3):
        x = np.linspace(-0.02, 1.02, 400, dtype=np.float32)
        row = np.stack([x, y + (0.004 + 0.07 * (y - 0.7)) * np.abs(np.sin((26 - 40 * (y - 0.7)) * x + 60 * y))], -1)
        floor = np.float32([(1.02, 1.1), (-0.02, 1.1)])
        sheet.fill(np.concatenate([row, floor]), (BLUE, "5f8fae", NAVY, PALE)[n % 4])
        sheet.line(row, INK, 1.2)
    for outer, inner, size, bands in ((SWELL, HOLLOW, 0.045, 9), (OUTER, INNER, 0.085, 13), (NEAR, UNDER, 0.05, 9)):
        crest, lip = curve(outer), curve(inner)
        wave_of(sheet, crest, lip, bands)
        foam(sheet, np.concatenate([crest[48:], lip[:78:-1]]), size, 1.0, rng)
    for _ in range(80):
        place = np.array([0.60, 0.30]) + rng.normal(size=2) * (0.09, 0.12) + (0.06, 0.02)
        radius = rng.uniform(0.002, 0.006)
        sheet.dot(place, radius + 0.0025, INK)
        sheet.dot(place, radius, FOAM)
    sheet.fill(np.array([(0.035, 0.05), (0.085, 0.05), (0.085, 0.27), (0.035, 0.27)], np.float32), "c8452f")
    for n in range(5):
        y = 0.075 + 0.038 * n
        mark = np.array([(0.046, y), (0.074, y + 0.006), (0.052, y + 0.02), (0.072, y + 0.026)], np.float32)
        sheet.line(mark, FOAM, 1.8)
    image = cv2.resize(sheet.image.astype(np.float32) / 255, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    grain = 0.022 * fbm(HEIGHT, WIDTH, 8, 4, stretch=14) + 0.020 * fbm(HEIGHT, WIDTH, 4, 5, octaves=2)
    return np.clip(image * (0.97 + grain[..., None]) + 0.02, 0, 1)
