"""What a video file really is, and whether OpenCV reads it right."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from vidstyle.core.pixels import Pixels
from vidstyle.errors import SourceError
from vidstyle.files import answered, printable, require_file
from vidstyle.images import IMAGE_ENDINGS, image_format, is_animated
from vidstyle.limits import LIMITS, Limits
from vidstyle.video import animation, streams
from vidstyle.video.decoding import first_frame
from vidstyle.video.packets import PacketTimes, Shift, packet_times
from vidstyle.video.streams import Description, VideoStream
from vidstyle.video.timing import Timing, fit

PADDED_DELAY = 0.1  # seconds: a first frame that comes later than this is shown from the start on, by copies
HD_HEIGHT = 720  # untagged frames of at least this height are taken as BT.709, as players do
_SAME_COLOURS = 12.0  # mean difference, of 255; other conversions differ by < 2, wrongly read files by > 30
_RAW = ("h264", "hevc", "m4v", "mpegvideo", "mjpeg")  # formats without times
_TEXT_START = 4096  # bytes
_RAW_FRAMES = b"YUV4MPEG2 ", b"\nFRAME"  # text before frames, which may be letters by their bytes, too
_MOMENT = 1e-6  # seconds: less than this before a frame's time still counts as its time


class Fault(Enum):
    """Why OpenCV cannot be trusted with a file, and the ffmpeg filters that this takes beside those of every rewriting.

    Braces are filled by `video.normalize`.
    """

    def __init__(self, text: str, filters: str = "") -> None:
        self.text, self.filters = text, filters

    RESHAPED = (
        "its frames change their size or pixel format",
        (
            "scale={stored_width}:{stored_height}:force_original_aspect_ratio=decrease,"
            "pad={stored_width}:{stored_height}:-1:-1:eval=frame"
        ),
    )
    INTERLACED = "it is interlaced", "bwdif=mode=send_frame:deint={fields}"
    HDR = (
        "it is HDR",
        "format=yuv{a}444p16le,zscale=pin=bt2020:min=bt2020nc:tin={transfer}:t=linear:npl={white},"
        "format=gbr{a}pf32le,zscale=p=bt709,tonemap=mobius:param=0.6:desat=0:peak=5,"
        "zscale=t=bt709:m=gbr:r=pc:d=error_diffusion",
    )
    WIDE_COLOURS = (
        "it uses the colours of BT.2020",
        "format=yuv{a}444p16le,zscale=pin=bt2020:min=bt2020nc:p=bt709:t=bt709:m=gbr:r=pc:d=error_diffusion",
    )
    DEEP = ("it has more than 8 bits per colour",)
    TRANSPARENT = ("it has transparency",)
    ASPECT = "its pixels are not square", "scale={width}:{height}:flags=lanczos"
    ROTATED = ("it is rotated by an odd angle",)
    UNTAGGED = ("it does not say how its colours are coded",)
    COVER_FIRST = ("its cover image comes before the video",)
    NO_TIMES = ("it has no time stamps (a raw stream)",)
    VARIABLE_RATE = ("its frames are unevenly spaced in time (variable frame rate)",)
    LATE = ("its frames start after its sound",)
    MIRRORED = ("it is stored mirrored",)
    DAMAGED_START = ("its first frame is damaged",)
    UNREADABLE = ("OpenCV cannot read it",)
    OTHER_COLOURS = ("OpenCV and ffmpeg show different colours",)


@dataclass(frozen=True)
class VideoInfo:
    """One video as it will be read.

    Attributes:
        path: the file.
        size: (height, width) in pixels as displayed: rotation and pixel aspect applied.
        rate: frames a second, exact; on average where their times are uneven.
        seconds: how long the video track is.
        frame_count: frames to expect, an estimate unless `exact_count`.
        audio, subtitles: the codec of each track, such as `aac`.
        faults: why OpenCV cannot be trusted with the file; none: it is read directly.
        remarks: sentences that the user should read, such as of damage; `open_video` logs them.
        durations: seconds that each frame is shown, of an animation, or of a video of variable rate that was
            rewritten; None for others.
        plays: how many times an animation is shown; 0 for without end.
        exact_count: whether `frame_count` was counted.
        start: seconds, the file's own first time stamp. With `delay` it places the sound.
        delay: seconds that the first frame comes later than that.
        restarted: whether times that restart on the way were moved behind those before.
        sound_shifts: how the packets of each sound track are moved then.
        stream: the video track as the file describes it; None for an animation.
        transparent: whether it has an alpha channel, or for an animation, transparent parts.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    seconds: float
    frame_count: int
    audio: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()
    durations: tuple[float, ...] | None = None
    plays: int = 0
    exact_count: bool = True
    start: float = 0.0
    delay: float = 0.0
    restarted: bool = False
    sound_shifts: tuple[tuple[Shift, ...], ...] = ()
    stream: VideoStream | None = None
    transparent: bool = False

    @property
    def animated(self) -> bool:
        """Whether it is an animated image."""
        return self.durations is not None and self.stream is None

    def seconds_of(self, frame: int) -> float:
        """When a frame, counted from 0, is shown."""
        if self.durations is not None:
            return self._begins[frame]
        return frame * self.rate.denominator / self.rate.numerator

    def first_from(self, seconds: float) -> int:
        """The number of the first frame that is shown then or later."""
        return bisect_left(range(self.frame_count), seconds - _MOMENT, key=self.seconds_of)

    def shown_at(self, seconds: float) -> int:
        """The number of the frame that is shown then: -1 before the first, `frame_count` after the end."""
        if seconds > self.seconds + _MOMENT:
            return self.frame_count
        return bisect_right(range(self.frame_count), seconds + _MOMENT, key=self.seconds_of) - 1

    @cached_property
    def _begins(self) -> list[float]:
        return [0.0, *accumulate(self.durations or ())]


