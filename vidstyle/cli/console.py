"""What a job tells on the terminal: a bar where there is one, else plain lines now and then."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.table import Table
from rich.text import Text

from vidstyle.cli.messages import clock, loss_number, outline_lines, preview_lines, say, seconds_each, some
from vidstyle.core.device import select_device
from vidstyle.core.stylize_image import Step
from vidstyle.core.temporal import PaintedFrame
from vidstyle.files import printable
from vidstyle.jobs.eta import RemainingTime
from vidstyle.jobs.events import ClusterProgress, Listener, Outline

EVERY = 5.0  # seconds between plain lines
REFRESHES = 4  # of the bar per second: a refresh takes milliseconds that painting does not have
WIDEST_BAR, NARROWEST_BAR = 24, 4  # columns; the numbers next to it matter more

log = logging.getLogger(__name__)


def noun_of(outline: Outline, previews: int | None = None) -> str:
    """What is counted: ``frame``, ``image``, ``preview``, or ``painting`` where frames have two."""
    if previews is not None:
        return "preview"
    if outline.seams or (outline.rate is not None and outline.job.settings.both_ways):
        return "painting"
    return "frame" if outline.rate is not None else "image"


class ProgressListener(Listener):
    """Follows a job from its outline to its last frame: the `pace`, and the `noun` of what is counted.

    Args:
        previews: How many single frames are painted where not all are, 0 for one of each shot.
        now: The time in seconds.
    """

    def __init__(self, previews: int | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.previews, self.now = previews, now
        self.pace: RemainingTime | None = None
        self.noun = "frame"

    def progressed(self, pace: RemainingTime, due: bool) -> None:
        """A step or a frame is done; by a frame it is `due` to tell that."""

    def started(self, outline: Outline) -> None:
        if self.previews == 0:
            self.previews = outline.shots
        self.pace, self.noun = RemainingTime(outline, self.previews, self.now), noun_of(outline, self.previews)

    def working(self, what: str, done: float, count: float) -> None:
        if self.pace:
            self.pace.restart()

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        if self.pace:
            self.pace.skip(frames, shots)

    def step(self, step: Step) -> None:
        if self.pace:
            self.pace.step(step)
            self.progressed(self.pace, due=False)

    def turn(self, painted: PaintedFrame) -> None:
        if self.pace:
            self.pace.frame(painted)
            self.progressed(self.pace, due=True)

    def frame(self, painted: PaintedFrame) -> None:
        if self.pace and self.pace.passes == 1:
            self.turn(painted)

    def together(self, cluster_progress: ClusterProgress) -> None:
        if self.pace:
            self.pace.together(cluster_progress)
            self.progressed(self.pace, due=False)


class JobConsole(ProgressListener):
    """Tells what a job does: by a bar on a terminal, else by a line now and then. The log gets all of it.

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
        super().__init__(previews, now)
        self._console, self._quiet = console, quiet
        self._bar = _bar(console) if console.is_interactive and not quiet else None
        self._told, self._doing, self._stopped = now(), "", False

    def __enter__(self) -> "JobConsole":
        if self._bar:
            try:
                self._bar.start()
            except BaseException:  # a stop, while it is drawn first
                self._bar.stop()
                raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar:
            self._bar.stop()
        if kind and issubclass(kind, KeyboardInterrupt) and self.pace and not self._stopped:
            kept = self.pace.frames_done if self.noun == "frame" else 0
            self.interrupted(None, kept, kept)

    def started(self, outline: Outline) -> None:
        super().started(outline)
        device = select_device(outline.job.device).type
        if self.pace and self.previews:
            lines = preview_lines(outline, device, self.previews, self.pace.left())
        else:
            lines = outline_lines(outline, device)
        for line in lines:
            self._say(line)
        self._show(0, None, lambda: "preparing")

    def working(self, what: str, done: float, count: float) -> None:
        super().working(what, done, count)
        what = printable(what)
        new, self._doing = what != self._doing, what

        def note() -> str:
            return _joined(what, percentage(done, count))

        self._tell(lambda: what if new else note(), due=new and self.pace is not None)  # the outline is the first line
        if count and done >= count:
            self._show(0, None, lambda: "finishing" if self.pace and self.pace.frames_done else "preparing")
        else:
            self._show(done, count or None, note)

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        super().resumed(frames, shots, folder)
        self._say(f"{some(frames, 'frame')} already painted, in {printable(folder)}; resuming after them")

    def progressed(self, pace: RemainingTime, due: bool) -> None:
        if due or pace.cluster_progress:
            log.debug("%s", progress_line(pace, self.noun))
        self._tell(lambda: progress_line(pace, self.noun), due and pace.frames_done == pace.frames)
        self._show(pace.frames_done + pace.progress, pace.frames, lambda: progress_line(pace, self.noun))

    def clip(self, clip: Path, number: int, count: int) -> None:
        self._say(f"video {number}/{count}: {printable(clip.name)}")

    def interrupted(self, partial: Path | None, frames: int, kept: int) -> None:
        self._stopped = True
        noun = "frame" if self.noun == "painting" else self.noun
        if partial is None and frames:
            say(self._console, f"{some(frames, 'frame')} painted and kept; run the same command to resume")
        elif partial is None:
            say(self._console, f"no {noun} painted yet; the same command starts over")
        else:
            resumes = f"; {_next_run(kept)}" if noun != "image" else ""
            say(self._console, f"{some(frames, noun)} painted: {printable(partial)}{resumes}")

    def _say(self, line: str) -> None:
        log.debug("%s", line)
        if not self._quiet:
            say(self._console, line)

    def _tell(self, line: Callable[[], str], due: bool) -> None:
        """Says a line where there is no bar, if it is due or the last one is some time ago."""
        if not self._bar and not self._quiet and (due or self.now() - self._told >= EVERY):
            self._told = self.now()
            say(self._console, line())

    def _show(self, done: float, total: float | None, note: Callable[[], str]) -> None:
        """Sets the bar, with a note that is made again at each refresh; `total` None where it is not known."""
        if self._bar:
            (task,) = self._bar.task_ids
            self._bar.update(task, completed=done, total=total, note=note)


def _bar(console: Console) -> Progress:
    bar = Progress(_BarAndNote(console), console=console, transient=True, refresh_per_second=REFRESHES)
    bar.add_task("", total=None, note=lambda: "preparing")
    return bar


class _BarAndNote(ProgressColumn):
    """A bar as wide as its note leaves room for. The note is asked for at each refresh: the time left runs on."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console, self._column = console, BarColumn(WIDEST_BAR)

    def render(self, task: Task) -> Table:
        note = Text(task.fields["note"](), no_wrap=True, overflow="ellipsis")
        room = self._console.width - note.cell_len - 1
        self._column.bar_width = max(NARROWEST_BAR, min(WIDEST_BAR, room))
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_row(self._column.render(task), note)
        return line


def _next_run(kept: int) -> str:
    """What the same command does after a stop."""
    if kept:
        return f"the same command resumes after frame {kept}"
    return "too few to resume, so the same command starts over"


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
