"""What a job does as events for programs."""

import time
from collections.abc import Callable
from pathlib import Path

from vidstyle.cli.console import ProgressListener
from vidstyle.cli.event_stream import EventStream
from vidstyle.errors import VidstyleError
from vidstyle.jobs.eta import RemainingTime
from vidstyle.jobs.events import Outline

EACH = 1.0  # seconds between events of steps, or of the same work


class EventListener(ProgressListener):
    """Prints what a job does as events.

    Args:
        events: Where they go.
        previews: How many single frames are painted where not all are, 0 for one of each shot.
        now: The time in seconds.
    """

    def __init__(
        self, events: EventStream, previews: int | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(previews, now)
        self._events, self._doing, self._told = events, "", float("-inf")

    def started(self, outline: Outline) -> None:
        super().started(outline)
        job, (height, width), (source_height, source_width) = outline.job, outline.size, outline.source_size
        self._events.write(
            "started",
            source=job.source,
            styles=job.styles,
            output=job.out,
            kind=job.kind,
            count=self.pace.frames if self.pace else outline.frames,
            unit=self.noun,
            shots=outline.shots,
            rate=outline.rate,
            width=width,
            height=height,
            source_width=source_width,
            source_height=source_height,
            estimated_seconds=self.pace.left() if self.pace and self.previews else outline.estimate.total,
            estimated_memory=outline.estimate.memory,
        )

    def working(self, what: str, done: float, count: float) -> None:
        super().working(what, done, count)
        if self._is_due(what != self._doing or done >= count > 0):
            self._doing = what
            self._events.write("working", what=what, share=min(1.0, done / count) if count else None)

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        super().resumed(frames, shots, folder)
        self._events.write("resumed", frames=frames, shots=shots, folder=folder)

    def progressed(self, pace: RemainingTime, due: bool) -> None:
        if not self._is_due(due):
            return
        step = pace.last_step
        self._events.write(
            "progress",
            done=pace.frames_done,
            count=pace.frames,
            unit=self.noun,
            step=step.number if step else None,
            steps=step.count if step else None,
            loss=pace.loss,
            seconds_each=pace.seconds_per_frame,
            seconds_left=pace.left(),
        )

    def clip(self, clip: Path, number: int, count: int) -> None:
        self._events.write("file", source=clip, number=number, count=count)

    def failed(self, file: Path, error: VidstyleError) -> None:
        self._events.failed("file_failed", error, source=file)

    def interrupted(self, partial: Path | None, frames: int, kept: int) -> None:
        self._events.stop = {"partial": partial, "frames": frames, "kept": kept}

    def _is_due(self, due: bool) -> bool:
        """Whether it is `due` to tell something, or the last time is some time ago."""
        if not due and self.now() - self._told < EACH:
            return False
        self._told = self.now()
        return True
