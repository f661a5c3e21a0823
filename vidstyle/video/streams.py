"""What ffmpeg says about a file: its streams, the time of each packet, and the one exact rate of these times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidstyle.video import ffmpeg

SCAN_SECONDS = 3.5  # a scan that takes longer is cut off: a very large file is judged by its first part

_UNKNOWN = -(2**63)
_STREAM = re.compile(r"^ +Stream #0:(\d+)\S*: (Video|Audio|Subtitle|Data|Attachment): (.*)$")
_DURATION = re.compile(r"^ +Duration: (?:(\d+):(\d+):([\d.]+)|N/A)(?:, start: (-?[\d.]+))?")
_ROTATION = re.compile(r"rotation of (-?[\d.]+|nan) degrees")
_FILTER = re.compile(r"^Filter '(\w+)' formats:", re.MULTILINE)


@dataclass(frozen=True)
class VideoStream:
    """One image stream as its file describes it. ``size`` is as stored: (height, width)."""

    index: int
    codec: str
    pixel_format: str
    size: tuple[int, int]
    field_order: str
    matrix: str
    primaries: str
    transfer: str
    full_range: bool
    pixel_aspect: Fraction
    nominal_rate: Fraction | None
    cover_art: bool
    rotation: float | None = None
    alpha_mode: bool = False


@dataclass(frozen=True)
class OtherStream:
    """One sound or subtitle stream."""

    index: int
    kind: str
    codec: str


@dataclass(frozen=True)
class Description:
    """All that ``ffmpeg -i`` prints: times in seconds, None where the file does not say."""

    container: str
    seconds: float | None
    start: float
    videos: tuple[VideoStream, ...]
    others: tuple[OtherStream, ...]
    log: str


@dataclass(frozen=True)
class PacketTimes:
    """Times of the images, sorted, in ``tick`` seconds; ``complete`` unless the scan was cut off."""

    times: tuple[int, ...]
    tick: Fraction
    last_duration: int
    complete: bool
    complaint: str


@dataclass(frozen=True)
class FirstImage:
    """The first image as ffmpeg shows it, (H, W, 3) RGB 0..255, and how it had to be treated for that."""

    pixels: NDArray[np.uint8] | None
    interlaced: bool
    mirrored: bool


def describe(path: Path) -> Description:
    """Read the headers of ``path``; no stream at all means that ffmpeg cannot read it, see ``log``."""
    result = ffmpeg.run(ffmpeg.input_arguments(path), level="info", seconds=4)
    log = result.log.replace(str(path.absolute()), "")  # a name must not be able to pass for a stream
    container, seconds, start = "", None, 0.0
    videos: list[VideoStream] = []
    others: list[OtherStream] = []
    for line in log.splitlines():
        if line.startswith("Input #0, "):
            container = line[len("Input #0, ") :].rpartition(", from")[0]
        elif match := _DURATION.match(line):
            hours, minutes, rest, begin = match.groups()
            seconds = None if hours is None else int(hours) * 3600 + int(minutes) * 60 + float(rest)
            start = float(begin or 0)
        elif match := _STREAM.match(line):
            index, kind, text = int(match[1]), match[2], match[3]
            if kind == "Video":
                videos.append(_video_stream(index, text))
            else:
                others.append(OtherStream(index, kind.lower(), text.split(" ")[0].rstrip(",")))
        elif videos:
            videos[-1] = _with_side_data(videos[-1], line)
    return Description(container, seconds, start, tuple(videos), tuple(others), log)


def _video_stream(index: int, text: str) -> VideoStream:
    parts = re.split(r", (?![^(]*\))", text)
    pixel_format, _, details = (parts[1] if len(parts) > 1 else "").partition("(")
    facts = details.rstrip(")").split(", ")
    fields = next((f for f in facts if "first" in f or f == "progressive"), "")
    colours = next((f for f in facts if f not in ("tv", "pc", fields, "gbr") and f), "unknown").split("/")
    matrix, primaries, transfer = colours if len(colours) == 3 else colours[:1] * 3
    size = re.search(r"\b(\d+)x(\d+)\b", ", ".join(parts[2:]))
    aspect = re.search(r"SAR (\d+):(\d+)", text)
    square = aspect is None or "0" in aspect.groups()
    return VideoStream(
        index=index,
        codec=parts[0].split(" ")[0],
        pixel_format=pixel_format.strip(),
        size=(int(size[2]), int(size[1])) if size else (0, 0),
        field_order=fields,
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        full_range="pc" in facts,
        pixel_aspect=Fraction(1) if square or aspect is None else Fraction(int(aspect[1]), int(aspect[2])),
        nominal_rate=_nominal_rate(text),
        cover_art="(attached pic)" in text or "(timed thumbnails)" in text,
    )


def _nominal_rate(text: str) -> Fraction | None:
    match = re.search(r"([\d.]+) tbr", text) or re.search(r"([\d.]+) fps", text)
    return Fraction(match[1]) if match and 1 <= float(match[1]) <= 240 else None


def _with_side_data(stream: VideoStream, line: str) -> VideoStream:
    values = dict(vars(stream))
    if match := _ROTATION.search(line):
        values["rotation"] = float(match[1])
    elif re.match(r" +alpha_mode +: 1", line):
        values["alpha_mode"] = True
    return VideoStream(**values)


def packet_times(path: Path, seconds: float = SCAN_SECONDS) -> PacketTimes:
    """Times of all images of the first real video stream, without decoding any."""
    copy = ["-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-"]
    result = ffmpeg.run(["-copyts", *ffmpeg.input_arguments(path), *copy], seconds=seconds)
    text = result.output.decode("ascii", "replace")
    match = re.search(r"^#tb 0: (\d+)/(\d+)", text, re.MULTILINE)
    tick = Fraction(int(match[1]), int(match[2])) if match else Fraction(1, 1000)
    rows = [line.split(",") for line in text.splitlines() if line.startswith("0,")]
    shown = _shown_times([row for row in rows if len(row) >= 6 and not _is_discarded(row)])
    return PacketTimes(
        times=tuple(time for time, _ in shown),
        tick=tick,
        last_duration=shown[-1][1] if shown else 0,
        complete=result.code is not None,
        complaint=ffmpeg.reason(result.log) if result.log.strip() else "",
    )


def _shown_times(rows: list[list[str]]) -> list[tuple[int, int]]:
    """When each image is shown and for how long, sorted. Rows are: stream, dts, pts, duration, ..."""
    decoded, shown, durations = ([int(row[column]) for row in rows] for column in (1, 2, 3))
    known = [time for time in shown if time != _UNKNOWN]
    if len(known) < len(shown):  # MPEG program streams and AVI tell only the order of decoding in full
        shift = min(known) - min(decoded) if known else 0
        shown = [time + shift for time in decoded]
    return sorted(zip(shown, durations, strict=True))


def _is_discarded(row: list[str]) -> bool:
    """Whether an edit list hides this packet's image (bit 4 of the packet's flags)."""
    flags = next((cell.strip()[2:] for cell in row if cell.strip().startswith("F=")), "0x1")
    return bool(int(flags, 16) & 4)


def first_image(path: Path) -> FirstImage:
    """Decode one image with ffmpeg, which gets fields and display matrices right."""
    raw = ["-map", "0:V:0", "-vf", "showinfo", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    result = ffmpeg.run([*ffmpeg.input_arguments(path), *raw], level="debug", seconds=4)
    inserted = _FILTER.findall(result.log)
    flips = ("hflip" in inserted) != ("vflip" in inserted)
    transposed = re.search(r"\[transpose @ .* vflip:1", result.log) is not None
    size = re.search(r"n: *0 pts:.* s:(\d+)x(\d+) i:([PTB])", result.log)
    pixels = np.frombuffer(result.output, np.uint8)
    if size is None or len(pixels) != int(size[1]) * int(size[2]) * 3:
        return FirstImage(None, False, flips or transposed)
    return FirstImage(
        pixels.reshape(int(size[2]), int(size[1]), 3), interlaced=size[3] != "P", mirrored=flips or transposed
    )


_NTSC = (24, 30, 48, 60, 120)  # these are also used slowed down by 1000/1001
_WHOLE = (5, 6, 8, 10, 12, 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)
STANDARD_RATES = tuple(
    sorted([Fraction(25, 2), *(Fraction(n) for n in _WHOLE), *(Fraction(n * 1000, 1001) for n in _NTSC)])
)
HIGHEST_RATE = Fraction(60)  # of a file whose rate varies: more would only paint duplicates
JITTER = Fraction(1, 4)  # of an image: times that wander less than this either way count as constant
_REORDERED = 16  # images: how far the order of decoding may differ from that of showing
_FALLBACK = Fraction(25)


@dataclass(frozen=True)
class Timing:
    """``rate`` in images per second; ``dropped``: images that share a place when the rate varies."""

    rate: Fraction
    constant: bool
    seconds: float
    dropped: int = 0


def fit(packets: PacketTimes, nominal: Fraction | None) -> Timing:
    """The exact rate of evenly spaced images, or a rate whose grid holds unevenly spaced ones."""
    times, tick = packets.times, packets.tick
    if len(times) < 2 or times[-1] == times[0]:
        rate = _nearest_standard(nominal or _FALLBACK)
        return Timing(rate, len(times) < 2, len(times) / float(rate))
    whole = packets.complete and not packets.complaint
    steady = times if whole else times[:-_REORDERED]  # the last ones may wait for images that are missing
    constant = _constant_rate(steady if len(steady) > 1 else times, tick, nominal)
    if constant is not None:
        return Timing(constant, True, len(times) / float(constant))
    rate = _grid_rate(times, tick)
    shown = float((times[-1] - times[0] + max(packets.last_duration, 0)) * tick)
    return Timing(rate, False, shown, _collisions(times, tick, rate))


def _constant_rate(times: tuple[int, ...], tick: Fraction, nominal: Fraction | None) -> Fraction | None:
    steps = {b - a for a, b in pairwise(times)}
    if len(steps) == 1 and tick < Fraction(1, 1000):
        return (1 / (steps.pop() * tick)).limit_denominator(100_000)
    # Clocks of whole milliseconds blur the rate: what the file says of itself decides where it fits.
    mean = (len(times) - 1) / ((times[-1] - times[0]) * tick)
    stated = [_nearest_standard(nominal)] if nominal else []
    candidates = [*stated, _nearest_standard(mean), mean.limit_denominator(1001)]
    return next((rate for rate in candidates if _wander(times, tick, rate) < 2 * JITTER), None)


def _wander(times: tuple[int, ...], tick: Fraction, rate: Fraction) -> float:
    """Distance between the earliest and the latest image against an even grid, in images."""
    step = float(tick * rate)
    offsets = [(time - times[0]) * step - place for place, time in enumerate(times)]
    return max(offsets) - min(offsets)


def _nearest_standard(rate: Fraction) -> Fraction:
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard / rate - 1))
    return nearest if abs(nearest / rate - 1) < Fraction(1, 50) else rate.limit_denominator(1001)


def _grid_rate(times: tuple[int, ...], tick: Fraction) -> Fraction:
    steps = sorted(b - a for a, b in pairwise(times) if b > a)
    shortest = steps[len(steps) // 20]
    rate = min(HIGHEST_RATE, _nearest_standard(1 / (shortest * tick)))
    higher = [rate, *(standard for standard in STANDARD_RATES if rate < standard <= HIGHEST_RATE)]
    few = len(times) // 100
    return next((rate for rate in higher if _collisions(times, tick, rate) <= few), higher[-1])


def _collisions(times: tuple[int, ...], tick: Fraction, rate: Fraction) -> int:
    step = float(tick * rate)
    return len(times) - len({round((time - times[0]) * step) for time in times})
