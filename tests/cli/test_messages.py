"""Numbers in words."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from vidstyle.cli.messages import (
    clock,
    loss_number,
    memory,
    next_lines,
    outline_lines,
    preview_lines,
    roughly,
    say,
    seconds_each,
    summary_line,
)
from vidstyle.files import printable
from vidstyle.jobs.events import Estimate, Outline, Summary
from vidstyle.jobs.spec import JobSpec
from vidstyle.settings.settings import Settings

JOB = JobSpec(Path("in/clip.mp4"), (Path("monet.jpg"),), Path("out.mp4"), "video")
OUTLINE = Outline(JOB, (1080, 1920), (360, 640), 300, 3, 25.0, Estimate(1210, 1.5e9), Estimate(10900, 5e9))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (-3, "0:00"), (5.4, "0:05"), (59.6, "1:00"), (1210, "20:10"), (11110, "3:05:10")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (40, "40 s"), (89, "89 s"), (150, "2.5 min"), (1210, "20 min"), (10900, "3 h"), (2e5, "2.3 days")],
)
def test_roughly(seconds: float, text: str) -> None:
    assert roughly(seconds) == f"about {text}"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0042, "0.0042 s"), (0.21, "0.21 s"), (4.2, "4.2 s"), (9.96, "10 s"), (412, "412 s")]
)
def test_seconds_each(seconds: float, text: str) -> None:
    assert seconds_each(seconds) == text


def test_losses_of_any_size_stay_short() -> None:
    assert [loss_number(x) for x in (0.31, 12.3456, 31000, 2e-5, 0.0)] == ["0.310", "12.346", "3.1e+04", "2e-05", "0"]


def test_memory() -> None:
    assert [memory(x) for x in (12, 5.7e8, 1.5e9, 2e10)] == ["12 bytes", "570 MB", "1.5 GB", "20 GB"]


def test_a_name_cannot_move_the_cursor_or_break_the_line() -> None:
    assert printable("a\x1b[2Jb\nc\td\x07") == "a?[2Jb c?d?"


def test_the_first_line_of_an_outline_says_what_is_painted_and_how_long_that_takes() -> None:
    assert outline_lines(OUTLINE, "cpu") == [
        "clip.mp4 in the style of monet.jpg: 300 frames at 640x360, about 20 min of painting",
        "video, 12.0 s at 25 fps, 3 shots; about 1.5 GB of memory; to out.mp4",
        "640x360, the limit of --size auto on a CPU (source: 1920x1080); --size full would take about 3 h",
    ]


def test_learning_weights_counts_too() -> None:
    takes = replace(OUTLINE.estimate, learning=600.0)
    learning = replace(OUTLINE, estimate=takes, full_estimate=replace(OUTLINE.full_estimate, learning=600.0))
    assert outline_lines(learning, "cpu")[0].endswith("about 20 min of painting after about 10 min of learning weights")
    assert preview_lines(learning, "cpu", 3, 95.0)[1].endswith(roughly(1810))


def test_preview_lines_tell_both_times() -> None:
    assert preview_lines(OUTLINE, "cpu", 3, 95.0)[:2] == [
        "clip.mp4 in the style of monet.jpg: 300 frames at 640x360; 3 previews, about 1.6 min",
        "video, 12.0 s at 25 fps, 3 shots; all of it would take about 20 min",
    ]


def test_outline_of_a_chosen_size() -> None:
    job = replace(JOB, settings=Settings(size="640"))
    assert "as --size 640 requests" in outline_lines(replace(OUTLINE, job=job), "cpu")[2]
    full = replace(OUTLINE, job=replace(JOB, settings=Settings(size="4000")), size=(1080, 1920))
    assert outline_lines(full, "cuda")[2] == "1920x1080 is the size of the source; --size 4000 does not enlarge it"
    assert len(outline_lines(replace(OUTLINE, size=(1080, 1920)), "cuda")) == 2


def test_outline_of_images_and_several_styles() -> None:
    one = replace(OUTLINE, job=replace(JOB, kind="image"), rate=None, frames=1, shots=1)
    two, three = ((Path("a.png"), Path("b.png"), Path("c.png"))[:count] for count in (2, 3))
    many = replace(OUTLINE, job=replace(JOB, kind="images", styles=two), rate=None, frames=5, shots=5)
    assert outline_lines(one, "cpu")[0].startswith("clip.mp4 in the style of monet.jpg: 1 image at 640x360, about")
    assert outline_lines(many, "cpu")[0].startswith("clip.mp4 in the style of a.png and b.png: 5 images at up to 640x")
    job = replace(JOB, styles=three)
    assert "in the style of a.png and 2 others: 300" in outline_lines(replace(OUTLINE, job=job), "cpu")[0]


def test_what_to_try_next_can_be_copied_and_leaves_out_what_does_not_apply(tmp_path: Path) -> None:
    (out := tmp_path / "my video.mp4").touch()
    job = replace(JOB, out=out, end=2.5)
    assert next_lines(job, {}) == [
        "try next:",
        "  stronger  the same command with --strength 0.7 --overwrite",
        "  finer     the same command with --preset fine --overwrite",
        f"  report    vidstyle report '{out}' --source in/clip.mp4 --style monet.jpg --to 2.5",
    ]
    strong = replace(job, settings=Settings(strength=1.0), kind="image")
    assert not next_lines(strong, {"steps": 100})
    assert "--strength 1 " in next_lines(replace(job, settings=Settings(strength=0.9)), {})[1]


@pytest.mark.parametrize(
    ("terminal", "wanted"),
    [(True, ["one two", "a/long/file/name.mp4", "end"]), (False, ["one two a/long/file/name.mp4 end"])],
)
def test_a_line_is_wrapped_between_words_on_a_terminal_only(terminal: bool, wanted: list[str]) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=10, color_system=None)
    say(console, "one two a/long/file/name.mp4 end")
    assert stream.getvalue().splitlines() == wanted


def test_summary_tells_frames_speed_and_filters() -> None:
    done = {"frames": 300, "steps": 1304, "seconds": 1264.0, "elapsed": 1329.0}
    summary = Summary(Path("out.mp4"), "imagenet", "0123456789ab", 1.0, **done)
    text = "painted 300 frames in 22:09 (painting: 4.2 s per frame); weights: imagenet 01234567"
    assert summary_line(summary, "frame") == text
    assert (
        summary_line(replace(summary, frames=1, seconds=7, elapsed=9), "image")
        == "painted 1 image in 0:09; weights: imagenet 01234567"
    )
