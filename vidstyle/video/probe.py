"""What a video file really is, and whether OpenCV reads it right."""

from __future__ import annotations

import os
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from vidstyle.errors import SourceError
from vidstyle.files import printable, require_file
from vidstyle.images import IMAGE_ENDINGS, image_format, is_animated
from vidstyle.limits import LIMITS, Limits
from vidstyle.video import animation, ffmpeg, streams
from vidstyle.video.decoding import first_frame
from vidstyle.video.streams import Description, PacketTimes, Timing, VideoStream

PADDED_DELAY = 0.1  # seconds: a first frame that comes later than this is shown from the start on, by copies
HD_HEIGHT = 720  # untagged frames of at least this height are taken as BT.709, as players do
_SAME_COLOURS = 12.0  # mean difference, of 255; other conversions differ by < 2, wrongly read files by > 30
_HDR = ("smpte2084", "arib-std-b67")
_TEXT_START = 4096  # bytes
_MOMENT = 1e-6  # seconds: less than this before a frame's time still counts as its time
_ON_WHITE = "transparent parts are laid on white"


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
    VARIABLE_RATE = ("its frames are unevenly spaced in time (variable frame rate)",)
    LATE = ("its frames start after its sound",)
    MIRRORED = ("it is stored mirrored",)
    DAMAGED_START = ("its first frame is damaged",)
    UNREADABLE = ("OpenCV cannot read it",)
    OTHER_COLOURS = ("OpenCV shows other colours than ffmpeg",)


@dataclass(frozen=True)
class VideoInfo:
    """One video as it will be read.

    Attributes:
        path: the file.
        size: (height, width) in pixels as displayed: rotation and pixel aspect applied.
        rate: frames a second, exact.
        seconds: how long the video track is.
        frame_count: frames to expect, an estimate unless `exact_count`.
        audio, subtitles: the codec of each track, such as `aac`.
        faults: why OpenCV cannot be trusted with the file; none: it is read directly.
        remarks: sentences that the user should read, such as of damage; `open_video` logs them.
        durations: seconds that each frame of an animation is shown; None for a video.
        plays: how many times an animation is shown; 0 for without end.
        exact_count: whether `frame_count` was counted.
        start: seconds, the file's own first time stamp. With `delay` it places the sound.
        delay: seconds that the first frame comes later than that.
        stream: the video track as the file describes it; None for an animation.
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
    stream: VideoStream | None = None

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
    _refuse_images_and_text(path)
    description = streams.describe(path)
    stream = _main_stream(path, description)
    limits.check_size(_name(path), stream.displayed_size)
    packets = streams.packet_times(path)
    if not packets.times and packets.complete:
        raise SourceError("VS344", name=_name(path))
    gaps = (after - before for before, after in pairwise(packets.times))
    limits.check_still(_name(path), float(max(gaps, default=0) * packets.tick))
    return _judge(path, description, stream, packets)


def _probe_animation(path: Path, limits: Limits) -> VideoInfo:
    showing, remarks = animation.measure(path, limits), []
    total, count = sum(showing.durations), len(showing.durations)
    rate = Fraction(count * 1000, max(round(total * 1000), 1)).limit_denominator(100_000)
    if count < showing.announced:
        remarks.append(f"{_name(path)} is damaged: {count} of {showing.announced} frames can be read")
    if showing.transparent:
        remarks.append(f"{_name(path)}: {_ON_WHITE}")
    return VideoInfo(
        path, showing.size, rate, total, count, remarks=tuple(remarks), durations=showing.durations, plays=showing.plays
    )


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


def _main_stream(path: Path, description: Description) -> VideoStream:
    """The stream whose frames are read; SourceError where there is none."""
    real = [stream for stream in description.videos if not stream.cover_art]
    if real and real[0].size != (0, 0):
        return real[0]
    if description.videos and not real:
        raise SourceError("VS348", name=_name(path))
    if description.audio:
        raise SourceError("VS349", name=_name(path))
    echoes = (" ", "Error opening input", "At least one output", "Input #0")
    complaints = (line for line in description.log.splitlines() if not line.startswith(echoes))
    raise SourceError("VS343", name=_name(path), reason=ffmpeg.reason("\n".join(complaints)))


def _judge(path: Path, description: Description, stream: VideoStream, packets: PacketTimes) -> VideoInfo:
    timing = streams.fit(packets, stream.nominal_rate)
    first = float(packets.times[0] * packets.tick) if packets.times else 0.0
    delay = max(0.0, first - description.start) if packets.times else 0.0
    faults = _faults_told(description, stream, timing, delay)
    faults = faults or _faults_seen(path)
    seconds, count = timing.seconds, len(packets.times)
    if not packets.complete and description.seconds:
        seconds = description.seconds - delay
    if faults:  # rewriting fills the time before the first frame
        seconds, delay = seconds + delay, 0.0
    if faults or not packets.complete:
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
        remarks=_remarks(path, description, timing, packets, stream.transparent),
        exact_count=not faults and packets.complete,
        start=description.start,
        delay=delay,
        stream=stream,
    )


def _faults_told(description: Description, stream: VideoStream, timing: Timing, delay: float) -> list[Fault]:
    """Faults that the file's description and its times give away."""
    pixels, height = stream.pixel_format, stream.size[0]
    checks = {
        Fault.INTERLACED: "first" in stream.field_order or stream.codec == "dvvideo",
        Fault.HDR: stream.transfer in _HDR,
        Fault.DEEP: stream.deep,
        Fault.TRANSPARENT: stream.transparent,
        Fault.ASPECT: stream.pixel_aspect != 1,
        Fault.ROTATED: stream.rotation is not None and stream.rotation % 90 != 0,
        Fault.UNTAGGED: height >= HD_HEIGHT and stream.matrix == "unknown" and pixels.startswith("yuv"),
        Fault.WIDE_COLOURS: stream.primaries == "bt2020" and stream.transfer not in _HDR,
        Fault.COVER_FIRST: description.videos[0].cover_art,
        Fault.NO_TIMES: description.container in ("h264", "hevc", "m4v", "mpegvideo"),
        Fault.VARIABLE_RATE: not timing.constant,
        Fault.LATE: delay > PADDED_DELAY,
    }
    return [fault for fault, found in checks.items() if found]


