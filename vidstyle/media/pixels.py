"""Image tensors as the raw bytes that ffmpeg reads."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.media import ffmpeg


def raw_input(size: tuple[int, int], rate: Fraction, path: Path | None = None) -> list[str]:
    """ffmpeg arguments that read raw RGB of ``size`` (height, width) from ``path`` or standard input."""
    shape = ["-video_size", f"{size[1]}x{size[0]}", "-framerate", str(rate)]
    place = "pipe:0" if path is None else ffmpeg.address(path)
    return [*ffmpeg.FILES_ONLY, "-f", "rawvideo", "-pixel_format", "rgb24", *shape, "-i", place]


def to_array(image: Tensor) -> NDArray[np.uint8]:
    """``image`` (3, H, W) RGB 0..1, clamped, as (H, W, 3) 0..255."""
    values = (image.detach().clamp(0, 1) * 255).round().permute(1, 2, 0)
    return np.ascontiguousarray(values.to("cpu").numpy().astype(np.uint8))


def even(size: tuple[int, int]) -> tuple[int, int]:
    """``size`` with odd sides made one longer: 4:2:0 video has no odd sides."""
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def padded(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) with the last line repeated where a side is odd."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
