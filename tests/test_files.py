"""Whether a path can be read is found out in a time that has an end."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.clips import clip
from tests.refusals import refused
from vidstyle import files
from vidstyle.core.read_ahead import HangError, ReadAhead
from vidstyle.errors import SourceError
from vidstyle.files import answered, check_target, require_file, write_whole
from vidstyle.video import ffmpeg, reader
from vidstyle.video.encoder import Film, SegmentFile
from vidstyle.video.reader import open_video


@pytest.fixture
def silent_pipe(tmp_path: Path) -> Iterator[Path]:
    """A pipe that nobody writes to: reading it takes for ever, as from a drive that has gone away."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    yield path
    os.close(os.open(path, os.O_RDWR))


def test_what_does_not_answer_is_given_up(silent_pipe: Path) -> None:
    began = time.monotonic()
    with refused("VS309", "film.mp4", "0.2"):
        answered(silent_pipe.read_bytes, "film.mp4", 0.2)
    assert time.monotonic() - began < 5


def test_answers_and_errors_come_through() -> None:
    assert answered(lambda: 7, "x") == 7
    with pytest.raises(ZeroDivisionError):
        answered(lambda: 1 / 0, "x")


def test_kinds_of_no_files(tmp_path: Path, silent_pipe: Path) -> None:
    (tmp_path / "empty").touch()
    for path, code in ((tmp_path, "VS311"), (silent_pipe, "VS313"), (tmp_path / "empty", "VS314")):
        with refused(code):
            require_file(path)


def test_reading_that_hangs_is_an_error_and_closing_does_not_wait(silent_pipe: Path) -> None:
    def items(sign: object) -> Iterator[bytes]:
        yield b"first"
        yield silent_pipe.read_bytes()

    ahead = ReadAhead(items, patience=0.5)
    found = iter(ahead)
    assert next(found) == b"first"
    with pytest.raises(HangError):
        next(found)


def test_signs_of_life_keep_it_going() -> None:
    def items(sign: object) -> Iterator[int]:
        for _ in range(8):
            time.sleep(0.2)
            sign()  # type: ignore[operator]
        yield 1

    ahead = ReadAhead(items, patience=0.7)
    assert list(ahead) == [1]
    ahead.close()


def test_a_film_whose_drive_goes_away_is_one_sentence(
    tmp_path: Path, silent_pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip(tmp_path / "a.mp4", count=12)
    decoded = reader.decoded

    def goes_away(*given: object, **more: object) -> Iterator[object]:
        for number, image in enumerate(decoded(*given, **more)):  # type: ignore[arg-type]
            if number == 5:
                silent_pipe.read_bytes()
            yield image

    monkeypatch.setattr(reader, "decoded", goes_away)
    monkeypatch.setattr(reader, "PATIENCE", 0.6)
    monkeypatch.setattr("vidstyle.core.read_ahead.LEAVING", 0.2)
    with refused("VS356", "a.mp4", "0.6"), open_video(path) as film:
        list(film)


@pytest.mark.skipif(sys.platform != "linux", reason="stops a process by a signal")
def test_an_ffmpeg_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "PATIENCE", 1.0)
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    script.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "executable", lambda: str(script))
    began = time.monotonic()
    result = ffmpeg.run_with_progress(["-version"])
    assert result.code != 0
    assert ffmpeg.reason(result.log) == "ffmpeg hung for 1 s and was stopped"
    film = Film(tmp_path / "film.mp4", (720, 1280), Fraction(25))
    hung = refused("VS444", "film.mp4", ffmpeg.reason(result.log))
    with SegmentFile(tmp_path / "segment.mp4", film) as segment_file, hung:
        fill(segment_file)
    assert time.monotonic() - began < 20
    assert not [t for t in threading.enumerate() if t.name == "vidstyle-watch"]


def fill(segment_file: SegmentFile) -> None:
    for _ in range(100):
        segment_file.write_pixels(np.zeros((*segment_file.film.size, 3), np.uint8))


@pytest.mark.skipif(sys.platform != "linux", reason="stops a process by a signal")
def test_an_encoder_that_nobody_feeds_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """Painting may take longer than ffmpeg's patience."""
    monkeypatch.setattr(ffmpeg, "PATIENCE", 0.4)
    process = subprocess.Popen(["sleep", "600"])
    with contextlib.closing(ffmpeg.Watch(process, idle=True)) as watch:
        time.sleep(1.5)
        assert process.poll() is None
        watch.idle = False
        process.wait(timeout=5)
        assert watch.hung
    assert files.PATIENCE > 1


@pytest.mark.parametrize("length", [1, 245, 255])
def test_what_is_written_may_have_any_name_that_a_disk_holds(tmp_path: Path, length: int) -> None:
    write_whole(tmp_path / ("a" * length), b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a" * length]


def test_a_name_that_is_too_long_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        check_target(tmp_path / f"{'a' * 300}.png", [".png"])
    assert caught.value.code == "VS316"
