"""Before a job paints: a first look at the video, an outline for those who wait, filters, and the balance."""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidstyle.core.calibration import calibrated
from vidstyle.core.color_transfer import contrast, gradient_energy, luminance_of
from vidstyle.core.cuts import find_cuts
from vidstyle.core.device import check_memory, free_memory, select_device, usable_memory
from vidstyle.core.exposure import Array, Scenes, find_bars, find_scenes, thumbnail
from vidstyle.core.frame_style import EVEN, PLAIN, Frame, FrameStyle
from vidstyle.core.raft import prepare_flow
from vidstyle.core.sizes import Size, fit_size, size_of
from vidstyle.core.style_model import StyleModel, load_style
from vidstyle.core.stylize_image import FLAT
from vidstyle.errors import SettingsError
from vidstyle.files import printable
from vidstyle.images import load_image
from vidstyle.jobs import chunks
from vidstyle.jobs.chunks import seams_of
from vidstyle.jobs.eta import estimate, learning_seconds, seconds_per_pixel, seen_at_once
from vidstyle.jobs.events import Listener, Outline
from vidstyle.jobs.spec import JobSpec
from vidstyle.settings.settings import Settings
from vidstyle.video.reader import Source, find_images, open_video
from vidstyle.video.sequence import open_sequence

log = logging.getLogger(__name__)

LONG_SIDE = 256  # pixels that cuts are looked for at and filters are learned from
SAMPLES = 8  # frames kept, one of each part of the video
ALIKE = 0.02  # root mean square of 0..1, within which two samples are alike
CPU_LONG_SIDE = 640  # pixels; above, a CPU takes minutes for each frame


