"""What is kept of the steps of a painting, so that its making can be shown at an even pace."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.media.montage import resized
from vidstyle.media.pixels import to_array
from vidstyle.media.sizes import Size
from vidstyle.painting.painter import Step

FRAMES = 60  # pictures of an animation
SPARE = 2  # times as many are kept, to choose from
FIRST_GAP = 1.0  # levels, root mean square: less is not seen, nor can blends of 8 bits show it
WIDER = 1.04  # the factor between the gaps that are tried


@dataclass(frozen=True, eq=False)
class Kept:
    """The picture (H, W, 3), 0..255, after the step of number `position`, from 0."""

    pixels: NDArray[np.uint8]
    position: int


class EvenSteps:
    """Is told every step of a painting and keeps pictures of it at `size`, in memory that does not grow with the steps.

    A picture is kept when it differs from the one kept before by a gap, which widens whenever there are more than
    twice as many as the `frames` that are wanted. `losses` are those of all steps.
    """

    def __init__(self, size: Size, frames: int = FRAMES) -> None:
        self.size, self.frames = size, frames
        self.losses: list[float] = []
        self._kept: list[Kept] = []
        self._last: Kept | None = None
        self._gap = FIRST_GAP

    def __call__(self, step: Step) -> None:
        """The next step; its picture may be of any size, on any device."""
        self.losses.append(float(step.losses.total))
        self._look_at(step.image)

    def end(self, image: Tensor) -> None:
        """The painting (3, H, W) as it turned out, which the last step of L-BFGS is not."""
        self._look_at(image)

    def chosen(self, count: int) -> list[Kept]:
        """At most `count` pictures, 2 or more, from the first to the last, that change evenly from one to the next.

        Where a single step changes more than that, blends of the pictures before and after it lie between them.
        """
        gap = self._gap
        while True:
            found = spaced(self._every, gap)
            parts = [max(1, round(change(*pair) / gap)) for pair in itertools.pairwise(found)]
            if sum(parts) < max(2, count):
                return filled(found, parts)
            gap *= WIDER

    @property
    def _every(self) -> list[Kept]:
        """The pictures to choose from; the last is among them, kept or not."""
        last = [self._last] if self._last and self._last is not self._kept[-1] else []
        return [*self._kept, *last]

    def _look_at(self, image: Tensor) -> None:
        self._last = Kept(resized(to_array(image), self.size), max(0, len(self.losses) - 1))
        if not self._kept or change(self._kept[-1], self._last) >= self._gap:
            self._kept.append(self._last)
        while len(self._kept) > SPARE * self.frames:
            self._gap *= 2
            self._kept = spaced(self._kept, self._gap)


def change(before: Kept, after: Kept) -> float:
    """How far two pictures are apart: the root mean square over all values, in levels."""
    return float(cv2.norm(before.pixels, after.pixels, cv2.NORM_L2)) / math.sqrt(before.pixels.size)


def spaced(pictures: Sequence[Kept], gap: float) -> list[Kept]:
    """The first and the last of `pictures`, and those between that are at least `gap` from the one taken before."""
    found = [pictures[0]]
    for picture in pictures[1:]:
        if change(found[-1], picture) >= gap:
            found.append(picture)
    if found[-1] is pictures[-1]:
        return found
    close = len(found) > 1 and change(found[-1], pictures[-1]) < gap / 2
    return [*(found[:-1] if close else found), pictures[-1]]


def filled(pictures: Sequence[Kept], parts: Sequence[int]) -> list[Kept]:
    """`pictures`, the ways between them cut into so many parts by blends."""
    found = [pictures[0]]
    for (before, after), count in zip(itertools.pairwise(pictures), parts, strict=True):
        found += [*(blended(before, after, part / count) for part in range(1, count)), after]
    return found


def blended(before: Kept, after: Kept, share: float) -> Kept:
    """A picture on the way, of which `share` is that of `after`."""
    pixels = cv2.addWeighted(before.pixels, 1 - share, after.pixels, share, 0)
    return Kept(np.asarray(pixels, np.uint8), round(before.position + share * (after.position - before.position)))
