"""A portrait: a woman in the light of a window, in front of a garden out of focus."""

import cv2
import numpy as np

from .canvas import Array, blur, ellipse, fbm, grid, mix, ramp, smoothstep
from .solid import (
    ball,
    camera,
    carved,
    developed,
    facing,
    gloss,
    hit,
    joined,
    lightness,
    limb,
    openness,
    paint,
    turned,
)  # fmt: skip

TURN = 0.36  # of the head, radians
EYE = 0.285, 0.060, 0.555  # centre of an eyeball, to both sides
KEY, RIM = np.float32([-0.62, 0.48, 0.62]), np.float32([0.85, 0.25, -0.45])
SKIN, HAIR, EYES, CLOTH = range(4)


def both(points: Array) -> Array:
    """Points of the face mirrored to one side."""
    return np.stack([np.abs(points[..., 0]), points[..., 1], points[..., 2]], -1)


def face(p: Array) -> Array:
    """Distance to the skin of the head and the neck."""
    m = both(p)
    d = joined(ball(p, (0, 0.24, -0.12), (0.70, 0.82, 0.84)), ball(p, (0, -0.24, 0.06), (0.57, 0.75, 0.66)), 0.25)
    d = joined(d, ball(p, (0, -0.85, 0.45), (0.16, 0.12, 0.13)), 0.24)
    d = joined(d, ball(m, (0.33, -0.20, 0.44), (0.19, 0.17, 0.16)), 0.25)
    d = carved(d, ball(m, (0.285, 0.06, 0.86), (0.20, 0.12, 0.19)), 0.20)
    d = joined(d, limb(m, (0.10, 0.225, 0.655), (0.44, 0.225, 0.48), 0.045, 0.03), 0.14)
    d = joined(d, limb(p, (0, 0.16, 0.68), (0, -0.20, 0.86), 0.045, 0.070), 0.12)
    d = joined(d, ball(p, (0, -0.235, 0.865), (0.088, 0.075, 0.085)), 0.07)
    d = joined(d, ball(m, (0.095, -0.265, 0.77), (0.055, 0.05, 0.075)), 0.06)
    d = carved(d, ball(m, (0.048, -0.315, 0.845), (0.028, 0.022, 0.045)), 0.03)
    d = joined(d, ball(p, (0, -0.50, 0.56), (0.27, 0.19, 0.16)), 0.14)
    bow = 0.018 * np.cos(14 * m[..., 0]) + 0.10 * m[..., 0] ** 2
    d = joined(d, ball(p - np.stack([0 * bow, bow, 0 * bow], -1), (0, -0.505, 0.650), (0.225, 0.038, 0.074)), 0.05)
    d = joined(d, ball(p, (0, -0.598, 0.635), (0.18, 0.050, 0.072)), 0.07)
    d = carved(d, limb(m, (0, -0.548, 0.755), (0.20, -0.534, 0.655), 0.009, 0.004), 0.018)
    lid = ball(m, EYE, 0.158)
    slope = m[..., 2] - EYE[2]
    up, out = m[..., 1] - EYE[1], m[..., 0] - EYE[0]
    opened = np.maximum(up - 0.30 * slope + 1.9 * out**2, -0.34 * slope - up + 1.9 * out**2)
    d = joined(d, np.maximum(lid, -opened), 0.03)
    return joined(d, limb(p, (0, -0.6, -0.16), (0, -1.75, -0.40), 0.29, 0.40), 0.16)


def hair(p: Array) -> Array:
    """Long hair, parted, that leaves the face free."""
    m = both(p)
    cap = ball(p, (0, 0.28, -0.16), (0.80, 0.88, 0.93))
    fall = np.minimum(
        limb(m, (0.64, 0.2, -0.12), (0.74, -0.95, 0.0), 0.17, 0.25),
        limb(m, (0.74, -0.95, 0.0), (0.66, -1.9, 0.30), 0.25, 0.17),
    )
    cap = joined(cap, joined(fall, ball(p, (0, -0.7, -0.55), (0.85, 1.3, 0.45)), 0.3), 0.3)
    window = ball(p, (0.05, -0.20, 0.98), (0.60, 1.02, 1.0))
    lock = 0.013 * np.sin(31 * np.arctan2(p[..., 0], p[..., 2] + 0.4) + 4 * np.sin(2.2 * p[..., 1]))
    return carved(cap, window, 0.18) + lock


