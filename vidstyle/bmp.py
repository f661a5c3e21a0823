"""BMP files of 16 and 32 bits a pixel whose masks Pillow does not know, such as those of 4 bits per colour."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from vidstyle.core.pixels import Pixels

HEAD = 70  # bytes: up to the last mask
_MASKED = (3, 6)  # of what is called compression: masks of the colours, and of opacity too
_WITH_ALPHA = 56  # bytes of a header that has the mask of opacity


def has_masks(head: bytes) -> bool:
    """Whether a file that begins so is a BMP file of masked colours."""
    if len(head) < HEAD or head[:2] != b"BM":
        return False
    bits, packing = struct.unpack_from("<HI", head, 28)
    return bits in (16, 32) and packing in _MASKED


def size_of(data: bytes) -> tuple[int, int]:
    """(height, width) in pixels."""
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(height), width


def read_masked(data: bytes) -> Pixels:
    """(H, W, 4), RGB and opacity, 0..255, of a file for which `has_masks` holds; ValueError where it is cut off."""
    offset, header, width, lines, _, bits, packing = struct.unpack_from("<IIiiHHI", data, 10)
    masks, wide = list(struct.unpack_from("<4I", data, 54)), width * bits // 8
    rows = np.frombuffer(data, np.uint8, -(-wide // 4) * 4 * abs(lines), offset).reshape(abs(lines), -1)
    values = np.ascontiguousarray(rows[:, :wide]).view(f"<u{bits // 8}").astype(np.int64)
    if header < _WITH_ALPHA and packing == _MASKED[0]:
        masks[3] = 0
    pixels = np.stack([_levels(values, mask) for mask in masks], axis=2)
    return pixels[::-1] if lines > 0 else pixels  # from the lowest up


def _levels(values: NDArray[np.int64], mask: int) -> Pixels:
    if not mask:
        return np.full(values.shape, 255, np.uint8)
    most = mask // (mask & -mask)
    return (((values & mask) // (mask & -mask) * 255 + most // 2) // most).astype(np.uint8)
