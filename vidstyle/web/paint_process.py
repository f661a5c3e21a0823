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
from torch import Tensor

from vidstyle.api import run
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
from vidstyle.web.job_folder import BEFORE, FIRST_LOOK, LATEST, LOCK, MAKING, PROCESS, REPORT, State, Status, Ticket
from vidstyle.web.previews import paint_preview
from vidstyle.web.progress import JobProgress, Phase, left_in_words

EACH = 0.5  # seconds between two words about the work
CURVE = 400  # losses that are kept

log = logging.getLogger(__name__)


class Reporter(Listener):
    """Writes how far the job of `ticket` is into its `folder`, and what is painted."""

    def __init__(self, folder: Path, ticket: Ticket) -> None:
        self._folder, self._ticket, self._status = folder, ticket, Status.read(folder)
        self._losses: list[float] = []
        self._progress = JobProgress(ticket.report, self._status.progress)
        self._told = 0.0
        self._finest = 0  # pixels of the first look, which no coarser painting replaces

    def started(self, outline: Outline) -> None:
        self._progress.started(outline)
        self._tell("Preparing the weights", due=True)

    def working(self, what: str, done: float, count: float) -> None:
        pace = self._progress.pace
        painted = pace is not None and pace.frames_done >= pace.frames
        before, after = Phase.WEIGHTS if pace else Phase.LOOK, Phase.REPORT if self._ticket.report else Phase.FINISH
        self._work(after if painted else before, what, done, count)

    def balancing(self, done: float, count: int, painting: Tensor) -> None:
        """Shows the first painting of the search as it grows, then each that is finished."""
        told = self._work(Phase.BALANCE, "finding the balance of style and content", done, count)
        if done == int(done) or (told and done < 1):
            self._finest = painting[0].numel()
            save_image(self._folder / FIRST_LOOK, painting)

    def comparing(self, done: int, count: int) -> None:
        """The comparison is written: `done` frames of `count`."""
        self._work(Phase.FINISH, "writing the video", done, count)

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        if self._progress.pace:
            self._progress.pace.skip(frames, shots)
            self._progress.painted()

    def step(self, step: Step) -> None:
        self._losses.append(float(step.losses.total))
        if len(self._losses) > CURVE:
            self._losses = self._losses[::2]
        if pace := self._progress.pace:
            pace.step(step)
            self._progress.painted()
            if self._tell(_frame_note(pace)) and step.image[0].numel() >= self._finest:
                save_image(self._folder / LATEST, step.image)

    def turn(self, painted: PaintedFrame) -> None:
        if pace := self._progress.pace:
            pace.frame(painted)
            self._progress.painted()
            self._tell(_frame_note(pace), due=True)

    def frame(self, painted: PaintedFrame) -> None:
        save_image(self._folder / BEFORE, painted.frame.image)
        save_image(self._folder / LATEST, painted.painted.image)
        if self._progress.pace and self._progress.pace.passes == 1:
            self.turn(painted)

    def _work(self, phase: Phase, what: str, done: float, count: float) -> bool:
        self._progress.at(phase, done / count if count else 0.0)
        if self._progress.pace:
            self._progress.pace.restart()
        what = self._ticket.in_words(what)
        return self._tell(f"{what[:1].upper()}{what[1:]}", due=bool(count) and done >= count)

    def _tell(self, note: str, due: bool = False) -> bool:
        """Reports the progress, where that is `due` or the last word was some time ago; whether it did."""
        if not due and time.monotonic() < self._told + EACH:
            return False
        self._told, left = time.monotonic(), self._progress.left()
        self.write("painting", note if left is None else f"{note}: {left_in_words(left)}")
        return True

    def write(self, state: State, note: str) -> None:
        """Writes what becomes of the job, and more of it in words.

        Starts of the worker are forgotten once more frames are done than ever before.
        """
        frames = self._progress.pace.frames_done if self._progress.pace else 0
        if frames > self._status.frames:
            self._status = replace(self._status, tries=0, frames=frames)
        share, losses = 1.0 if state == "done" else self._progress.share, tuple(self._losses)
        self._status = replace(self._status, state=state, note=printable(note), progress=share, losses=losses)
        self._status.write(self._folder)


def _frame_note(pace: RemainingTime) -> str:
    """``Painting frame 12 of 300``."""
    number = f" {pace.current} of {pace.frames}" if pace.frames > 1 else ""
    return f"Painting {'the image' if not number else 'frame' if pace.passes == 1 else 'pass of frame'}{number}"


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
    ticket = Ticket.read(folder)
    reporter = Reporter(folder, ticket)
    try:
        job = ticket.job(folder)
        shows = ticket.animated and job.kind == "image"
        making = Progress(folder / MAKING, beside=True, curve=True) if shows else None
        summary = paint_preview(job, reporter) if ticket.preview else run(job, reporter, making)
        if summary.report:
            page = ticket.in_words(summary.report.read_text("utf-8"), markup=True)
            write_whole(folder / REPORT, page.encode("utf-8", "xmlcharrefreplace"))
            summary.report.unlink()
        if job.kind != "image":
            write_comparison(job, reporter.comparing)
        noun = "image" if job.kind == "image" else "frame"
        reporter.write("done", f"{some(summary.frames, noun)} painted in {clock(summary.elapsed)}")
    except VidstyleError as error:
        reporter.write("failed", ticket.in_words(error.line.replace(f"{folder}/", "")))
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
