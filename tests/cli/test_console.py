"""What is shown while a job works."""

import io
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.test_words import OUTLINE
from tests.jobs.test_eta import Clock, painted, step
from vidstyle.cli.console import EVERY, Bars, PlainLines, Quiet, listening
from vidstyle.cli.logs import logging_to
from vidstyle.jobs.eta import RemainingTime
from vidstyle.jobs.events import ClusterProgress, Listener


def console(terminal: bool = False, width: int = 80) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, force_terminal=terminal, force_interactive=terminal, width=width), stream


def paint(listener: Listener, clock: Clock, frames: int = 3, seconds: float = 4.2) -> None:
    listener.started(OUTLINE)
    for index in range(frames):
        listener.step(step(1, 4 if index else 151, 0.5))
        clock.now += seconds
        listener.frame(painted(index))


def test_plain_lines_come_every_few_seconds_only() -> None:
    terminal, stream = console()
    clock = Clock()
    paint(PlainLines(terminal, now=clock), clock, frames=300, seconds=EVERY / 10)
    lines = stream.getvalue().splitlines()[3:]
    assert 25 <= len(lines) <= 35
    assert lines[-1].startswith("frame 300/300  loss 0.310  ")
    assert lines[-1].endswith("0:00 left")


def test_a_plain_line_tells_frame_loss_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, stream = console()
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    lines = PlainLines(terminal, now=clock)
    paint(lines, clock, frames=12, seconds=6)
    assert stream.getvalue().splitlines()[-1].startswith("frame 12/300  loss 0.310  ")
    assert " s/frame  " in stream.getvalue().splitlines()[-1]


def test_a_long_line_is_not_wrapped() -> None:
    terminal, stream = console(width=20)
    paint(PlainLines(terminal), Clock(), frames=0)
    assert len(stream.getvalue().splitlines()) == 3


def test_plain_lines_name_other_work_once() -> None:
    terminal, stream = console()
    clock = Clock()
    lines = PlainLines(terminal, now=clock)
    for done in range(1, 11):
        lines.working("learning filters", done, 10)
        clock.now += EVERY / 4
    assert stream.getvalue().splitlines() == ["learning filters", "learning filters  50 %", "learning filters  90 %"]


def test_work_of_unknown_size_has_no_percentage() -> None:
    terminal, stream = console(terminal=True)
    with Bars(terminal) as bars:
        bars.working("fetching", 3, 0)
    assert "%" not in stream.getvalue()


def test_bars_tell_frames_shots_steps_loss_and_time() -> None:
    terminal, stream = console(terminal=True)
    with Bars(terminal) as bars:
        bars.working("looking for cuts", 5, 10)
        bars._progress.refresh()
        paint(bars, Clock(), frames=2)
        bars.step(step(2, 3, 0.75))
    shown = stream.getvalue()
    for words in (
        "looking for cuts",
        "50 %",
        "640x360 of 1920x1080",
        "3/300",
        "shot 1/3",
        " left",
        "2/3",
        "loss 0.310",
    ):
        assert words in shown, words


def test_bars_fit_into_80_columns() -> None:
    terminal, stream = console(terminal=True)
    outline = replace(OUTLINE, frames=12000, shots=300)
    with Bars(terminal) as bars:
        bars.started(outline)
        for index in range(1200):
            bars.frame(painted(index, cut=index % 10 == 0))
        bars.step(step(2, 3, 0.75))
        stream.truncate(0)
        bars._progress.refresh()
        rows = [re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", row).strip() for row in stream.getvalue().splitlines()]
    rows = [row for row in rows if row.startswith("frame")]
    assert rows
    for row in rows:
        assert len(row) <= 80
        assert re.search(r"1201/12000  shot 120/300  .* s/frame  [\d:]+ left$", row), row


def test_quiet_says_nothing_while_all_goes_well() -> None:
    terminal, stream = console()
    paint(Quiet(terminal), Clock())
    assert stream.getvalue() == ""


@pytest.mark.parametrize("kind", [Quiet, PlainLines, Bars])
def test_a_stop_tells_where_the_frames_are(kind: type[Quiet]) -> None:
    terminal, stream = console()
    kind(terminal).interrupted(Path("out.partial.mp4"), 12)
    kind(terminal).interrupted(None, 0)
    assert stream.getvalue().splitlines() == [
        "12 frames done: out.partial.mp4; run the same command to go on",
        "no frame was done, so nothing was written",
    ]


@pytest.mark.parametrize("kind", [PlainLines, Bars])
def test_what_was_done_before_is_told_and_counted(kind: type[Quiet]) -> None:
    terminal, stream = console()
    listener = kind(terminal)
    listener.started(OUTLINE)
    listener.resumed(3, 1, Path("out.mp4.vidstyle"))
    assert "3 frames done before, in out.mp4.vidstyle; goes on from there" in stream.getvalue()
    assert listener.pace is not None
    assert listener.pace.current == 4


def test_the_listener_follows_the_terminal() -> None:
    for terminal, quiet, kind in ((False, False, PlainLines), (True, False, Bars), (True, True, Quiet)):
        with listening(console(terminal)[0], quiet) as listener:
            assert type(listener) is kind


def test_messages_of_the_library_are_lines(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("vidstyle.video.reader")
    for quiet, wanted in ((False, ["news [bold]", "warning: trouble"]), (True, ["warning: trouble"])):
        terminal, stream = console()
        with logging_to(terminal, quiet):
            log.debug("details")
            log.info("news [bold]")
            log.warning("trouble")
        assert stream.getvalue().splitlines() == wanted


def test_the_log_file_gets_everything(tmp_path: Path) -> None:
    terminal, stream = console()
    with logging_to(terminal, True, tmp_path / "log"):
        logging.getLogger("vidstyle.jobs").debug("details")
        logging.getLogger("py.warnings").warning("a third party complains")
    assert stream.getvalue() == ""
    text = (tmp_path / "log").read_text()
    assert "DEBUG vidstyle.jobs: details" in text
    assert "a third party complains" in text
    assert text[:4].isdigit()


@pytest.mark.parametrize("kind", [PlainLines, Bars])
def test_machines_that_work_together_are_one_view(kind: type[Quiet]) -> None:
    terminal, stream = console(terminal=kind is Bars, width=120)
    clock = Clock()
    listener = kind(terminal) if kind is Bars else PlainLines(terminal, now=clock)
    listener.started(OUTLINE)
    listener.pace = RemainingTime(OUTLINE, now=clock)
    listener.together(ClusterProgress(0, 3, None))
    clock.now += 60
    listener.together(ClusterProgress(120, 3, 0.31))
    if isinstance(listener, Bars):
        with listener:
            pass
    text = stream.getvalue()
    assert "120/300" in text
    assert "3 tasks" in text
    assert "0.5 s/frame" in text
    assert "1:30 left" in text


def test_each_clip_of_a_folder_is_named() -> None:
    terminal, stream = console()
    PlainLines(terminal).clip(Path("walk.mp4"), 2, 5)
    assert stream.getvalue() == "clip 2/5: walk.mp4\n"