def _faults_seen(path: Path) -> list[Fault]:
    """Faults that show only when the first frame is decoded both ways: ffmpeg gets fields and matrices right."""
    raw = ["-map", "0:V:0", "-vf", "showinfo", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    result = ffmpeg.run([*ffmpeg.input_arguments(path), *raw], level="debug", seconds=4)
    inserted = re.findall(r"^Filter '(\w+)' formats:", result.log, re.MULTILINE)
    if ("hflip" in inserted) != ("vflip" in inserted) or re.search(r"\[transpose @ .* vflip:1", result.log):
        return [Fault.MIRRORED]
    shown = re.search(r"n: *0 pts:.* s:(\d+)x(\d+) i:([PTB])", result.log)
    if shown is None or len(result.output) != int(shown[1]) * int(shown[2]) * 3:
        return [Fault.DAMAGED_START]
    if shown[3] != "P":
        return [Fault.INTERLACED]
    truth = np.frombuffer(result.output, np.uint8).reshape(int(shown[2]), int(shown[1]), 3)
    seen = first_frame(path)
    if seen is None or seen.shape != truth.shape:
        return [Fault.UNREADABLE]
    difference = float(np.abs(seen.astype(np.int16) - truth).mean())
    return [Fault.OTHER_COLOURS] if difference > _SAME_COLOURS else []


def _remarks(
    path: Path, description: Description, timing: Timing, packets: PacketTimes, has_alpha: bool
) -> tuple[str, ...]:
    name, remarks = _name(path), []
    if packets.complaint:
        count = len(packets.times)
        expected = max(count, round((description.seconds or 0) * timing.rate))
        remarks.append(
            f"{name} is damaged or cut off ({packets.complaint}): it holds {count} of about {expected} frames"
        )
    if timing.dropped:
        rate = f"{float(timing.rate):g}"
        remarks.append(f"{name}: {timing.dropped} frames come faster than {rate} a second and are left out")
    if has_alpha:
        remarks.append(f"{name}: {_ON_WHITE}")
    return tuple(remarks)


def _name(path: Path) -> str:
    return printable(path.name or path)