def sitter(points: Array) -> Array:
    """Distances to skin, hair, eyeballs and clothes."""
    p = turned(points, TURN)
    body = joined(
        ball(points, (0, -2.10, -0.35), (1.5, 0.75, 0.60)),
        limb(points, (-1.05, -1.95, -0.3), (1.05, -1.95, -0.3), 0.40, 0.40),
        0.4,
    )
    collar = ball(points, (0.08, -1.22, 0.16), (0.44, 0.58, 0.55))
    folds = 0.02 * np.sin(9 * points[..., 0] + 4 * np.sin(3 * points[..., 1]))
    return np.stack([face(p), hair(p), ball(both(p), EYE, 0.146), carved(body, collar, 0.06) + folds])


def skin_colour(p: Array) -> Array:
    """Skin with lips, brows, lashes and a blush, by the place on the face."""
    x, y, front = np.abs(p[:, 0]), p[:, 1], smoothstep(0.2, 0.5, p[:, 2])
    colour = np.broadcast_to(paint("e2ab8c"), (len(p), 3))
    colour = mix(colour, paint("d0705e"), 0.55 * front * np.exp(-(((x - 0.36) / 0.2) ** 2 + ((y + 0.24) / 0.17) ** 2)))
    colour = mix(colour, paint("d98a70"), 0.6 * front * np.exp(-((x / 0.12) ** 2 + ((y + 0.24) / 0.12) ** 2)))
    bow = 0.018 * np.cos(14 * x) + 0.10 * x**2
    lips = ellipse(x, y - 0.7 * bow, (0, -0.512), (0.245, 0.044))
    lips = np.minimum(lips, ellipse(x, y, (0, -0.592), (0.21, 0.062)))
    colour = mix(colour, paint("b8484a"), 0.85 * front * smoothstep(1.08, 0.86, lips))
    gap = np.abs(y + 0.546 - 0.35 * bow - 0.25 * x**2)
    colour = mix(colour, paint("4a1416"), 0.8 * front * smoothstep(0.016, 0.004, gap) * smoothstep(0.25, 0.20, x))
    arch = 0.255 + 0.055 * np.sin((x - 0.1) * 5.2)
    brow = smoothstep(0.040, 0.018, np.abs(y - arch) + 0.05 * np.clip(x - 0.3, 0, 1)) * smoothstep(0.09, 0.14, x)
    colour = mix(colour, paint("3a2418"), 0.85 * front * brow * smoothstep(0.52, 0.44, x))
    out, up, slope = x - EYE[0], y - EYE[1], p[:, 2] - EYE[2]
    upper = up - 0.30 * slope + 1.9 * out**2
    lash = smoothstep(0.030, 0.008, np.abs(upper)) * (np.hypot(out, up) < 0.165)
    colour = mix(colour, paint("160c0a"), 0.95 * lash * (slope > 0.05))
    shadow = smoothstep(0.10, 0.02, upper) * (upper > 0) * (np.hypot(out, up) < 0.2)
    return mix(colour, paint("9a5a4a"), 0.45 * shadow * (slope > 0))


def eye_colour(p: Array, gaze: float = -0.16) -> Array:
    """White, iris and pupil of the eyes that look into the camera."""
    side = np.sign(p[:, 0:1])
    offset = (p - np.concatenate([side * EYE[0], np.broadcast_to(np.float32(EYE[1:]), (len(p), 2))], 1)) / 0.146
    distance = np.hypot(offset[:, 0] - gaze * 1.7, offset[:, 1] + 0.02)
    ray = 0.5 + 0.5 * np.sin(23 * np.arctan2(offset[:, 1], offset[:, 0] - gaze))
    iris = ramp(
        distance + 0.05 * ray, [(0, "0a0a0c"), (0.19, "0a0a0c"), (0.23, "5c8a86"), (0.40, "3f6f78"), (0.47, "14262c")]
    )
    white = np.broadcast_to(paint("e6dcd6"), (len(p), 3))
    spark = smoothstep(0.11, 0.07, np.hypot(offset[:, 0] - gaze * 1.7 + 0.16, offset[:, 1] - 0.16))
    return mix(mix(white, iris**2.2, smoothstep(0.50, 0.46, distance)), np.float32([2, 2, 2]), spark)


