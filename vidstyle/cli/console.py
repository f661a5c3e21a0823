"""What a job and the library's log tell on the terminal: bars where there is one, else plain lines now and then."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from vidstyle.cli.logs import say
from vidstyle.cli.words import clock, loss_number, outline_lines, preview_lines, seconds_each, some
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


@contextmanager
def listening(console: Console, quiet: bool, previews: int | None = None) -> Iterator[Listener]:
    """The listener that suits: silent, bars, or plain lines. `previews`: so many frames, 0 for one per shot."""
    if quiet:
        yield Quiet(console, previews)
    elif console.is_interactive:
        with Bars(console, previews) as bars:
            yield bars
    else:
        yield PlainLines(console, previews)


def noun_of(outline: Outline, previews: int | None = None) -> str:
    """What is counted: ``frame``, ``image`` or ``preview``."""
    if previews is not None:
        return "preview"
    if outline.rate is not None and outline.job.settings.both_ways:
        return "painting"  # two of each frame
    return "frame" if outline.rate is not None else "image"


class Quiet(Listener):
    """Says nothing but what must be known; keeps the pace for the others and for the log."""

    _talks = False

    def __init__(self, console: Console, previews: int | None = None) -> None:
        self._console, self._previews = console, previews
        self.pace: RemainingTime | None = None
        self.noun = "frame"

    def started(self, outline: Outline) -> None:
        count = None if self._previews is None else self._previews or outline.shots
        self.pace, self.noun = RemainingTime(outline, count), noun_of(outline, count)
        device = select_device(outline.job.device).type
        lines = preview_lines(outline, device, count, self.pace.left()) if count else outline_lines(outline, device)
        for line in lines:
            log.debug("%s", line)
            if self._talks:
                say(self._console, line)

    def working(self, what: str, done: float, count: float) -> None:
        if self.pace:
            self.pace.restart()

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        if self.pace:
            self.pace.skip(frames, shots)
        line = f"{some(frames, 'frame')} done before, in {printable(folder)}; goes on from there"
        log.debug("%s", line)
        if self._talks:
            say(self._console, line)

    def step(self, step: Step) -> None:
        if self.pace:
            self.pace.step(step)

    def turn(self, painted: PaintedFrame) -> None:
        self._done(painted)

    def frame(self, painted: PaintedFrame) -> None:
        if self.pace and self.pace.passes == 1:
            self._done(painted)

    def _done(self, painted: PaintedFrame) -> None:
        if self.pace:
            self.pace.frame(painted)
            log.debug("%s", progress_line(self.pace, self.noun))

    def clip(self, clip: Path, number: int, count: int) -> None:
        line = f"clip {number}/{count}: {printable(clip.name)}"
        log.debug("%s", line)
        if self._talks:
            say(self._console, line)

    def together(self, cluster_progress: ClusterProgress) -> None:
        if self.pace:
            self.pace.together(cluster_progress)
            log.debug("%s", progress_line(self.pace, self.noun))

    def interrupted(self, partial: Path | None, frames: int) -> None:
        if partial is None and frames:
            say(self._console, f"{some(frames, 'frame')} are safe; run the same command to go on")
        elif partial is None:
            say(self._console, f"no {self.noun} was done, so nothing was written")
        else:
            films = self.noun != "image"
            goes_on = "; run the same command to go on" if films else ""
            say(self._console, f"{some(frames, 'frame' if films else self.noun)} done: {printable(partial)}{goes_on}")


class PlainLines(Quiet):
    """A line at most every few seconds, for logs and pipes."""

    _talks = True

    def __init__(
        self, console: Console, previews: int | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(console, previews)
        self._now, self._last, self._what = now, now(), ""

    def working(self, what: str, done: float, count: float) -> None:
        what = printable(what)
        super().working(what, done, count)
        if what != self._what:
            self._what, self._last = what, self._now()
            say(self._console, what)
        else:
            self._now_and_then(lambda: f"{what}  {percentage(done, count)}")

    def step(self, step: Step) -> None:
        super().step(step)
        self._tell(due=False)

    def together(self, cluster_progress: ClusterProgress) -> None:
        super().together(cluster_progress)
        self._tell(due=False)

    def _done(self, painted: PaintedFrame) -> None:
        super()._done(painted)
        pace = self.pace
        self._tell(due=pace is not None and pace.frames_done == pace.frames)

    def _tell(self, due: bool) -> None:
        pace = self.pace
        if pace:
            self._now_and_then(lambda: progress_line(pace, self.noun), due)

    def _now_and_then(self, line: Callable[[], str], due: bool = False) -> None:
        if due or self._now() - self._last >= EVERY:
            self._last = self._now()
            say(self._console, line())


class Bars(Quiet):
    """Two bars: the frames with the time left, and the steps of the current one with the loss."""

    _talks = True

    def __init__(self, console: Console, previews: int | None = None) -> None:
        super().__init__(console, previews)
        columns = (
            TextColumn("{task.description:<8}", markup=False),
            BarColumn(min(WIDEST_BAR, console.width // 6)),
            _Live(),
        )
        self._progress = Progress(*columns, console=console, transient=True, refresh_per_second=REFRESHES)
        self._work: TaskID | None = None
        self._frames: TaskID | None = None
        self._steps: TaskID | None = None

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, outline: Outline) -> None:
        self._end_work()
        super().started(outline)

    def working(self, what: str, done: float, count: float) -> None:
        what = printable(what)
        super().working(what, done, count)
        if self._work is None:
            self._work = self._progress.add_task(
                what, total=None, note=lambda task: percentage(task.completed, task.total)
            )
        self._progress.update(self._work, description=what, completed=done, total=count or None)
        if count and done >= count:
            self._end_work()

    def step(self, step: Step) -> None:
        super().step(step)
        self._show()

    def together(self, cluster_progress: ClusterProgress) -> None:
        super().together(cluster_progress)
        self._show()

    def _done(self, painted: PaintedFrame) -> None:
        super()._done(painted)
        self._show()

    def _end_work(self) -> None:
        if self._work is not None:
            self._progress.remove_task(self._work)
            self._work = None

    def _show(self) -> None:
        pace = self.pace
        if pace is None:
            return
        self._end_work()
        if pace.frames > 1:
            if self._frames is None:
                self._frames = self._progress.add_task(self.noun, note=lambda _: frames_note(pace, self.noun))
            self._progress.update(self._frames, completed=pace.frames_done + pace.progress, total=pace.frames)
        if pace.last_step:
            if self._steps is None:
                self._steps = self._progress.add_task("step", note=lambda _: steps_note(pace))
            self._progress.update(self._steps, completed=pace.progress, total=1.0)


class _Live(ProgressColumn):
    """A task's note, made anew at each refresh, so that the time left runs on between steps."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["note"](task), no_wrap=True)


