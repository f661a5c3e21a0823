"""Painted videos measured against their source: figures, and the images that a report shows of them.

A video is seen once, in memory that does not grow with its frames.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from vidstyle.core.color_transfer import palettes_for
from vidstyle.core.cuts import mark_cuts
from vidstyle.core.device import select_device
from vidstyle.core.exposure import Scenes
from vidstyle.core.flow import Motion, warp
from vidstyle.core.frame_style import Frame
from vidstyle.core.pixels import Pixels, to_array
from vidstyle.core.sizes import Size, fit_size, resize, size_of
from vidstyle.core.style_model import pooling_of
from vidstyle.core.weights import Filters, load_filters
from vidstyle.errors import SourceError
from vidstyle.evaluation.judge import Judge
from vidstyle.evaluation.metrics import FilmMeasures, FrameMeasures, Judged, film_measures, judged
from vidstyle.jobs.events import Listener, Work
from vidstyle.jobs.prescan import Prescan, opened
from vidstyle.jobs.spec import JobSpec
from vidstyle.jobs.style_schedule import StyleSchedule
from vidstyle.video.reader import Source

log = logging.getLogger(__name__)

STRIP = 8  # frames of the filmstrip
SLICED = 600  # frames of the x-t slices, from the first on
SHOWN = 480  # pixels of the long side of images in the page, at most
WORST = 3  # pairs of frames that are shown


@dataclass(frozen=True)
class WorstPair:
    """A frame that follows badly: the painting before carried along, the painting, their difference times 4."""

    seconds: float
    warp_error: float
    images: tuple[Pixels, ...]


@dataclass(frozen=True)
class MeasuredFilm:
    """A painted video: its figures, its album, and the pairs of frames that follow each other worst."""

    name: str
    size: Size
    measures: FilmMeasures
    album: "Album"
    worst: tuple[WorstPair, ...]


class Album:
    """A few of a video's `count` frames, and one row and one column of pixels of every frame."""

    def __init__(self, count: int) -> None:
        self._wanted = {round(i * (count - 1) / max(1, STRIP - 1)) for i in range(STRIP)}
        self._rows: list[Pixels] = []
        self._columns: list[Pixels] = []
        self._seen = 0
        self.strip: list[Pixels] = []

    def add(self, image: Tensor) -> None:
        """The next frame, (3, H, W), 0..1."""
        if self._seen in self._wanted:
            self.strip.append(_thumbnail(image))
        if self._seen < SLICED:
            y, x = (side // 2 for side in size_of(image))
            self._rows.append(to_array(image[:, y : y + 1]))
            self._columns.append(to_array(image[:, :, x : x + 1]))
        self._seen += 1

    @property
    def rows(self) -> Pixels:
        """(frames, W, 3) of the middle row, time downwards."""
        return np.concatenate(self._rows, 0)

    @property
    def columns(self) -> Pixels:
        """(H, frames, 3) of the middle column, time to the right."""
        return np.concatenate(self._columns, 1)


def _measured_film(name: str, size: Size, found: Iterator[Judged], count: int, work: Sequence[Work]) -> MeasuredFilm:
    """The figures of all frames of a video, and what is shown of them.

    Args:
        name: Of its file.
        size: (height, width) of its paintings.
        found: Its frames, judged, at least one.
        count: How many there are.
        work: What the first of them took to paint, as far as that is known.
    """
    frames: list[FrameMeasures] = []
    album, worst, before = Album(count), list[WorstPair](), None
    for one in found:
        number = len(frames)
        frames.append(replace(one.measures, work=work[number] if number < len(work) else None))
        album.add(one.painting)
        if before and one.motion and _is_worse(one, worst):
            worst = sorted([*worst, _pair(before, one, one.motion)], key=lambda pair: -pair.warp_error)[:WORST]
        before, still = one, one.still
    return MeasuredFilm(name, size, film_measures(frames, still), album, tuple(worst))


def _is_worse(one: Judged, worst: Sequence[WorstPair]) -> bool:
    return one.measures.warp_error > (worst[-1].warp_error if len(worst) == WORST else -1)  # False for nan


def _pair(before: Judged, after: Judged, motion: Motion) -> WorstPair:
    carried = warp(before.painting, motion.flow)
    gap = (after.painting - carried).abs().mean(0, keepdim=True) * (motion.confidence > 0.99)
    shown = (carried, after.painting, (4 * gap).expand(3, -1, -1))
    return WorstPair(after.frame.seconds, after.measures.warp_error, tuple(_thumbnail(image) for image in shown))


def _thumbnail(image: Tensor) -> Pixels:
    return to_array(resize(image.clamp(0, 1), fit_size(size_of(image), SHOWN)))


@dataclass(frozen=True)
class Original:
    """The part of a source that videos of a job show."""

    job: JobSpec
    source: Source
    prescan: Prescan
    listener: Listener

    def filters(self, styles: Sequence[Tensor]) -> Filters:
        """Those of the settings, learned from the styles and the video where that is the choice."""
        settings, samples = self.job.settings, self.prescan.samples
        return load_filters(
            settings.weights,
            settings.layers,
            teachers=lambda: [*styles, *samples],
            seed=settings.seed,
            on_progress=self.listener.working,
        )

    def judge(self, filters: Filters, styles: Sequence[Tensor]) -> Judge:
        """Who judges videos that were painted from it with the job's settings."""
        settings = self.job.settings
        pooling = pooling_of(filters, settings)
        palettes = palettes_for(settings.keep_colors, self.prescan.samples, styles)
        layers = settings.style_layer_weights, settings.content_layer_weights
        device, grey = select_device(self.job.device), settings.keep_colors == "luminance"
        return Judge.of(filters.tensors, pooling, styles, *layers, palettes, device, grey=grey)

    def frames(self, size: Size) -> Iterator[Frame]:
        """Its frames at (height, width)."""
        self.source.size = size
        yield from self.source

    def film(self, path: Path, judge: Judge, work: Sequence[Work]) -> MeasuredFilm:
        """What is found of a painted video; SourceError where it cannot be of this source."""
        cuts = self.prescan.scenes.cuts
        looks = StyleSchedule(self.job.settings, len(self.job.styles), Scenes(cuts))
        with open_film(replace(self.job, source=path, start=0.0, end=None), self.listener) as painted:
            size = _unpadded(painted.info.size, self.prescan.size)
            frames = looks.on(mark_cuts(self.frames(size), cuts))
            found = self._told(judged(_paired(path, frames, painted, size), judge), path, len(painted))
            film = _measured_film(path.name, size, found, len(painted), work)
        if (seen := len(film.measures.frames)) < self.prescan.frames:
            log.warning("%s has %d of the source's %d frames; only these are measured", path, seen, self.prescan.frames)
        return film

    def _told(self, items: Iterator[Judged], path: Path, count: int) -> Iterator[Judged]:
        for done, item in enumerate(items, 1):
            self.listener.working(f"measuring {path.name}", done, count)
            yield item


def open_film(job: JobSpec, listener: Listener) -> Source:
    """The video of a job; SourceError for an animation."""
    source = opened(job, listener)
    if source.info.animated:
        source.close()
        raise SourceError("VS306", path=job.source)
    return source


def _unpadded(painted: Size, source: Size) -> Size:
    """The size of a painting in a file of size `painted`, where the encoder may have added a line to odd sides."""
    for long_side in (max(painted), max(painted) - 1):
        size = fit_size(source, long_side)
        if all(side - own in (0, own % 2) for side, own in zip(painted, size, strict=True)):
            return size
    return painted


def _paired(path: Path, frames: Iterator[Frame], painted: Source, size: Size) -> Iterator[tuple[Frame, Tensor]]:
    """Frames of the source with what was painted of them."""
    for other in painted:
        frame = next(frames, None)
        if frame is None:
            raise SourceError("VS307", path=path)
        yield frame, other.image[:, : size[0], : size[1]]
