"""How the frames of a job are to look: which style, where, and how strongly."""

import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.exposure import ONE_SHOT, Scenes, scenes_of_image
from vidstyle.core.frame_style import EVEN, PLAIN, Frame, FrameStyle
from vidstyle.core.sizes import Size, size_of
from vidstyle.jobs.spec import JobSpec
from vidstyle.settings.keyframes import Key, between
from vidstyle.settings.settings import Settings
from vidstyle.video.masks import Mask, divided, feathered, open_mask


class StyleSchedule:
    """The looks of the frames of a video, by their seconds, shots and masks; an image is a video of one frame."""

    def __init__(
        self,
        settings: Settings,
        styles: int,
        scenes: Scenes = ONE_SHOT,
        mask: Mask | None = None,
        places: Sequence[Mask] = (),
    ) -> None:
        """`places` are the masks of the first of the styles."""
        self._settings, self._styles, self._scenes = settings, styles, scenes
        self._mask, self._places = mask, places
        self._planes: tuple[list[Tensor | None], FrameStyle] = [], PLAIN  # what was last made of which masks

    @property
    def plain(self) -> bool:
        """Whether all frames look the same, everywhere."""
        s = self._settings
        changing = s.style_blend or s.style_keys or s.strength_keys or s.style_per_shot
        masked = self._mask is not None or self._places or any(self._scenes.bars)
        return not (changing or masked or self._scenes.exposures)

    def on(self, frames: Iterable[Frame], start: int = 0) -> Iterator[Frame]:
        """The frames, which begin at position `start`, each with its look."""
        if self.plain:
            yield from frames
            return
        masks = [repeat(None) if mask is None else mask(start) for mask in (self._mask, *self._places)]
        for position, frame in enumerate(frames, start):
            planes = [next(plane) for plane in masks]
            look = self._look(frame.seconds, bisect_right(self._scenes.cuts, position), planes, frame.image)
            exposure = self._scenes.exposures.get(position, EVEN)
            yield replace(frame, look=look if exposure is EVEN else replace(look, exposure=exposure))

    def _look(self, seconds: float, shot: int, planes: Sequence[Tensor | None], image: Tensor) -> FrameStyle:
        settings = self._settings
        strengths = settings.keyed_strengths
        strength = between(strengths, seconds)[0] if strengths else None
        where = self._where(planes, image)
        return FrameStyle(self._shares(seconds, shot), strength, where.places, where.mask, paint=self._paint(seconds))

    def _shares(self, seconds: float, shot: int) -> tuple[float, ...] | None:
        settings, styles = self._settings, self._styles
        if settings.style_per_shot:
            return tuple(float(style == shot % styles) for style in range(styles))
        if settings.keyed_styles:
            found = between(_painted_keys(settings.keyed_styles), seconds)
            return (*(share / sum(found) for share in found), *[0.0] * (styles - len(found)))
        return settings.blend

    def _paint(self, seconds: float) -> float:
        keys = self._settings.keyed_styles
        return min(1.0, sum(between(keys, seconds))) if keys else 1.0

    def _where(self, planes: Sequence[Tensor | None], image: Tensor) -> FrameStyle:
        """A look with the masks made of planes; the last one again where they are the same."""
        before, look = self._planes
        if len(before) != len(planes) or any(a is not b for a, b in zip(before, planes, strict=True)):
            mask, places = planes[0], [plane for plane in planes[1:] if plane is not None]
            mask = None if mask is None else feathered(mask, self._width(mask))
            look = FrameStyle(mask=self._without_bars(mask, image), places=self._divided(places))
            self._planes = list(planes), look
        return look

    def _without_bars(self, mask: Tensor | None, image: Tensor) -> Tensor | None:
        """A mask (1, H, W), or None, that leaves out the bars of the `image` (3, H, W)."""
        if not any(self._scenes.bars):
            return mask
        inside = torch.zeros_like(image[:1])
        self._scenes.in_image(inside).fill_(1)
        return inside if mask is None else inside * mask

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


def _painted_keys(keys: Sequence[Key]) -> list[Key]:
    """The keys, those of the source with the shares of the nearest that is painted."""
    painted = [key for key in keys if sum(key.values)]
    nearest = (min(painted, key=lambda other, at=key: abs(other.seconds - at.seconds)) for key in keys)  # type: ignore[misc]
    return [Key(key.seconds, near.values) for key, near in zip(keys, nearest, strict=True)]


@contextlib.contextmanager
def style_schedule_of(
    job: JobSpec, size: Size, scenes: Scenes = ONE_SHOT, times: Sequence[float] | None = None
) -> Iterator[StyleSchedule]:
    """The looks of the frames of a job.

    Args:
        job: the job.
        size: (height, width) at which they are painted.
        scenes: their shots and exposures.
        times: their seconds, by position; None where they are evenly spaced.

    Raises:
        SourceError: where a mask cannot be read.
    """
    with contextlib.ExitStack() as opened:

        def mask_in(path: Path) -> Mask:
            return opened.enter_context(open_mask(path, size, job.start, job.end, job.limits, job.rate, times))

        mask = mask_in(job.mask) if job.mask else None
        yield StyleSchedule(job.settings, len(job.styles), scenes, mask, [mask_in(path) for path in job.style_masks])


def look_of_image(job: JobSpec, image: Tensor) -> FrameStyle:
    """The look of an image (3, H, W) of the size that it is painted at."""
    with style_schedule_of(job, size_of(image), scenes_of_image(image)) as looks:
        return next(looks.on([Frame(0, 0.0, image)])).look