@dataclass(frozen=True)
class Prescan:
    """What is known of a video before it is painted.

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
        """How many there are."""
        return 1 + len(self.scenes.cuts)


def opened(job: JobSpec, listener: Listener, work: Path | None = None, rewrite: bool = False) -> Source:
    """The video of a job, in a form that OpenCV reads rightly.

    Args:
        job: names it, and the part of it that is painted.
        listener: is told how far a rewriting is.
        work: a folder where a rewritten copy is kept; None for a temporary one.
        rewrite: it is rewritten though it may not need that.

    Raises:
        SourceError: where it cannot be read.
    """
    source: Source
    if job.kind == "sequence":
        source = open_sequence(
            job.source, rate=job.rate, sound=job.audio, start=job.start, end=job.end, limits=job.limits
        )
    else:
        source = open_video(
            job.source,
            start=job.start,
            end=job.end,
            work=work,
            rewrite=rewrite,
            lut=job.settings.lut_file,
            limits=job.limits,
            on_progress=lambda done: listener.working("rewriting the file so that it is read correctly", done, 1.0),
        )
    if source.info.transparent and not job.keeps_alpha:
        log.warning("%s: transparent parts are composited on white", printable(job.source.name))
    return source


def run_prescan(source: Source, listener: Listener) -> Prescan:
    """Reads the video once at small size."""
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
    """What is kept of the frames that pass: a little of each, and the sharpest of each part of the video."""

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
    """The size at which something is painted.

    Args:
        source: (height, width) of it.
        settings: their ``size`` says what is wanted.
        device: what paints; on a CPU ``auto`` is at most CPU_LONG_SIDE.

    Returns:
        (height, width).
    """
    if settings.size == "full":
        return source
    if settings.size == "auto":
        return source if device.type != "cpu" else fit_size(source, CPU_LONG_SIDE)
    return fit_size(source, int(settings.size))


def plan(job: JobSpec, listener: Listener) -> Outline:
    """What a job would do. Examines the source, but paints and writes nothing.

    Raises:
        SettingsError: for a folder of videos.
        VidstyleError: if the source cannot be read, or there is not enough memory.
    """
    if job.kind == "clips":
        raise SettingsError("VS209")
    if job.paints_images:
        paths = find_images(job.source) if job.kind == "images" else [job.source]
        samples = [load_image(path, job.limits).rgb for path in paths[:SAMPLES]]
        return outline_images(job, [size_of(load_image(path, job.limits).rgb) for path in paths], samples)
    with opened(job, listener) as source:
        prescan = run_prescan(source, listener)
        return outline_film(job, source, prescan.frames, prescan.scenes.cuts, prescan.samples)


def outline_film(
    job: JobSpec, source: Source, frames: int, cuts: Sequence[int], contents: Sequence[Tensor] = ()
) -> Outline:
    """What a job of a video is about to do, with estimates for its size and for the source's own.

    Args:
        job: the job.
        source: its video.
        frames: how many are painted.
        cuts: the positions of those that open shots, but for the first.
        contents: images that its weights are found for; none where it has them.

    Raises:
        PaintingError: where the memory of this machine does not do.
    """
    seams = seams_of(frames, cuts, job.settings.chunk_frames)
    return _outline(job, source.info.size, frames, 1 + len(cuts), float(source.info.rate), contents, seams)


def outline_images(job: JobSpec, sizes: Sequence[Size], contents: Sequence[Tensor] = ()) -> Outline:
    """What a job of images of `sizes` is about to do; the largest stands for all. Its weights are found for `contents`,
    none where it has them."""
    largest = max(sizes, key=lambda size: size[0] * size[1])
    return _outline(job, largest, len(sizes), len(sizes), None, contents)


def _outline(
    job: JobSpec,
    source_size: Size,
    frames: int,
    shots: int,
    rate: float | None,
    contents: Sequence[Tensor],
    seams: int = 0,
) -> Outline:
    pace = seconds_per_pixel(job.settings, device_here(job))
    size = painting_size(source_size, job.settings, device_of(job))
    memory = memory_of(job)
    if not (job.no_limits or job.cluster_options):
        free = free_memory(device_here(job)) if job.max_memory is None else job.max_memory
        check_memory(size, free, seen_at_once(job.settings, size, memory))
    teachers = [*load_styles(job), *contents] if contents else []
    learning = learning_seconds(job.settings, teachers, device_here(job), pace) if contents else 0.0
    chains, paintings = shots + seams, frames + chunks.OVERLAP * seams
    here, full = (
        replace(estimate(job.settings, s, chains, paintings, pace, memory), learning=learning)
        for s in (size, source_size)
    )
    return Outline(job, source_size, size, frames, shots, rate, here, full, seams)


def device_of(job: JobSpec) -> torch.device:
    """What paints a job: here, or on the machines of its cluster, which are believed to have it."""
    if job.cluster_options:
        return torch.device("cuda" if job.cluster_options.gpus else "cpu")
    return select_device(job.device)


def device_here(job: JobSpec) -> torch.device:
    """What prepares a job on this machine, which need not have what the machines of its cluster have."""
    device = device_of(job)
    return device if device.type != "cuda" or torch.cuda.is_available() else torch.device("cpu")


def memory_of(job: JobSpec) -> float:
    """Bytes that the painting of a job may take on this machine before it goes by tiles."""
    return usable_memory(device_here(job)) if job.max_memory is None else job.max_memory


def load_styles(job: JobSpec) -> list[Tensor]:
    """The style images of a job, each (3, H, W), 0..1; SourceError where one cannot be read."""
    return [load_image(path, job.limits).rgb for path in job.styles]


def load_start(job: JobSpec) -> Tensor | None:
    """The image that paintings start from, where the settings name one."""
    init_file = job.settings.init_file
    return load_image(init_file, job.limits).rgb if init_file else None


def make_model(job: JobSpec, contents: Sequence[Tensor], listener: Listener) -> StyleModel:
    """The style model of a job, its filters loaded or learned; not yet balanced.

    Args:
        job: the job.
        contents: images (3, H, W), 0..1, that filters are learned from, with the styles.
        listener: is told how far that is.

    Raises:
        WeightsError: where there are no such filters.
    """
    return load_style(
        load_styles(job),
        contents,
        job.settings,
        device=device_here(job),
        init_image=load_start(job),
        memory=memory_of(job),
        on_progress=listener.working,
    )


def balanced(model: StyleModel, contents: Sequence[Tensor], listener: Listener, look: FrameStyle = PLAIN) -> StyleModel:
    """`model` with the balance for `contents`, styles mixed as in the `look`."""
    return calibrated(model, contents, listener.balancing, look)


def ready_for_film(job: JobSpec, source: Source, listener: Listener) -> tuple[Prescan, StyleModel]:
    """All that is done before a video is painted.

    Args:
        job: the job.
        source: its video; it is set to the painting's size.
        listener: is told about the progress.

    Returns:
        What a first look at the video found, and the style model for it.
    """
    prescan = run_prescan(source, listener)
    outline = outline_film(job, source, prescan.frames, prescan.scenes.cuts, prescan.samples)
    listener.started(outline)
    prepare_flow(job.settings.flow, listener.working)
    model = balanced(make_model(job, prescan.samples, listener), prescan.samples, listener)
    source.size = outline.size
    return replace(prescan, scenes=with_bars_at(prescan, source)), model
