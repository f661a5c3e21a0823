"""What a video file really is, and whether OpenCV reads it right."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.errors import SourceError
from vidstyle.files import printable, require_file
from vidstyle.images import IMAGE_ENDINGS, image_format, is_animated
from vidstyle.limits import LIMITS, Limits
from vidstyle.video import animation, ffmpeg, streams

PADDED_DELAY = 0.1  # seconds: an image that starts later than this is filled up with copies of the first one
HD_HEIGHT = 720  # untagged images of at least this height are taken as BT.709, as players do
_SAME_IMAGE = 12.0  # mean difference, of 255; other conversions differ by < 2, wrongly read files by > 30
_HDR = ("smpte2084", "arib-std-b67")
_TEXT_START = 4096
ON_WHITE = "transparent parts are laid on white"


class Fault(Enum):
    """Why OpenCV cannot be trusted with a file, and the ffmpeg filters that this takes beside those of every rewriting.

    Braces are filled by `video.normalize`.
    """

    def __init__(self, text: str, filters: str = "") -> None:
        self.text, self.filters = text, filters

    INTERLACED = "it is interlaced", "bwdif=mode=send_frame:deint={fields}"
    HDR = (
        "it is HDR",
        "format=yuv444p16le,zscale=pin=bt2020:min=bt2020nc:tin={transfer}:t=linear:npl={white},"
        "format=gbrpf32le,zscale=p=bt709,tonemap=mobius:param=0.6:desat=0:peak=5,"
        "zscale=t=bt709:m=bt709:r=tv:d=error_diffusion",
    )
    WIDE_COLOURS = (
        "it uses the colours of BT.2020",
        "format=yuv444p16le,zscale=pin=bt2020:min=bt2020nc:p=bt709:t=bt709:m=bt709:r=tv:d=error_diffusion",
    )
    DEEP = ("it has more than 8 bits per colour",)
    TRANSPARENT = (
        "it has transparency",
        "format=rgba,split[ground][image];[ground]drawbox=c=white@1:t=fill:replace=1[white];"
        "[white][image]overlay=format=gbrp",
    )
    ASPECT = "its pixels are not square", "scale={width}:{height}:flags=lanczos"
    ROTATED = ("it is rotated by an odd angle",)
    UNTAGGED = ("it does not say how its colours are coded",)
    COVER_FIRST = ("its cover image comes before the video",)
    NO_TIMES = ("it has no time stamps (a raw stream)",)
    VARIABLE_RATE = ("its images are unevenly spaced in time (variable frame rate)",)
    LATE = ("its images start after its sound",)
    MIRRORED = ("it is stored mirrored",)
    DAMAGED_START = ("its first image is damaged",)
    UNREADABLE = ("OpenCV cannot read it",)
    OTHER_COLOURS = ("OpenCV shows other colours than ffmpeg",)


@dataclass(frozen=True)
class AudioStream:
    """One sound track: its number among the file's streams and its codec, such as ``aac``."""

    index: int
    codec: str


