"""Times of frames, from the packets of files that tell them wrongly, in part or not at all."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clips import clip, ffmpeg, number, tone, with_sound
from vidstyle.video.packets import packet_times
from vidstyle.video.probe import Fault, probe
from vidstyle.video.reader import open_video

COUNT = 12  # images of a part
PLAIN = "format=yuv420p"
FUNCTION_SCOPED = [HealthCheck.function_scoped_fixture]


def joined(path: Path, starts: list[int]) -> Path:
    """The same clip, as often as there are `starts`, in one file; the times of each begin at its start, in seconds."""
    part = path.with_name("part.ts")
    clip(path.with_name("part.mp4"), "-c:v", "libx264", "-bf", 2, "-preset", "ultrafast", count=COUNT)
    data = b""
    for start in starts:
        ffmpeg("-i", path.with_name("part.mp4"), "-c", "copy", "-output_ts_offset", start, part)
        data += part.read_bytes()
    path.write_bytes(data)
    return path


@settings(max_examples=6, deadline=None, suppress_health_check=FUNCTION_SCOPED)
@given(starts=st.lists(st.sampled_from([0, 3, 50, 4000]), min_size=2, max_size=4))
def test_times_that_begin_anew_lose_and_double_no_image(tmp_path: Path, starts: list[int]) -> None:
    """Parts that begin before the last one's end, or more than ten seconds after it, follow it at once."""
    path = joined(tmp_path / "joined.ts", starts)
    jumps = [after - before for before, after in pairwise(starts)]
    info = probe(path)
    assert info.restarted == any(jump <= 0 or jump > 10 for jump in jumps)
    if 3 in jumps:  # is a pause
        assert info.faults == (Fault.VARIABLE_RATE,)
        return
    assert (info.faults, info.rate, info.frame_count, info.exact_count) == ((), 25, COUNT * len(starts), True)
    assert not info.remarks
    with open_video(path) as source:
        assert [number(frame.image) for frame in source] == list(range(COUNT)) * len(starts)


def test_a_mark_is_not_taken_for_another_of_the_same_time(tmp_path: Path) -> None:
    path = joined(tmp_path / "joined.ts", [0] * 6)
    with open_video(path) as source:
        frames = list(source)
        place = 5 * COUNT + 2
        sought = list(source.frames_from(place, frames[place].mark))
    assert [(frame.index, number(frame.image)) for frame in sought] == [(place + n, 2 + n) for n in range(COUNT - 2)]


def test_times_that_begin_anew_in_a_file_that_is_conformed(tmp_path: Path) -> None:
    part = tmp_path / "part.mpg"
    flags = ("-c:v", "mpeg2video", "-q:v", 2, "-flags", "+ilme+ildct", "-bf", 2)
    clip(part, *flags, count=COUNT, filters="setfield=tff,format=yuv420p")
    (tmp_path / "joined.mpg").write_bytes(part.read_bytes() * 3)
    with open_video(tmp_path / "joined.mpg") as source:
        assert [number(frame.image) for frame in source] == list(range(COUNT)) * 3
        assert source.rewritten


