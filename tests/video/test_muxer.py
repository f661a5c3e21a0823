"""Films in segments: joined, they are as if written at once."""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clips import clip, ffmpeg, number, stream_hashes, with_sound
from tests.images import clouds
from tests.video.test_encoder import image_tensor, numbers
from vidstyle.errors import SinkError
from vidstyle.video.encoder import Film, SegmentFile
from vidstyle.video.muxer import Sink, join_segment_files
from vidstyle.video.packets import packet_times
from vidstyle.video.probe import probe
from vidstyle.video.reader import open_video

SIZE = (96, 160)


def segments_of(film: Film, lengths: list[int], folder: Path, every: int = 1) -> list[Path]:
    """Images 0, 1, 2 ... (or only `every` one) of a film in segments of these lengths."""
    folder.mkdir(exist_ok=True)
    files, first = [], 0
    for place, length in enumerate(lengths):
        files.append(folder / f"{place}{film.segment_ending}")
        with SegmentFile(files[-1], film) as segment_file:
            for index in range(first, first + length):
                segment_file.write(image_tensor(every * index, *film.size))
            segment_file.finish()
        first += length
    return files


def frame_hashes(path: Path) -> list[str]:
    lines = ffmpeg("-i", path, "-map", "0:v", "-f", "framemd5", "-").decode().splitlines()
    return [line.split(",")[-1].strip() for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
def test_no_frame_is_lost_doubled_or_encoded_anew(tmp_path: Path, ending: str) -> None:
    film = Film(tmp_path / f"out.{ending}", SIZE, Fraction(24000, 1001))
    segment_files = segments_of(film, [7, 1, 12], tmp_path / "segments")
    assert join_segment_files(segment_files, film, 20) == film.path
    assert numbers(film.path) == list(range(20))
    assert frame_hashes(film.path) == [one for segment_file in segment_files for one in frame_hashes(segment_file)]
    info = probe(film.path)
    assert (info.rate, info.frame_count, info.faults) == (Fraction(24000, 1001), 20, ())
    assert sorted(path.name for path in tmp_path.iterdir()) == [film.path.name, "segments"]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    rate=st.sampled_from([Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25), Fraction(60), Fraction(12, 5)]),
)
def test_times_are_exact_over_the_joints(tmp_path: Path, lengths: list[int], rate: Fraction) -> None:
    film = Film(tmp_path / "out.mp4", (32, 48), rate)
    join_segment_files(segments_of(film, lengths, tmp_path / "segments"), film, sum(lengths))
    found = packet_times(film.path)
    assert [(time - found.times[0]) * found.tick for time in found.times] == [n / rate for n in range(sum(lengths))]


@pytest.mark.parametrize("rate", [10, 12, 15, 25])
def test_times_are_exact_where_frames_are_stored_in_another_order(tmp_path: Path, rate: int) -> None:
    film, scene, files = Film(tmp_path / "out.mp4", (64, 96), Fraction(rate)), clouds(64, 240, grain=12), list[Path]()
    for place, start in enumerate((0, 14, 28)):
        files.append(tmp_path / f"{place}.mp4")
        with SegmentFile(files[-1], film) as file:
            for index in range(start, start + 14):
                file.write(scene[:, :, 3 * index : 3 * index + 96])
            file.finish()
    packets = [packet for packet in av.open(str(files[0])).demux(video=0) if packet.pts is not None]
    assert any(packet.pts != packet.dts for packet in packets)
    join_segment_files(files, film, 42)
    found = packet_times(film.path)
    assert {(b - a) * found.tick for a, b in itertools.pairwise(found.times)} == {Fraction(1, rate)}


def test_the_sound_comes_from_the_source_whole(tmp_path: Path) -> None:
    original = with_sound(tmp_path / "o.mp4", clip(tmp_path / "s.mp4", count=50), seconds=2)
    film = Film(tmp_path / "out.mp4", SIZE, Fraction(25), probe(original))
    join_segment_files(segments_of(film, [20, 30], tmp_path / "segments"), film, 50)
    assert stream_hashes(film.path, "a") == stream_hashes(original, "a")