@dataclass(frozen=True)
class VideoInfo:
    """One video as it will be read.

    ``size`` is (height, width) as displayed: rotation and pixel aspect applied. ``rate`` is exact, images
    per second. ``seconds`` is the length of the video track, ``frame_count`` the images to expect, an estimate
    unless ``exact_count``. ``faults`` says why OpenCV cannot be trusted with the file; none: it is read
    directly. ``durations`` are the seconds each image of an animation is shown, None for a video.
    ``remarks`` are sentences the user should read, such as damage; ``open_video`` logs them.
    ``start`` is the file's own first time stamp and ``delay`` how much later, in seconds, the first image
    comes: both place the sound.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    seconds: float
    frame_count: int
    audio: tuple[AudioStream, ...] = ()
    subtitles: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()
    durations: tuple[float, ...] | None = None
    exact_count: bool = True
    start: float = 0.0
    delay: float = 0.0
    stream: streams.VideoStream | None = None


def probe(path: str | os.PathLike[str], limits: Limits = LIMITS) -> VideoInfo:
    """Looks into a video or an animated image, in a few seconds however long it is.

    Raises SourceError, one sentence, for everything that is not a video with frames within the ``limits``.
    """
    path = Path(path)
    require_file(path)
    if is_animated(path):
        return _probe_animation(path, limits)
    _refuse_images_and_text(path)
    description = streams.describe(path)
    stream = _image_stream(path, description)
    limits.check_size(_name(path), _displayed_size(stream))
    packets = streams.packet_times(path)
    if not packets.times and packets.complete:
        raise SourceError("VS344", name=_name(path))
    gaps = (after - before for before, after in itertools.pairwise(packets.times))
    limits.check_still(_name(path), float(max(gaps, default=0) * packets.tick))
    return _judge(path, description, stream, packets)


def _probe_animation(path: Path, limits: Limits) -> VideoInfo:
    size, durations, announced = animation.measure(path, limits)
    total = sum(durations)
    rate = Fraction(len(durations) * 1000, max(round(total * 1000), 1)).limit_denominator(100_000)
    remarks = []
    if len(durations) < announced:
        remarks.append(f"{_name(path)} is damaged: {len(durations)} of {announced} images can be read")
    if animation.has_transparency(path):
        remarks.append(f"{_name(path)}: {ON_WHITE}")
    return VideoInfo(path, size, rate, total, len(durations), durations=durations, remarks=tuple(remarks))


def _refuse_images_and_text(path: Path) -> None:
    found = image_format(path)
    if found:
        hint = "" if path.suffix.lower() in IMAGE_ENDINGS else f"; rename it to {path.stem}.{found.lower()}"
        raise SourceError("VS345", name=_name(path), found=found, hint=printable(hint))
    with path.open("rb") as file:
        head = file.read(_TEXT_START)
    if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"#EXTM3U"):
        raise SourceError("VS346", name=_name(path))
    if b"\0" not in head and _is_text(head):
        raise SourceError("VS347", name=_name(path))


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", "strict" if len(head) < _TEXT_START else "ignore")
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\r\n\t\f" for c in text)


def _image_stream(path: Path, description: streams.Description) -> streams.VideoStream:
    real = [stream for stream in description.videos if not stream.cover_art]
    if real and real[0].size != (0, 0):
        return real[0]
    if description.videos and not real:
        raise SourceError("VS348", name=_name(path))
    if any(other.kind == "audio" for other in description.others):
        raise SourceError("VS349", name=_name(path))
    reason = ffmpeg.reason(_complaints(description.log))
    raise SourceError("VS343", name=_name(path), reason=reason)


def _complaints(log: str) -> str:
    echoes = ("Error opening input", "At least one output", "Input #0")
    return "\n".join(line for line in log.splitlines() if not line.startswith((" ", *echoes)))


def _judge(
    path: Path, description: streams.Description, stream: streams.VideoStream, packets: streams.PacketTimes
) -> VideoInfo:
    times = streams.fit(packets, stream.nominal_rate)
    first = float(packets.times[0] * packets.tick) if packets.times else 0.0
    delay = max(0.0, first - description.start) if packets.times else 0.0
    faults = [*_stream_faults(stream), *_container_faults(description)]
    if not times.constant:
        faults.append(Fault.VARIABLE_RATE)
    if delay > PADDED_DELAY:
        faults.append(Fault.LATE)
    faults += _seen_faults(path, faults)
    seconds, count = times.seconds, len(packets.times)
    if not packets.complete and description.seconds:
        seconds = description.seconds - delay
    if faults:  # conforming fills the time before the first image
        seconds, delay = seconds + delay, 0.0
    if faults or not packets.complete:
        count = max(1, round(seconds * times.rate))
    return VideoInfo(
        path=path,
        size=_displayed_size(stream),
        rate=times.rate,
        seconds=seconds,
        frame_count=count,
        audio=tuple(AudioStream(s.index, s.codec) for s in description.others if s.kind == "audio"),
        subtitles=tuple(s.codec for s in description.others if s.kind == "subtitle"),
        faults=tuple(faults),
        remarks=_remarks(path, description, times, packets, transparent(stream)),
        exact_count=not faults and packets.complete,
        start=description.start,
        delay=delay,
        stream=stream,
    )


def _stream_faults(stream: streams.VideoStream) -> list[Fault]:
    """Faults that the file's description gives away."""
    pixels, height = stream.pixel_format, stream.size[0]
    checks = {
        Fault.INTERLACED: "first" in stream.field_order or stream.codec == "dvvideo",
        Fault.HDR: stream.transfer in _HDR,
        Fault.DEEP: deep(pixels),
        Fault.TRANSPARENT: transparent(stream),
        Fault.ASPECT: stream.pixel_aspect != 1,
        Fault.ROTATED: stream.rotation is not None and stream.rotation % 90 != 0,
        Fault.UNTAGGED: height >= HD_HEIGHT and stream.matrix == "unknown" and pixels.startswith("yuv"),
        Fault.WIDE_COLOURS: stream.primaries == "bt2020" and stream.transfer not in _HDR,
    }
    return [fault for fault, found in checks.items() if found]


