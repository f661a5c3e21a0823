"""Animated GIF, WebP and PNG in and out, with the exact time that each image is shown."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
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
from vidstyle.video.ffmpeg import raw_input

SHORTEST_MS = 20  # browsers show images with a shorter time for 100 ms
DEFAULT_MS = 100


def measure(path: Path, limits: Limits = LIMITS) -> tuple[tuple[int, int], tuple[float, ...], int]:
    """Size (height, width), the seconds each readable image is shown, how many the file announces.

    Raises SourceError when none can be read, or they are larger or more than the limits.
    """
    durations: list[float] = []
    with _opened(path) as image:
        size = (image.height, image.width)
        limits.check_size(printable(path.name), size)
        announced = _announced(image)
        limits.check_length(printable(path.name), announced, 0)
        for number in range(announced):
            try:
                image.seek(number)
                image.load()  # WebP tells the time of an image only once it is decoded
            except UNREADABLE:
                break
            milliseconds = float(image.info.get("duration") or 0)
            durations.append((milliseconds if milliseconds >= SHORTEST_MS else DEFAULT_MS) / 1000)
    if not durations:
        raise SourceError("VS333", name=printable(path.name))
    return size, tuple(durations), announced


def read(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Each image as (H, W, 3) RGB 0..255, transparent parts on white."""
    with _opened(path) as image:
        for number in range(_announced(image)):
            try:
                image.seek(number)
                whole = image.convert("RGBA")
            except UNREADABLE:
                return
            ground = Image.new("RGBA", whole.size, "white")
            yield np.array(Image.alpha_composite(ground, whole).convert("RGB"))


def has_transparency(path: Path) -> bool:
    """Whether the first image has transparent parts."""
    with _opened(path) as image, contextlib.suppress(*UNREADABLE):
        low, _ = image.convert("RGBA").getchannel("A").getextrema()
        return isinstance(low, int | float) and low < 255
    return False


def _announced(image: Image.Image) -> int:
    """How many images there are by the file; 1 where that cannot be told."""
    with contextlib.suppress(*UNREADABLE):
        return int(getattr(image, "n_frames", 1))
    return 1


def _opened(path: Path) -> Image.Image:
    try:
        return open_image(path)
    except UNREADABLE as error:
        raise SourceError("VS334", name=printable(path.name)) from error


Writer = Callable[[Path, tuple[int, int], list[int], int, Path, str], None]

_SHORTEST = {".gif": 2, ".webp": 10}  # ticks: browsers slow down images that are shown for less
_TICKS = {".gif": 100, ".webp": 1000}  # a second, as the formats count
_BAYER = "paletteuse=dither=bayer:bayer_scale=4"  # a fixed pattern: noise that crawls looks worse and is larger


def _bits(count: int) -> str:
    """A filter that leaves `count` bits of each value: with fewer colours to look at, ffmpeg's palettes are fast."""
    levels = 2**count - 1
    return "lutrgb=" + ":".join(f"{c}='round(val*{levels}/255)*255/{levels}'" for c in "rgb")


def delays(ending: str, count: int, rate: Fraction, durations: tuple[float, ...] | None) -> list[int]:
    """How long each of `count` images is shown. Rounding the sum, not each time, keeps the length right."""
    seconds: Sequence[float] = [float(1 / rate)] * count if durations is None else durations[:count]
    ends = [round(end * _TICKS[ending]) for end in accumulate(seconds)]
    return [max(_SHORTEST[ending], b - a) for a, b in zip([0, *ends], ends, strict=False)]


def write_gif(spool: Path, size: tuple[int, int], delays: list[int], grade: int, target: Path, name: str) -> None:
    """An endless GIF of the raw images in `spool`, with one palette of `grade` colours made from all.

    Times are whole hundredths.
    """
    palette = target.with_name(f".vidstyle-{secrets.token_hex(6)}.png")
    raw = raw_input(size, Fraction(50), spool)
    try:
        colours = f"{_bits(7)},palettegen=stats_mode=full:max_colors={grade}"
        _run([*raw, "-vf", colours, "-frames:v", "1", ffmpeg.address(palette)], name)
        image = [*ffmpeg.FILES_ONLY, "-i", ffmpeg.address(palette)]
        _run([*raw, *image, "-lavfi", f"[0:v][1:v]{_BAYER}", "-fps_mode", "passthrough", ffmpeg.address(target)], name)
    finally:
        palette.unlink(missing_ok=True)
    target.write_bytes(with_delays(target.read_bytes(), delays))


def _run(arguments: list[str], name: str) -> None:
    result = ffmpeg.run_with_progress(arguments)
    if result.code != 0:
        raise SinkError("VS430", name=name, reason=ffmpeg.reason(result.log))


def write_webp(spool: Path, size: tuple[int, int], delays: list[int], grade: int, target: Path, name: str) -> None:
    """An endless animated WebP of the raw images in `spool`, of quality `grade`. Times are whole milliseconds."""
    images = _Spooled(spool, size, len(delays))
    images.save(target, format="WEBP", save_all=True, duration=delays, loop=0, quality=grade, method=4)


WRITERS: dict[str, Writer] = {".gif": write_gif, ".webp": write_webp}


class _Spooled(Image.Image):
    """The spooled images as one animation that is read from disk: only one is in memory."""

    def __init__(self, spool: Path, size: tuple[int, int], count: int) -> None:
        super().__init__()
        self._mode, self._size, self.n_frames = "RGB", size[::-1], count
        self._images = np.memmap(spool, np.uint8, "r", shape=(count, *size, 3))
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
    position = 13 + _table_bytes(data[10])
    found = 0
    while data[position] != 0x3B:
        if data[position] == 0x21:  # an extension; 0xF9 is the one with the time of the next image
            if data[position + 1] == 0xF9:
                delay = min(next(remaining, 0), 0xFFFF)
                data[position + 4 : position + 6] = delay.to_bytes(2, "little")
                found += 1
            position = _after_blocks(data, position + 2)
        else:  # an image: descriptor, colour table, code size, blocks
            position = _after_blocks(data, position + 11 + _table_bytes(data[position + 9]))
    if found != len(delays):
        raise SinkError("VS431", found=found, count=len(delays))
    return bytes(data)


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytearray, position: int) -> int:
    while data[position]:
        position += data[position] + 1
    return position + 1
