"""Painterly rendering: a picture painted over with curved brush strokes, from large to small.

After A. Hertzmann, *Painterly Rendering with Curved Brush Strokes of Multiple Sizes* (SIGGRAPH 1998):
each layer paints where the canvas still differs from the reference blurred to the size of the brush.
Strokes follow a field of orientations. Each is drawn bristle by bristle, colour and thickness of paint
together, so that light can be cast over the relief (impasto) at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import Array, blur, value_noise

OVERSAMPLE = 2  # the canvas is painted this many times larger than the finished picture
SHIFT = 4  # fractional bits of the coordinates given to OpenCV


@dataclass(frozen=True)
class Brush:
    """One layer of strokes; lengths are in pixels of the finished picture."""

    radius: float
    length: float
    tolerance: float = 0.05  # leaves spots alone whose colour is off by less
    spacing: float = 1.2  # distance between strokes, in radii
    hue: float = 6.0  # deviation of the strokes' hues, degrees
    light: float = 0.05  # deviation of the strokes' lightness
    saturation: float = 1.1
    freedom: float = 0.08  # how far a stroke may run on into another colour
    rough: float = 0.06  # deviation of the lightness from bristle to bristle


def double_angle(angle: Array, strength: Array | float = 1.0) -> Array:
    """Orientations (angle and angle + pi are one) as vectors that can be added and averaged."""
    return np.stack([np.cos(2 * angle), np.sin(2 * angle)], -1).astype(np.float32) * (
        strength[..., None] if isinstance(strength, np.ndarray) else np.float32(strength)
    )


def edge_field(reference: Array, sigma: float) -> Array:
    """Orientation along the edges of the picture (across its gradients), from the structure tensor."""
    grey = blur(reference.mean(-1), max(sigma * 0.5, 0.6))
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return -np.stack([blur(gx * gx - gy * gy, sigma), blur(2 * gx * gy, sigma)], -1)


def orientation(reference: Array, guide: Array, sigma: float, edges: float = 1.0) -> Array:
    """Unit directions: along strong edges, else along the `guide` (double-angle vectors)."""
    tensor = edge_field(reference, sigma)
    scale = edges / max(float(np.percentile(np.hypot(tensor[..., 0], tensor[..., 1]), 90)), 1e-6)
    total = guide + tensor * np.float32(scale)
    angle = 0.5 * np.arctan2(total[..., 1], total[..., 0])
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def look_up(image: Array, points: Array) -> Array:
    """Pixels of `image` nearest to the (x, y) points."""
    height, width = image.shape[:2]
    x = np.clip(np.rint(points[:, 0]), 0, width - 1).astype(int)
    y = np.clip(np.rint(points[:, 1]), 0, height - 1).astype(int)
    return image[y, x]


def seeds(error: Array, brush: Brush, rng: np.random.Generator) -> Array:
    """Where strokes begin: a jittered lattice, kept where the canvas is off by more than tolerated."""
    step = max(brush.spacing * brush.radius, 1.0)
    height, width = error.shape
    x, y = np.meshgrid(np.arange(0, width, step), np.arange(0, height, step))
    points = np.stack([x.ravel(), y.ravel()], -1) + rng.uniform(-0.5, 0.5, (x.size, 2)) * step
    kept = points[look_up(error, points) > brush.tolerance]
    return rng.permutation(kept).astype(np.float32)


def streamlines(starts: Array, field: Array, step: float, points: int, momentum: float = 0.35) -> Array:
    """Paths of `points` points along a field of orientations (points x strokes x 2)."""
    heading, path = look_up(field, starts), [starts]
    for _ in range(points - 1):
        path.append(path[-1] + heading * np.float32(step))
        turn = look_up(field, path[-1])
        turn = turn * np.where((turn * heading).sum(-1, keepdims=True) < 0, -1, 1)
        heading = momentum * heading + (1 - momentum) * turn
        heading = heading / np.maximum(np.linalg.norm(heading, axis=-1, keepdims=True), 1e-6)
    return np.stack(path).astype(np.float32)


def trace(
    starts: Array, field: Array, reference: Array, canvas: Array, brush: Brush, rng: np.random.Generator
) -> tuple[Array, NDArray[np.int64]]:
    """Paths of the strokes, and how many points of each are used.

    A stroke ends where the canvas already fits the reference better than the stroke's own colour does.
    """
    step = max(brush.radius * 0.6, 1.5)
    points = max(3, round(brush.length / step))
    path = streamlines(starts, field * rng.choice([-1.0, 1.0]), step, points)
    wanted = look_up(reference, path.reshape(-1, 2)).reshape(points, -1, 3)
    painted = look_up(canvas, path.reshape(-1, 2)).reshape(points, -1, 3)
    worse = np.abs(wanted - wanted[0]).sum(-1) > np.abs(wanted - painted).sum(-1) + brush.freedom
    worse[:2] = False
    used = np.where(worse.any(0), worse.argmax(0), points)
    return path, np.minimum(used, rng.integers(max(2, points // 2), points + 1, len(starts)))


def mixed_colours(colours: Array, brush: Brush, rng: np.random.Generator) -> Array:
    """Broken colour: each stroke's paint strays from the reference in hue, saturation and lightness."""
    hsv = cv2.cvtColor(np.clip(colours, 0, 1)[None], cv2.COLOR_RGB2HSV)[0]
    stray = rng.standard_normal(hsv.shape).astype(np.float32)
    hsv[:, 0] = (hsv[:, 0] + brush.hue * stray[:, 0]) % 360
    hsv[:, 1] = np.clip(hsv[:, 1] * (brush.saturation + 0.12 * stray[:, 1]), 0, 1)
    hsv[:, 2] = np.clip(hsv[:, 2] + brush.light * stray[:, 2], 0, 1)
    return cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]


