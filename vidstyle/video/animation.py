"""Animated GIF, WebP and PNG in and out, with the exact time that each image is shown."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import secrets
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidstyle.errors import SinkError, SourceError
from vidstyle.files import printable
from vidstyle.images import UNREADABLE, open_image
from vidstyle.limits import LIMITS, Limits
from vidstyle.video import ffmpeg
from vidstyle.video.composition import (
    PNG_START,
    after_blocks,
    chunk_of,
    chunks_of,
    composed,
    gif_parts,
    png_parts,
    table_bytes,
)
from vidstyle.video.ffmpeg import raw_input

NO_TIME_MS = 10  # browsers show images that are to be shown so long, or shorter, for DEFAULT_MS
DEFAULT_MS = 100


@dataclass(frozen=True)
class AnimationInfo:
    """How an animation is shown.

    Attributes:
        size: (height, width) of its images.
        durations: seconds that each readable image is shown.
        announced: how many there are by the file.
        plays: how many times all are shown; 0 for without end.
        transparent: whether a part of one is.
    """

    size: tuple[int, int]
    durations: tuple[float, ...]
    announced: int
    plays: int
    transparent: bool


def measure(path: Path, limits: Limits = LIMITS) -> AnimationInfo:
    """How an animation is shown; SourceError when no image can be read, or it is larger or longer than the limits."""
    name, durations, transparent = printable(path.name), list[float](), False
    with _opened(path) as file:
        size, announced = (file.height, file.width), _announced(file)
        limits.check_size(name, size)
        limits.check_length(name, announced, 0)
        plays = _plays(file)
        for image, milliseconds in _images(path, file, announced):
            transparent = transparent or image.getchannel("A").getextrema()[0] != 255
            durations.append((milliseconds if milliseconds > NO_TIME_MS else DEFAULT_MS) / 1000)
    if not durations:
        raise SourceError("VS333", name=name)
    return AnimationInfo(size, tuple(durations), announced, plays, transparent)


def read(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Each image as (H, W, 4) RGB and opacity, 0..255."""
    with _opened(path) as file:
        for image, _ in _images(path, file, _announced(file)):
            yield np.array(image)


def _images(path: Path, file: Image.Image, count: int) -> Iterator[tuple[Image.Image, float]]:
    """The images that can be read, RGBA, each with its milliseconds."""
    parts = {"GIF": gif_parts, "PNG": png_parts}.get(file.format or "")
    with contextlib.suppress(*UNREADABLE):
        if parts is None:
            for number in range(count):
                file.seek(number)
                image = file.convert("RGBA")  # only now WebP tells how long it is shown
                yield image, float(file.info.get("duration") or 0)
        else:
            yield from itertools.islice(composed(parts(path.read_bytes()), file.size), count)


def _announced(file: Image.Image) -> int:
    """How many images there are by the file; 1 where that cannot be told."""
    with contextlib.suppress(*UNREADABLE):
        return int(getattr(file, "n_frames", 1)) - bool(file.info.get("default_image"))
    return 1


def _plays(file: Image.Image) -> int:
    """GIF counts how often an animation is shown again; without a word it is shown once."""
    loop = file.info.get("loop")
    if file.format != "GIF":
        return int(loop or 0)
    return 1 if loop is None else int(loop) and int(loop) + 1


def _opened(path: Path) -> Image.Image:
    try:
        return open_image(path)
    except UNREADABLE as error:
        raise SourceError("VS334", name=printable(path.name)) from error


Shape = tuple[int, int, int]  # of raw images: height, width, and 3 channels or with opacity 4
Writer = Callable[[Path, Shape, list[int], int, int, Path, str], None]

_SHORTEST = {".gif": 2, ".webp": 11, ".png": 11}  # ticks: browsers slow down images that are shown for less
_TICKS = {".gif": 100, ".webp": 1000, ".png": 1000}  # a second, as the formats count
_MOST_PLAYS = 65535
_BAYER = "paletteuse=dither=bayer:bayer_scale=4"  # a fixed pattern: noise that crawls looks worse and is larger


def _bits(count: int) -> str:
    """A filter that leaves `count` bits of each value: with fewer colours to look at, ffmpeg's palettes are fast."""
    levels = 2**count - 1
    return "lutrgb=" + ":".join(f"{c}='round(val*{levels}/255)*255/{levels}'" for c in "rgb")


def scheduled(
    ending: str, count: int, rate: Fraction, durations: tuple[float, ...] | None
) -> tuple[list[int], list[int]]:
    """Which of `count` images are shown, and for how many ticks each.

    Their sum is rounded, not each time, so that the length is right. Where images come faster than browsers show them,
    each moment has the one that is due, as soon as one may follow the one before.
    """
    seconds: Sequence[float] = [float(1 / rate)] * count if durations is None else durations[:count]
    shortest, end = _SHORTEST[ending], round(sum(seconds) * _TICKS[ending])
    due = [round(begin * _TICKS[ending]) for begin in accumulate(seconds[:-1], initial=0.0)]
    shown, begins = [0], [0]
    for number, following in zip(range(1, count), [*due[2:], end + 1], strict=False):
        begin = max(due[number], begins[-1] + shortest)
        if begin < following and begin + shortest <= end:
            shown.append(number)
            begins.append(begin)
    ticks = [max(shortest, b - a) for a, b in zip(begins, [*begins[1:], end], strict=True)]
    return shown, ticks


