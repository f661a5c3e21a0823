"""Frames whose times are uneven: each is painted once and shown at its own time."""

from fractions import Fraction
from itertools import accumulate, groupby
from pathlib import Path

import av
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clips import clip, ffmpeg, header, number
from tests.refusals import refused
from tests.video.test_encoder import image_tensor, numbers
from tests.video.test_muxer import flashes_and_clicks, segments_of
from vidstyle.video.codecs import CODECS
from vidstyle.video.decoding import decoded_rgb
from vidstyle.video.encoder import Film
from vidstyle.video.masks import open_mask
from vidstyle.video.muxer import Sink, join_segment_files
from vidstyle.video.packets import packet_times
from vidstyle.video.probe import probe
from vidstyle.video.reader import open_video

ENDINGS = ("mp4", "mov", "mkv", "webm")
UNEVEN = (0.04, 0.001, 0.3, 0.008, 0.04, 0.7, 0.1)
FINE = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", 8, "-fps_mode", "vfr", "-enc_time_base", "1/90000")
PLAIN = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=range=tv:colorspace=bt709"


def placed(durations: tuple[float, ...]) -> str:
    """The filters that show each frame so long."""
    terms, place, begin = list[str](), 0, 0.0
    for seconds, run in groupby(durations):
        count = len(list(run))
        terms.append(f"between(N,{place},{place + count - 1})*({begin:.6f}+(N-{place})*{seconds:.6f})")
        place, begin = place + count, begin + count * seconds
    return f"settb=1/90000,setpts='({'+'.join(terms)})/TB'"


def uneven(path: Path, durations: tuple[float, ...]) -> Path:
    """A clip of numbered images, each shown so long."""
    return clip(path, *FINE, count=len(durations), filters=f"{placed(durations)},{PLAIN}")


def times_of(path: Path) -> list[float]:
    """When the frames of a file are shown, in seconds."""
    found = packet_times(path)
    return [float(time * found.tick) for time in found.times]


@settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ending=st.sampled_from(ENDINGS),
    gaps=st.lists(st.floats(0.001, 0.7), min_size=2, max_size=12),
    cut=st.integers(1, 11),
)
def test_every_frame_is_shown_once_at_its_own_time(tmp_path: Path, ending: str, gaps: list[float], cut: int) -> None:
    durations = (*gaps, 0.002, 0.4, 0.05)  # never even
    path, cut = uneven(tmp_path / "source.mp4", durations), min(cut, len(gaps))
    with open_video(path) as source:
        assert [number(frame.image) for frame in source] == list(range(len(durations)))
        assert [frame.seconds for frame in source] == pytest.approx(times_of(path), abs=1e-4)
        film = Film(tmp_path / f"out.{ending}", (96, 160), source.info.rate, source.info, durations=source.durations)
    files = segments_of(film, [cut, len(durations) - cut], tmp_path / "segments")
    join_segment_files(files, film, len(durations))
    assert times_of(film.path) == pytest.approx(times_of(path), abs=0.001)
    assert numbers(film.path) == list(range(len(durations)))


@pytest.mark.parametrize(
    ("ending", "codec", "alpha"),
    [
        *((ending, codec, False) for codec, chosen in CODECS.items() for ending in chosen.endings),
        *[(".webm", "vp9", True), (".mkv", "ffv1", True), (".mov", "prores", True)],
    ],
)
def test_any_codec_keeps_times_and_the_length(tmp_path: Path, ending: str, codec: str, alpha: bool) -> None:
    film = Film(tmp_path / f"out{ending}", (96, 160), Fraction(6), durations=UNEVEN, codec=codec, transparent=alpha)
    with Sink(film) as sink:
        for place in range(len(UNEVEN)):
            sink.write(image_tensor(place), torch.full((1, 96, 160), 0.5) if alpha else None)
        sink.finish()
    assert times_of(film.path) == pytest.approx([0, *accumulate(UNEVEN[:-1])], abs=0.001)
    assert "Duration: 00:00:01.19" in header(film.path)
    assert "hev1" not in header(film.path)
    with open_video(film.path) as source:
        frames = list(source)
        assert (source.durations or ())[:-1] == pytest.approx(UNEVEN[:-1], abs=0.002)
    assert [number(frame.image) for frame in frames] == list(range(len(UNEVEN)))
    assert not alpha or all(abs(float(frame.alpha.mean()) - 0.5) < 0.02 for frame in frames if frame.alpha is not None)
    assert all((frame.alpha is not None) == alpha for frame in frames)


