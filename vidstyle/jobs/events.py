"""What a job tells while it works."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Self

from torch import Tensor

from vidstyle.core.device import peak_memory
from vidstyle.core.sizes import Size
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import Painted, Step
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import VidstyleError
from vidstyle.jobs.spec import JobSpec
from vidstyle.video.flipbook import Flipbook

FAR_OFF = 20.0  # times the usual content error or loss of a video: such a frame does not show what it should


@dataclass(frozen=True)
class Estimate:
    """Seconds of painting and bytes of memory that a job is expected to take; seconds of learning weights before."""

    seconds: float
    memory: float
    learning: float = 0.0

    @property
    def total(self) -> float:
        """Seconds of learning and painting."""
        return self.learning + self.seconds


@dataclass(frozen=True)
class Outline:
    """What a job is about to do. `size` and `source_size` are (height, width); `seams` are those of chunks."""

    job: JobSpec
    source_size: Size
    size: Size
    frames: int
    shots: int
    rate: float | None  # frames per second; None for images
    estimate: Estimate
    full_estimate: Estimate  # at the source's own size
    seams: int = 0


@dataclass(frozen=True)
class Work:
    """What a frame took: steps in all, what they cost in steps at the frame's size, seconds, bytes of memory."""

    steps: int
    full_steps: float
    seconds: float
    memory: float

    @classmethod
    def of(cls, painted: Painted) -> Self:
        """What a painting took; the memory is the most that the process has held so far."""
        return cls(painted.steps, painted.full_steps, painted.seconds, peak_memory())

    def plus(self, other: Self) -> Self:
        """Of a frame that was painted twice."""
        steps, full_steps = self.steps + other.steps, self.full_steps + other.full_steps
        return replace(self, steps=steps, full_steps=full_steps, seconds=self.seconds + other.seconds)

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Self:
        """From what `dataclasses.asdict` and JSON made of it; KeyError, TypeError or ValueError for anything else."""
        return cls(int(found["steps"]), *(float(found[name]) for name in ("full_steps", "seconds", "memory")))


@dataclass(frozen=True)
class Summary:
    """What a job did.

    Args:
        out: what was written.
        filters: where the filters are from: ``imagenet``, ``selftaught`` or a path.
        filters_sha256: their SHA-256.
        balance: the weight of the content loss against a style loss of weight 1.
        frames: how many were painted.
        steps: that these took.
        seconds: that their painting took.
        elapsed: seconds from the job's first look to its last file: filters, balance and encoding too, and what
            earlier runs of it took to paint.
        report: the page of its report, if there is one.
        progress: the animation of an image's painting, if there is one.
        failed: one sentence for each file of a folder that could not be painted.
    """

    out: Path
    filters: str
    filters_sha256: str
    balance: float
    frames: int = 0
    steps: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0
    report: Path | None = None
    progress: Flipbook | None = None
    failed: tuple[str, ...] = ()

    @classmethod
    def of(cls, out: Path, model: StyleModel) -> Self:
        """The summary before the first frame."""
        return cls(out, model.filters.origin, model.filters.sha256, model.balance)

    def after(self, *work: Work) -> Self:
        """The summary with more frames."""
        steps, seconds = (sum(getattr(one, name) for one in work) for name in ("steps", "seconds"))
        return replace(self, frames=self.frames + len(work), steps=self.steps + steps, seconds=self.seconds + seconds)

    def since(self, began: float) -> Self:
        """The summary of a job that `began` at this moment of `time.monotonic`, and ends now."""
        return replace(self, elapsed=time.monotonic() - began)

    @property
    def seconds_per_frame(self) -> float:
        """Of painting."""
        return self.seconds / max(1, self.frames)


@dataclass(frozen=True)
class ClusterProgress:
    """What the machines of a cluster are doing together: `frames` are painted, `tasks` segments are worked on."""

    frames: int
    tasks: int
    loss: float | None


class Listener:
    """Receives what a job does. By default every method does nothing; override those that matter."""

    def started(self, outline: Outline) -> None:
        """The source was examined, and painting is about to begin."""

    def working(self, what: str, done: float, count: float) -> None:
        """Something other than painting is in progress: `done` of `count`."""

    def balancing(self, done: float, count: int, painting: Tensor) -> None:
        """The balance of content and style is searched: at most `count` small paintings, `done` of which are made.

        `painting` (3, h, w), 0..1, is what there is of the current one.
        """
        self.working("finding the balance", done, count)

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        """The job resumes: `frames` are done in its work `folder`, and `shots` are begun."""

    def step(self, step: Step) -> None:
        """One step of the current image."""

    def turn(self, painted: PaintedFrame) -> None:
        """A frame was painted in one of two passes; `frame` reports it again when it is written."""

    def frame(self, painted: PaintedFrame) -> None:
        """A frame was painted and written."""

    def clip(self, clip: Path, number: int, count: int) -> None:
        """The next video of a folder is begun: `number`, from 1, of the `count` that are not done."""

    def failed(self, file: Path, error: VidstyleError) -> None:
        """A file of a folder could not be painted; the others are."""

    def together(self, cluster_progress: ClusterProgress) -> None:
        """Some time has passed while the machines of a cluster paint."""

    def interrupted(self, partial: Path | None, frames: int, kept: int) -> None:
        """The job was stopped by Ctrl-C.

        Args:
            partial: a playable file, or a folder, of the frames that were painted; None where there is none.
            frames: how many were painted.
            kept: how many of them the same job does not paint again.
        """


class Listeners(Listener):
    """Several listeners that are told the same, one after the other."""

    def __init__(self, *listeners: Listener) -> None:
        for name in (name for name in vars(Listener) if not name.startswith("_")):
            setattr(self, name, _in_turn([getattr(listener, name) for listener in listeners]))


def _in_turn(methods: list[Callable[..., None]]) -> Callable[..., None]:
    def tell(*told: object) -> None:
        for method in methods:
            method(*told)

    return tell


def far_off(errors: Sequence[float]) -> list[int]:
    """The places of `errors` that are FAR_OFF times the median or more; nan and 0 are left out."""
    known = [error for error in errors if error > 0]
    return [i for i, error in enumerate(errors) if error > 0 and error > FAR_OFF * median(known)]
