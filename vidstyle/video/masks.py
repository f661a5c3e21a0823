"""Masks: where to paint, from an image or frame by frame from a video. White is where."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.errors import SourceError
from vidstyle.images import IMAGE_ENDINGS, load_image
from vidstyle.limits import LIMITS, Limits
from vidstyle.video.reader import Source, open_video

MARGIN = 0.05  # of 0..1: what compression leaves of black and white
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601


class Mask(Protocol):
    """Planes (1, H, W) of 0 (nothing) to 1 (all), one for each frame."""

    def planes_from(self, position: int) -> Iterator[Tensor]: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_mask(
    path: Path, size: tuple[int, int], start: float = 0.0, end: float | None = None, limits: Limits = LIMITS
) -> Mask:
    """The mask in an image, the same for all frames, or in a video, `start` to `end` in seconds, at `size`.

    Transparent parts of an image count as black. Raises SourceError for what is neither.
    """
    if path.suffix.lower() in IMAGE_ENDINGS:
        image = load_image(path, limits)
        seen = image.rgb if image.alpha is None else image.rgb * image.alpha
        return _StillMask(_scaled(mask_plane(seen), size))
    return _MovingMask(path, open_video(path, size=size, start=start, end=end, limits=limits))


def mask_plane(image: Tensor) -> Tensor:
    """How white an image (3, H, W) is, (1, H, W), nearly black and nearly white taken as such."""
    grey = torch.einsum("c,chw->hw", image.new_tensor(_LUMINANCE), image)[None]
    return ((grey - MARGIN) / (1 - 2 * MARGIN)).clamp(0, 1)


def feathered(plane: Tensor, width: float) -> Tensor:
    """`plane` (1, H, W), 0..1, fading over `width` pixels inside of its edge; what is 0 stays 0."""
    inside = (plane[0] > 0).numpy().astype(np.uint8)
    if width < 1 or inside.all():
        return plane
    distance = torch.from_numpy(cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))[None]
    share = (distance / width).clamp(0, 1)
    return plane * share * share * (3 - 2 * share)


def divided(planes: Tensor, width: float) -> Tensor:
    """`planes` (styles, H, W), 0..1, as shares of each pixel that go over into each other across `width` pixels.

    They sum to what they summed to, at most to 1.
    """
    total = planes.sum(0).clamp(max=1)
    if width >= 1:
        blurred = [cv2.GaussianBlur(plane.numpy(), (0, 0), width / 2) for plane in planes]
        planes = torch.from_numpy(np.stack(blurred))
    return torch.where(total > 0, planes / planes.sum(0).clamp_min(1e-6) * total, torch.zeros(()))


class _Mask:
    def close(self) -> None:
        """Ends all reading."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class _StillMask(_Mask):
    plane: Tensor

    def planes_from(self, position: int) -> Iterator[Tensor]:
        return repeat(self.plane)


@dataclass(frozen=True)
class _MovingMask(_Mask):
    path: Path
    source: Source

    def planes_from(self, position: int) -> Iterator[Tensor]:
        for frame in self.source.frames_from(position):
            yield mask_plane(frame.image)
        raise SourceError("VS339", path=self.path)

    def close(self) -> None:
        self.source.close()


def _scaled(plane: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(plane.shape[-2:]) == size:
        return plane
    return F.interpolate(plane[None], size, mode="bilinear", antialias=True)[0].clamp(0, 1)