@pytest.mark.parametrize(("start", "end"), [(0.0, None), (0.5, None), (0.0, 1.9), (0.5, 1.9)])
@pytest.mark.parametrize("ending", ENDINGS)
def test_sound_is_in_step(tmp_path: Path, ending: str, start: float, end: float | None) -> None:
    """Each click is heard as its flash is seen, in a ramp from 25 to 240 frames a second with a pause."""
    durations = (*[0.04] * 10, *[1 / 240] * 24, 0.3, *[0.04] * 15, *[1 / 90] * 60)
    begins = [0, *accumulate(durations)]
    flashes = 5, 20, 40, 80
    shown = "+".join(f"eq(n,{place})" for place in flashes)
    heard = "+".join(f"between(t,{begins[place]},{begins[place] + 0.01})" for place in flashes)
    source_file = tmp_path / "source.mov"
    ffmpeg(
        *("-f", "lavfi", "-i", f"color=black:s=64x48:r=25:d={len(durations) / 25}", "-f", "lavfi"),
        *("-i", f"aevalsrc='if({heard},sin(6000*t),0)':s=48000:d={sum(durations)}"),
        *("-vf", f"drawbox=c=white:t=fill:enable='{shown}',{placed(durations)},{PLAIN}"),
        *(*FINE, "-c:a", "aac", source_file),
    )
    with open_video(source_file, start=start, end=end) as source:
        film = Film(tmp_path / f"out.{ending}", (48, 64), source.info.rate, source.info, start, end, source.durations)
        with Sink(film) as sink:
            for frame in source:
                sink.write(frame.image)
            sink.finish()
        assert probe(film.path).seconds == pytest.approx(sum(source.durations or ()), abs=0.002)
    seen, clicks = flashes_and_clicks(film.path)
    first, stop = source.span
    wanted = [begins[place] - begins[first] for place in flashes if first <= place < stop]
    assert seen == pytest.approx(wanted, abs=0.001)
    assert clicks == pytest.approx(seen, abs=0.012)


@pytest.mark.parametrize("count", [1, 12])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["h264.mp4", "h264.mov", "h264.mkv", "vp9.mp4", "vp9.mkv", "vp9.webm"])
def test_a_last_frame_is_held_as_long(tmp_path: Path, name: str, ending: str, count: int) -> None:
    """Of a video whose frames are evenly spaced; libavformat misses it in VP9 in MP4."""
    coding = ("libvpx-vp9", "-b:v", "0", "-cpu-used", 8) if name.startswith("vp9") else ("libx264",)
    even, path = tmp_path / "even.nut", tmp_path / name
    clip(even, "-c:v", *coding, "-crf", 8, "-bf", 0, count=count, rate="25")
    ffmpeg("-i", even, "-c", "copy", "-bsf:v", f"setts=duration=if(eq(N\\,{count - 1})\\,2/TB\\,DURATION)", path)
    with open_video(path) as source:
        assert source.info.rate == 25
        assert source.durations == pytest.approx((*[0.04] * (count - 1), 2.0), abs=0.001)
        assert [number(frame.image) for frame in source] == list(range(count))
        film = Film(tmp_path / f"out.{ending}", (96, 160), source.info.rate, source.info, durations=source.durations)
        with Sink(film) as sink:
            for place in range(count):
                sink.write(image_tensor(place))
            sink.finish()
    assert numbers(film.path) == list(range(count))
    assert probe(film.path).seconds == pytest.approx(0.04 * (count - 1) + 2.0, abs=0.04)
    with av.open(str(film.path)) as file:
        assert (file.duration or 0) / av.time_base == pytest.approx(0.04 * (count - 1) + 2.0, abs=0.04)


