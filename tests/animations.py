"""Animated GIF and PNG files with every way to go on from one image to the next, and what they show."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEEP, CLEAR, RESTORE = range(3)  # what becomes of an image's place once it was shown

Pixels = NDArray[np.uint8]  # (h, w, 4), RGBA


@dataclass(frozen=True)
class Part:
    """One image of an animation: `pixels` (h, w, 4) RGBA at (`top`, `left`) of the canvas."""

    pixels: Pixels
    top: int
    left: int
    disposal: int = KEEP
    over: bool = True  # laid on what is there, not put in its place
    delay: int = 10  # hundredths of a second

    @property
    def place(self) -> tuple[slice, slice]:
        height, width = self.pixels.shape[:2]
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def composed(parts: Sequence[Part], size: tuple[int, int]) -> Iterator[NDArray[np.float64]]:
    """What is shown, (H, W, 3) RGB 0..255 on white, by the PNG specification (third edition, 2025), section 11.3.3."""
    canvas = np.zeros((*size, 4))
    for part in parts:
        before, there = canvas.copy(), canvas[part.place]
        new, opacity = part.pixels.astype(float), part.pixels[..., 3:] / 255
        if part.over:
            below = there[..., 3:] / 255 * (1 - opacity)
            total = opacity + below
            mixed = (new[..., :3] * opacity + there[..., :3] * below) / np.where(total > 0, total, 1)
            new = np.concatenate([mixed, total * 255], axis=2)
        canvas[part.place] = new
        yield canvas[..., :3] * canvas[..., 3:] / 255 + 255 - canvas[..., 3:]
        if part.disposal == CLEAR:
            canvas[part.place] = 0
        elif part.disposal == RESTORE:
            canvas = before


def gif_of(parts: Sequence[Part], size: tuple[int, int], loop: int | None = 0, background: int = 0) -> bytes:
    """A GIF whose images have palettes of their own; pixels are seen or not. `loop` as the file has it."""
    height, width = size
    data = b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF0, background, 0) + bytes([255, 0, 0, 0, 0, 255])
    if loop is not None:
        data += b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loop) + b"\0"
    for part in parts:
        colours, indices = np.unique(part.pixels.reshape(-1, 4), axis=0, return_inverse=True)
        hidden = np.flatnonzero(colours[:, 3] == 0)
        flags = {KEEP: 1, CLEAR: 2, RESTORE: 3}[part.disposal] << 2 | (len(hidden) > 0)
        data += struct.pack("<BBBBHBB", 0x21, 0xF9, 4, flags, part.delay, hidden[0] if len(hidden) else 0, 0)
        (height, width), palette = part.pixels.shape[:2], np.zeros((256, 3), np.uint8)
        palette[: len(colours)] = colours[:, :3]
        data += struct.pack("<BHHHHB", 0x2C, part.left, part.top, width, height, 0x87) + palette.tobytes()
        data += b"\x08" + _blocks(_lzw(indices.ravel()))
    return data + b";"


def _lzw(indices: NDArray[np.intp]) -> bytes:
    """Codes of 9 bits, begun anew before they grow."""
    codes = [code for n in range(0, len(indices), 250) for code in (256, *map(int, indices[n : n + 250]))]
    number = sum(code << (9 * place) for place, code in enumerate([*codes, 257]))
    return number.to_bytes((9 * (len(codes) + 1) + 7) // 8, "little")


def _blocks(data: bytes) -> bytes:
    parts = (data[n : n + 255] for n in range(0, len(data), 255))
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def apng_of(parts: Sequence[Part], size: tuple[int, int], plays: int = 0, hidden: Pixels | None = None) -> bytes:
    """An animated PNG; `hidden` is shown instead by programs that know no animations."""
    height, width = size
    data = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    data += _chunk(b"acTL", struct.pack(">II", len(parts), plays))
    data += b"" if hidden is None else _chunk(b"IDAT", _rows(hidden))
    number = 0
    for part in parts:
        (height, width), order = part.pixels.shape[:2], (part.disposal, part.over)
        place = (number, width, height, part.left, part.top)
        data += _chunk(b"fcTL", struct.pack(">IIIIIHHBB", *place, part.delay, 100, *order))
        first = number == 0 and hidden is None
        data += _chunk(b"IDAT", _rows(part.pixels)) if first else b""
        data += b"" if first else _chunk(b"fdAT", struct.pack(">I", number + 1) + _rows(part.pixels))
        number += 1 if first else 2
    return data + _chunk(b"IEND", b"")


def _rows(pixels: Pixels) -> bytes:
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
