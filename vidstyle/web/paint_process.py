"""Paints one job of the page, in a process of its own: ``python -m vidstyle.web.paint_process FOLDER``."""

import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import cast

from filelock import FileLock, Timeout
from torch import Tensor

from vidstyle.api import run
from vidstyle.cli.console import noun_of, percentage, progress_line
from vidstyle.cli.messages import summary_line
from vidstyle.cli.terminal import keep_freed_memory
from vidstyle.core.stylize_image import Step
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import VidstyleError
from vidstyle.files import printable, write_whole
from vidstyle.images import save_image
from vidstyle.jobs.eta import RemainingTime
from vidstyle.jobs.events import Listener, Outline
from vidstyle.studies.making import Progress
from vidstyle.web.job_store import AFTER, BEFORE, LATEST, LOCK, MAKING, PROCESS, REPORT, State, Status, Ticket

EACH = 0.5  # seconds between two words about the work
CURVE = 400  # losses that are kept

log = logging.getLogger(__name__)


class Reporter(Listener):
    """Writes how far a job is into its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._pace, self._noun = folder, cast(RemainingTime | None, None), "frame"
        self._losses: list[float] = []
        self._told = 0.0
        before = Status.read(folder)
        self._tries, self._frames = before.tries, before.frames

    def started(self, outline: Outline) -> None:
        self._pace, self._noun = RemainingTime(outline), noun_of(outline)

    def working(self, what: str, done: float, count: float) -> None:
        self._tell(f"{what} {percentage(done, count)}".strip(), due=bool(count) and done >= count)
        if self._pace:
            self._pace.restart()

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        if self._pace:
            self._pace.skip(frames, shots)

    def step(self, step: Step) -> None:
        if self._pace:
            self._pace.step(step)
        self._loss(float(step.losses.total))
        if self._tell(self._line()):
            self._show(LATEST, step.image)

    def frame(self, painted: PaintedFrame) -> None:
        if self._pace:
            self._pace.frame(painted)
        self._show(LATEST, painted.painted.image)
        self._show(BEFORE, painted.frame.image)
        self._show(AFTER, painted.painted.image)
        self._tell(self._line(), due=True)

    def ended(self, state: State, note: str) -> None:
        """The last word."""
        done = 1.0 if state == "done" else self._progress()
        Status(state, printable(note), done, None, tuple(self._losses), self._tries).write(self._folder)

    def _line(self) -> str:
        return progress_line(self._pace, self._noun) if self._pace else ""

    def _loss(self, loss: float) -> None:
        self._losses.append(loss)
        if len(self._losses) > CURVE:
            self._losses = self._losses[::2]

    def _progress(self) -> float:
        return (self._pace.frames_done + self._pace.progress) / self._pace.frames if self._pace else 0.0

    def _tell(self, line: str, due: bool = False) -> bool:
        """Writes the status now and then; whether it did. `tries` are forgotten once more is done than ever before."""
        now = time.monotonic()
        if not due and now < self._told + EACH:
            return False
        left = self._pace.left() if self._pace else None
        self._told = now
        if self._pace and self._pace.frames_done > self._frames:
            self._tries, self._frames = 0, self._pace.frames_done
        losses = tuple(self._losses)
        Status("painting", line, self._progress(), left, losses, self._tries, self._frames).write(self._folder)
        return True

    def _show(self, name: str, image: Tensor) -> None:
        save_image(self._folder / name, image)


def main(folder: Path) -> int:
    """Paints the job in `folder`, or the rest of it."""
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
        reporter.ended("done", summary_line(summary, "image" if making else "frame"))
    except VidstyleError as error:
        reporter.ended("failed", str(error).replace(f"{folder}/", ""))
        return 1
    except KeyboardInterrupt:
        return 1  # who stopped it knows why
    except Exception as error:
        logging.exception("a fault")
        reporter.ended("failed", f"a fault of vidstyle ({type(error).__name__}: {error}); please report it")
        return 1
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what is begun is tidied up now
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