def garden(height: int, width: int) -> Array:
    """The background: leaves and lights out of focus, in linear light."""
    u, v = grid(height, width)
    green = 0.45 + 0.2 * fbm(height, width, 0.35 * height, 5, octaves=3) - 0.25 * (v - 0.5) + 0.12 * (0.5 - u)
    scene = ramp(green, [(0, "0c1a1c"), (0.35, "1d3a33"), (0.65, "4f6b3a"), (1, "c4b25c")]) ** 2.2
    rng = np.random.default_rng(8)
    for _ in range(34):
        x, y, r = rng.uniform(0, 1), rng.uniform(0, 0.8), rng.uniform(0.015, 0.05)
        disc = smoothstep(1.0, 0.86, ellipse(u, v, (x, y), (r * height / width, r)))
        glow = paint(str(rng.choice(["ffe2a0", "f2b05a", "9fc4a0", "ffd0c0"])))
        scene = scene + 0.30 * rng.uniform(0.2, 1) * disc[..., None] * glow
    return blur(scene, 0.006 * height)


def shaded(points: Array, rays: Array) -> Array:
    """Light, linear, from the points of the sitter."""
    distances = sitter(points)
    which = distances.argmin(0)
    normals = facing(sitter, points)
    p = turned(points, TURN)
    strand = fbm(512, 512, 64, 3, octaves=6, stretch=0.10, gain=0.7)
    angle = np.arctan2(p[:, 0], p[:, 2] + 0.4)
    x, y = (angle * 260 + 60 * np.sin(1.3 * p[:, 1])) % 511, (p[:, 1] * 90 + 260) % 511
    wisp = strand[y.astype(int), x.astype(int)]
    dark = ramp(0.45 + 0.2 * wisp, [(0, "1c0d08"), (0.5, "56301c"), (1, "a8673a")]) ** 2.2
    weave = ramp(0.5 + 0.2 * wisp, [(0, "14424f"), (1, "2f8793")]) ** 2.2
    colour = np.choose(which[:, None], [skin_colour(p), dark, eye_colour(p), weave]).astype(np.float32)
    key, rim = KEY / np.linalg.norm(KEY), RIM / np.linalg.norm(RIM)
    seen = lightness(sitter, points + 0.012 * normals, key)
    air = openness(sitter, points, normals)
    front = (normals @ key)[:, None]
    soft = np.where(which[:, None] == SKIN, np.float32([0.30, 0.16, 0.12]), np.float32(0.06))
    key_light = np.clip((front + soft) / (1 + soft), 0, 1) * mix(
        seen[:, None], np.ones_like(front), 0.6 * soft.mean(-1)
    )
    sky = (0.5 + 0.5 * normals[:, 1])[:, None]
    light = 2.3 * key_light * paint("fff0dc") + air[:, None] * (0.42 * sky * paint("c8dcf0") + 0.16 * paint("e0b090"))
    light = light + 0.9 * np.clip(normals @ rim, 0, 1)[:, None] ** 1.5 * paint("ffd9a0") * air[:, None]
    shine = np.choose(which, [0.10, 0.16, 1.6, 0.02]) * seen
    sharp = gloss(normals, rays, key, 22) * (which != EYES) + gloss(normals, rays, key, 300) * (which == EYES)
    return (colour * light + (shine * sharp)[:, None]).astype(np.float32)


def portrait(height: int = 512, width: int = 416, factor: float = 1.5) -> Array:
    """A woman in the light of a window."""
    size = int(height * factor), int(width * factor)
    eye, rays = camera(*size, (0.0, -0.15, 8.0), (0.02, -0.30, 0.0), 2.55)
    reach = hit(sitter, eye, rays, 6.2, 10.0)
    found = reach < 9.9
    image = garden(*size).reshape(-1, 3)
    image[found] = shaded(eye + reach[found, None] * rays[found], rays[found])
    linear = cv2.resize(image.reshape(*size, 3), (width, height), interpolation=cv2.INTER_AREA)
    return developed(0.8 * linear, 0.012, 4)
