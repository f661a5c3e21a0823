"""Paints one job of the page, in a process of its own: ``python -m vidstyle.web.paint_process FOLDER``."""

import logging
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from vidstyle.api import run
from vidstyle.cli.console import noun_of, percentage, progress_line
from vidstyle.cli.messages import clock, some
from vidstyle.core.stylize_image import Step
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import VidstyleError
from vidstyle.files import printable, write_whole
from vidstyle.images import save_image
from vidstyle.jobs.eta import RemainingTime
from vidstyle.jobs.events import Listener, Outline
from vidstyle.process import keep_freed_memory
from vidstyle.studies.making import Progress
from vidstyle.web.comparison import write_comparison
from vidstyle.web.job_folder import BEFORE, LATEST, LOCK, MAKING, PROCESS, REPORT, State, Status, Ticket

EACH = 0.5  # seconds between two words about the work
CURVE = 400  # losses that are kept

log = logging.getLogger(__name__)


class Reporter(Listener):
    """Writes how far a job is into its `folder`, and what is painted."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._status = folder, Status.read(folder)
        self._losses: list[float] = []
        self._pace: RemainingTime | None = None
        self._noun = "frame"
        self._told = 0.0

    def started(self, outline: Outline) -> None:
        self._pace, self._noun = RemainingTime(outline), noun_of(outline)

    def working(self, what: str, done: float, count: float) -> None:
        left = f"{clock(self._pace.left())} left" if self._pace else ""
        self._tell("  ".join(filter(None, (what, percentage(done, count), left))), due=bool(count) and done >= count)
        if self._pace:
            self._pace.restart()

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        if self._pace:
            self._pace.skip(frames, shots)

    def step(self, step: Step) -> None:
        self._losses.append(float(step.losses.total))
        if len(self._losses) > CURVE:
            self._losses = self._losses[::2]
        if self._pace:
            self._pace.step(step)
            if self._tell(progress_line(self._pace, self._noun)):
                save_image(self._folder / LATEST, step.image)

    def turn(self, painted: PaintedFrame) -> None:
        if self._pace:
            self._pace.frame(painted)
            self._tell(progress_line(self._pace, self._noun), due=True)

    def frame(self, painted: PaintedFrame) -> None:
        save_image(self._folder / BEFORE, painted.frame.image)
        save_image(self._folder / LATEST, painted.painted.image)
        if self._pace and self._pace.passes == 1:
            self.turn(painted)

    def _tell(self, note: str, due: bool = False) -> bool:
        """Reports the progress, where that is `due` or the last word was some time ago; whether it did."""
        if not due and time.monotonic() < self._told + EACH:
            return False
        self._told = time.monotonic()
        self.write("painting", note)
        return True

    def write(self, state: State, note: str) -> None:
        """Writes what becomes of the job, and more of it in words.

        Starts of the worker are forgotten once more frames are done than ever before.
        """
        frames = self._pace.frames_done if self._pace else 0
        if frames > self._status.frames:
            self._status = replace(self._status, tries=0, frames=frames)
        share = (frames + self._pace.progress) / self._pace.frames if self._pace else 0.0
        share, losses = 1.0 if state == "done" else share, tuple(self._losses)
        self._status = replace(self._status, state=state, note=printable(note), progress=share, losses=losses)
        self._status.write(self._folder)


def main(folder: Path) -> int:
    """Paints the job in `folder`, or the rest of it; the exit code."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        with FileLock(folder / LOCK, timeout=2):  # who looks whether it is free holds it for a moment
            write_whole(folder / PROCESS, str(os.getpid()).encode())
            try:
                return _paint(folder)
            finally:
                (folder / PROCESS).unlink(missing_ok=True)
    except Timeout:
        log.error("another worker paints %s", folder.name)
        return 1


def _paint(folder: Path) -> int:
    keep_freed_memory()
    reporter, ticket = Reporter(folder), Ticket.read(folder)
    try:
        job = ticket.job(folder)
        making = Progress(folder / MAKING, beside=True, curve=True) if job.kind == "image" else None
        summary = run(job, reporter, making)
        if summary.report:
            summary.report.rename(folder / REPORT)
        if not making:
            write_comparison(job, reporter)
        reporter.write("done", f"{some(summary.frames, 'image' if making else 'frame')} in {clock(summary.elapsed)}")
    except VidstyleError as error:
        reporter.write("failed", error.line.replace(f"{folder}/", ""))
        return 1
    except KeyboardInterrupt:
        return 1  # who stopped it knows why
    except Exception as error:
        logging.exception("a fault")
        reporter.write("failed", f"a fault of vidstyle ({type(error).__name__}: {error}); please report it")
        return 1
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what is begun is tidied up now
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
