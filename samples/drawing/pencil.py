"""A coast in coloured pencils: hatched and cross-hatched on rough paper, with outlines drawn twice."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import HEIGHT, WIDTH, Array, blur, fbm, rgb, smoothstep
from .scenes import Coast, shrunk
from .strokes import SHIFT, edge_field, look_up

K = 2  # the sheet is drawn this many times larger
PENCILS = np.stack([rgb(c) for c in ("27408b", "3f7fbf", "8fc0dc", "5f3f7f", "a05fa0", "b3242e", "e0603a", "f0a03a",
                                     "f4d060", "7a4a2a", "3f6f3a", "93b04a", "e8a0a0", "3a3f4a")])  # fmt: skip


def sharpened(colours: Array, rng: np.random.Generator) -> Array:
    """The pencil that is next to each colour, now and then another one."""
    away = np.linalg.norm(colours[:, None] - PENCILS[None], axis=-1) + 0.06 * rng.standard_normal(
        (len(colours), len(PENCILS))
    )
    return PENCILS[away.argmin(1)]


def hatch(
    sheet: NDArray[np.uint8],
    scene: Array,
    angle: Array,
    need: Array,
    step: float,
    length: float,
    rng: np.random.Generator,
) -> None:
    """One layer of strokes at the angles, where they are needed (0..1); pressed harder where more is needed."""
    x, y = np.meshgrid(np.arange(0, WIDTH, step), np.arange(0, HEIGHT, step))
    places = np.stack([x.ravel(), y.ravel()], -1) + rng.normal(0, 0.35 * step, (x.size, 2))
    places = rng.permutation(places[rng.random(len(places)) < look_up(need, places)])
    pens = sharpened(look_up(scene, places), rng)
    turns = look_up(angle, places) + rng.normal(0, 0.07, len(places))
    for place, pen, turn, force in zip(places, pens, turns, look_up(need, places), strict=True):
        reach = 0.5 * length * rng.uniform(0.6, 1.25) * np.array([np.cos(turn), np.sin(turn)])
        sag = rng.normal(0, 0.06) * np.array([-reach[1], reach[0]])
        path = (np.stack([place - reach, place + sag, place + reach]) + 0.5) * K * 2**SHIFT
        tone = 1 - (1 - pen) * np.clip(0.55 + 0.45 * force + rng.normal(0, 0.1), 0.2, 1)
        cv2.polylines(sheet, [np.rint(path).astype(np.int32)], False, (255 * tone).tolist(), K, cv2.LINE_AA, SHIFT)


def outlines(scene: Array, rng: np.random.Generator) -> Array:
    """Contours in graphite: traced on the edges, twice, with an unsteady hand."""
    sheet = np.zeros((HEIGHT * K, WIDTH * K), np.uint8)
    edges = cv2.Canny(np.rint(255 * blur(scene, 0.8)).astype(np.uint8), 60, 150)
    found, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    for line in found:
        if len(line) < 14:
            continue
        for _ in range(2):
            shaken = (
                line[:, 0] + cv2.GaussianBlur(rng.normal(0, 5.0, (len(line), 2)), (1, 31), 7) + rng.normal(0, 0.5, 2)
            )
            path = np.rint((shaken + 0.5) * K * 2**SHIFT).astype(np.int32)
            cv2.polylines(sheet, [path], False, int(rng.uniform(120, 220)), K, cv2.LINE_AA, SHIFT)
    return sheet.astype(np.float32) / 255


def pencil() -> Array:
    """A lighthouse in the evening: four layers of strokes that leave the tooth of the paper open."""
    coast = Coast(2 * HEIGHT, 2 * WIDTH)
    scene = np.clip(shrunk(coast.frame((1.0, 0.27, 0.17), 0.4), 2) ** 0.62, 0, 1)
    rng = np.random.default_rng(11)
    grey = blur(scene @ np.float32([0.3, 0.6, 0.1]), 1.2)
    colourful = scene.max(-1) - scene.min(-1)
    need = np.clip(1.0 - grey + 0.35 * colourful, 0, 1)
    field = edge_field(scene, 6)
    along = 0.5 * np.arctan2(field[..., 1], field[..., 0])
    firm = smoothstep(
        0.3, 1.0, np.hypot(field[..., 0], field[..., 1]) / np.percentile(np.hypot(field[..., 0], field[..., 1]), 92)
    )
    tooth = fbm(HEIGHT * K, WIDTH * K, 5, 9, octaves=3) + 0.6 * fbm(HEIGHT * K, WIDTH * K, 14, 10)
    image = rgb("f6f0e2") * (1 + 0.018 * tooth)[..., None]
    for slant, start, step, length in [
        (-0.85, 0.0, 4.2, 34),
        (-0.70, 0.22, 4.0, 24),
        (0.60, 0.42, 4.2, 20),
        (-1.50, 0.62, 4.0, 16),
    ]:
        sheet = np.full((HEIGHT * K, WIDTH * K, 3), 255, np.uint8)
        angle = np.where(
            firm * (start > 0) > 0.5, along + (0.0 if slant < 0 else 1.1), slant + 0.25 * fbm(HEIGHT, WIDTH, 120, 12)
        )
        hatch(sheet, scene, angle, smoothstep(start, start + 0.45, need + 0.02), step, length, rng)
        bite = np.clip(0.66 - 0.13 * tooth, 0.05, 1)[..., None]
        image = image * (1 - (1 - sheet.astype(np.float32) / 255) * bite)
    lines = outlines(scene, rng)[..., None] * np.clip(0.8 - 0.25 * tooth, 0, 1)[..., None]
    image = image * (1 - lines * (1 - rgb("34343c")))
    return cv2.resize(np.clip(image, 0, 1).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
