"""A first look at a film: how many frames, its shots, how each frame is exposed, and a few frames to learn from."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidstyle.core.color_transfer import contrast, gradient_energy, luminance_of
from vidstyle.core.cuts import find_cuts
from vidstyle.core.exposure import Array, Scenes, find_bars, find_scenes, thumbnail
from vidstyle.core.frame_style import EVEN, Frame
from vidstyle.core.sizes import Size, fit_size
from vidstyle.core.stylize_image import FLAT
from vidstyle.jobs.events import Listener
from vidstyle.jobs.spec import Job
from vidstyle.settings.settings import Settings
from vidstyle.video.reader import Source, open_video

LONG_SIDE = 256  # pixels that cuts are looked for at and filters are learned from
SAMPLES = 8  # frames kept, one of each part of the film
ALIKE = 0.02  # root mean square of 0..1, within which two samples are alike
CPU_LONG_SIDE = 640  # pixels; above, a CPU takes minutes for each frame


@dataclass(frozen=True)
class Prescan:
    """What is known of a film before it is painted.

    `size` is the source's own; `scenes` count the frames that are painted; `samples` are some of them, small (3, h, w),
    evenly exposed and without bars.
    """

    size: Size
    rate: Fraction
    frames: int
    scenes: Scenes
    samples: tuple[Tensor, ...]
    marks: tuple[str, ...]  # of all frames
    sampled: tuple[int, ...]  # the positions of the samples

    @property
    def shots(self) -> int:
        return 1 + len(self.scenes.cuts)


def opened(job: Job, listener: Listener, work: Path | None = None, rewrite: bool = False) -> Source:
    """The film of a job, in a form that OpenCV reads rightly; a copy that it takes, or `rewrite`, is kept in `work`."""
    return open_video(
        job.source,
        start=job.start,
        end=job.end,
        work=work,
        rewrite=rewrite,
        limits=job.limits,
        on_progress=lambda done: listener.working("rewriting the file so that it is read rightly", done, 1.0),
    )


def run_prescan(source: Source, listener: Listener) -> Prescan:
    """Reads the film once at small size."""
    source.size = fit_size(source.info.size, LONG_SIDE)
    passed = _Passed(len(source))
    cuts = find_cuts(_told(passed.collecting(source), len(source), listener), source.info.rate)
    scenes = find_scenes(passed.thumbnails, passed.contrasts, cuts)
    scenes = replace(scenes, bars=find_bars(passed.highest))
    positions, images = zip(*passed.samples(scenes), strict=True)
    samples = [scenes.exposures.get(at, EVEN).evened(one) for at, one in zip(positions, images, strict=True)]
    inside = tuple(map(scenes.in_image, samples))
    return Prescan(
        source.info.size, source.info.rate, len(passed.marks), scenes, inside, tuple(passed.marks), positions
    )


def with_bars_at(prescan: Prescan, source: Source) -> Scenes:
    """The scenes with the bars in pixels of the frames that the source now gives, by the samples in that size."""
    bars = prescan.scenes.bars
    if not any(bars):
        return prescan.scenes
    highest = torch.stack([luminance_of(source.image_at(position)) for position in prescan.sampled]).amax(0)
    scale = highest.shape[0] / fit_size(prescan.size, LONG_SIDE)[0]
    most = [math.ceil((bar + 1) * scale) if bar else 0 for bar in bars]
    return replace(prescan.scenes, bars=find_bars(highest, most))


class _Passed:
    """What is kept of the frames that pass: a little of each, and the sharpest of each part of the film."""

    def __init__(self, expected: int) -> None:
        self._part = max(1, expected / SAMPLES)
        self._sharpest: dict[int, tuple[float, int, Tensor]] = {}  # by the number of the part: energy, position, image
        self.marks: list[str] = []
        self.thumbnails: list[Array] = []
        self.contrasts: list[float] = []
        self.highest = torch.zeros(())  # the highest luminance (h, w) of each pixel

    def collecting(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for position, frame in enumerate(frames):
            self.marks.append(frame.mark)
            self.thumbnails.append(thumbnail(frame.image).astype(np.float16))
            self.contrasts.append(contrast(frame.image))
            self.highest = torch.maximum(self.highest, luminance_of(frame.image))
            energy, part = gradient_energy(frame.image), min(SAMPLES - 1, int(position / self._part))
            if part not in self._sharpest or energy > self._sharpest[part][0]:
                self._sharpest[part] = energy, position, frame.image
            yield frame

    def samples(self, scenes: Scenes) -> list[tuple[int, Tensor]]:
        """Frames that show something, no two alike, with their positions; the sharpest of all if there are none."""
        found: list[tuple[int, Tensor]] = []
        for _, position, image in self._sharpest.values():
            shows = position not in scenes.shows and self.contrasts[position] >= 2 * FLAT
            if shows and not any(self._alike(position, other) for other, _ in found):
                found.append((position, image))
        return found or [max(self._sharpest.values(), key=lambda one: one[0])[1:]]

    def _alike(self, position: int, other: int) -> bool:
        gap = self.thumbnails[position].astype(np.float32) - self.thumbnails[other]
        return bool(np.sqrt(np.square(gap).mean()) < ALIKE)


def _told(frames: Iterator[Frame], count: int, listener: Listener) -> Iterator[Frame]:
    for done, frame in enumerate(frames, 1):
        listener.working("looking for cuts", done, count)
        yield frame


def painting_size(source: Size, settings: Settings, device: torch.device) -> Size:
    """The (height, width) that a source of a size is painted at."""
    if settings.size == "full":
        return source
    if settings.size == "auto":
        return source if device.type != "cpu" else fit_size(source, CPU_LONG_SIDE)
    return fit_size(source, int(settings.size))