def test_a_partial_film_is_playable_with_its_sound_cut(tmp_path: Path) -> None:
    original = with_sound(tmp_path / "o.mp4", clip(tmp_path / "s.mp4", count=50), seconds=2)
    film = Film(tmp_path / "out.mp4", SIZE, Fraction(25), probe(original))
    kept = join_segment_files(segments_of(film, [4, 5], tmp_path / "segments"), film, 9, partial=True)
    assert kept == tmp_path / "out.partial.mp4"
    assert not film.path.exists()
    assert numbers(kept) == list(range(9))
    raw = ffmpeg("-i", kept, "-map", "0:a", "-ac", 1, "-ar", 8000, "-f", "s16le", "-")
    assert len(raw) / 2 / 8000 == pytest.approx(9 / 25, abs=0.05)


def flashes_and_clicks(path: Path) -> tuple[list[float], list[float]]:
    """Seconds at which images are white, and at which the sound begins to click."""
    with av.open(str(path)) as opened:
        flashes = [frame.time for frame in opened.decode(video=0) if frame.to_ndarray(format="gray").mean() > 128]
    clicks: list[float] = []
    with av.open(str(path)) as opened:
        for frame in opened.decode(audio=0):
            loud = np.nonzero(np.abs(frame.to_ndarray()).max(0) > 0.3)[0]
            if len(loud) and (not clicks or frame.time + loud[0] / frame.sample_rate - clicks[-1] > 0.1):
                clicks.append(frame.time + loud[0] / frame.sample_rate)
    return flashes, clicks


@pytest.mark.parametrize(
    ("starts", "ending", "begin"),
    [((100, 0), "mp4", 0.0), ((0, 0, 0), "mkv", 0.0), ((0, 60, 4000), "mp4", 0.52), ((0, 0), "webm", 0.0)],
)
def test_sound_stays_in_step_where_times_begin_anew(
    tmp_path: Path, starts: tuple[int, ...], ending: str, begin: float
) -> None:
    """Parts whose sound is longer than their images: each click is heard as its flash is seen."""
    flash = ("-f", "lavfi", "-i", "color=black:s=64x48:r=25:d=0.6", "-f", "lavfi", "-i",
             "aevalsrc='if(between(t,0.4,0.42),sin(6000*t),0)':s=44100:d=0.65",
             "-vf", "drawbox=c=white:t=fill:enable='eq(n,10)',format=yuv420p", "-c:v", "libx264", "-bf", 2)  # fmt: skip
    data = b""
    for start in starts:
        ffmpeg(*flash, "-c:a", "aac", "-output_ts_offset", start, tmp_path / "part.ts")
        data += (tmp_path / "part.ts").read_bytes()
    (tmp_path / "joined.ts").write_bytes(data)
    with open_video(tmp_path / "joined.ts", start=begin) as source:
        film = Film(tmp_path / f"out.{ending}", (48, 64), source.info.rate, source.info, begin)
        with Sink(film) as sink:
            for frame in source:
                sink.write(frame.image)
            sink.finish()
    flashes, clicks = flashes_and_clicks(film.path)
    assert len(flashes) == len(starts) - (begin > 0.4)
    assert clicks == pytest.approx(flashes, abs=0.02)


DELAYS = (0.1, 0.04, 0.25, 0.07)


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_an_animation_in_segments_keeps_times(tmp_path: Path, ending: str) -> None:
    film = Film(tmp_path / f"out.{ending}", SIZE, Fraction(10), durations=DELAYS)
    join_segment_files(segments_of(film, [1, 3], tmp_path / "segments", every=5), film, 4)
    with open_video(film.path) as source:
        assert [number(frame.image) for frame in source] == [0, 5, 10, 15]
        assert source.info.durations == pytest.approx(DELAYS)
    kept = join_segment_files(segments_of(film, [2], tmp_path / "segments", every=5), film, 2, partial=True)
    assert probe(kept).durations == pytest.approx(DELAYS[:2])


def test_a_segment_that_is_broken_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    film = Film(tmp_path / "out.mp4", SIZE, Fraction(25))
    first, second = segments_of(film, [3, 3], tmp_path / "segments")
    second.write_bytes(second.read_bytes()[:200])
    with pytest.raises(SinkError) as caught:
        join_segment_files([first, second], film, 6)
    assert caught.value.code in ("VS440", "VS443")
    assert [path.name for path in tmp_path.iterdir()] == ["segments"]


@pytest.mark.parametrize("name", ["it's.mp4", "a b'c'.mp4", "100%d.mkv"])
def test_strange_folders(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    film = Film(tmp_path / name.replace(".", "_out."), SIZE, Fraction(25))
    join_segment_files(segments_of(film, [2, 2], place), film, 4)
    assert numbers(film.path) == [0, 1, 2, 3]