def _container_faults(description: streams.Description) -> list[Fault]:
    faults = []
    if description.videos[0].cover_art:
        faults.append(Fault.COVER_FIRST)
    if description.container in ("h264", "hevc", "m4v", "mpegvideo"):
        faults.append(Fault.NO_TIMES)
    return faults


def _seen_faults(path: Path, known: list[Fault]) -> list[Fault]:
    """Faults that show only when one image is decoded both ways."""
    if known:
        return []
    truth = streams.first_image(path)
    if truth.mirrored:
        return [Fault.MIRRORED]
    if truth.interlaced:
        return [Fault.INTERLACED]
    if truth.pixels is None:
        return [Fault.DAMAGED_START]
    seen = _first_seen_by_opencv(path)
    if seen is None or seen.shape != truth.pixels.shape:
        return [Fault.UNREADABLE]
    difference = float(np.abs(seen.astype(np.int16) - truth.pixels).mean())
    return [Fault.OTHER_COLOURS] if difference > _SAME_IMAGE else []


def _first_seen_by_opencv(path: Path) -> NDArray[np.uint8] | None:
    capture = open_capture(path)
    try:
        found, image = capture.read()
        return np.ascontiguousarray(image[:, :, ::-1]).astype(np.uint8) if found else None
    except cv2.error:
        return None
    finally:
        capture.release()


def open_capture(path: Path) -> cv2.VideoCapture:
    """Open a file with OpenCV's FFmpeg reader, silently; ``read()`` tells whether that worked."""
    quiet_opencv()
    name = str(path.absolute())
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8, as on old disks: OpenCV would end the process
        with path.open("rb") as file:
            return cv2.VideoCapture(f"/proc/self/fd/{file.fileno()}", cv2.CAP_FFMPEG)
    return cv2.VideoCapture(name, cv2.CAP_FFMPEG)


@cache
def quiet_opencv() -> None:
    """What OpenCV prints about files and cameras is printed no more."""
    # Read once, when the first capture opens. What OpenCV would print is found out here anyway.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def deep(pixel_format: str) -> bool:
    """Whether a pixel format holds more than 8 bits per colour (yuv420p10le, p010le, gbrp12le, rgb48be)."""
    return pixel_format.endswith(("le", "be")) and not pixel_format.startswith(("rgb5", "bgr5", "rgb4", "bgr4444"))


def transparent(stream: streams.VideoStream) -> bool:
    """Whether the stream has an alpha channel."""
    alpha = ("yuva", "rgba", "argb", "bgra", "abgr", "gbrap", "ya8", "ya16", "pal8", "ayuv", "vuya")
    return stream.alpha_mode or stream.pixel_format.startswith(alpha)


def _displayed_size(stream: streams.VideoStream) -> tuple[int, int]:
    (height, width), aspect = stream.size, stream.pixel_aspect
    if stream.rotation is not None and round(stream.rotation) % 180 == 90:
        height, width, aspect = width, height, 1 / aspect
    return height, max(1, round(width * aspect))


def _remarks(
    path: Path,
    description: streams.Description,
    times: streams.Timing,
    packets: streams.PacketTimes,
    has_alpha: bool,
) -> tuple[str, ...]:
    name, remarks = _name(path), []
    if packets.complaint:
        count = len(packets.times)
        expected = max(count, round((description.seconds or 0) * times.rate))
        remarks.append(
            f"{name} is damaged or cut off ({packets.complaint}): it holds {count} of about {expected} frames"
        )
    if times.dropped:
        rate = f"{float(times.rate):g}"
        remarks.append(f"{name}: {times.dropped} images come faster than {rate} a second and are left out")
    if has_alpha:
        remarks.append(f"{name}: {ON_WHITE}")
    return tuple(remarks)


def _name(path: Path) -> str:
    return printable(path.name or path)
