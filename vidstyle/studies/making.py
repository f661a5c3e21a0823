"""The painting process as an animation, from what is kept of its steps."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from vidstyle.core.pixels import Pixels, to_array
from vidstyle.core.sizes import Size, fit_size, resize, size_of
from vidstyle.core.stylize_image import Step
from vidstyle.errors import SettingsError, SinkError
from vidstyle.files import check_target
from vidstyle.jobs.events import Listener
from vidstyle.jobs.spec import JobSpec
from vidstyle.video.flipbook import FLIPBOOK_ENDINGS, Flipbook, write_flipbook
from vidstyle.video.montage import GAP, beside, column, column_width, draw_curve, main_size, resized

LONG_SIDE = 512  # of the painting in the animation, at most, where no width is given
NARROWEST = 64  # pixels
LETTERS = 36  # a line of writing is so much of the painting's long side


@dataclass(frozen=True)
class Progress:
    """The animation of a painting that is wanted: GIF, WebP or MP4, by the ending of `out`.

    `max_mb` is how large the file may be, in millions of bytes, and `width` how wide all of it, in pixels; else the
    painting's long side is 512 at most. `beside` puts the original and the styles beside the painting, `curve` draws
    its loss into a corner. SettingsError for numbers that cannot be.
    """

    out: Path
    max_mb: float | None = None
    width: int | None = None
    beside: bool = False
    curve: bool = False

    def __post_init__(self) -> None:
        if self.max_mb is not None and not 0 < self.max_mb < float("inf"):
            raise SettingsError("VS244", name="max-mb", wanted="above 0", value=f"{self.max_mb:g}")
        if self.width is not None and self.width < NARROWEST:
            raise SettingsError("VS244", name="width", wanted=f"{NARROWEST} or more", value=self.width)

    @classmethod
    def of(cls, wanted: Progress | str | os.PathLike[str]) -> Progress:
        """`wanted`, or a plain animation to a file of this name."""
        return wanted if isinstance(wanted, Progress) else cls(Path(wanted))

    def check(self, job: JobSpec, overwrite: bool = False) -> None:
        """SettingsError unless the job is of one image, SinkError unless `out` can be a file of its own."""
        if job.kind != "image":
            raise SettingsError("VS266", source=job.source)
        check_target(self.out, FLIPBOOK_ENDINGS, overwrite=overwrite)
        if self.out.resolve() in {path.resolve() for path in (job.out, *job.files)}:
            raise SinkError("VS406", file=self.out)


class ProgressRecorder(Listener):
    """Is told every step of a painting of `size` (height, width), and writes the animation that is `wanted` of it.

    `others` are images (3, H, W), 0..1, to be shown beside it, if at all: the original and the styles.
    """

    def __init__(self, wanted: Progress, size: Size, others: Sequence[Tensor] = ()) -> None:
        self.wanted, self._shape = wanted, size
        self._others = [to_array(resize(o, fit_size(size_of(o), max(size)))) for o in others if wanted.beside]
        self._shapes = [other.shape[:2] for other in self._others]
        self._width = self._full_width(size)
        self._steps = EvenSteps(self._size(self._width))

    def step(self, step: Step) -> None:
        """One step of the painting; its image may be smaller than the painting will be."""
        self._steps(step)

    def write(self, painting: Tensor, listener: Listener | None = None) -> Flipbook:
        """Writes the animation, which ends with `painting` (3, H, W); SinkError, leaving nothing, where it cannot."""

        def tell(attempt: int) -> None:
            (listener or self).working(f"writing the animation{f', try {attempt}' if attempt > 1 else ''}", 0, 0)

        self._steps.end(painting)
        limit = None if self.wanted.max_mb is None else int(self.wanted.max_mb * 1e6)
        return write_flipbook(self.wanted.out, self._draw, FRAMES, self._width, max_bytes=limit, on_try=tell)

    def _draw(self, frames: int, width: int) -> list[Pixels]:
        """At most `frames` images of the animation, `width` pixels across."""
        size = self._size(width)
        side = column(self._others, (size[0], width - size[1] - GAP)) if self._others else None
        return [self._drawn(kept, size, side) for kept in self._steps.chosen(frames)]

    def _drawn(self, kept: Kept, size: Size, side: Pixels | None) -> Pixels:
        image = resized(kept.pixels, size)
        if self.wanted.curve:
            losses, letters = self._steps.losses, max(size) // LETTERS
            words = f"loss {losses[kept.position]:#.3g}", f"{kept.position + 1}/{len(losses)}"
            image = image.copy()
            draw_curve(image, losses, kept.position, words, letters)
        return image if side is None else beside(image, side)

    def _full_width(self, size: Size) -> int:
        """The width of the animation where nothing limits its bytes; nothing is enlarged."""
        wish = self.wanted.width
        height, width = size if wish else fit_size(size, LONG_SIDE)
        whole = width + (GAP + column_width(height, self._shapes) if self._others else 0)
        return min(whole, wish) if wish else whole

    def _size(self, width: int) -> Size:
        """The size of the painting where the animation is `width` pixels across."""
        return main_size(width, self._shape, self._shapes)


FRAMES = 60  # images of an animation
SPARE = 2  # times as many are kept, to choose from
FIRST_GAP = 1.0  # levels, root mean square: less is not seen, nor can blends of 8 bits show it
WIDER = 1.04  # the factor between the gaps that are tried


@dataclass(frozen=True, eq=False)
class Kept:
    """The image (H, W, 3), 0..255, after the step of number `position`, from 0."""

    pixels: Pixels
    position: int


class EvenSteps:
    """Is told every step of a painting and keeps images of it at `size`, in memory that does not grow with the steps.

    An image is kept when it differs from the one kept before by a gap, which widens whenever there are more than
    twice as many as the `frames` that are wanted. `losses` are those of all steps.
    """

    def __init__(self, size: Size, frames: int = FRAMES) -> None:
        self.size, self.frames = size, frames
        self.losses: list[float] = []
        self._kept: list[Kept] = []
        self._last: Kept | None = None
        self._gap = FIRST_GAP

    def __call__(self, step: Step) -> None:
        """The next step; its image may be of any size, on any device."""
        self.losses.append(float(step.losses.total))
        self._look_at(step.image)

    def end(self, image: Tensor) -> None:
        """The painting (3, H, W) as it turned out, which the last step of L-BFGS is not."""
        self._look_at(image)

    def chosen(self, count: int) -> list[Kept]:
        """At most `count` images, 2 or more, from the first to the last, that change evenly from one to the next.

        Where a single step changes more than that, blends of the images before and after it lie between them.
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
        """The images to choose from; the last is among them, kept or not."""
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
    """How far two images are apart: the root mean square over all values, in levels."""
    return float(cv2.norm(before.pixels, after.pixels, cv2.NORM_L2)) / math.sqrt(before.pixels.size)


def spaced(images: Sequence[Kept], gap: float) -> list[Kept]:
    """The first and the last of `images`, and those between that are at least `gap` from the one taken before."""
    found = [images[0]]
    for image in images[1:]:
        if change(found[-1], image) >= gap:
            found.append(image)
    if found[-1] is images[-1]:
        return found
    close = len(found) > 1 and change(found[-1], images[-1]) < gap / 2
    return [*(found[:-1] if close else found), images[-1]]


def filled(images: Sequence[Kept], parts: Sequence[int]) -> list[Kept]:
    """`images`, the ways between them cut into so many parts by blends."""
    found = [images[0]]
    for (before, after), count in zip(itertools.pairwise(images), parts, strict=True):
        found += [*(blended(before, after, part / count) for part in range(1, count)), after]
    return found


def blended(before: Kept, after: Kept, share: float) -> Kept:
    """An image on the way, of which `share` is that of `after`."""
    pixels = cv2.addWeighted(before.pixels, 1 - share, after.pixels, share, 0)
    return Kept(np.asarray(pixels, np.uint8), round(before.position + share * (after.position - before.position)))