def probe(path: str | os.PathLike[str], limits: Limits = LIMITS) -> VideoInfo:
    """Looks into a video or an animated image, in a few seconds however long it is.

    Args:
        path: the file.
        limits: how large and long its frames may be.

    Raises:
        SourceError: for everything that is not a video with frames within the limits: VS309 to VS315 where the file
            cannot be read, VS333 and VS334 for a broken animation, VS343 to VS349 for what is no video or has no
            frames, VS325 to VS329 beyond the limits.
    """
    path = Path(path)
    require_file(path)
    if is_animated(path):
        return _probe_animation(path, limits)
    demuxer = _demuxer(path)
    description, packets = answered(lambda: _look_into(path, limits, demuxer), _name(path))
    if not packets.times and packets.complete:
        raise SourceError("VS344", name=_name(path))
    gaps = [after - before for before, after in pairwise(packets.times)]
    limits.check_still(_name(path), float(max([*gaps, packets.last_duration]) * packets.tick))
    return _judge(path, description, packets)


def _probe_animation(path: Path, limits: Limits) -> VideoInfo:
    showing, remarks = animation.measure(path, limits), []
    total, count = sum(showing.durations), len(showing.durations)
    rate = Fraction(count * 1000, max(round(total * 1000), 1)).limit_denominator(100_000)
    if count < showing.announced:
        remarks.append(f"{_name(path)} is damaged: {count} of {showing.announced} frames can be read")
    return VideoInfo(
        path,
        showing.size,
        rate,
        total,
        count,
        remarks=tuple(remarks),
        durations=showing.durations,
        plays=showing.plays,
        transparent=showing.transparent,
    )


def _demuxer(path: Path) -> str | None:
    """By what a file is read where that shows in its name and content only; SourceError for images and text."""
    found = image_format(path)
    if found == "JPEG" and path.suffix.lower() not in IMAGE_ENDINGS and len(packet_times(path, 1, "mjpeg").times) > 1:
        return "mjpeg"
    if found:
        hint = "" if path.suffix.lower() in IMAGE_ENDINGS else f"; rename it to {path.stem}.{found.lower()}"
        raise SourceError("VS345", name=_name(path), found=found, hint=printable(hint))
    with path.open("rb") as file:
        head = file.read(_TEXT_START)
    if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"#EXTM3U"):
        raise SourceError("VS346", name=_name(path))
    if b"\0" not in head and not all(word in head for word in _RAW_FRAMES) and _is_text(head):
        raise SourceError("VS347", name=_name(path))
    return None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", "strict" if len(head) < _TEXT_START else "ignore")
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\r\n\t\f" for c in text)


