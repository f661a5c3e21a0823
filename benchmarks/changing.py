"""Films in which more than the camera moves, made of the samples: fades, dissolves, flashes, darkness, rain."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from made import framed
from numpy.typing import NDArray
from torch import Tensor

from vidstyle import Frame, load_image, open_video, paint_frames, save_image
from vidstyle.core.calibration import structure
from vidstyle.core.color_transfer import contrast, luminance_of
from vidstyle.core.cuts import find_cuts, mark_cuts
from vidstyle.core.exposure import find_bars, find_scenes, thumbnail
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import coarse_to_fine, finish
from vidstyle.jobs.style_schedule import StyleSchedule

SAMPLES = Path(__file__).resolve().parents[1] / "samples"

Image = NDArray[np.float32]  # (H, W, 3), RGB, 0..1
Scene = Callable[[int], Image]  # by the number of a frame


def scene_a(size: tuple[int, int]) -> Scene:
    """A slow pan over the sample photo."""
    photo = load_image(SAMPLES / "photo.jpg").rgb.permute(1, 2, 0).numpy()
    return _pan(photo, size, 0.4)


def scene_b(size: tuple[int, int]) -> Scene:
    """A slow pan over another scene, the end of the sample clip."""
    with open_video(SAMPLES / "clip.mp4") as source:
        *_, last = source
    return _pan(last.image.permute(1, 2, 0).numpy(), size, -0.3)


def _pan(image: Image, size: tuple[int, int], speed: float) -> Scene:
    height, width = size
    scale = 1.25 * max(height / image.shape[0], width / image.shape[1])
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    middle = large.shape[1] / 2, large.shape[0] / 2

    def view(i: int) -> Image:
        centre = middle[0] + speed * (i - 24), middle[1]
        return np.asarray(cv2.getRectSubPix(np.ascontiguousarray(large), (width, height), centre), np.float32)

    return view


def changing_films(size: tuple[int, int]) -> dict[str, list[Frame]]:
    """Films of frames of `size` (height, width), by name; 8 bits a channel, as files have them."""
    a, b, noise = scene_a(size), scene_b(size), np.random.default_rng(0)

    def mixed(i: int, start: int, length: int) -> Image:
        share = min(1.0, max(0.0, (i - start) / length))
        return (1 - share) * a(i) + share * b(i)

    def drop(i: int) -> Image:
        """Rain: streaks at new places in every frame."""
        rain = (noise.random(size) > 0.994).astype(np.float32)
        streak = cv2.filter2D(rain, -1, np.full((9, 1), 0.5, np.float32))[..., None]
        return np.asarray(a(i) * (1 - 0.6 * streak) + 0.6 * streak.clip(0, 1), np.float32)

    def screen(i: int) -> Image:
        """A screen in the middle that flickers."""
        image, (height, width) = a(i).copy(), size
        part = image[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3]
        part[:] = part * (0.4 + 0.6 * (i % 3) / 2)
        return image

    def wall(i: int) -> Image:
        """A pan from the scene over a wall of one colour and to the scene again."""
        image, (_, width) = np.full((*size, 3), (0.62, 0.55, 0.45), np.float32), size
        offset = round((i / 47) * 2 * width)
        for start in (0, 2 * width):
            left = start - offset
            low, high = max(0, left), min(width, left + width)
            if low < high:
                image[:, low:high] = a(0)[:, low - left : high - left]
        return image

    def barred(i: int) -> Image:
        image, bar = a(i).copy(), size[0] // 8
        image[:bar] = image[-bar:] = 0
        return image

    films: dict[str, tuple[int, Callable[[int], Any]]] = {
        "plain": (32, a),
        "fade in": (32, lambda i: a(i) * min(1.0, i / 16)),
        "fade out": (32, lambda i: a(i) * min(1.0, (31 - i) / 16)),
        "dissolve": (44, lambda i: mixed(i, 4, 24)),
        "slow dissolve": (96, lambda i: mixed(i, 6, 72)),
        "flash": (24, lambda i: a(i) if i % 4 else np.ones_like(a(i))),
        "strobe": (24, lambda i: a(i) * float(i % 4 < 2)),
        "exposure": (40, lambda i: a(i) * (0.65 + 0.35 * np.cos(i / 8))),
        "white balance": (40, lambda i: a(i) * (1 - 0.3 * np.array([1, 0.3, -0.5]) * min(1, i / 30))),
        "rain": (24, drop),
        "screen": (24, screen),
        "wall": (48, wall),
        "dark": (24, lambda i: 0.085 * a(i) + 0.02 * noise.standard_normal((*size, 3))),
        "bars": (24, barred),
        "black": (8, lambda i: np.zeros((*size, 3))),
        "green": (8, lambda i: np.full((*size, 3), (0.1, 0.7, 0.2))),
    }
    return {name: _quantised([view(i) for i in range(count)]) for name, (count, view) in films.items()}


def _quantised(images: Sequence[Any]) -> list[Frame]:
    return [framed(i, np.float32(np.clip(image, 0, 1) * 255).round() / 255) for i, image in enumerate(images)]


def changes_measured(name: str, model: StyleModel, frames: list[Frame], out: Path | None) -> dict[str, Any]:
    """The figures of a film, every fourth frame held against the same one painted alone."""
    cuts = find_cuts(frames, Fraction(24))
    scenes = find_scenes([thumbnail(f.image) for f in frames], [contrast(f.image) for f in frames], cuts)
    scenes = replace(scenes, bars=find_bars(torch.stack([luminance_of(f.image) for f in frames]).amax(0)))
    looked = StyleSchedule(model.settings, len(model.styles), scenes).on(mark_cuts(frames, scenes.cuts))
    ready = list(scenes.evened(looked, lambda at: frames[at].image))
    results = list(paint_frames(model, ready))
    judged = sorted({*range(0, len(frames), 4), len(frames) - 1})
    alone = {}
    for i in judged:
        content, look = ready[i].content, ready[i].look
        painted = coarse_to_fine(model, content, look=look)
        alone[i] = replace(painted, image=finish(model, painted.image, content, ready[i].image, look))
    ratios = [_content(results[i].painted) / max(1e-9, _content(alone[i])) for i in judged if _shows(ready[i])]
    light = [
        [float(luminance_of(image).mean()) for image in (f.image, r.painted.image)]
        for f, r in zip(frames, results, strict=True)
    ]
    brightest = [max(1e-6, value) for value in max(light)]
    course = [abs(painted / brightest[1] - source / brightest[0]) for source, painted in light]
    last, shown = alone[len(frames) - 1], frames[-1].image
    row = {
        "shots": 1 + len(scenes.cuts),
        "highest_content_over_alone": max(ratios, default=float("nan")),
        "structure_at_the_end": structure(results[-1].painted.image, shown) if _shows(ready[-1]) else math.nan,
        "structure_at_the_end_alone": structure(last.image, shown) if _shows(ready[-1]) else math.nan,
        "luminance_off_its_course": max(course),
        "darkest_mean_of_255": 255 * min(painted for _, painted in light),
        "steps": float(np.mean([r.painted.steps for r in results[1:]])),
    }
    if "dissolve" in name:
        first = scene_a(tuple(shown.shape[1:]))(len(frames) - 1)
        row["likeness_to_the_first_scene"] = _likeness(results[-1].painted.image, first)
        row["likeness_to_the_first_scene_alone"] = _likeness(last.image, first)
    if out:
        chosen = np.linspace(0, len(frames) - 1, 8).astype(int)
        rows = [[frames[i].image for i in chosen], [results[i].painted.image for i in chosen]]
        save_image(out / f"{name.replace(' ', '_')}.png", torch.cat([torch.cat(images, 2) for images in rows], 1))
    return row


def _content(painted: Any) -> float:
    return float(painted.losses.content)


def _shows(frame: Frame) -> bool:
    return contrast(frame.image) >= 0.02


def _likeness(painting: Tensor, scene: Image) -> float:
    return float(np.corrcoef(painting.mean(0).numpy().ravel(), scene.mean(-1).ravel())[0, 1])
