"""What a job tells on the terminal: bars where there is one, else plain lines now and then."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from vidstyle.cli.messages import clock, loss_number, outline_lines, preview_lines, say, seconds_each, some
from vidstyle.core.device import select_device
from vidstyle.core.stylize_image import Step
from vidstyle.core.temporal import PaintedFrame
from vidstyle.files import printable
from vidstyle.jobs.eta import RemainingTime
from vidstyle.jobs.events import ClusterProgress, Listener, Outline

EVERY = 5.0  # seconds between plain lines
REFRESHES = 4  # of the bars per second: a refresh takes milliseconds that painting does not have
WIDEST_BAR = 24  # columns; the numbers beside it matter more

log = logging.getLogger(__name__)


def noun_of(outline: Outline, previews: int | None = None) -> str:
    """What is counted: ``frame``, ``image``, ``preview``, or ``painting`` where there are two of each frame."""
    if previews is not None:
        return "preview"
    if outline.rate is not None and outline.job.settings.both_ways:
        return "painting"
    return "frame" if outline.rate is not None else "image"


class JobConsole(Listener):
    """Tells what a job does: by bars on a terminal, else by a line now and then. The log gets all of it.

    The bars are the frames with the time left, and the steps of the current one with the loss.

    Args:
        console: Where it is told.
        quiet: Whether nothing is told but what a stop leaves.
        previews: How many single frames are painted where not all are, 0 for one of each shot.
        now: The time in seconds.
    """

    def __init__(
        self,
        console: Console,
        quiet: bool = False,
        previews: int | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._quiet, self._previews, self._now = console, quiet, previews, now
        self._bars = _bars(console) if console.is_interactive and not quiet else None
        self._rows: dict[str, TaskID] = {}
        self._told, self._doing = now(), ""
        self.pace: RemainingTime | None = None
        self.noun = "frame"

    def __enter__(self) -> "JobConsole":
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def started(self, outline: Outline) -> None:
        count = None if self._previews is None else self._previews or outline.shots
        self.pace, self.noun = RemainingTime(outline, count, self._now), noun_of(outline, count)
        device = select_device(outline.job.device).type
        self._end_work()
        for line in (
            preview_lines(outline, device, count, self.pace.left()) if count else outline_lines(outline, device)
        ):
            self._say(line)

    def working(self, what: str, done: float, count: float) -> None:
        what = printable(what)
        new, self._doing = what != self._doing, what
        if self.pace:
            self.pace.restart()
        self._tell(lambda: what if new else f"{what}  {percentage(done, count)}", due=new)
        self._row("work", what, done, count or None, lambda: percentage(done, count))
        if count and done >= count:
            self._end_work()

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        if self.pace:
            self.pace.skip(frames, shots)
        self._say(f"{some(frames, 'frame')} done before, in {printable(folder)}; resumes there")

    def step(self, step: Step) -> None:
        if self.pace:
            self.pace.step(step)
            self._show(self.pace)

    def turn(self, painted: PaintedFrame) -> None:
        self._done(painted)

    def frame(self, painted: PaintedFrame) -> None:
        if self.pace and self.pace.passes == 1:
            self._done(painted)

    def clip(self, clip: Path, number: int, count: int) -> None:
        self._say(f"video {number}/{count}: {printable(clip.name)}")

    def together(self, cluster_progress: ClusterProgress) -> None:
        if self.pace:
            self.pace.together(cluster_progress)
            log.debug("%s", progress_line(self.pace, self.noun))
            self._show(self.pace)

    def interrupted(self, partial: Path | None, frames: int) -> None:
        if partial is None and frames:
            say(self._console, f"{some(frames, 'frame')} are safe; run the same command to resume")
        elif partial is None:
            say(self._console, f"no {self.noun} was done, so nothing was written")
        else:
            films = self.noun != "image"
            resumes = "; run the same command to resume" if films else ""
            say(self._console, f"{some(frames, 'frame' if films else self.noun)} done: {printable(partial)}{resumes}")

    def _done(self, painted: PaintedFrame) -> None:
        if self.pace:
            self.pace.frame(painted)
            log.debug("%s", progress_line(self.pace, self.noun))
            self._show(self.pace, due=self.pace.frames_done == self.pace.frames)

    def _show(self, pace: RemainingTime, due: bool = False) -> None:
        self._tell(lambda: progress_line(pace, self.noun), due)
        self._end_work()
        if pace.frames > 1:
            done = pace.frames_done + pace.progress
            self._row("frames", self.noun, done, pace.frames, lambda: frames_note(pace, self.noun))
        if pace.last_step:
            self._row("steps", "step", pace.progress, 1.0, lambda: steps_note(pace))

    def _say(self, line: str) -> None:
        log.debug("%s", line)
        if not self._quiet:
            say(self._console, line)

    def _tell(self, line: Callable[[], str], due: bool) -> None:
        """Says a line where there are no bars, if it is due or the last one is some time ago."""
        if not self._bars and not self._quiet and (due or self._now() - self._told >= EVERY):
            self._told = self._now()
            say(self._console, line())

    def _row(self, row: str, name: str, done: float, total: float | None, note: Callable[[], str]) -> None:
        """Shows a bar in its place, with a note that is made again at each refresh."""
        if self._bars:
            if row not in self._rows:
                self._rows[row] = self._bars.add_task(name, total=total, note=note)
            self._bars.update(self._rows[row], description=name, completed=done, total=total, note=note)

    def _end_work(self) -> None:
        if self._bars and "work" in self._rows:
            self._bars.remove_task(self._rows.pop("work"))


def _bars(console: Console) -> Progress:
    width = min(WIDEST_BAR, console.width // 6)
    columns = (TextColumn("{task.description:<8}", markup=False), BarColumn(width), _Note())
    return Progress(*columns, console=console, transient=True, refresh_per_second=REFRESHES)


class _Note(ProgressColumn):
    """A bar's note. It is asked for at each refresh, so that the time left runs on between steps."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["note"](), no_wrap=True)