def keep(spool: Path, shape: Shape, numbers: Sequence[int]) -> None:
    """Leaves of the raw images in `spool` those with the `numbers`, which rise."""
    images = np.memmap(spool, np.uint8, "r+", shape=(spool.stat().st_size // math.prod(shape), *shape))
    for place, number in enumerate(numbers):
        images[place] = images[number]
    images.flush()
    del images
    os.truncate(spool, math.prod(shape) * len(numbers))


def write_gif(spool: Path, shape: Shape, delays: list[int], plays: int, grade: int, target: Path, name: str) -> None:
    """A GIF of the raw images in `spool`, with one palette of `grade` colours made from all.

    Times are whole hundredths. It is shown `plays` times, 0 for without end.
    """
    palette = target.with_name(f".vidstyle-{secrets.token_hex(6)}.png")
    raw = _raw(spool, shape)
    again = -1 if plays == 1 else max(0, min(plays, _MOST_PLAYS) - 1)  # -1: no word of it, which is once
    try:
        colours = f"{_bits(7)},palettegen=stats_mode=full:max_colors={grade}"
        _run([*raw, "-vf", colours, "-frames:v", "1", ffmpeg.address(palette)], name)
        image = [*ffmpeg.FILES_ONLY, "-i", ffmpeg.address(palette)]
        how = ["-lavfi", f"[0:v][1:v]{_BAYER}", "-fps_mode", "passthrough", "-loop", f"{again}"]
        _run([*raw, *image, *how, ffmpeg.address(target)], name)
    finally:
        palette.unlink(missing_ok=True)
    target.write_bytes(with_delays(target.read_bytes(), delays))


def _raw(spool: Path, shape: Shape) -> list[str]:
    return raw_input(shape[:2], Fraction(50), spool, pixel_format="rgba" if shape[2] == 4 else "rgb24")


def _run(arguments: list[str], name: str) -> None:
    result = ffmpeg.run_with_progress(arguments)
    if result.code != 0:
        raise SinkError("VS430", name=name, reason=ffmpeg.reason(result.log))


def write_webp(spool: Path, shape: Shape, delays: list[int], plays: int, grade: int, target: Path, name: str) -> None:
    """An animated WebP of the raw images in `spool`, of quality `grade`. Times are whole milliseconds.

    It is shown `plays` times, 0 for without end.
    """
    images, loop = _Spooled(spool, shape, len(delays)), min(plays, _MOST_PLAYS)
    images.save(target, format="WEBP", save_all=True, duration=delays, loop=loop, quality=grade, method=4)


def write_png(spool: Path, shape: Shape, delays: list[int], plays: int, grade: int, target: Path, name: str) -> None:
    """An animated PNG of the raw images in `spool`, whatever the `grade`. Times are whole milliseconds.

    It is shown `plays` times, 0 for without end.
    """
    how = ["-f", "apng", "-pred", "mixed", "-plays", f"{min(plays, _MOST_PLAYS)}", "-fps_mode", "passthrough"]
    _run([*_raw(spool, shape), *how, ffmpeg.address(target)], name)
    if len(delays) > 1:  # of one image ffmpeg makes a plain PNG, which has no times
        target.write_bytes(with_png_delays(target.read_bytes(), delays))


WRITERS: dict[str, Writer] = {".gif": write_gif, ".webp": write_webp, ".png": write_png}


class _Spooled(Image.Image):
    """The spooled images as one animation that is read from disk: only one is in memory."""

    def __init__(self, spool: Path, shape: Shape, count: int) -> None:
        super().__init__()
        self._mode, self._size, self.n_frames = "RGBA" if shape[2] == 4 else "RGB", shape[1::-1], count
        self._images = np.memmap(spool, np.uint8, "r", shape=(count, *shape))
        self.seek(0)

    def seek(self, frame: int) -> None:
        self.im, self._number = Image.fromarray(self._images[frame]).im, frame

    def tell(self) -> int:
        return self._number


def with_delays(gif: bytes, delays: list[int]) -> bytes:
    """The GIF file ``gif`` with the time of its n-th image set to ``delays[n]`` hundredths of a second.

    Raises SinkError unless there is one time for each image.
    """
    data = bytearray(gif)
    remaining = iter(delays)
    position = 13 + table_bytes(data[10])
    found = 0
    while data[position] != 0x3B:
        if data[position] == 0x21:  # an extension; 0xF9 is the one with the time of the next image
            if data[position + 1] == 0xF9:
                delay = min(next(remaining, 0), 0xFFFF)
                data[position + 4 : position + 6] = delay.to_bytes(2, "little")
                found += 1
            position = after_blocks(data, position + 2)
        else:  # an image: descriptor, colour table, code size, blocks
            position = after_blocks(data, position + 11 + table_bytes(data[position + 9]))
    if found != len(delays):
        raise SinkError("VS431", found=found, count=len(delays))
    return bytes(data)


def with_png_delays(png: bytes, delays: list[int]) -> bytes:
    """The animated PNG ``png`` with the time of its n-th image set to ``delays[n]`` milliseconds.

    Raises SinkError unless there is one time for each image.
    """
    remaining, found, chunks = iter(delays), 0, [PNG_START]
    for kind, content in chunks_of(png):
        if kind == b"fcTL":
            found += 1
            delay = min(next(remaining, 0), 0xFFFF)
            content = content[:20] + struct.pack(">HH", delay, 1000) + content[24:]
        chunks.append(chunk_of(kind, content))
    if found != len(delays):
        raise SinkError("VS431", found=found, count=len(delays))
    return b"".join(chunks)
