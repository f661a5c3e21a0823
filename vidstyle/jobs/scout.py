"""A first look at a film: how many frames, where the cuts are, and a few frames to learn from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.jobs.job import Job
from vidstyle.jobs.listener import Listener
from vidstyle.media.images import fit_size
from vidstyle.media.source import Frame, Source, open_video
from vidstyle.motion.shots import find_cuts
from vidstyle.painting.painter import Size
from vidstyle.settings import Settings

LONG_SIDE = 256  # pixels that cuts are looked for at and filters are learned from
SAMPLES = 3  # frames kept, evenly spaced
CPU_LONG_SIDE = 640  # pixels; above, a CPU takes minutes for each frame


@dataclass(frozen=True)
class Scouted:
    """What is known of a film before it is painted.

    `size` is the source's own; `cuts` are positions among the frames that are painted; `samples` are small
    frames (3, h, w).
    """

    size: Size
    rate: Fraction
    frames: int
    cuts: tuple[int, ...]
    samples: tuple[Tensor, ...]
    marks: tuple[str, ...]  # of all frames

    @property
    def shots(self) -> int:
        return 1 + len(self.cuts)


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


def scout(source: Source, listener: Listener) -> Scouted:
    """Reads the film once at small size."""
    source.size = fit_size(source.info.size, LONG_SIDE)
    kept = _Samples(len(source))
    cuts = find_cuts(_told(kept.collecting(source), len(source), listener), source.info.rate)
    return Scouted(source.info.size, source.info.rate, len(kept.marks), cuts, tuple(kept.pictures), tuple(kept.marks))


class _Samples:
    """Keeps a few of the frames that pass, and the marks of all."""

    def __init__(self, expected: int) -> None:
        self._wanted = {round(expected * i / SAMPLES) for i in range(SAMPLES)}
        self.pictures: list[Tensor] = []
        self.marks: list[str] = []

    def collecting(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if len(self.marks) in self._wanted:
                self.pictures.append(frame.image)
            self.marks.append(frame.mark)
            yield frame


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