def test_a_recording_that_begins_between_key_frames(tmp_path: Path) -> None:
    """What comes before the first key frame cannot be decoded; the sound is there from the start."""
    whole = with_sound(tmp_path / "whole.ts", clip(tmp_path / "silent.mp4", count=45), seconds=1.8)
    data = whole.read_bytes()
    (tmp_path / "late.ts").write_bytes(data[: 188 * 2] + data[188 * (len(data) // 188 // 4) :])
    with open_video(tmp_path / "late.ts") as source:
        found = [number(frame.image) for frame in source]
        assert found == sorted(found)
        assert (min(found), max(found)) == (15, 44)
        assert source.info.seconds == pytest.approx(len(found) / 25)


@pytest.mark.parametrize("codec", [("mpeg4", "-bf", 2), ("libx264", "-bf", 3), ("mpeg4", "-bf", 0)])
def test_an_avi_shows_its_first_image_at_once(tmp_path: Path, codec: tuple[object, ...]) -> None:
    """It tells only the order of decoding: no delay may come of frames that look ahead."""
    silent = clip(tmp_path / "silent.avi", "-c:v", *codec, "-q:v", 2, count=30, filters=PLAIN)
    info = probe(with_sound(tmp_path / "a.avi", silent, "-c:a", "mp2", seconds=1.2))
    assert (info.faults, info.delay, info.rate, info.frame_count) == ((), 0, 25, 30)
    with open_video(info.path) as source:
        assert [number(frame.image) for frame in source] == list(range(30))


@pytest.mark.parametrize("ending", ["h264", "hevc", "m4v", "mjpeg", "mjpg"])
def test_a_raw_stream_without_times(tmp_path: Path, ending: str) -> None:
    quiet = ("-c:v", "libx265", "-crf", 4, "-x265-params", "log-level=error", "-preset", "ultrafast")
    encoders = {"h264": ("-c:v", "libx264", "-bf", 2), "hevc": quiet, "m4v": ("-c:v", "mpeg4", "-q:v", 2, "-f", "m4v")}
    options = (*encoders.get(ending, ("-c:v", "mjpeg", "-q:v", 2)), *(("-f", "mjpeg") if ending == "mjpg" else ()))
    info = probe(clip(tmp_path / f"raw.{ending}", *options, count=20, filters=PLAIN))
    assert (info.faults, info.rate, info.frame_count) == ((Fault.NO_TIMES,), 25, 20)
    with open_video(info.path) as source:
        assert [number(frame.image) for frame in source] == list(range(20))


@pytest.mark.parametrize("rate", ["24000/1001", "120", "240"])
@pytest.mark.parametrize("ending", ["h264", "hevc"])
def test_a_raw_stream_has_the_rate_that_it_states(tmp_path: Path, ending: str, rate: str) -> None:
    codec = {"h264": ("-c:v", "libx264"), "hevc": ("-c:v", "libx265", "-x265-params", "log-level=error")}[ending]
    path = clip(tmp_path / f"raw.{ending}", *codec, "-preset", "ultrafast", count=20, rate=rate, filters=PLAIN)
    with open_video(path) as source:
        assert (source.info.rate, len(list(source))) == (Fraction(rate), 20)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "webm"])
def test_a_cut_file_tells_how_many_images_it_announced(tmp_path: Path, ending: str) -> None:
    codecs = {"avi": ("-c:v", "mpeg4", "-q:v", 2), "webm": ("-c:v", "libvpx", "-b:v", "1M")}
    options = codecs.get(ending, ("-c:v", "libx264", "-movflags", "+faststart"))
    whole = clip(tmp_path / f"whole.{ending}", *options, "-g", 10, count=50, filters=PLAIN)
    times = packet_times(whole)
    assert (len(times.times), times.announced, times.damaged, times.complete) == (50, 50, False, True)
    (tmp_path / f"cut.{ending}").write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 5])
    times = packet_times(tmp_path / f"cut.{ending}")
    assert 5 < len(times.times) < 45
    assert abs(times.announced - 50) <= 1


def test_sound_that_is_longer_is_no_damage(tmp_path: Path) -> None:
    path = with_sound(tmp_path / "a.mkv", clip(tmp_path / "silent.mkv"), seconds=3)
    assert probe(path).remarks == ()


def test_a_late_start_is_no_damage(tmp_path: Path) -> None:
    path = with_sound(tmp_path / "a.mkv", clip(tmp_path / "silent.mkv"), seconds=2, offset=0.9)
    assert probe(path).remarks == ()


@settings(max_examples=5, deadline=None, suppress_health_check=FUNCTION_SCOPED)
@given(fast=st.sampled_from([60, 100, 120, 240]), slow=st.sampled_from([24, 30]))
def test_a_slow_motion_ramp_keeps_every_image(tmp_path: Path, fast: int, slow: int) -> None:
    """Slow, then fast, then slow images: each is there once, at its own time."""
    ramp = f"if(lt(N,12),N/{slow},if(lt(N,36),12/{slow}+(N-12)/{fast},12/{slow}+24/{fast}+(N-36)/{slow}))"
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", 8, "-fps_mode", "vfr", "-enc_time_base", "1/90000")
    path = clip(tmp_path / "ramp.mp4", *options, count=48, filters=f"settb=1/90000,setpts='({ramp})/TB',{PLAIN}")
    info = probe(path)
    assert (info.faults, info.remarks) == ((Fault.VARIABLE_RATE,), ())
    with open_video(path) as source:
        frames = list(source)
    assert [number(frame.image) for frame in frames] == list(range(48))
    steps = [after.seconds - before.seconds for before, after in pairwise(frames)]
    assert steps == pytest.approx([1 / slow] * 12 + [1 / fast] * 24 + [1 / slow] * 11, abs=0.0001)


def test_a_burst_of_1000_images_a_second_loses_none(tmp_path: Path) -> None:
    burst = "if(lt(N,20),N/25,0.8+(N-20)/1000)"
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-fps_mode", "vfr", "-enc_time_base", "1/90000")
    path = clip(tmp_path / "burst.mp4", *options, count=44, filters=f"settb=1/90000,setpts='({burst})/TB',{PLAIN}")
    assert probe(path).remarks == ()
    with open_video(path) as source:
        assert [number(frame.image) for frame in source] == list(range(44))


def test_no_times_of_what_is_no_film(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    assert packet_times(tmp_path / "noise.mp4").times == ()
    assert packet_times(tmp_path / "nowhere.mp4").times == ()
    ffmpeg(*tone(0.2), tmp_path / "tone.wav")
    assert packet_times(tmp_path / "tone.wav").times == ()


def test_ticks_are_exact(tmp_path: Path) -> None:
    found = packet_times(clip(tmp_path / "a.mp4", rate="24000/1001", count=30))
    assert [(time - found.times[0]) * found.tick for time in found.times] == [
        n * Fraction(1001, 24000) for n in range(30)
    ]