def test_a_held_frame_that_is_decoded_before_others_is_no_damage(tmp_path: Path) -> None:
    even, held, path = clip(tmp_path / "even.mkv", count=50), tmp_path / "held.mkv", tmp_path / "path.mkv"
    ffmpeg("-i", even, "-c", "copy", "-bsf:v", "setts=duration=if(gt(PTS*TB\\,1.94)\\,2/TB\\,DURATION)", held)
    ffmpeg("-i", held, "-c:v", "libx264", "-bf", 2, "-fps_mode", "passthrough", "-enc_time_base", "1/1000", path)
    with av.open(str(path)) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
    assert max(packets, key=lambda packet: packet.pts) is not packets[-1]
    info = probe(path)
    assert info.seconds == pytest.approx(3.96, abs=0.04)
    assert not info.remarks


def test_a_last_frame_that_is_hardly_longer_changes_nothing(tmp_path: Path) -> None:
    even, path = clip(tmp_path / "even.nut", "-crf", 8, "-bf", 0, "-c:v", "libx264", rate="25"), tmp_path / "path.mp4"
    ffmpeg("-i", even, "-c", "copy", "-bsf:v", "setts=duration=if(eq(N\\,11)\\,0.07/TB\\,DURATION)", path)
    info = probe(path)
    assert (info.faults, info.durations, info.seconds) == ((), None, pytest.approx(12 / 25))


def test_a_late_first_frame_is_shown_from_the_start(tmp_path: Path) -> None:
    """Sound begins 0.5 s before the frames."""
    silent = uneven(tmp_path / "silent.mp4", UNEVEN)
    path = tmp_path / "late.mp4"
    ffmpeg("-itsoffset", 0.5, "-i", silent, "-f", "lavfi", "-i", "sine=d=1.5", "-c:v", "copy", path)
    with open_video(path) as source:
        assert source.durations == pytest.approx((0.54, *UNEVEN[1:-1], 0.04), abs=0.002)
        assert [number(frame.image) for frame in source] == list(range(len(UNEVEN)))


def test_frames_with_one_time_stay_apart(tmp_path: Path) -> None:
    """Of frames that come within one tick none is lost."""
    film = Film(tmp_path / "out.mp4", (96, 160), Fraction(10), durations=(0.0, 1e-6, 0.0, 0.1, 0.2))
    join_segment_files(segments_of(film, [2, 3], tmp_path / "segments"), film, 5)
    assert numbers(film.path) == list(range(5))


def test_segments_of_another_length_are_refused(tmp_path: Path) -> None:
    film = Film(tmp_path / "out.mp4", (96, 160), Fraction(10), durations=UNEVEN)
    files = segments_of(film, [2, 3], tmp_path / "segments")
    with refused("VS443", "5", "7"):
        join_segment_files(files, film, 7)
    assert [path.name for path in tmp_path.iterdir()] == ["segments"]


def test_a_mask_at_a_constant_rate_goes_by_time(tmp_path: Path) -> None:
    """Of 50 mask images in 2 s, those that are shown when the frames are."""
    clips_mask = clip(tmp_path / "mask.mp4", count=50, rate="25")
    times = [0.0, 0.04, 0.5, 0.51, 1.0, 1.98]
    with open_mask(clips_mask, (96, 160), times=times) as mask:
        whole, rest = list(mask(0)), list(mask(3))
        with open_mask(clips_mask, (96, 160)) as by_number:
            planes = list(zip(range(50), by_number(0), strict=False))
    found = [next(n for n, plane in planes if torch.equal(plane, one)) for one in whole]
    assert found == [0, 1, 12, 12, 25, 49]
    assert all(torch.equal(one, other) for one, other in zip(whole[3:], rest, strict=True))
    with open_mask(clips_mask, (96, 160), times=[0.0, 2.5]) as mask, refused("VS339", "mask.mp4"):
        list(mask(0))


def test_more_than_8_bits_keep_their_times(tmp_path: Path) -> None:
    deep = (*FINE, "-pix_fmt", "yuv420p10le")
    filters = f"{placed(UNEVEN)},{PLAIN.replace('yuv420p', 'yuv420p10le')}"
    path = clip(tmp_path / "deep.mkv", *deep, count=len(UNEVEN), filters=filters)
    with open_video(path) as source:
        assert source.durations == pytest.approx((*UNEVEN[:-1], 0.04), abs=0.0015)
        assert [frame.seconds for frame in source] == pytest.approx([0, *accumulate(UNEVEN[:-1])], abs=0.0006)
        assert len(list(decoded_rgb(source._file, 0))) == len(UNEVEN)
