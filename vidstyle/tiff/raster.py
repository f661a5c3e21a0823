"""The colours of a TIFF file, whatever its colour space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidstyle.limits import LIMITS, Limits
from vidstyle.tiff.tiff_page import COLOURS, EXTRA, PALETTE, SUBSAMPLING, TiffPage

_MODES = {0: "L", 1: "L", 2: "RGB", 3: "P", 5: "CMYK", 6: "YCbCr", 8: "LAB"}
_WHITE_IS_ZERO = 0
_CHANNELS = {"L": 1, "RGB": 3, "P": 1, "CMYK": 4, "YCbCr": 3, "LAB": 3}
_NO_MODES = {4: "a mask", 9: "ICC L*a*b*", 10: "ITU L*a*b*", 32803: "raw camera values", 34892: "raw camera values"}
_ASSOCIATED, _UNASSOCIATED = 1, 2  # alpha: colours are multiplied by it, or not


@dataclass(frozen=True)
class Raster:
    """`colours` (H, W, channels) in Pillow's `mode`, of 8 bits, or where grey and RGB have more as numbers 0..1;
    `alpha` (H, W, 1), 0..1, where there is one; `beyond`: the lowest and highest number, where some were cut."""

    colours: NDArray[np.uint8] | NDArray[np.float32]
    mode: str
    alpha: NDArray[np.float32] | None
    beyond: tuple[float, float] | None = None


@np.errstate(over="ignore", invalid="ignore")  # of numbers that are cut
def read_raster(page: TiffPage, limits: Limits = LIMITS) -> Raster:
    """What an image shows, before it is turned upright; what is not from 0, black, to 1, white, is cut.

    Raises:
        SourceError: VS371 where its kind is not read, VS325 or VS329 where it is larger than the `limits`.
    """
    limits.check_size(page.name, page.size)
    mode = _mode_of(page)
    numbers, alpha = page.numbers(limits), None
    if found := _alpha_of(page, _CHANNELS[mode]):
        alpha = np.nan_to_num(_scaled(page, numbers[..., found[0] : found[0] + 1]), nan=0.0).clip(0, 1)
    colours = numbers[..., : _CHANNELS[mode]]
    if mode == "P":
        return Raster(_palette(page)[colours[..., 0]], "RGB", alpha)
    if mode == "LAB":
        return Raster(_lab(colours, page.bits), mode, alpha)
    values = _scaled(page, colours)
    if page.one(COLOURS, 0) == _WHITE_IS_ZERO:
        values = 1 - values
    if alpha is not None and found and found[1] == _ASSOCIATED:
        values = np.divide(values, alpha, out=np.zeros_like(values), where=alpha > 0)
    values, beyond = _clipped(page, values)
    deep = page.bits > 8 and mode in ("L", "RGB")
    return Raster(values if deep else np.round(values * 255).astype(np.uint8), mode, alpha, beyond)


def _mode_of(page: TiffPage) -> str:
    kind = page.one(COLOURS, 0)
    mode = _MODES.get(kind)
    if mode is None:
        raise page.refusal(_NO_MODES.get(kind, f"colours of kind {kind}"))
    if page.samples < _CHANNELS[mode]:
        raise page.refusal(f"{page.samples} samples for each pixel")
    if mode == "YCbCr" and page.all(SUBSAMPLING, 2, 2) != (1, 1):
        raise page.refusal("subsampled colours")
    if mode in ("LAB", "P") and (page.format == "f" or page.bits > 16 or (mode == "LAB" and page.bits not in (8, 16))):
        raise page.refusal(f"{'L*a*b*' if mode == 'LAB' else 'a palette'} of {page.bits} bits")
    return mode


def _alpha_of(page: TiffPage, channels: int) -> tuple[int, int] | None:
    """Which sample is alpha, and its kind: the first that says so, or the only one that says nothing."""
    extra = page.all(EXTRA) if EXTRA in page.tags else (_UNASSOCIATED,) * (page.samples == channels + 1)
    known = ((number, kind) for number, kind in enumerate(extra, channels) if kind in (_ASSOCIATED, _UNASSOCIATED))
    return next((found for found in known if found[0] < page.samples), None)


def _scaled(page: TiffPage, numbers: NDArray[Any]) -> NDArray[np.float32]:
    """With white as 1."""
    white = np.float32(1 if page.format == "f" else 2**page.bits - 1)
    values: NDArray[np.float32] = np.divide(numbers.astype(np.float32), white)
    return values


def _clipped(page: TiffPage, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[float, float] | None]:
    beyond = None
    if page.format == "f" and not ((values >= 0) & (values <= 1)).all():
        values = np.nan_to_num(values, copy=False)
        beyond = float(values.min()), float(values.max())
    return values.clip(0, 1), beyond


def _palette(page: TiffPage) -> NDArray[np.uint8]:
    """(colours, 3). It has 16 bits, of which the upper ones count: some programs leave the lower ones empty."""
    return (page.tags[PALETTE].reshape(3, -1).T // 256).astype(np.uint8)


def _lab(numbers: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """L*a*b* of 8 bits, a and b signed, as Pillow reads it."""
    if bits == 8:
        return numbers.astype(np.uint8)
    light = np.round(numbers[..., :1] * (255 / 65535)).astype(np.uint8)
    sides = np.round(numbers[..., 1:].astype(np.uint16).view(np.int16) / 256).clip(-128, 127).astype(np.int8)
    return np.concatenate([light, sides.view(np.uint8)], axis=2)
