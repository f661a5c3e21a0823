"""Codecs: each is written to the files that hold it, in the depth that is asked for, and joined without a seam."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from tests.clips import assert_colours, ffmpeg, number
from tests.video.test_muxer import segments_of
from vidstyle.errors import SettingsError
from vidstyle.video.codecs import CODECS, GRADES, VIDEO_ENDINGS, encoding_of
from vidstyle.video.encoder import Film, SegmentFile
from vidstyle.video.muxer import Sink, join_segment_files
from vidstyle.video.reader import open_video

SIZE = (96, 160)
PAIRS = [(codec, ending) for codec, one in CODECS.items() for ending in one.endings]


@pytest.mark.parametrize(("codec", "ending"), PAIRS)
def test_segments_are_joined_to_every_kind_of_file(tmp_path: Path, codec: str, ending: str) -> None:
    film = Film(tmp_path / f"out{ending}", SIZE, Fraction(24000, 1001), codec=codec)
    join_segment_files(segments_of(film, [3, 4], tmp_path / "segments"), film, 7)
    with av.open(str(film.path)) as file:
        stream = file.streams.video[0]
        found = stream.codec_context.codec.canonical_name, stream.codec_context.pix_fmt
    assert found == (codec, film.encoding.pixel_format)
    with open_video(film.path) as source:
        frames = list(source)
    assert [number(frame.image) for frame in frames] == list(range(7))
    assert_colours(frames[-1].image, tolerance=6)


@pytest.mark.parametrize("codec", CODECS)
def test_less_quality_takes_fewer_bytes(tmp_path: Path, codec: str) -> None:
    noise = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(1))
    low, high = CODECS[codec].qualities
    sizes = []
    for quality in (low, high) if CODECS[codec].quality_option else ():
        path = tmp_path / f"{quality}{CODECS[codec].endings[0]}"
        with Sink(Film(path, SIZE, Fraction(25), grade=quality, codec=codec)) as sink:
            sink.write(noise)
            sink.finish()
        sizes.append(path.stat().st_size)
    assert sizes == sorted(sizes, reverse=codec != "prores")
    assert len(set(sizes)) == len(sizes)


@pytest.mark.parametrize("pixels", ["yuv444p", "yuv444p10le"])
def test_ten_bits_hold_what_eight_round_away(tmp_path: Path, pixels: str) -> None:
    """Two greys that are half a level of 8 bits apart."""
    film = Film(tmp_path / "out.mkv", SIZE, Fraction(25), codec="ffv1", pixel_format=pixels)
    image = torch.full((3, *SIZE), 100.0 / 255)
    image[:, :, 80:] = 100.5 / 255
    with SegmentFile(tmp_path / "out.mp4", film) as segment:
        segment.write(image)
        segment.write_pixels(np.full((*SIZE, 3), 100, np.uint8))
        path = segment.finish()
    raw = np.frombuffer(ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "gray16le", "-"), "<u2").reshape(2, *SIZE)
    left, right = raw[0, :, :60].mean(), raw[0, :, 100:].mean()
    assert left == pytest.approx(raw[1].mean(), abs=40), "bytes and floats are the same grey"
    if film.encoding.deep:
        assert right - left == pytest.approx(0.5 * 257, abs=70)
        assert right > left


def test_defaults_are_those_of_the_table() -> None:
    for ending in VIDEO_ENDINGS:
        name = "vp9" if ending == ".webm" else "h264"
        assert encoding_of(ending) == encoding_of(ending, name, "yuv420p", GRADES[ending])


@pytest.mark.parametrize(
    ("ending", "codec", "pixels", "quality", "code"),
    [
        (".mp4", "prores", "auto", None, "VS270"),
        (".webm", "h264", "auto", None, "VS270"),
        (".mp4", "h264", "rgb24", None, "VS271"),
        (".mp4", "av1", "yuv444p", None, "VS271"),
        (".mp4", "h264", "auto", 52, "VS272"),
        (".gif", "auto", "auto", 1, "VS272"),
        (".mkv", "ffv1", "auto", 3, "VS273"),
        (".gif", "h264", "auto", None, "VS274"),
        (".webp", "auto", "yuv420p", None, "VS274"),
    ],
)
def test_what_cannot_be_is_refused(ending: str, codec: str, pixels: str, quality: int | None, code: str) -> None:
    with pytest.raises(SettingsError) as caught:
        encoding_of(ending, codec, pixels, quality)
    assert caught.value.code == code