def percentage(done: float, count: float | None) -> str:
    return f"{100 * min(1.0, done / count):.0f} %" if count else ""


def progress_line(pace: RemainingTime, noun: str) -> str:
    """``frame 12/300  loss 0.310  4.2 s/frame  20:10 left``."""
    step = pace.last_step
    within = f"step {step.number}/{step.count}" if step and pace.opening else ""
    number = pace.current if step else pace.frames_done
    counted = f"{noun} {number}/{pace.frames}" if pace.frames > 1 or not within else ""
    parts = (counted, within, _tasks(pace), _loss(pace), _speed(pace, noun), f"{clock(pace.left())} left")
    return "  ".join(filter(None, parts))


def frames_note(pace: RemainingTime, noun: str) -> str:
    """``12/300  shot 1/3  4.2 s/frame  20:10 left``."""
    shot = f"shot {pace.shot}/{pace.shots}" if 1 < pace.shots < pace.frames else ""
    number, where = (pace.frames_done, _tasks(pace)) if pace.cluster_progress else (pace.current, shot)
    parts = (f"{number}/{pace.frames}", where, _speed(pace, noun), f"{clock(pace.left())} left")
    return "  ".join(filter(None, parts))


def steps_note(pace: RemainingTime) -> str:
    """``5/84  loss 0.310``, with the time left where this image is all there is."""
    step = pace.last_step
    counted = f"{step.number}/{step.count}" if step else ""
    left = f"{clock(pace.left())} left" if pace.frames == 1 else ""
    return "  ".join(filter(None, (counted, _loss(pace), left)))


def _tasks(pace: RemainingTime) -> str:
    """How many segments machines work on at once."""
    return some(pace.cluster_progress.tasks, "task") if pace.cluster_progress else ""


def _loss(pace: RemainingTime) -> str:
    return "" if pace.loss is None else f"loss {loss_number(pace.loss)}"


def _speed(pace: RemainingTime, noun: str) -> str:
    seconds = pace.seconds_per_frame
    return "" if seconds is None else f"{seconds_each(seconds)}/{noun}"
