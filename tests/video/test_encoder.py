"""Writing: every image, exact times, right colours, the original's sound bit for bit, or nothing at all."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from tests.clips import (
    assert_colours,
    clip,
    ffmpeg,
    first_times,
    header,
    number,
    numbered_image,
    stream_hashes,
    tone,
    with_sound,
)
from tests.refusals import refused
from vidstyle.core.pixels import to_tensor
from vidstyle.video import codecs
from vidstyle.video.encoder import Film, SegmentFile
from vidstyle.video.muxer import Sink
from vidstyle.video.probe import probe
from vidstyle.video.reader import open_video


def image_tensor(index: int = 0, height: int = 96, width: int = 160) -> Tensor:
    return to_tensor(numbered_image(index, height, width))


def fill(sink: Sink, count: int) -> None:
    for n in range(count):
        sink.write(image_tensor(n, *sink.film.size))


def write_all(path: Path, images: list[Tensor]) -> None:
    with Sink(Film(path, (96, 160), Fraction(25))) as sink:
        for one in images:
            sink.write(one)
        sink.finish()


def numbers(path: Path) -> list[int]:
    with open_video(path) as source:
        return [number(frame.image) for frame in source]


class Stopped(SegmentFile):
    """Ctrl-C comes while the third frame is written: before ffmpeg has it, or after."""

    def __init__(self, path: Path, film: Film, *, late: bool) -> None:
        super().__init__(path, film)
        self.late = late

    def _feed(self, data: bytes) -> None:
        stops = self.frame_count == 2
        if self.late or not stops:
            super()._feed(data)
        if stops:
            raise KeyboardInterrupt


@pytest.mark.parametrize("ending", ["mp4", "gif"])
@pytest.mark.parametrize("late", [False, True])
def test_a_stop_while_a_frame_is_written_leaves_a_whole_segment(late: bool, ending: str, tmp_path: Path) -> None:
    film = Film(tmp_path / f"out.{ending}", (96, 160), Fraction(25))
    with Stopped(tmp_path / f"segment{film.segment_ending}", film, late=late) as segment:
        for n in range(2):
            segment.write(image_tensor(n))
        with pytest.raises(KeyboardInterrupt):
            segment.write(image_tensor(2))
        segment.finish()
        assert segment.frame_count == (3 if late else 2)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("rate", ["24000/1001", "25"])
def test_count_rate_colours_and_tags(tmp_path: Path, ending: str, rate: str) -> None:
    path = tmp_path / f"out.{ending}"
    with Sink(Film(path, (96, 160), Fraction(rate))) as sink:
        fill(sink, 10)
        assert sink.finish() == path
    info = probe(path)
    assert (info.rate, info.frame_count, info.size, info.faults) == (Fraction(rate), 10, (96, 160), ())
    assert "tv, bt709" in header(path)
    with open_video(path) as source:
        frames = list(source)
    assert [number(f.image) for f in frames] == list(range(10))
    assert_colours(frames[0].image, tolerance=4)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(height=st.integers(17, 70), width=st.integers(17, 70))
def test_odd_sizes_are_padded_never_scaled(tmp_path: Path, height: int, width: int) -> None:
    """Every line stays in its place: a sharp edge in the image does not move."""
    drawn = torch.zeros(3, height, width)
    drawn[:, :, 9:] = 1
    drawn[:, 11:, :] *= 0.5
    path = tmp_path / "odd.mp4"
    with Sink(Film(path, (height, width), Fraction(25))) as sink:
        sink.write(drawn)
        sink.finish()
    with open_video(path) as source:
        seen = next(iter(source)).image
    assert tuple(seen.shape[1:]) == (height + height % 2, width + width % 2)
    assert (seen[:, :height, :width] - drawn).abs().max() < 0.12
    assert (seen[:, -1, 12:] - 0.5).abs().max() < 0.12, "the added line repeats the last one"


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_is_copied_bit_for_bit(tmp_path: Path, ending: str) -> None:
    silent = clip(tmp_path / "silent.mp4", count=25)
    original = tmp_path / f"original.{ending}"
    ffmpeg("-i", silent, *tone(frequency=300), *tone(frequency=900), "-map", 0, "-map", 1, "-map", 2, "-c:v", "copy",
           "-c:a:0", "aac", "-c:a:1", "ac3", "-metadata", "title=Home", original)  # fmt: skip
    path = tmp_path / "out.mp4"
    with Sink(Film(path, (96, 160), Fraction(25), sound_from=probe(original))) as sink:
        fill(sink, 25)
        sink.finish()
    assert stream_hashes(path, "a") == stream_hashes(original, "a")
    assert len(stream_hashes(path, "a")) == 2
    assert "title           : Home" in header(path)
    assert probe(path).frame_count == 25


@pytest.mark.parametrize(
    ("ending", "offset"), [("mp4", 0.0), ("ts", 0.0), ("mp4", 0.06), ("mkv", 0.06), ("mkv", 0.5), ("ts", 0.5)]
)
def test_sound_and_images_stay_in_step(tmp_path: Path, ending: str, offset: float) -> None:
    """Whether or not the images start late, image n is shown when it was against the same sound."""
    original = with_sound(tmp_path / f"original.{ending}", clip(tmp_path / "s.mp4", count=25), offset=offset)
    path = tmp_path / "out.mp4"
    with open_video(original) as source:
        info = source.info
        shown = [number(f.image) for f in source]
        with Sink(Film(path, info.size, info.rate, sound_from=info)) as sink:
            fill(sink, len(shown))
            sink.finish()
    before, after = first_times(original), first_times(path)
    padded = shown.count(0) - 1
    gap_before = before["0"] - before["1"]
    gap_after = after["0"] + padded / 25 - after["1"]
    assert gap_after == pytest.approx(gap_before, abs=0.021)  # half an image
    copied = tmp_path / "copied.mp4"  # transport streams wrap their sound in headers that MP4 has no place for
    ffmpeg("-i", original, "-c", "copy", copied)
    assert stream_hashes(path, "a") == stream_hashes(copied, "a")


@pytest.mark.parametrize("ending", ["mp4", "ts"])
def test_late_sound_stays_late(tmp_path: Path, ending: str) -> None:
    original = tmp_path / f"o.{ending}"
    silent = clip(tmp_path / "s.mp4", count=25)
    ffmpeg("-i", silent, "-itsoffset", 0.4, *tone(), "-c:v", "copy", "-c:a", "aac", original)
    path = tmp_path / "out.mp4"
    with Sink(Film(path, (96, 160), Fraction(25), sound_from=probe(original))) as sink:
        fill(sink, 25)
        sink.finish()
    before, after = first_times(original), first_times(path)
    assert before["1"] - before["0"] > 0.3
    assert after["1"] - after["0"] == pytest.approx(before["1"] - before["0"], abs=0.01)


def loud_from(path: Path) -> float:
    """Seconds at which the sound of a file gets loud, as a player plays it."""
    raw = np.frombuffer(ffmpeg("-i", path, "-map", "0:a", "-af", "aresample=async=1:first_pts=0", "-ac", 1,
                               "-ar", 8000, "-f", "s16le", "-"), np.int16)  # fmt: skip
    return float(np.argmax(np.abs(raw.astype(int)) > 2000)) / 8000


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_is_trimmed_with_the_images(tmp_path: Path, ending: str) -> None:
    silent = clip(tmp_path / "s.mp4", count=50)
    original = tmp_path / f"original.{ending}"
    beep = "aevalsrc='if(gte(t,1.2),0.8*sin(2000*t),0)':d=2:s=44100"
    ffmpeg("-i", silent, "-f", "lavfi", "-i", beep, "-c:v", "copy", "-c:a", "aac", original)
    path = tmp_path / f"out.{ending}"
    with Sink(Film(path, (96, 160), Fraction(25), sound_from=probe(original), start=0.8, end=1.6)) as sink:
        fill(sink, 20)
        sink.finish()
    assert probe(path).frame_count == 20
    assert loud_from(path) == pytest.approx(0.4, abs=0.03)
    assert sum(float(t) for t in [header(path).split("Duration: 00:00:")[1][:5]]) == pytest.approx(0.8, abs=0.05)


def test_sound_that_does_not_fit_is_encoded_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    original = with_sound(tmp_path / "o.mkv", clip(tmp_path / "s.mp4", count=25), "-c:a", "wmav2")
    path = tmp_path / "out.mp4"
    with Sink(Film(path, (96, 160), Fraction(25), sound_from=probe(original))) as sink:
        fill(sink, 25)
        sink.finish()
    assert probe(path).audio == ("aac",)
    assert "wmav2 sound does not fit" in caplog.text


def test_webm_takes_opus(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    original = with_sound(tmp_path / "o.mp4", clip(tmp_path / "s.mp4", count=5))
    path = tmp_path / "out.webm"
    with Sink(Film(path, (96, 160), Fraction(25), sound_from=probe(original))) as sink:
        fill(sink, 5)
        sink.finish()
    assert probe(path).audio == ("opus",)
    assert "aac sound does not fit" in caplog.text


def test_subtitles_are_kept_as_the_container_takes_them(tmp_path: Path) -> None:
    text = tmp_path / "t.srt"
    text.write_text("1\n00:00:00,000 --> 00:00:00,500\nHello\n")
    original = tmp_path / "o.mkv"
    ffmpeg("-i", clip(tmp_path / "s.mp4"), "-i", text, "-c", "copy", original)
    for ending, kept in ((".mkv", ("subrip",)), (".mp4", ("mov_text",))):
        path = tmp_path / f"out{ending}"
        with Sink(Film(path, (96, 160), Fraction(25), sound_from=probe(original))) as sink:
            fill(sink, 12)
            sink.finish()
        assert probe(path).subtitles == kept


def test_leaving_by_an_error_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"older")
    with pytest.raises(RuntimeError), Sink(Film(path, (96, 160), Fraction(25))) as sink:  # noqa: PT012
        fill(sink, 3)
        raise RuntimeError
    assert path.read_bytes() == b"older"
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


def test_failed_encoder_is_an_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ("-c:v", "libx264", "-x264-params", "nonsense=1", "-profile:v", "zzz")
    monkeypatch.setitem(codecs.CODECS, "h264", replace(codecs.CODECS["h264"], encoder=broken))
    with refused("VS447", "160 x 96") as caught:
        write_all(tmp_path / "out.mp4", [image_tensor(n) for n in range(30)])
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_size_that_an_encoder_does_not_take_is_told(tmp_path: Path) -> None:
    film = Film(tmp_path / "out.mkv", (8, 8), Fraction(25), codec="hevc", pixel_format="yuv422p10le")
    with refused("VS447", "8 x 8"), Sink(film) as sink:
        sink.write(torch.zeros(3, 8, 8))
        sink.finish()
    assert not list(tmp_path.iterdir())


def test_killed_encoder_is_noticed(tmp_path: Path) -> None:
    with Sink(Film(tmp_path / "out.mp4", (96, 160), Fraction(25))) as sink:
        fill(sink, 3)
        process = sink._process
        process.kill()
        process.wait()
        with refused("VS444"):
            sink.finish()
    assert not list(tmp_path.iterdir())


def test_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file size limit stands for a full disk: ffmpeg cannot write on."""
    from vidstyle.video import ffmpeg as module

    wrapper = tmp_path / "limited"
    wrapper.write_text(f'#!/bin/sh\ntrap "" XFSZ\nulimit -f 4\nexec "{imageio_ffmpeg.get_ffmpeg_exe()}" "$@"\n')
    wrapper.chmod(0o755)
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(module, "executable", lambda: str(wrapper))
    noise = torch.rand(3, 96, 160, generator=torch.Generator().manual_seed(0))
    with refused("VS444", "File too large"):
        write_all(place / "out.mp4", [noise] * 8)
    assert not list(place.iterdir())