def bristle_lines(path: Array, radius: float, count: int) -> Array:
    """Parallel lines of the bristles of one stroke, with round ends (bristles x points x 2)."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=-1, keepdims=True), 1e-6)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
    across = np.linspace(-1, 1, count, dtype=np.float32)[:, None, None]
    lines = path[None] + across * radius * normal[None]
    cap = np.sqrt(1 - 0.96 * across**2) * radius * 0.8
    return np.concatenate([lines[:, :1] - cap * tangent[:1], lines, lines[:, -1:] + cap * tangent[-1:]], 1)


def lay_stroke(relief: NDArray[np.uint8], path: Array, colour: Array, brush: Brush, dice: Array) -> None:
    """Paints one stroke into `relief`, whose channels are red, green, blue and thickness of paint."""
    radius = brush.radius * OVERSAMPLE
    count = len(dice)
    corners = (path * OVERSAMPLE + 0.5 * OVERSAMPLE - 0.5) * 2**SHIFT
    lines = np.rint(bristle_lines(corners, radius * 2**SHIFT, count)).astype(np.int32)
    width = max(1, round(2.6 * radius / count))
    tones = np.clip(colour * 255 * (1 + brush.rough * dice[:, :1]), 0, 255)
    edge = np.abs(np.linspace(-1, 1, count)) ** 3
    thickness = np.clip(110 + 45 * dice[:, 1] + 70 * edge, 0, 255)
    for j in np.argsort(dice[:, 2]):
        end = lines.shape[1] - (int(dice[j, 3] > 0.9) if lines.shape[1] > 4 else 0)
        paint = (*tones[j].tolist(), float(thickness[j]))
        cv2.polylines(relief, [lines[j, :end]], False, paint, width, cv2.LINE_AA, SHIFT)


def paint_layer(
    relief: NDArray[np.uint8], reference: Array, guide: Array, brush: Brush, rng: np.random.Generator
) -> None:
    """One layer of strokes of one size, laid in random order."""
    height, width = reference.shape[:2]
    wanted = blur(reference, max(brush.radius * 0.6, 0.5))
    canvas = cv2.resize(relief[..., :3], (width, height), interpolation=cv2.INTER_AREA) / np.float32(255)
    error = np.abs(blur(wanted - canvas, brush.radius)).sum(-1)  # broken colour evens out, and is kept
    starts = seeds(error, brush, rng)
    if not len(starts):
        return
    field = orientation(reference, guide, max(brush.radius, 1.5))
    path, used = trace(starts, field, wanted, canvas, brush, rng)
    colours = mixed_colours(look_up(wanted, starts), brush, rng)
    bristles = int(np.clip(round(brush.radius * OVERSAMPLE), 3, 14))
    dice = rng.standard_normal((len(starts), bristles, 4)).astype(np.float32)
    for i in range(len(starts)):
        lay_stroke(relief, path[: used[i], i], colours[i], brush, dice[i])


def lit(relief: NDArray[np.uint8], depth: float, seed: int) -> Array:
    """The painted colours under light from the upper left that grazes the relief of paint and weave."""
    height, width = relief.shape[:2]
    paint = blur(relief[..., 3].astype(np.float32) / 255, 0.9)
    weave = 0.03 * value_noise(height, width, (3, 3), seed)
    surface = paint + weave
    slope = cv2.Sobel(surface, cv2.CV_32F, 1, 0, ksize=3) + cv2.Sobel(surface, cv2.CV_32F, 0, 1, ksize=3)
    shade = depth * np.tanh(0.8 * slope)
    colour = relief[..., :3].astype(np.float32) / 255
    return np.clip(colour * (1 + shade[..., None]) + 0.25 * np.maximum(shade, 0)[..., None] ** 2, 0, 1)


def painting(
    reference: Array, guide: Array, brushes: Sequence[Brush], ground: Array, seed: int, depth: float = 0.22
) -> Array:
    """The reference painted with the brushes in turn, on a canvas of the colour `ground`.

    `guide` gives orientations where the picture has no edges of its own (see `double_angle`).
    """
    rng = np.random.default_rng(seed)
    height, width = reference.shape[:2]
    relief = np.zeros((height * OVERSAMPLE, width * OVERSAMPLE, 4), np.uint8)
    relief[..., :3] = np.rint(ground * 255)
    for brush in brushes:
        paint_layer(relief, reference.astype(np.float32), guide.astype(np.float32), brush, rng)
    return cv2.resize(lit(relief, depth, seed), (width, height), interpolation=cv2.INTER_AREA)


def gouges(
    plate: Array, labels: NDArray[np.int64], field: Array, tone: Array, pitch: float, length: float, seed: int
) -> Array:
    """A woodcut: tapered cuts that bare the colours of `plate` in a block of black.

    Cuts follow the `field` (unit directions), keep clear of each other and of the borders between
    `labels`, and are as wide as the `tone` (0..1) is light.
    """
    rng = np.random.default_rng(seed)
    height, width = tone.shape
    k, step = OVERSAMPLE, 1.5
    starts = (rng.random((int(9 * height * width / pitch**2), 2)) * (width, height)).astype(np.float32)
    points = round(length / step)
    both = [streamlines(starts, field * sense, step, points, 0.2) for sense in (1, -1)]
    block = np.zeros((height * k, width * k, 3), np.uint8)
    taken = np.zeros((height, width), np.uint8)
    for i in range(len(starts)):
        if look_up(taken, starts[i : i + 1])[0]:
            continue
        halves = [half[: free_run(half[:, i], labels, taken), i] for half in both]
        path = np.concatenate([halves[1][:0:-1], halves[0]])
        if len(path) >= 6 + 8 * (i < len(starts) // 2):  # the long cuts first
            cut(block, taken, path, plate, tone, pitch)
    return block.astype(np.float32) / 255


def free_run(path: Array, labels: NDArray[np.int64], taken: NDArray[np.uint8]) -> int:
    """How many points of the path come before a border, another cut, or the edge of the block."""
    height, width = labels.shape
    outside = (path < -3).any(-1) | (path[:, 0] > width + 3) | (path[:, 1] > height + 3)
    stop = outside | (look_up(taken, path) > 0) | (look_up(labels, path) != look_up(labels, path[:1])[0])
    return int(stop.argmax()) if stop.any() else len(path)


def cut(
    block: NDArray[np.uint8], taken: NDArray[np.uint8], path: Array, plate: Array, tone: Array, pitch: float
) -> None:
    """One cut of the gouge along the path: narrow at both ends, as wide as the tone asks in between."""
    tangent = np.gradient(path, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], -1) / np.linalg.norm(tangent, axis=-1)[:, None]
    taper = np.sin(np.pi * np.linspace(0.03, 0.97, len(path))) ** 0.5
    reach = (0.5 * pitch * np.clip(look_up(tone, path), 0.1, 1) * taper)[:, None]
    outline = np.concatenate([path + reach * normal, (path - reach * normal)[::-1]])
    colour = 255 * look_up(plate, path[len(path) // 2 :][:1])[0]
    corners = np.rint((outline * OVERSAMPLE + 0.5 * OVERSAMPLE - 0.5) * 2**SHIFT).astype(np.int32)
    cv2.fillPoly(block, [corners], colour.tolist(), cv2.LINE_AA, SHIFT)
    trail = np.rint(path * 2**SHIFT).astype(np.int32)
    cv2.polylines(taken, [trail], False, 255, max(1, round(1.15 * pitch)), cv2.LINE_8, SHIFT)
