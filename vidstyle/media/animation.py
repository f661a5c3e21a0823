"""Animated GIF, WebP and PNG: whole pictures and the exact time each is shown."""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidstyle.errors import SourceError
from vidstyle.media import ffmpeg
from vidstyle.media.limits import LIMITS, Limits

FORMATS = ("GIF", "WEBP", "PNG")
SHORTEST_MS = 20  # browsers show pictures with a shorter time for 100 ms
DEFAULT_MS = 100
# What Pillow's readers of damaged files raise: there is no common base, and no list.
UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(NotImplementedError, AssertionError, struct.error, zlib.error, Image.DecompressionBombError),
)
_PILLOWS_LIMIT = threading.Lock()  # it is one for the whole process


def open_picture(file: str | os.PathLike[str] | IO[bytes], formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """``Image.open`` for these formats only, which reads the header, without its limit of pixels: `Limits` are ours."""
    with _PILLOWS_LIMIT, passing_over_metadata():
        theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file, formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = theirs


@contextlib.contextmanager
def passing_over_metadata() -> Iterator[None]:
    """Meanwhile Pillow does not warn of metadata that are broken, and not used then."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        yield


def is_animated(path: str | os.PathLike[str]) -> bool:
    """Whether the file is a GIF, WebP or PNG with more than one picture; False for anything unreadable."""
    try:
        with open_picture(path) as picture:
            return int(getattr(picture, "n_frames", 1)) > 1
    except UNREADABLE:
        return False


def measure(path: Path, limits: Limits = LIMITS) -> tuple[tuple[int, int], tuple[float, ...], int]:
    """Size (height, width), the seconds each readable picture is shown, how many the file announces.

    Raises SourceError when none can be read, or they are larger or more than the limits.
    """
    durations: list[float] = []
    with _opened(path) as picture:
        size = (picture.height, picture.width)
        limits.check_size(ffmpeg.printable(path.name), size)
        announced = _announced(picture)
        limits.check_length(ffmpeg.printable(path.name), announced, 0)
        for number in range(announced):
            try:
                picture.seek(number)
                picture.load()  # WebP tells the time of a picture only once it is decoded
            except UNREADABLE:
                break
            milliseconds = float(picture.info.get("duration") or 0)
            durations.append((milliseconds if milliseconds >= SHORTEST_MS else DEFAULT_MS) / 1000)
    if not durations:
        raise SourceError(f"{ffmpeg.printable(path.name)} is damaged: not one picture can be read; copy it again.")
    return size, tuple(durations), announced


def read(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Each picture as (H, W, 3) RGB 0..255, transparent parts on white."""
    with _opened(path) as picture:
        for number in range(_announced(picture)):
            try:
                picture.seek(number)
                whole = picture.convert("RGBA")
            except UNREADABLE:
                return
            ground = Image.new("RGBA", whole.size, "white")
            yield np.array(Image.alpha_composite(ground, whole).convert("RGB"))


def has_transparency(path: Path) -> bool:
    """Whether the first picture has transparent parts."""
    with _opened(path) as picture, contextlib.suppress(*UNREADABLE):
        low, _ = picture.convert("RGBA").getchannel("A").getextrema()
        return isinstance(low, int | float) and low < 255
    return False


def _announced(picture: Image.Image) -> int:
    """How many pictures there are by the file; 1 where that cannot be told."""
    with contextlib.suppress(*UNREADABLE):
        return int(getattr(picture, "n_frames", 1))
    return 1


def _opened(path: Path) -> Image.Image:
    try:
        return open_picture(path)
    except UNREADABLE as error:
        raise SourceError(f"{ffmpeg.printable(path.name)} cannot be read as an animation; copy it again.") from error
