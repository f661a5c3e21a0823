"""How the frames of a job are to look: which style, where, and how strongly."""

import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.jobs.job import Job
from vidstyle.keys import between
from vidstyle.media.look import PLAIN, Look
from vidstyle.media.masks import Mask, divided, feathered, open_mask
from vidstyle.media.source import Frame
from vidstyle.painting.painter import Size
from vidstyle.settings import Settings


class Looks:
    """The looks of the frames of a film, by their seconds, shots and masks; a picture is a film of one frame."""

    def __init__(
        self,
        settings: Settings,
        styles: int,
        cuts: Sequence[int] = (),
        mask: Mask | None = None,
        places: Sequence[Mask] = (),
    ) -> None:
        """`cuts` are positions among the frames; `places` the masks of the first of the styles."""
        self._settings, self._styles, self._cuts = settings, styles, cuts
        self._mask, self._places = mask, places
        self._planes: tuple[list[Tensor | None], Look] = [], PLAIN  # what was last made of which masks

    @property
    def plain(self) -> bool:
        """Whether all frames look the same, everywhere."""
        s = self._settings
        changing = s.style_blend or s.style_keys or s.strength_keys or s.style_per_shot
        return not changing and self._mask is None and not self._places

    def on(self, frames: Iterable[Frame], start: int = 0) -> Iterator[Frame]:
        """The frames, which begin at position `start`, each with its look."""
        if self.plain:
            yield from frames
            return
        masks = [repeat(None) if mask is None else mask.planes_from(start) for mask in (self._mask, *self._places)]
        for position, frame in enumerate(frames, start):
            planes = [next(plane) for plane in masks]
            yield replace(frame, look=self._look(frame.seconds, bisect_right(self._cuts, position), planes))

    def _look(self, seconds: float, shot: int, planes: Sequence[Tensor | None]) -> Look:
        settings = self._settings
        strengths = settings.keyed_strengths
        strength = between(strengths, seconds)[0] if strengths else None
        where = self._where(planes)
        return Look(self._shares(seconds, shot), strength, where.places, where.mask)

    def _shares(self, seconds: float, shot: int) -> tuple[float, ...] | None:
        settings, styles = self._settings, self._styles
        if settings.style_per_shot:
            return tuple(float(style == shot % styles) for style in range(styles))
        if settings.keyed_styles:
            found = between(settings.keyed_styles, seconds)
            return (*found, *[0.0] * (styles - len(found)))
        return settings.blend

    def _where(self, planes: Sequence[Tensor | None]) -> Look:
        """A look with the masks made of planes; the last one again where they are the same."""
        before, look = self._planes
        if len(before) != len(planes) or any(a is not b for a, b in zip(before, planes, strict=True)):
            mask, places = planes[0], [plane for plane in planes[1:] if plane is not None]
            look = Look(mask=None if mask is None else feathered(mask, self._width(mask)), places=self._divided(places))
            self._planes = list(planes), look
        return look

    def _divided(self, places: Sequence[Tensor]) -> Tensor | None:
        """Where each style is painted: those without a mask share what is left."""
        if not places:
            return None
        given = torch.cat(list(places))
        others = self._styles - len(places)
        left = (1 - given.sum(0, keepdim=True)).clamp_min(0) / max(1, others)
        width = self._width(given)
        if not others:
            cover = feathered(given.sum(0, keepdim=True).clamp(max=1), width)
            return divided(given, width) * cover
        return divided(torch.cat([given, left.expand(others, -1, -1)]), width)

    def _width(self, plane: Tensor) -> float:
        return self._settings.feather / 100 * max(plane.shape[-2:])


@contextlib.contextmanager
def looks_of(job: Job, size: Size, cuts: Sequence[int] = ()) -> Iterator[Looks]:
    """The looks of a job whose frames are painted at `size`; SourceError where a mask cannot be read."""
    with contextlib.ExitStack() as opened:

        def mask_in(path: Path) -> Mask:
            return opened.enter_context(open_mask(path, size, job.start, job.end, job.limits))

        mask = mask_in(job.mask) if job.mask else None
        yield Looks(job.settings, len(job.styles), cuts, mask, [mask_in(path) for path in job.style_masks])


def look_of_picture(job: Job, size: Size) -> Look:
    """The look of a picture that is painted at `size`."""
    nothing = Frame(0, 0.0, torch.empty(3, *size))
    with looks_of(job, size) as looks:
        return next(looks.on([nothing])).look
