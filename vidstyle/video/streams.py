"""What a file holds, as PyAV reads it: its tracks, its first frame, and the time of each frame."""

from __future__ import annotations

import contextlib
import math
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream as VideoTrack

from vidstyle.core.pixels import Pixels
from vidstyle.errors import SourceError
from vidstyle.files import printable
from vidstyle.limits import LIMITS, Limits
from vidstyle.video import ffmpeg

FAILURES = (av.FFmpegError, OSError, ValueError, RuntimeError)  # what PyAV raises for what it cannot read

_PATIENCE = 4.0  # seconds that opening a file, and reading one packet, may take
_FEW = 300  # packets that may be damaged before the first frame
_KEY_SECONDS = 0.5  # so long key frames are looked through for one of another size
_UNKNOWN, _BT2020 = 2, 9  # ITU-T H.273: of matrices and primaries
_MARKS = {"SPHERICAL": "that it is a 360-degree video", "STEREO3D": "that it is stereoscopic"}  # side data of libavutil
_HDR = {16: "smpte2084", 18: "arib-std-b67"}  # ITU-T H.273: transfer functions, and what ffmpeg calls them
_GENERATE_TIMES = 1  # libavformat's AVFMT_FLAG_GENPTS


@dataclass(frozen=True)
class VideoStream:
    """One video track.

    Attributes:
        codec: such as `h264`.
        pixel_format: such as `yuv420p`.
        size: (height, width) in pixels, as stored.
        interlaced: whether a frame holds two fields.
        bits: that it holds per colour.
        transparent: whether it has an alpha channel.
        alpha_apart: whether its codec keeps that apart from the pixel format.
        matrix: by which it is YUV, as ITU-T H.273 counts.
        is_yuv: whether it has luma and chroma.
        wide: whether its primaries are those of BT.2020.
        hdr: the transfer function of HDR, such as `smpte2084`; nothing for another.
        pixel_aspect: how many times as wide as high a pixel is.
        nominal_rate: frames a second, about; None where that is not said or cannot be.
        rotation: degrees against the clock, to be turned when it is shown.
        mirrored: whether it is to be mirrored then, too.
        reshaped: whether later frames have another size or pixel format.
        marks: what it is beside a flat video, in words: a 360-degree or stereoscopic one.
    """

    codec: str
    pixel_format: str
    size: tuple[int, int]
    interlaced: bool
    bits: int
    transparent: bool
    alpha_apart: bool
    matrix: int
    is_yuv: bool
    wide: bool
    hdr: str
    pixel_aspect: Fraction
    nominal_rate: Fraction | None
    rotation: float
    mirrored: bool
    reshaped: bool
    marks: tuple[str, ...]

    @property
    def untagged(self) -> bool:
        """Whether it is YUV that does not say by which matrix."""
        return self.is_yuv and self.matrix == _UNKNOWN

    @property
    def deep(self) -> bool:
        """Whether it holds more than 8 bits per colour."""
        return self.bits > 8

    @property
    def upright_size(self) -> tuple[int, int]:
        """(height, width) in pixels, turned upright."""
        return self.size[::-1] if self._lies else self.size

    @property
    def displayed_size(self) -> tuple[int, int]:
        """(height, width) in pixels as it is shown: turned upright, its pixels made square."""
        height, width = self.upright_size
        return height, max(1, round(width / self.pixel_aspect if self._lies else width * self.pixel_aspect))

    @property
    def _lies(self) -> bool:
        return round(self.rotation) % 180 == 90


@dataclass(frozen=True)
class Description:
    """The tracks of a file.

    Attributes:
        container: names of the format, such as `mov,mp4,m4a,3gp,3g2,mj2`.
        seconds: how long the file is; None where it does not say.
        start: seconds, its first time stamp.
        stream: the first video track that is no cover image; None where there is none.
        first_frame: of that, (H, W, 3), turned upright, not mirrored; None where none can be decoded.
        cover: whether a cover image comes before it, or there is no other video.
        audio, subtitles: the codec of each track.
    """

    container: str
    seconds: float | None
    start: float
    stream: VideoStream | None
    first_frame: Pixels | None
    cover: bool
    audio: tuple[str, ...]
    subtitles: tuple[str, ...]


@contextlib.contextmanager
def opened(path: Path, demuxer: str | None) -> Iterator[InputContainer]:
    """A file, and nothing it may point to; `demuxer` and errors are those of `describe`."""
    if av.logging.get_level() is None:
        av.logging.set_level(av.logging.PANIC)  # so that errors are counted; none is told to anyone
    with av.open(
        ffmpeg.address(path),
        format=demuxer,
        container_options={"protocol_whitelist": ffmpeg.PROTOCOLS, "format_whitelist": demuxer or ffmpeg.FORMATS},
        metadata_errors="replace",
        timeout=_PATIENCE,
    ) as container:
        container.flags &= ~_GENERATE_TIMES  # which would hold all of a file that tells none
        yield container


