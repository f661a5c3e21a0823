"""Tracks as PyAV reads them: how they are turned and coded; files that want more than to be read."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clips import clip, ffmpeg, number, quarters, tone
from vidstyle.errors import SourceError
from vidstyle.limits import Limits
from vidstyle.video.probe import Fault, probe
from vidstyle.video.reader import open_video
from vidstyle.video.streams import FAILURES, VideoStream, describe

QUICK = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", 8, "-g", 15)
TAGS = "format=yuv420p,setparams=range=tv:colorspace={}:color_primaries={}:color_trc={}"


def stream_of(path: Path) -> VideoStream:
    stream = describe(path).stream
    assert stream is not None
    return stream


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(angle=st.sampled_from([0, 1, 45, 89, 90, 180, 270]), mirror=st.booleans())
def test_how_a_track_is_turned(tmp_path: Path, angle: int, mirror: bool) -> None:
    clip(tmp_path / "plain.mp4", count=2)
    turn = ("-display_rotation", angle, *(("-display_hflip",) if mirror else ()))
    ffmpeg(*turn, "-i", tmp_path / "plain.mp4", "-c", "copy", tmp_path / "turned.mp4")
    stream = stream_of(tmp_path / "turned.mp4")
    assert stream.mirrored == mirror
    if not mirror:
        assert stream.rotation % 360 == pytest.approx(angle, abs=0.01)
        assert (Fault.ROTATED in probe(tmp_path / "turned.mp4").faults) == bool(angle % 90)
    assert stream.upright_size == ((160, 96) if angle in (90, 270) else (96, 160))


@pytest.mark.parametrize(
    ("matrix", "primaries", "transfer"),
    [("bt709", "bt709", "bt709"), ("bt470bg", "bt470bg", "bt470m"), ("bt2020nc", "bt2020", "smpte2084")],
)
def test_colour_tags(tmp_path: Path, matrix: str, primaries: str, transfer: str) -> None:
    path = clip(tmp_path / "a.mkv", *QUICK, count=2, filters=TAGS.format(matrix, primaries, transfer))
    stream = stream_of(path)
    hdr = "smpte2084" if transfer == "smpte2084" else ""
    assert (stream.untagged, stream.wide, stream.hdr) == (False, primaries == "bt2020", hdr)


@pytest.mark.parametrize(
    ("ending", "codec", "pixels", "deep", "transparent"),
    [
        *(("mkv", "ffv1", pixels, False, False) for pixels in ("yuv420p", "gray", "gbrp")),
        *(("mkv", "ffv1", pixels, True, False) for pixels in ("yuv422p10le", "gray16le", "rgb48le")),
        *(("avi", "rawvideo", pixels, False, False) for pixels in ("rgb555le", "rgb565le")),
        ("mov", "qtrle", "argb", False, True),
        ("mov", "prores_ks", "yuva444p10le", True, True),
        ("mov", "png", "pal8", False, True),
        ("webm", "libvpx-vp9", "yuva420p", False, True),
    ],
)
def test_pixel_formats(tmp_path: Path, ending: str, codec: str, pixels: str, deep: bool, transparent: bool) -> None:
    path = clip(tmp_path / f"a.{ending}", "-c:v", codec, "-pix_fmt", pixels, count=2, filters=f"format={pixels}")
    stream = stream_of(path)
    assert (stream.deep, stream.transparent) == (deep, transparent)
    assert stream.alpha_apart == (codec == "libvpx-vp9")


def test_frames_that_change_their_size_keep_their_shape(tmp_path: Path) -> None:
    """Scaled into the first size, not squashed; black around."""
    clip(tmp_path / "wide.ts", count=8)
    clip(tmp_path / "tall.ts", count=8, size=(160, 96))
    path = tmp_path / "both.ts"
    path.write_bytes((tmp_path / "wide.ts").read_bytes() + (tmp_path / "tall.ts").read_bytes())
    assert probe(path).faults == (Fault.RESHAPED,)
    with open_video(path) as source:
        images = [frame.image for frame in source]
    assert [number(image) for image in images[:8]] == list(range(8))
    assert len(images) == 16
    tall = images[10]
    assert tuple(tall.shape) == (3, 96, 160)
    assert float(tall[:, :, :48].max()) < 0.05
    assert float(tall[:, :, -48:].max()) < 0.05
    inner = quarters(tall[:, :, 51:109])  # 96 of 160 lines, so 58 of 96 columns
    wide = quarters(images[2])
    assert np.abs(np.array(inner) - np.array(wide)).max() <= 8


def test_a_change_of_size_where_times_vary(tmp_path: Path) -> None:
    """The filters must not begin anew: images would be doubled from the start."""
    keep = ("-fps_mode", "vfr")
    for name, size in (("a", (96, 160)), ("b", (64, 160))):
        clip(
            tmp_path / f"{name}.ts",
            *QUICK,
            *keep,
            count=20,
            size=size,
            filters="select='not(between(n,4,9))'," + "format=yuv420p",
        )
    ffmpeg("-i", tmp_path / "b.ts", "-c", "copy", "-output_ts_offset", 0.8, tmp_path / "c.ts")
    path = tmp_path / "both.ts"
    path.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "c.ts").read_bytes())
    assert set(probe(path).faults) == {Fault.RESHAPED, Fault.VARIABLE_RATE}
    with open_video(path) as source:
        times = [frame.seconds for frame in source]
    one = [n / 25 for n in range(20) if not 4 <= n <= 9]
    assert times == pytest.approx([*one, *(0.8 + seconds for seconds in one)], abs=0.001)


def test_a_single_jpeg_is_no_stream_of_them(tmp_path: Path) -> None:
    clip(tmp_path / "one.mjpeg", "-c:v", "mjpeg", count=1, filters="format=yuvj420p")
    with pytest.raises(SourceError) as caught:
        probe(tmp_path / "one.mjpeg")
    assert caught.value.code == "VS345"


def test_codecs_have_their_plain_names(tmp_path: Path) -> None:
    silent = clip(tmp_path / "silent.mp4", count=3)
    sounds = ("-c:a:0", "libmp3lame", "-c:a:1", "libopus", "-c:a:2", "libvorbis")
    ffmpeg("-i", silent, *tone(), "-map", 0, *("-map", 1) * 3, "-c:v", "copy", *sounds, tmp_path / "a.mkv")
    description = describe(tmp_path / "a.mkv")
    assert description.audio == ("mp3", "opus", "vorbis")
    assert stream_of(tmp_path / "a.mkv").codec == "h264"


def test_limits_hold_before_a_frame_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        describe(clip(tmp_path / "a.mp4", count=2), Limits(pixels=1000))
    assert caught.value.code == "VS325"


@pytest.mark.parametrize(
    "head", [b"#EXTM3U\n#EXTINF:1,\n{}\n", b"ffconcat version 1.0\nfile {}\n", b"# mpv EDL v0\n{}\n"]
)
def test_what_names_other_files_opens_none(tmp_path: Path, head: bytes) -> None:
    other = clip(tmp_path / "other.mp4", count=2)
    path = tmp_path / "list.mp4"
    path.write_bytes(head.replace(b"{}", bytes(other)) + b"\0")
    with pytest.raises(FAILURES):
        describe(path)


def test_a_large_file_of_nothing_takes_no_time(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.ts", count=5)
    with path.open("r+b") as file:
        file.truncate(1 << 25)
    began = time.monotonic()
    assert probe(path).frame_count in (4, 5)  # the last packet ends where the next one begins
    assert time.monotonic() - began < 10


def test_opencv_and_pyav_read_side_by_side(tmp_path: Path) -> None:
    """Each has a libav of its own; threads use both."""
    files = [clip(tmp_path / f"{n}.{ending}", count=10) for n, ending in enumerate(("mp4", "mkv", "ts"))]
    found: list[list[int]] = []

    def read(path: Path) -> None:
        for _ in range(3):
            with open_video(path) as source:
                found.append([number(frame.image) for frame in source])

    threads = [threading.Thread(target=read, args=(path,)) for path in files * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list(range(10))] * 18


def test_help_and_import_do_without_pyav() -> None:
    script = "import sys, vidstyle; from vidstyle.cli import main; main.main(['--help']); sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0
