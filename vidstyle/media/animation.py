"""Animated GIF, WebP and PNG: whole pictures and the exact time each is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidstyle.errors import SourceError
from vidstyle.files import printable
from vidstyle.media.images import UNREADABLE, open_picture
from vidstyle.media.limits import LIMITS, Limits

SHORTEST_MS = 20  # browsers show pictures with a shorter time for 100 ms
DEFAULT_MS = 100


def measure(path: Path, limits: Limits = LIMITS) -> tuple[tuple[int, int], tuple[float, ...], int]:
    """Size (height, width), the seconds each readable picture is shown, how many the file announces.

    Raises SourceError when none can be read, or they are larger or more than the limits.
    """
    durations: list[float] = []
    with _opened(path) as picture:
        size = (picture.height, picture.width)
        limits.check_size(printable(path.name), size)
        announced = _announced(picture)
        limits.check_length(printable(path.name), announced, 0)
        for number in range(announced):
            try:
                picture.seek(number)
                picture.load()  # WebP tells the time of a picture only once it is decoded
            except UNREADABLE:
                break
            milliseconds = float(picture.info.get("duration") or 0)
            durations.append((milliseconds if milliseconds >= SHORTEST_MS else DEFAULT_MS) / 1000)
    if not durations:
        raise SourceError(f"{printable(path.name)} is damaged: not one picture can be read; copy it again.")
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
        raise SourceError(f"{printable(path.name)} cannot be read as an animation; copy it again.") from error
