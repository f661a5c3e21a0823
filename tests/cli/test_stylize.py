"""Whole jobs from the command line."""

import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_main import run
from tests.clips import ffmpeg
from vidstyle.cli.main import main
from vidstyle.core.optimizers import OPTIMIZERS, Descended, quasi_newton

VIDSTYLE = (sys.executable, "-m", "vidstyle")


def frames_of(path: Path) -> int:
    text = ffmpeg("-i", path, "-map", "0:v", "-f", "framecrc", "-").decode()
    return sum(not line.startswith("#") for line in text.splitlines())


def test_a_film_is_painted(film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, lines = run(capsys, film, *fast)
    assert (code, out) == (0, f"{tmp_path / 'clip_stripes.mp4'}\n"), lines
    assert frames_of(tmp_path / "clip_stripes.mp4") == 6
    text = "\n".join(lines)
    assert lines[0].startswith("clip.mp4 in the style of stripes.png: 6 frames at 64x48, about ")
    assert lines[1].startswith("video, 0.2 s at 25 fps, 1 shot; about ")
    assert not re.search("try next|--strength", text)
    assert "frame 6/6  loss " in text
    assert re.search(r"painted 6 frames in 0:0\d \(.* s per frame\); weights: .*random.safetensors [0-9a-f]{8}$", text)
    assert "\x1b" not in text


def test_the_command_is_seven_calls_from_the_optimizer(
    film: Path, fast: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls that docs/architecture.md names, and no other of ours."""
    stacks: list[list[str]] = []

    def watched(*arguments: Any) -> Descended:
        own = [one for one in traceback.extract_stack() if "/vidstyle/" in one.filename and "<" not in one.name]
        stacks.append([one.name for one in own])
        return quasi_newton(*arguments)

    monkeypatch.setitem(OPTIMIZERS, "quasi-newton", watched)
    assert run(capsys, film, *fast)[0] == 0
    calls = ["paint", "run", "run_film", "paint", "stylize_shots", "stylize_next", "refine"]
    assert stacks[-1][-len(calls) :] == calls
    assert [*calls[:5], "coarse_to_fine"] in [stack[-6:] for stack in stacks]


def test_quiet_prints_the_path_and_nothing_else(
    film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o.mp4"
    assert run(capsys, film, "--quiet", "-o", out, *fast) == (0, f"{out}\n", [])


def test_an_image_is_painted_and_unused_options_are_told(
    photo: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, lines = run(capsys, photo, *fast)
    assert (code, out) == (0, f"{tmp_path / 'photo_stripes.png'}\n")
    assert lines[0].startswith("warning: --frame-steps is not used")
    assert lines[-1].startswith("painted 1 image in ")


def test_images_that_fail_are_told_and_the_others_painted(
    photo: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "a.png").write_bytes(photo.read_bytes())
    (folder / "b.png").write_bytes(b"no image")
    code, out, lines = run(capsys, folder, *fast)
    assert (code, out) == (1, f"{tmp_path / 'many_stripes'}\n")
    assert lines[-2].startswith("failed: b.png")
    assert lines[-1].startswith("vidstyle: 1 image could not be painted; the others are in ")


def test_a_dry_run_tells_the_plan_and_writes_nothing(
    film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.iterdir())
    code, out, lines = run(capsys, film, "--dry-run", *fast)
    assert code == 0, lines
    for words in ("6 frames at 64x48", "1 shot", "of painting", "of memory"):
        assert words in out
    assert sorted(tmp_path.iterdir()) == before


def test_a_dry_run_looks_also_where_the_output_exists(
    film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there.mp4"
    there.write_bytes(b"mine")
    code, out, lines = run(capsys, film, "--dry-run", "-o", there, *fast)
    assert (code, len(out.splitlines())) == (0, 2), lines
    assert [line for line in lines if line.startswith(f"{there} already exists")]
    assert there.read_bytes() == b"mine"
    assert not [line for line in run(capsys, film, "--dry-run", *fast)[2] if "already exists" in line]


def test_a_preview_is_images_and_a_sheet(
    film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, lines = run(capsys, film, "--preview", "--at", "0.08s", "--at", "0.16", *fast)
    files = [Path(line) for line in out.splitlines()]
    assert (code, len(files)) == (0, 3), lines
    assert all(file.is_file() and file.suffix == ".png" for file in files)
    assert any("preview 2/2" in line for line in lines)
    assert not (tmp_path / "clip_stripes.mp4").exists()


@pytest.fixture(params=[(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def stopped_by(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """A signal and the exit code it asks for; processes started meanwhile heed it.

    A shell starts what it puts in the background with SIGINT ignored, and so would all that the tests start.
    """
    number, code = request.param
    before = signal.signal(number, signal.default_int_handler)
    yield number, code
    signal.signal(number, before)


def test_a_stop_leaves_a_playable_film(stopped_by: tuple[int, int], fast: list[str], tmp_path: Path) -> None:
    number, code = stopped_by
    source = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=12", source)
    log, out = tmp_path / "log", tmp_path / "out.mp4"
    words = [*VIDSTYLE, str(source), *fast, "-o", str(out), "--log-file", str(log), "--quiet"]
    words[words.index("--frame-steps") + 1] = "20"
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as job:
        deadline = time.monotonic() + 120
        while not (log.exists() and "frame 3/300" in log.read_text()):
            assert time.monotonic() < deadline
            assert job.poll() is None, job.stderr and job.stderr.read()
            time.sleep(0.02)
        os.killpg(job.pid, number)
        time.sleep(0.1)
        os.killpg(job.pid, number)  # an impatient user
        stdout, stderr = job.communicate(timeout=60)
    assert (job.returncode, stdout) == (code, ""), stderr
    told = re.fullmatch(r"(\d+) frames painted: (.*); .* the same command .*\nvidstyle: stopped\n", stderr)
    assert told, stderr
    assert frames_of(Path(told[2])) == int(told[1]) >= 3
    assert not out.exists()


def test_bars_on_a_real_terminal(film: Path, fast: list[str], tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    words = [*VIDSTYLE, str(film), *fast, "-o", str(tmp_path / "o.mp4")]
    words[words.index("--frame-steps") + 1] = "10"
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=follower, env=environment) as job:
        os.close(follower)
        shown = b""
        while chunk := _read(leader):
            shown += chunk
        stdout, _ = job.communicate()
    os.close(leader)
    text = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", shown.decode())
    assert (job.returncode, stdout.decode()) == (0, f"{tmp_path / 'o.mp4'}\n"), text
    assert b"\x1b[" in shown
    for words_shown in ("starting", "━ frame ", "/6", "loss ", " left", "painted 6 frames", "try next:"):
        assert words_shown in text, text
    report = re.search(r"  report    vidstyle (.*)", text)
    assert report
    assert main(shlex.split(report[1])) == 0


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""
