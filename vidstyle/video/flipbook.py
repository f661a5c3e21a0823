"""A short animation of images, as large a file as it may be: GIF, WebP or MP4, its last image held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log2
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidstyle.errors import SinkError
from vidstyle.files import check_target
from vidstyle.video.codecs import GRADES
from vidstyle.video.encoder import Film
from vidstyle.video.muxer import Sink, TooLargeError

FLIPBOOK_ENDINGS = (".gif", ".webp", ".mp4")
RATE = Fraction(25, 2)  # images a second: 8 hundredths each, which all three formats can tell
HOLD = 2.0  # seconds that the last image is shown
# Bytes of a full file for a value that changes, rather too few: from a first try that is too small is no way up.
LIKELY = {".gif": 0.15, ".webp": 0.04, ".mp4": 0.02}
AIM = 0.96  # of the bytes that are allowed: sizes cannot be foretold exactly
LEAST = 0.9  # of a try is the most that the next one is to take
FEWEST_FRAMES, SMALLEST_WIDTH, FEWEST_COLOURS, LOWEST_QUALITY, COARSEST_CRF = 12, 96, 16, 40, 40
_NOTHING = 1e-9  # a share that leaves the smallest

Images = Sequence[NDArray[np.uint8]]
Draw = Callable[[int, int], Images]


@dataclass(frozen=True)
class Extent:
    """How much of an animation there is: images, pixels across, and the `grade` of `Film`."""

    frames: int
    width: int
    grade: int

    def lowered(self, share: float, ending: str) -> Extent:
        """What takes about `share`, above 0 to 1, of the bytes: each of the three gives way."""
        frames = max(FEWEST_FRAMES, round(self.frames * share**0.4))
        width = max(SMALLEST_WIDTH, round(self.width * share**0.22))  # across and down
        grade = _LOWERED[ending](self.grade, share)
        return Extent(min(self.frames, frames), min(self.width, width), grade)


# A value of a GIF takes the logarithm of its colours in bits; six CRF more are half the bytes.
_LOWERED: dict[str, Callable[[int, float], int]] = {
    ".gif": lambda colours, share: max(FEWEST_COLOURS, round(colours ** (share**0.17))),
    ".webp": lambda quality, share: max(LOWEST_QUALITY, round(quality * share**0.1)),
    ".mp4": lambda crf, share: min(COARSEST_CRF, round(crf - 6 * 0.44 * log2(share))),
}


@dataclass(frozen=True)
class Flipbook:
    """A written animation: what is `kept` of the `full` one, the bytes that it takes and those that it may take."""

    path: Path
    full: Extent
    kept: Extent
    bytes: int
    max_bytes: int | None = None


def write_flipbook(
    path: Path,
    draw: Draw,
    frames: int,
    width: int,
    *,
    max_bytes: int | None = None,
    on_try: Callable[[int], None] = lambda number: None,
) -> Flipbook:
    """Writes an animation of `frames` images `width` pixels across, or what stays within `max_bytes` of it.

    ``draw(frames, width)`` gives images (H, W, 3), RGB, 0..255, of one size: so many at most, so wide. While the file
    is too large there are fewer, smaller and coarser ones; `on_try` is told the number of each try, from 1. The name
    appears when the file is whole. Raises SinkError, leaving nothing, also where the smallest is too large.
    """
    check_target(path, FLIPBOOK_ENDINGS, overwrite=True)
    ending, number, images = path.suffix.lower(), 1, draw(frames, width)
    full = kept = _extent(images, GRADES[ending])
    share = 1.0 if max_bytes is None else min(1.0, max_bytes / (LIKELY[ending] * _moving(images)))
    asked = full.lowered(share, ending)
    while True:
        on_try(number)
        if asked != full:
            images = draw(asked.frames, asked.width)
            kept = _extent(images, asked.grade)
        try:
            return Flipbook(path, full, kept, _write(path, images, kept.grade, max_bytes), max_bytes)
        except TooLargeError as error:
            if asked == full.lowered(_NOTHING, ending):
                raise _hopeless(kept, error) from error
            share, last, number = share * min(LEAST, AIM * error.allowed / error.bytes), asked, number + 1
            while (asked := full.lowered(share, ending)) == last:
                share *= LEAST


def _extent(images: Images, grade: int) -> Extent:
    return Extent(len(images), images[0].shape[1], grade)


def _moving(images: Images) -> float:
    """How many values change, about, from one image to the next, in all; at least one."""
    before, after = images[(len(images) - 1) // 2], images[len(images) // 2]
    return max(1.0, float(np.mean(before != after)) * before.size * len(images))


def _hopeless(smallest: Extent, error: TooLargeError) -> SinkError:
    form = f"{smallest.frames} images {smallest.width} pixels across"
    found, allowed = (f"{size / 1e6:.2g} MB" for size in (error.bytes, error.allowed))
    return SinkError("VS439", name=error.name, allowed=allowed, form=form, found=found)


def _write(path: Path, images: Images, grade: int, max_bytes: int | None) -> int:
    """Writes all of `images`; the bytes of the file. TooLargeError, leaving nothing, where these are too many."""
    durations = (*[float(1 / RATE)] * (len(images) - 1), HOLD) if path.suffix.lower() != ".mp4" else None
    images = images if durations else [*images, *[images[-1]] * (round(HOLD * RATE) - 1)]  # some players end at once
    height, width = images[0].shape[:2]
    film = Film(path, (height, width), RATE, durations=durations, grade=grade, max_bytes=max_bytes)
    with Sink(film) as sink:
        for image in images:
            sink.write_pixels(image)
        return sink.finish().stat().st_size