@pytest.mark.parametrize(("name", "code"), [("out.xyz", "VS445"), ("missing/out.mp4", "VS417"), ("out", "VS445")])
def test_bad_names(tmp_path: Path, name: str, code: str) -> None:
    with refused(code, name):
        Sink(Film(tmp_path / name, (96, 160), Fraction(25)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["-y.mp4", "🎨 %d.mp4", "a:b.mkv"])
def test_strange_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Sink(Film(Path(name), (96, 160), Fraction(25))) as sink:
        fill(sink, 2)
        sink.finish()
    assert numbers(Path(name)) == [0, 1]


def test_wrong_size_and_no_image(tmp_path: Path) -> None:
    with Sink(Film(tmp_path / "a.mp4", (96, 160), Fraction(25))) as sink:
        with refused("VS446", "96", "160"):
            sink.write(image_tensor(0, 48, 80))
        with refused("VS437"):
            sink.finish()
    assert not list(tmp_path.iterdir())


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4")
    with refused("VS425"):
        Sink(Film(path, (96, 160), Fraction(25), sound_from=probe(path)))
    assert numbers(path) == list(range(12))


DELAYS = (0.1, 0.04, 0.25, 0.07)


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
@pytest.mark.parametrize("same", [False, True])
def test_animation_keeps_times(tmp_path: Path, ending: str, same: bool) -> None:
    path = tmp_path / f"out.{ending}"
    with Sink(Film(path, (97, 161), Fraction(10), durations=DELAYS)) as sink:
        for n in range(4):
            sink.write(image_tensor(0 if same and n < 2 else n * 5, 97, 161))
        assert sink.finish() == path
    with open_video(path) as source:
        frames = list(source)
        durations = source.info.durations
    if not (same and ending == "webp"):  # WebP joins equal images, and their times
        assert durations == pytest.approx(DELAYS)
        assert [number(f.image) for f in frames] == [0, 0 if same else 5, 10, 15]
    else:
        assert durations == pytest.approx((0.14, 0.25, 0.07))
    assert tuple(frames[0].image.shape) == (3, 97, 161)
    assert_colours(frames[-1].image, tolerance=8)
    with Image.open(path) as file:
        assert file.info["loop"] == 0
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_gif_of_a_video_keeps_its_length(tmp_path: Path) -> None:
    """Hundredths cannot hold 1/24 s: single times are rounded, their sum is not."""
    path = tmp_path / "out.gif"
    with Sink(Film(path, (48, 80), Fraction(24))) as sink:
        fill(sink, 24)
        sink.finish()
    info = probe(path)
    assert info.frame_count == 24
    assert info.seconds == pytest.approx(1.0)
    assert set(info.durations or ()) == {0.04, 0.05}


@pytest.mark.parametrize(("durations", "rate"), [((0.1, 0.1, 0.1), 10), ((0.04, 0.04, 0.04), 25), ((0.5,), 2)])
def test_an_even_animation_is_a_video_at_a_constant_rate(
    tmp_path: Path, durations: tuple[float, ...], rate: int
) -> None:
    path = tmp_path / "out.mp4"
    with Sink(Film(path, (96, 160), Fraction(12), durations=durations)) as sink:
        for n in range(len(durations)):
            sink.write(image_tensor(n))
        sink.finish()
    assert (probe(path).rate, probe(path).faults) == (rate, ())
    assert numbers(path) == list(range(len(durations)))


def test_ctrl_c_does_not_reach_the_encoder(tmp_path: Path) -> None:
    import os

    with Sink(Film(tmp_path / "out.mp4", (96, 160), Fraction(25))) as sink:
        sink.write(image_tensor())
        assert os.getsid(sink._process.pid) != os.getsid(0)
