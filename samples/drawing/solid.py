"""Solid things in light: distances to rounded shapes, rays that find them, and a studio to shade them in.

Points are (..., 3) arrays: x to the right, y up, z towards the camera. A distance is negative inside. After
J. C. Hart, *Sphere Tracing* (The Visual Computer, 1996).
"""

from collections.abc import Callable, Sequence

import numpy as np

from .canvas import Array, grid, rgb, smoothstep

Shapes = Callable[[Array], Array]  # points (N, 3) to distances of each object (objects, N)
Vector = tuple[float, float, float]


def ball(points: Array, centre: Vector, radii: Vector | float) -> Array:
    """An ellipsoid along the axes; its distance is exact on the surface only."""
    radii = np.broadcast_to(np.float32(radii), 3)
    offset = (points - np.float32(centre)) / radii
    length = np.linalg.norm(offset, axis=-1)
    return length * (length - 1) / np.maximum(np.linalg.norm(offset / radii, axis=-1), 1e-6)


def limb(points: Array, start: Vector, end: Vector, thick: float, thin: float) -> Array:
    """A round limb whose radius goes from `thick` to `thin`."""
    a, along = np.float32(start), np.float32(end) - np.float32(start)
    t = np.clip((points - a) @ along / (along @ along), 0, 1)
    return np.linalg.norm(points - a - t[..., None] * along, axis=-1) - (thick + (thin - thick) * t)


def joined(a: Array, b: Array, soft: float) -> Array:
    """Both shapes, melted together over a width of `soft`."""
    h = np.maximum(soft - np.abs(a - b), 0) / soft
    return np.minimum(a, b) - h * h * soft / 4


def carved(a: Array, b: Array, soft: float) -> Array:
    """The first shape without the second one."""
    return -joined(-a, b, soft)


def turned(points: Array, angle: float) -> Array:
    """Points seen from an object that is turned by `angle` to the right."""
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack([c * x - s * z, y, s * x + c * z], -1)


def camera(height: int, width: int, eye: Vector, target: Vector, zoom: float) -> tuple[Array, Array]:
    """Origin and unit directions (height * width, 3) of the rays through the pixels."""
    u, v = grid(height, width)
    forward = np.float32(target) - np.float32(eye)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, np.float32([0, 1, 0]))
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    across, down = (u - 0.5) * width / height, v - 0.5
    rays = zoom * forward + across.reshape(-1, 1) * right - down.reshape(-1, 1) * up
    return np.float32(eye), (rays / np.linalg.norm(rays, axis=-1, keepdims=True)).astype(np.float32)


def hit(shapes: Shapes, eye: Array, rays: Array, near: float, far: float, steps: int = 64) -> Array:
    """How far along each ray the surface lies; `far` where there is none."""
    reach = np.full(len(rays), near, np.float32)
    active = np.arange(len(rays))
    for _ in range(steps):
        gap = shapes(eye + reach[active, None] * rays[active]).min(0)
        reach[active] += 0.85 * gap
        active = active[(gap > 0.0015) & (reach[active] < far)]
        if not len(active):
            break
    return np.minimum(reach, far)


def facing(shapes: Shapes, points: Array, step: float = 0.004) -> Array:
    """Unit normals of the surface, from four differences."""
    corners = np.float32([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]])
    total = sum(c * shapes(points + step * c).min(0)[:, None] for c in corners)
    return total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-6)


def within(points: Array, centre: Vector, radius: float, shape: Callable[[Array], Array]) -> Array:
    """Distance to a shape in a ball of `radius`; far from it, that to the ball, which is never too long."""
    away = np.linalg.norm(points - np.float32(centre), axis=-1) - radius
    close = away < 0.15
    away[close] = shape(points[close])
    return away


def lightness(shapes: Shapes, points: Array, light: Array, reach: float = 3.0, size: float = 7.0) -> Array:
    """How much of a light in the direction `light` reaches the points: 0 in shadow, with soft edges."""
    seen, t = np.ones(len(points), np.float32), np.full(len(points), 0.05, np.float32)
    for _ in range(28):
        gap = shapes(points + t[:, None] * light).min(0)
        seen = np.minimum(seen, np.clip(0.5 + 0.5 * size * gap / t, 0, 1))
        t = np.minimum(t + np.clip(gap, 0.03, 0.25), reach)
    return smoothstep(0, 1, seen)


def openness(shapes: Shapes, points: Array, normals: Array, reach: Sequence[float] = (0.06, 0.15, 0.32)) -> Array:
    """Ambient light: 1 on open ground, less in corners and folds."""
    closed = sum(np.clip(r - shapes(points + r * normals).min(0), 0, r) / r * 0.5**i for i, r in enumerate(reach))
    return np.clip(1 - 0.62 * closed, 0, 1)


def gloss(normals: Array, rays: Array, light: Array, power: float) -> Array:
    """The highlight of a light (Blinn)."""
    half = light - rays
    half /= np.linalg.norm(half, axis=-1, keepdims=True)
    return np.clip((normals * half).sum(-1), 0, 1) ** power


def developed(linear: Array, grain: float, seed: int) -> Array:
    """A photograph of linear light: film curve, vignette and grain."""
    height, width = linear.shape[:2]
    u, v = grid(height, width)
    linear = linear * (1 - 0.5 * ((u - 0.5) ** 2 + (v - 0.5) ** 2))[..., None]
    curve = linear * (2.51 * linear + 0.03) / (linear * (2.43 * linear + 0.59) + 0.14)
    noise = np.random.default_rng(seed).standard_normal((height, width, 1)).astype(np.float32)
    return np.clip(np.clip(curve, 0, 1) ** (1 / 2.2) + grain * noise, 0, 1)


def paint(code: str) -> Array:
    """A colour in linear light."""
    return rgb(code) ** np.float32(2.2)
