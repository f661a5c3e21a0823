"""What a video is beside a flat one is told where it is lost."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.clips import clip, ffmpeg
from vidstyle.video.encoder import Film
from vidstyle.video.muxer import Sink
from vidstyle.video.probe import probe
from vidstyle.video.reader import open_video
from vidstyle.video.tracks import read_tracks

_ID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")  # Google's Spherical Video V1
_TAGS = {"Spherical": "true", "Stitched": "true", "StitchingSoftware": "x", "ProjectionType": "equirectangular"}


def made_spherical(data: bytes) -> bytes:
    """An MP4 file whose video track is marked, its index being behind its frames."""
    tags = "".join(f"<GSpherical:{name}>{value}</GSpherical:{name}>" for name, value in _TAGS.items())
    text = f'<?xml version="1.0"?><rdf:SphericalVideo>{tags}</rdf:SphericalVideo>'.encode()
    box = struct.pack(">I4s", 24 + len(text), b"uuid") + _ID + text
    index = data.index(b"moov") - 4
    track = data.index(b"trak", index) - 4
    marked = bytearray(data)
    for place in (index, track):
        marked[place : place + 4] = struct.pack(">I", struct.unpack_from(">I", data, place)[0] + len(box))
    end = track + struct.unpack_from(">I", data, track)[0]
    return bytes(marked[:end] + box + marked[end:])


@pytest.mark.parametrize("spherical", [True, False])
def test_a_360_degree_video(tmp_path: Path, caplog: pytest.LogCaptureFixture, spherical: bool) -> None:
    path = clip(tmp_path / "a.mp4", count=3)
    if spherical:
        path.write_bytes(made_spherical(path.read_bytes()))
    info = probe(path)
    assert info.stream is not None
    assert len(info.stream.marks) == spherical
    with open_video(path) as source, Sink(Film(tmp_path / "out.mp4", info.size, info.rate, info)) as sink:
        for frame in source:
            sink.write(frame.image)
        sink.finish()
    assert len(caplog.records) == spherical


@pytest.mark.parametrize(("ending", "layout", "lines"), [("mkv", "ambisonic 1", 0), ("mp4", "4.0", 1)])
def test_ambisonic_sound(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str, layout: str, lines: int
) -> None:
    """It is copied, or its channels stay in their order as those of another layout, and that is told."""
    waves = "aevalsrc=0.1*sin(440*t)|0.1*sin(550*t)|0.1*sin(660*t)|0.1*sin(770*t):d=0.5"
    spatial = f"{waves},channelmap=map=0|1|2|3:channel_layout='ambisonic 1'"
    silent, path = clip(tmp_path / "a.mkv", count=12), tmp_path / "b.mkv"
    opus = ["-c:a", "libopus", "-mapping_family", 2]
    ffmpeg("-i", silent, "-f", "lavfi", "-i", spatial, "-c:v", "copy", *opus, path)
    info, out = probe(path), tmp_path / f"out.{ending}"
    with open_video(path) as source, Sink(Film(out, info.size, info.rate, info)) as sink:
        for frame in source:
            sink.write(frame.image)
        sink.finish()
    assert [track.layout for track in read_tracks(out).sound] == [layout]
    assert len(caplog.records) == lines
