"""Masks: where to paint, from an image or frame by frame from a video. White is where."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.errors import SourceError
from vidstyle.images import IMAGE_ENDINGS, load_image
from vidstyle.limits import LIMITS, Limits
from vidstyle.video.frame_names import FrameNames
from vidstyle.video.reader import Source, open_video
from vidstyle.video.sequence import USUAL_RATE, open_sequence

MARGIN = 0.05  # of 0..1: what compression leaves of black and white
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601


# From the position, from 0, of a frame to planes (1, H, W) of 0 (nothing) to 1 (all), one for each frame from there on.
Mask = Callable[[int], Iterator[Tensor]]


@contextlib.contextmanager
def open_mask(
    path: Path,
    size: tuple[int, int],
    start: float = 0.0,
    end: float | None = None,
    limits: Limits = LIMITS,
    rate: Fraction = USUAL_RATE,
    times: Sequence[float] | None = None,
) -> Iterator[Mask]:
    """The mask in an image, for all frames, or in a video or a sequence; transparent parts of an image count as black.

    Args:
        path: the image or video, or the pattern of a sequence.
        size: (height, width) in pixels of the planes.
        start: seconds of the video.
        end: seconds of the video; None for its end.
        limits: how large and long it may be.
        rate: frames a second of a sequence.
        times: seconds of the frames that it is for, by position; None where these are evenly spaced. A mask video
            that has another number of frames is used by them, not frame by frame.

    Raises:
        SourceError: for what is neither; VS339, by the mask, where a video has fewer frames than are asked for, or
            ends earlier.
    """
    if FrameNames.of_pattern(path):
        with open_sequence(path, rate=rate, size=size, start=start, end=end, limits=limits) as images:
            yield lambda position: _moving(path, images, position)
    elif path.suffix.lower() in IMAGE_ENDINGS:
        image = load_image(path, limits)
        plane = _scaled(mask_plane(_on_black(image.rgb, image.alpha)), size)
        yield lambda position: repeat(plane)
    else:
        with open_video(path, size=size, start=start, end=end, limits=limits) as source:
            if times is None or len(times) == len(source):
                yield lambda position: _moving(path, source, position)
            else:
                yield lambda position: _in_time(path, source, times[position:])


def _in_time(path: Path, source: Source, times: Sequence[float]) -> Iterator[Tensor]:
    """The frame that is shown at each of `times`, for the first of them at the earliest the first frame."""
    place = min(max(0, source.position_at(times[0])), len(source) - 1)
    planes = enumerate(_moving(path, source, place), place)
    shown, plane = next(planes)
    for seconds in times:
        wanted = source.position_at(seconds)
        while shown < wanted:
            shown, plane = next(planes)
        yield plane


def _moving(path: Path, source: Source, position: int) -> Iterator[Tensor]:
    for frame in source.frames_from(position):
        yield mask_plane(_on_black(frame.image, frame.alpha))
    raise SourceError("VS339", path=path)


def _on_black(image: Tensor, alpha: Tensor | None) -> Tensor:
    return image if alpha is None else image * alpha


def mask_plane(image: Tensor) -> Tensor:
    """How white an image (3, H, W), RGB, 0..1, is: (1, H, W), 0..1, nearly black and nearly white taken as such."""
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


def _scaled(plane: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(plane.shape[-2:]) == size:
        return plane
    return F.interpolate(plane[None], size, mode="bilinear", antialias=True)[0].clamp(0, 1)
