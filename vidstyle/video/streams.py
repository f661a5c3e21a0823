"""What ffmpeg says about a file: its streams, the time of each frame, and the one exact rate of these times."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidstyle.video import ffmpeg

SCAN_SECONDS = 3.5  # a scan that takes longer is cut off: a very large file is judged by its first part

_UNKNOWN = -(2**63)
_STREAM = re.compile(r"^ +Stream #0:\d+\S*: (Video|Audio|Subtitle|Data|Attachment): (.*)$")
_DURATION = re.compile(r"^ +Duration: (?:(\d+):(\d+):([\d.]+)|N/A)(?:, start: (-?[\d.]+))?")
_ROTATION = re.compile(r"rotation of (-?[\d.]+|nan) degrees")
_ALPHA = ("yuva", "rgba", "argb", "bgra", "abgr", "gbrap", "ya8", "ya16", "pal8", "ayuv", "vuya")


@dataclass(frozen=True)
class VideoStream:
    """One video stream as its file describes it.

    Attributes:
        codec: such as `h264`.
        pixel_format: such as `yuv420p`.
        size: (height, width) in pixels, as stored.
        field_order: such as `top first` where it is interlaced, `progressive`, or nothing.
        matrix, primaries, transfer: how its colours are coded, such as `bt709`, or `unknown`.
        pixel_aspect: how many times as wide as high a pixel is.
        nominal_rate: frames a second, to two digits; None where that is not said or cannot be.
        cover_art: whether it is the picture of a record, or of the page of a film.
        rotation: degrees against the clock, to be turned when it is shown; None where nothing is said.
        alpha_mode: whether its codec keeps transparency apart from the pixel format.
    """

    codec: str
    pixel_format: str
    size: tuple[int, int]
    field_order: str
    matrix: str
    primaries: str
    transfer: str
    pixel_aspect: Fraction
    nominal_rate: Fraction | None
    cover_art: bool
    rotation: float | None = None
    alpha_mode: bool = False

    @property
    def deep(self) -> bool:
        """Whether it holds more than 8 bits per colour (yuv420p10le, p010le, gbrp12le, rgb48be)."""
        packed = ("rgb5", "bgr5", "rgb4", "bgr4444")
        return self.pixel_format.endswith(("le", "be")) and not self.pixel_format.startswith(packed)

    @property
    def transparent(self) -> bool:
        """Whether it has an alpha channel."""
        return self.alpha_mode or self.pixel_format.startswith(_ALPHA)

    @property
    def displayed_size(self) -> tuple[int, int]:
        """(height, width) in pixels as it is shown: turned upright, its pixels made square."""
        (height, width), aspect = self.size, self.pixel_aspect
        if self.rotation is not None and round(self.rotation) % 180 == 90:
            height, width, aspect = width, height, 1 / aspect
        return height, max(1, round(width * aspect))


@dataclass(frozen=True)
class Description:
    """All that `ffmpeg -i` prints.

    Attributes:
        container: names of the format, such as `mov,mp4,m4a,3gp,3g2,mj2`.
        seconds: how long the file is; None where it does not say.
        start: seconds, its first time stamp.
        videos: the video streams; none at all, and no sound, mean that ffmpeg cannot read the file: see `log`.
        audio, subtitles: the codec of each stream.
        log: the whole text.
    """

    container: str
    seconds: float | None
    start: float
    videos: tuple[VideoStream, ...]
    audio: tuple[str, ...]
    subtitles: tuple[str, ...]
    log: str


def describe(path: Path) -> Description:
    """Read the headers of a file."""
    result = ffmpeg.run(ffmpeg.input_arguments(path), level="info", seconds=4)
    log = result.log.replace(str(path.absolute()), "")  # a name must not be able to pass for a stream
    container, seconds, start = "", None, 0.0
    videos: list[VideoStream] = []
    codecs: dict[str, list[str]] = {"Audio": [], "Subtitle": [], "Data": [], "Attachment": []}
    for line in log.splitlines():
        if line.startswith("Input #0, "):
            container = line[len("Input #0, ") :].rpartition(", from")[0]
        elif match := _DURATION.match(line):
            hours, minutes, rest, begin = match.groups()
            seconds = None if hours is None else int(hours) * 3600 + int(minutes) * 60 + float(rest)
            start = float(begin or 0)
        elif match := _STREAM.match(line):
            kind, text = match.groups()
            if kind == "Video":
                videos.append(_video_stream(text))
            else:
                codecs[kind].append(text.split(" ")[0].rstrip(","))
        elif videos:
            videos[-1] = _with_side_data(videos[-1], line)
    return Description(container, seconds, start, tuple(videos), tuple(codecs["Audio"]), tuple(codecs["Subtitle"]), log)


def _video_stream(text: str) -> VideoStream:
    parts = re.split(r", (?![^(]*\))", text)
    pixel_format, _, details = (parts[1] if len(parts) > 1 else "").partition("(")
    facts = details.rstrip(")").split(", ")
    fields = next((f for f in facts if "first" in f or f == "progressive"), "")
    colours = next((f for f in facts if f not in ("tv", "pc", fields, "gbr") and f), "unknown").split("/")
    matrix, primaries, transfer = colours if len(colours) == 3 else colours[:1] * 3
    size = re.search(r"\b(\d+)x(\d+)\b", ", ".join(parts[2:]))
    aspect = re.search(r"SAR ([1-9]\d*):([1-9]\d*)", text)
    rate = re.search(r"([\d.]+) tbr", text) or re.search(r"([\d.]+) fps", text)
    return VideoStream(
        codec=parts[0].split(" ")[0],
        pixel_format=pixel_format.strip(),
        size=(int(size[2]), int(size[1])) if size else (0, 0),
        field_order=fields,
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        pixel_aspect=Fraction(int(aspect[1]), int(aspect[2])) if aspect else Fraction(1),
        nominal_rate=Fraction(rate[1]) if rate and 1 <= float(rate[1]) <= 240 else None,
        cover_art="(attached pic)" in text or "(timed thumbnails)" in text,
    )


def _with_side_data(stream: VideoStream, line: str) -> VideoStream:
    if match := _ROTATION.search(line):
        return replace(stream, rotation=float(match[1]))
    return replace(stream, alpha_mode=True) if re.match(r" +alpha_mode +: 1", line) else stream


@dataclass(frozen=True)
class PacketTimes:
    """When the frames of a file are shown.

    Attributes:
        times: of each frame, sorted, in ticks.
        tick: seconds.
        last_duration: how many ticks the last frame is shown.
        complete: whether the scan was not cut off.
        complaint: what ffmpeg found wrong; empty for nothing.
    """

    times: tuple[int, ...]
    tick: Fraction
    last_duration: int
    complete: bool
    complaint: str


def packet_times(path: Path, seconds: float = SCAN_SECONDS) -> PacketTimes:
    """Times of all frames of the first real video stream, without decoding any, in `seconds` at most."""
    copy = ["-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-"]
    result = ffmpeg.run(["-copyts", *ffmpeg.input_arguments(path), *copy], seconds=seconds)
    text = result.output.decode("ascii", "replace")
    match = re.search(r"^#tb 0: (\d+)/(\d+)", text, re.MULTILINE)
    rows = [line.split(",") for line in text.splitlines() if line.startswith("0,")]
    shown = _shown_times([row for row in rows if len(row) >= 6 and not _is_discarded(row)])
    return PacketTimes(
        times=tuple(time for time, _ in shown),
        tick=Fraction(int(match[1]), int(match[2])) if match else Fraction(1, 1000),
        last_duration=shown[-1][1] if shown else 0,
        complete=result.code is not None,
        complaint=ffmpeg.reason(result.log) if result.log.strip() else "",
    )


def _shown_times(rows: list[list[str]]) -> list[tuple[int, int]]:
    """When each frame is shown and for how long, sorted. Rows are: stream, dts, pts, duration, ..."""
    decoded, shown, durations = ([int(row[column]) for row in rows] for column in (1, 2, 3))
    known = [time for time in shown if time != _UNKNOWN]
    if len(known) < len(shown):  # MPEG program streams and AVI tell only the order of decoding in full
        shift = min(known) - min(decoded) if known else 0
        shown = [time + shift for time in decoded]
    return sorted(zip(shown, durations, strict=True))


def _is_discarded(row: list[str]) -> bool:
    """Whether an edit list hides this packet's frame (bit 4 of the packet's flags)."""
    flags = next((cell.strip()[2:] for cell in row if cell.strip().startswith("F=")), "0x1")
    return bool(int(flags, 16) & 4)


_NTSC = (24, 30, 48, 60, 120)  # these are also used slowed down by 1000/1001
_WHOLE = (5, 6, 8, 10, 12, 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)
STANDARD_RATES = tuple(
    sorted([Fraction(25, 2), *(Fraction(n) for n in _WHOLE), *(Fraction(n * 1000, 1001) for n in _NTSC)])
)
HIGHEST_RATE = Fraction(60)  # of a file whose rate varies: more would only paint duplicates
JITTER = 0.25  # of a frame: times that wander less than this either way count as constant
_REORDERED = 16  # frames: how far the order of decoding may differ from that of showing
_FALLBACK = Fraction(25)

_Times = NDArray[np.float64]  # ticks since the first frame: whole numbers, however large


@dataclass(frozen=True)
class Timing:
    """How the frames of a file lie in time.

    Attributes:
        rate: frames a second, exact.
        constant: whether they are evenly spaced.
        seconds: from the first frame to the end of the last.
        dropped: how many share a place with another at that rate, where it varies.
    """

    rate: Fraction
    constant: bool
    seconds: float
    dropped: int = 0


def fit(packets: PacketTimes, nominal: Fraction | None) -> Timing:
    """The exact rate of evenly spaced frames, or a rate whose grid holds unevenly spaced ones.

    Args:
        packets: when the frames are shown.
        nominal: frames a second, rounded, as the file says; None where it does not.
    """
    times, tick = np.array([time - packets.times[0] for time in packets.times], float), packets.tick
    if len(times) < 2 or not times[-1]:
        rate = _nearest_standard(nominal or _FALLBACK)
        return Timing(rate, len(times) < 2, len(times) / float(rate))
    whole = packets.complete and not packets.complaint
    steady = times if whole else times[:-_REORDERED]  # the last ones may wait for frames that are missing
    constant = _constant_rate(steady if steady.any() else times, tick, nominal)
    if constant is not None:
        return Timing(constant, True, len(times) / float(constant))
    rate = _grid_rate(times, tick)
    shown = float((int(times[-1]) + max(packets.last_duration, 0)) * tick)
    return Timing(rate, False, shown, _collisions(times, tick, rate))


def _constant_rate(times: _Times, tick: Fraction, nominal: Fraction | None) -> Fraction | None:
    steps = np.unique(np.diff(times))
    if len(steps) == 1 and tick < Fraction(1, 1000):
        return (1 / (int(steps[0]) * tick)).limit_denominator(100_000)
    # Clocks of whole milliseconds blur the rate: what the file says of itself decides where it fits.
    mean = (len(times) - 1) / (int(times[-1]) * tick)
    stated = [_nearest_standard(nominal)] if nominal else []
    candidates = [*stated, _nearest_standard(mean), mean.limit_denominator(1001)]
    return next((rate for rate in candidates if _wander(times, tick, rate) < 2 * JITTER), None)


def _wander(times: _Times, tick: Fraction, rate: Fraction) -> float:
    """Distance between the earliest and the latest frame against an even grid, in frames."""
    return float(np.ptp(times * float(tick * rate) - np.arange(len(times))))


def _nearest_standard(rate: Fraction) -> Fraction:
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard / rate - 1))
    return nearest if abs(nearest / rate - 1) < Fraction(1, 50) else rate.limit_denominator(1001)


def _grid_rate(times: _Times, tick: Fraction) -> Fraction:
    steps = np.diff(times)
    steps = np.sort(steps[steps > 0])
    rate = min(HIGHEST_RATE, _nearest_standard(1 / (int(steps[len(steps) // 20]) * tick)))
    higher = [rate, *(standard for standard in STANDARD_RATES if rate < standard <= HIGHEST_RATE)]
    few = len(times) // 100
    return next((rate for rate in higher if _collisions(times, tick, rate) <= few), higher[-1])


def _collisions(times: _Times, tick: Fraction, rate: Fraction) -> int:
    """How many frames share a place on an even grid with another."""
    return len(times) - len(np.unique(np.rint(times * float(tick * rate))))
