"""What is shown while a job works."""

import contextlib
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.test_messages import OUTLINE
from tests.jobs.test_eta import Clock, painted, step
from vidstyle.cli.console import EVERY, JobConsole
from vidstyle.jobs.events import ClusterProgress, Listener


def console(terminal: bool = False, width: int = 80) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, force_terminal=terminal, force_interactive=terminal, width=width), stream


def refresh(listener: JobConsole) -> None:
    assert listener._bar is not None
    listener._bar.refresh()


def paint(listener: Listener, clock: Clock, frames: int = 3, seconds: float = 4.2) -> None:
    listener.started(OUTLINE)
    for index in range(frames):
        listener.step(step(1, 4 if index else 151, 0.5))
        clock.now += seconds
        listener.frame(painted(index))


def test_plain_lines_come_every_few_seconds_only() -> None:
    terminal, stream = console()
    clock = Clock()
    paint(JobConsole(terminal, now=clock), clock, frames=300, seconds=EVERY / 10)
    lines = stream.getvalue().splitlines()[3:]
    assert 25 <= len(lines) <= 35
    assert lines[-1].startswith("frame 300/300  loss 0.310  ")
    assert lines[-1].endswith("0:00 left")


def test_a_plain_line_tells_frame_loss_speed_and_time_left() -> None:
    terminal, stream = console()
    clock = Clock()
    paint(JobConsole(terminal, now=clock), clock, frames=12, seconds=6)
    assert re.fullmatch(r"frame 12/300  loss 0\.310  6 s/frame  [\d:]+ left", stream.getvalue().splitlines()[-1])


def test_a_long_line_is_not_wrapped() -> None:
    terminal, stream = console(width=20)
    paint(JobConsole(terminal), Clock(), frames=0)
    assert len(stream.getvalue().splitlines()) == 3


def test_plain_lines_name_other_work_that_takes_a_while() -> None:
    terminal, stream = console()
    clock = Clock()
    lines = JobConsole(terminal, now=clock)
    for done in range(1, 11):
        lines.working("learning filters", done, 10)
        clock.now += EVERY / 4
    assert stream.getvalue().splitlines() == ["learning filters  50 %", "learning filters  90 %"]
    lines.started(OUTLINE)
    lines.working("finding the balance", 1, 3)
    lines.working("finding the balance", 2, 3)
    assert stream.getvalue().splitlines()[5:] == ["finding the balance"]


def test_work_of_unknown_size_has_no_percentage() -> None:
    terminal, stream = console(terminal=True)
    with JobConsole(terminal) as bars:
        bars.working("fetching", 3, 0)
    assert "%" not in stream.getvalue()


def rows(stream: io.StringIO) -> list[str]:
    """The lines that a terminal was sent, without its controls."""
    return [re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", row).strip() for row in re.split("[\r\n]+", stream.getvalue())]


def test_one_bar_tells_the_work_and_then_the_frames_with_loss_rate_and_time() -> None:
    terminal, stream = console(terminal=True)
    with JobConsole(terminal) as bar:
        refresh(bar)
        assert rows(stream)[-1].endswith("━ preparing")
        bar.working("looking for cuts", 5, 10)
        refresh(bar)
        assert rows(stream)[-1].endswith("━ looking for cuts  50 %")
        bar.working("looking for cuts", 10, 10)
        refresh(bar)
        assert rows(stream)[-1].endswith("━ preparing")
        paint(bar, Clock(), frames=2)
        bar.step(step(2, 3, 0.75))
        refresh(bar)
        assert re.search(r"━ frame 3/300  loss 0\.310  \S+ s/frame  [\d:]+ left$", rows(stream)[-1])
    assert any("300 frames at 640x360" in row for row in rows(stream))


@pytest.mark.parametrize("width", [80, 100])
def test_the_bar_is_one_line_also_where_its_numbers_are_long(width: int) -> None:
    terminal, stream = console(terminal=True, width=width)
    outline = replace(OUTLINE, frames=12000, shots=300)
    with JobConsole(terminal) as bar:
        bar.started(outline)
        for index in range(1200):
            bar.frame(painted(index, cut=index % 10 == 0))
        bar.step(step(2, 151, 0.75))
        stream.truncate(0)
        refresh(bar)
        row = rows(stream)[-1]
    assert len(row) <= width
    assert re.search(r"━ frame 1201/12000  step 2/151  loss 0\.310  .* s/frame  [\d:]+ left$", row), row


def test_quiet_says_nothing_while_all_goes_well() -> None:
    terminal, stream = console()
    paint(JobConsole(terminal, quiet=True), Clock())
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("bars", "quiet"), [(False, False), (False, True), (True, False)])
def test_a_stop_tells_where_the_frames_are(bars: bool, quiet: bool) -> None:
    terminal, stream = console(terminal=bars, width=120)
    listener = JobConsole(terminal, quiet)
    listener.interrupted(Path("out.partial.mp4"), 12, 8)
    listener.interrupted(Path("out.partial.mp4"), 12, 0)
    listener.interrupted(None, 0, 0)
    assert stream.getvalue().splitlines() == [
        "12 frames painted: out.partial.mp4; the same command resumes after frame 8",
        "12 frames painted: out.partial.mp4; too few to resume, so the same command starts over",
        "no frame painted yet; the same command starts over",
    ]


def test_a_stop_that_the_job_does_not_tell_is_told() -> None:
    for frames, wanted in ((0, "no frame painted yet; "), (2, "2 frames painted and kept; ")):
        terminal, stream = console()
        with contextlib.suppress(KeyboardInterrupt), JobConsole(terminal) as listener:
            paint(listener, Clock(), frames=frames)
            raise KeyboardInterrupt
        assert stream.getvalue().splitlines()[-1].startswith(wanted)
        assert "same command" in stream.getvalue()


@pytest.mark.parametrize("bars", [False, True])
def test_what_was_done_before_is_told_and_counted(bars: bool) -> None:
    terminal, stream = console(terminal=bars)
    listener = JobConsole(terminal)
    listener.started(OUTLINE)
    listener.resumed(3, 1, Path("out.mp4.vidstyle"))
    assert "3 frames already painted, in out.mp4.vidstyle; resuming after them" in stream.getvalue()
    assert listener.pace is not None
    assert listener.pace.current == 4


def test_what_is_shown_follows_the_terminal() -> None:
    for bars, quiet in ((False, False), (True, False), (True, True), (False, True)):
        terminal, stream = console(terminal=bars)
        with JobConsole(terminal, quiet) as listener:
            paint(listener, Clock(), frames=1)
        shown = stream.getvalue()
        assert ("━" in shown) == (bars and not quiet)
        assert bool(shown) != quiet
        assert shown.endswith("\n\n") is False


@pytest.mark.parametrize("bars", [False, True])
def test_machines_that_work_together_are_one_view(bars: bool) -> None:
    terminal, stream = console(terminal=bars, width=120)
    clock = Clock()
    with JobConsole(terminal, now=clock) as listener:
        listener.started(OUTLINE)
        listener.together(ClusterProgress(0, 3, None))
        clock.now += 60
        listener.together(ClusterProgress(120, 3, 0.31))
    text = stream.getvalue()
    assert "120/300" in text
    assert "3 tasks" in text
    assert "0.5 s/frame" in text
    assert "1:30 left" in text


def test_each_clip_of_a_folder_is_named() -> None:
    terminal, stream = console()
    JobConsole(terminal).clip(Path("walk.mp4"), 2, 5)
    assert stream.getvalue() == "video 2/5: walk.mp4\n"