def percentage(done: float, count: float) -> str:
    """``50 %``; nothing where it is not known how much there is to do."""
    return f"{100 * min(1.0, done / count):.0f} %" if count else ""


def progress_line(pace: RemainingTime, noun: str) -> str:
    """``frame 12/300  loss 0.310  4.2 s/frame  20:10 left``."""
    step = pace.last_step
    within = f"step {step.number}/{step.count}" if step and pace.opening else ""
    number = pace.current if step else pace.frames_done
    counted = f"{noun} {number}/{pace.frames}" if pace.frames > 1 or not within else ""
    return _joined(counted, within, _tasks(pace), _loss(pace), _speed(pace, noun), _left(pace))


def frames_note(pace: RemainingTime, noun: str) -> str:
    """``12/300  shot 1/3  4.2 s/frame  20:10 left``."""
    shot = f"shot {pace.shot}/{pace.shots}" if 1 < pace.shots < pace.frames else ""
    number, where = (pace.frames_done, _tasks(pace)) if pace.cluster_progress else (pace.current, shot)
    return _joined(f"{number}/{pace.frames}", where, _speed(pace, noun), _left(pace))


def steps_note(pace: RemainingTime) -> str:
    """``5/84  loss 0.310``, with the time left where this image is all there is."""
    step = pace.last_step
    counted = f"{step.number}/{step.count}" if step else ""
    return _joined(counted, _loss(pace), _left(pace) if pace.frames == 1 else "")


def _joined(*parts: str) -> str:
    return "  ".join(filter(None, parts))


def _tasks(pace: RemainingTime) -> str:
    """How many segments machines work on at once."""
    return some(pace.cluster_progress.tasks, "task") if pace.cluster_progress else ""


def _loss(pace: RemainingTime) -> str:
    return "" if pace.loss is None else f"loss {loss_number(pace.loss)}"


def _speed(pace: RemainingTime, noun: str) -> str:
    seconds = pace.seconds_per_frame
    return "" if seconds is None else f"{seconds_each(seconds)}/{noun}"


def _left(pace: RemainingTime) -> str:
    return f"{clock(pace.left())} left"