def _look_into(path: Path, limits: Limits, demuxer: str | None) -> tuple[Description, PacketTimes]:
    """The tracks and the times of a file; SourceError where it has no video."""
    try:
        description = streams.describe(path, limits, demuxer)
    except streams.FAILURES as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError("VS343", name=_name(path), reason=printable(reason)) from error
    if description.stream is None:
        name = _name(path)
        if description.cover:
            raise SourceError("VS348", name=name)
        if description.audio:
            raise SourceError("VS349", name=name)
        raise SourceError("VS343", name=name, reason="it contains no video")
    limits.check_size(_name(path), description.stream.displayed_size)
    return description, packet_times(path, demuxer=demuxer)


def _judge(path: Path, description: Description, packets: PacketTimes) -> VideoInfo:
    stream = description.stream
    assert stream is not None
    timing = fit(packets, stream.nominal_rate)
    first = float(packets.times[0] * packets.tick) if packets.times else description.start
    delay = max(0.0, first - description.start)
    faults = _faults_told(description, stream, timing, 0.0 if packets.restarted else delay) or _faults_seen(
        path, description.first_frame
    )
    seconds, count = timing.seconds, len(packets.times)
    if not packets.complete and description.seconds and not packets.restarted:
        seconds = description.seconds - delay
    if faults and not packets.restarted:  # rewriting fills the time before the first frame
        seconds, delay = seconds + delay, 0.0
    if (faults and timing.constant) or not packets.complete:
        count = max(1, round(seconds * timing.rate))
    return VideoInfo(
        path=path,
        size=stream.displayed_size,
        rate=timing.rate,
        seconds=seconds,
        frame_count=count,
        audio=description.audio,
        subtitles=description.subtitles,
        faults=tuple(faults),
        remarks=_remarks(path, packets),
        exact_count=not faults and packets.complete,
        start=description.start,
        delay=delay,
        restarted=packets.restarted,
        sound_shifts=packets.sound_shifts,
        stream=stream,
        transparent=stream.transparent,
    )


def _faults_told(description: Description, stream: VideoStream, timing: Timing, delay: float) -> list[Fault]:
    """Faults that the file's description and its times give away."""
    checks = {
        Fault.RESHAPED: stream.reshaped,
        Fault.INTERLACED: stream.interlaced,
        Fault.HDR: bool(stream.hdr),
        Fault.DEEP: stream.deep,
        Fault.TRANSPARENT: stream.transparent,
        Fault.ASPECT: stream.pixel_aspect != 1,
        Fault.ROTATED: stream.rotation % 90 != 0,
        Fault.MIRRORED: stream.mirrored,
        Fault.UNTAGGED: stream.size[0] >= HD_HEIGHT and stream.untagged,
        Fault.WIDE_COLOURS: stream.wide and not stream.hdr,
        Fault.COVER_FIRST: description.cover,
        Fault.NO_TIMES: description.container in _RAW,
        Fault.VARIABLE_RATE: not timing.constant,
        Fault.LATE: delay > PADDED_DELAY,
        Fault.DAMAGED_START: description.first_frame is None,
    }
    return [fault for fault, found in checks.items() if found]


def _faults_seen(path: Path, truth: Pixels | None) -> list[Fault]:
    """Faults that show only when the first frame is decoded both ways: libav gets fields and matrices right."""
    seen = first_frame(path)
    if truth is None or seen is None or seen.shape != truth.shape:
        return [Fault.UNREADABLE]
    difference = float(np.abs(seen.astype(np.int16) - truth).mean())
    return [Fault.OTHER_COLOURS] if difference > _SAME_COLOURS else []


def _remarks(path: Path, packets: PacketTimes) -> tuple[str, ...]:
    name, count, remarks = _name(path), len(packets.times), []
    if count < packets.announced:
        remarks.append(f"{name} is damaged or cut off: it holds {count} of about {packets.announced} frames")
    elif packets.damaged:
        remarks.append(f"{name} is damaged: frames may be missing or not whole")
    return tuple(remarks)


def _name(path: Path) -> str:
    return printable(path.name or path)