def describe(path: Path, limits: Limits = LIMITS, demuxer: str | None = None) -> Description:
    """Reads the headers of a file and decodes the first frame.

    Args:
        path: the file.
        limits: how large its frames may be.
        demuxer: what the file is, by libavformat's name; None to find out which of ffmpeg.FORMATS.

    Raises:
        SourceError: VS325 beyond the limits, VS340 where there is no decoder.
        FAILURES: where it is no such file, or too damaged.
    """
    with opened(path, demuxer) as container:
        streams, real = container.streams, main_track(container)
        stream = first = None
        if real is not None and real.codec_context is None:
            raise SourceError("VS340", name=printable(path.name), reason="there is no decoder for it")
        if real is not None and real.height and real.width:
            limits.check_size(printable(path.name), (real.height, real.width))
            look = _look(container, real)
            first, stream = look.first, _video_stream(real, look)
        return Description(
            container=container.format.name,
            seconds=None if container.duration is None else container.duration / av.time_base,
            start=(container.start_time or 0) / av.time_base,
            stream=stream,
            first_frame=_upright(first, stream.rotation) if first and stream else None,
            cover=bool(streams.video) and streams.video[0] is not real,
            audio=tuple(map(_codec, streams.audio)),
            subtitles=tuple(map(_codec, streams.subtitles)),
        )


def main_track(container: InputContainer) -> VideoTrack | None:
    """The first video track that is no cover image or thumbnail."""
    images = Disposition.attached_pic | Disposition.timed_thumbnails
    return next((track for track in container.streams.video if not track.disposition & images), None)


def _codec(track: Stream) -> str:
    return track.codec_context.codec.canonical_name if track.codec_context else "unknown"


@dataclass
class _Look:
    """The first frame that can be decoded, and what is seen of it and of key frames after it."""

    first: VideoFrame | None = None
    reshaped: bool = False
    interlaced: bool = False


def _look(container: InputContainer, track: VideoTrack) -> _Look:
    track.codec_context.thread_count = 1
    look, deadline = _Look(), time.monotonic() + _PATIENCE
    with contextlib.suppress(*FAILURES):  # what is damaged ends it
        for number, packet in enumerate(container.demux(track)):
            if time.monotonic() > deadline or (look.first is None and number > _FEW):
                break
            for frame in _decoded(packet) if look.first is None or packet.is_keyframe or not packet.size else ():
                if look.first is None:
                    look.first, deadline = frame, time.monotonic() + _KEY_SECONDS
                look.reshaped |= _shape(frame) != _shape(look.first)
                look.interlaced |= frame.interlaced_frame
    return look


def _shape(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.height, frame.width, frame.format.name


def _decoded(packet: Packet[VideoTrack]) -> list[VideoFrame]:
    with contextlib.suppress(*FAILURES):
        return packet.decode()
    return []


def _video_stream(track: VideoTrack, look: _Look) -> VideoStream:
    context, first = track.codec_context, look.first
    pixels = first.format if first else context.format
    parts = pixels.components if pixels else ()
    alpha_apart = any(name.lower() == "alpha_mode" and value == "1" for name, value in track.metadata.items())
    rotation, mirrored = _turn(first)
    return VideoStream(
        codec=_codec(track),
        pixel_format=pixels.name if pixels else "",
        size=(first.height, first.width) if first else (context.height, context.width),
        interlaced=look.interlaced or _codec(track) == "dvvideo",
        bits=max((part.bits for part in parts), default=8),
        transparent=alpha_apart or any(part.is_alpha for part in parts) or bool(pixels and pixels.has_palette),
        alpha_apart=alpha_apart,
        matrix=context.colorspace,
        is_yuv=len(parts) >= 3 and not (pixels and pixels.is_rgb),
        wide=context.color_primaries == _BT2020,
        hdr=_HDR.get(context.color_trc, ""),
        pixel_aspect=track.sample_aspect_ratio or Fraction(1),
        nominal_rate=plausible(track.guessed_rate),
        rotation=rotation,
        mirrored=mirrored,
        reshaped=look.reshaped,
        marks=tuple(text for kind, text in _MARKS.items() if first and first.side_data.get(kind)),
    )


def plausible(rate: Fraction | None) -> Fraction | None:
    """Frames a second that a stream states; None where it states none, or one that cannot be."""
    return rate if rate and 1 <= rate <= 240 else None


def _turn(frame: VideoFrame | None) -> tuple[float, bool]:
    """Degrees against the clock by which a frame is to be turned, and whether it is to be mirrored."""
    matrix = cast(SideData | None, frame.side_data.get("DISPLAYMATRIX")) if frame else None
    if matrix is None:
        return 0.0, False
    a, b, _, c, d, *_ = struct.unpack("9i", bytes(matrix))  # ISO/IEC 14496-12, 8.2.2: x' = ax + cy, y' = bx + dy
    width, height = math.hypot(a, c), math.hypot(b, d)
    if not width or not height:
        return 0.0, False
    return round(-math.degrees(math.atan2(b / height, a / width)), 2), a * d < b * c


def _upright(frame: VideoFrame, rotation: float) -> Pixels | None:
    with contextlib.suppress(*FAILURES):  # colours that cannot be converted
        return np.rot90(frame.to_ndarray(format="rgb24"), round(rotation / 90)).astype(np.uint8, copy=False)
    return None
