"""A film in segments: what is painted, written and made safe at a time."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from vidstyle.core.sizes import Size

MOST_FRAMES, FEWEST_FRAMES = 24, 8  # of a segment, but for the shots that are shorter
PIXELS = 1.2e7  # painted in a segment: the larger the images, the longer they take, and the fewer may be lost


@dataclass(frozen=True)
class Segment:
    """Frames `start` to `stop` of a film, positions among those that are painted, in its shot `shot`.

    `needs` is the segment before whose end it goes on from, None where it begins for itself; `leaves`: another
    segment goes on from its end.
    """

    index: int
    shot: int
    start: int
    stop: int
    needs: int | None
    leaves: bool
    ends_film: bool

    def __len__(self) -> int:
        return self.stop - self.start


def segments_of(frames: int, cuts: Sequence[int], size: Size, *, both_ways: bool, loop: bool) -> tuple[Segment, ...]:
    """The segments of a film of `frames` images of `size` (height, width) with `cuts` at these positions.

    They depend on nothing else, so that every run of a job has the same. Painted both ways, a shot is one segment; a
    film that is to loop goes back to its first.
    """
    bounds = [
        (shot, *bounds)
        for shot, (first, stop) in enumerate(itertools.pairwise([0, *cuts, frames]))
        for bounds in ([(first, stop)] if both_ways else _pieces(first, stop, size))
    ]
    needs = [_needed(index, bounds, both_ways, loop) for index in range(len(bounds))]
    needed = set(needs)
    return tuple(
        Segment(index, shot, start, stop, needs[index], leaves=index in needed, ends_film=stop == frames)
        for index, (shot, start, stop) in enumerate(bounds)
    )


def _pieces(first: int, stop: int, size: Size) -> list[tuple[int, int]]:
    """A shot in pieces of nearly equal length."""
    most = min(MOST_FRAMES, max(FEWEST_FRAMES, round(PIXELS / (size[0] * size[1]))))
    count = math.ceil((stop - first) / most)
    marks = [first + (stop - first) * i // count for i in range(count + 1)]
    return list(itertools.pairwise(marks))


def _needed(index: int, bounds: Sequence[tuple[int, int, int]], both_ways: bool, loop: bool) -> int | None:
    if both_ways:
        return 0 if loop and index and index == len(bounds) - 1 else None
    return index - 1 if index and bounds[index][0] == bounds[index - 1][0] else None
