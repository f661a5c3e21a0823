"""OpenEXR images: linear light in the file, sRGB in memory. FFmpeg's own codec reads and writes them, through PyAV."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from vidstyle.limits import Limits

EXR_START = b"v/1\x01"
_TILED, _MULTIPLE = 0x200, 0x1800  # flags of the version: tiles, not lines; several images, or deep ones
_WINDOW = b"displayWindow\0box2i\0\x10\0\0\0"
_LINEAR, _ENCODED, _SLOPE = 0.0031308, 0.04045, 12.92  # where the straight part of the curve ends, and how steep it is


@dataclass(frozen=True)
class ExrImage:
    """``rgb`` (H, W, 3) float32 sRGB 0..1; ``alpha`` (H, W, 1) float32 0..1 where there is one; ``beyond``: the lowest
    and highest linear value, where some were outside of 0..1 and were cut."""

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    beyond: tuple[float, float] | None


@np.errstate(over="ignore", invalid="ignore")  # of numbers that are cut
def read_exr(data: bytes, name: str, limits: Limits) -> ExrImage:
    """Reads the RGB or grey image of an OpenEXR file, half or float; its colours are divided by its alpha.

    Args:
        data: the file.
        name: what errors call it.
        limits: how large it may be.

    Raises:
        SourceError: VS325 where it is larger.
        ValueError: for what is no such file, or not whole.
    """
    place = data.find(_WINDOW)
    if place >= 0:
        left, top, right, bottom = struct.unpack_from("<4i", data, place + len(_WINDOW))
        limits.check_size(name, (bottom - top + 1, right - left + 1))
    _check_whole(data)
    frame = _decoded(data, limits)
    planes = [_plane(frame, number) for number in range(len(frame.planes))]
    colours, alpha = np.stack(_in_order(planes), -1), None
    if len(planes) in (2, 4):
        alpha = np.nan_to_num(planes[-1][..., None], nan=0.0).clip(0, 1)
        colours = np.divide(colours, alpha, out=np.zeros_like(colours), where=alpha > 0)
    beyond = None
    if not ((colours >= 0) & (colours <= 1)).all():
        colours = np.nan_to_num(colours)
        beyond = float(colours.min()), float(colours.max())
    return ExrImage(srgb_of(colours.clip(0, 1)), alpha, beyond)


def _check_whole(data: bytes) -> None:
    """ValueError for a file that is cut off, of which FFmpeg would leave the rest black without a word."""
    try:
        (flags,) = struct.unpack_from("<I", data, len(EXR_START))
        if flags & _MULTIPLE:
            return
        table = _header_end(data)
        (first,) = struct.unpack_from("<Q", data, table)
        places = np.frombuffer(data, "<u8", (first - table) // 8, table)
        head = 16 if flags & _TILED else 4
        last = int(places.max(initial=0)) + head
        whole = bool(places.all()) and last + 4 + struct.unpack_from("<I", data, last)[0] <= len(data)
    except (struct.error, ValueError, OverflowError):
        whole = False
    if not whole:
        raise ValueError("parts of it are missing")


def _header_end(data: bytes) -> int:
    """Where the attributes of the first image end: each a name, a type, a size and a value."""
    place = 8
    while data[place : place + 1] != b"\0":
        place = data.index(b"\0", data.index(b"\0", place) + 1) + 1
        place += 4 + struct.unpack_from("<I", data, place)[0]
    return place + 1


def _decoded(data: bytes, limits: Limits) -> av.VideoFrame:
    decoder = av.VideoCodecContext.create("exr", "r")
    decoder.options = {"max_pixels": str(int(min(limits.pixels, 2**31 - 1)))}
    decoder.thread_count = 1
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except (av.FFmpegError, MemoryError) as error:
        raise ValueError(f"{error}") from error
    if not frames:
        raise ValueError("it holds no image")
    if "f32" not in frames[0].format.name and "f16" not in frames[0].format.name:
        raise ValueError(f"its values are {frames[0].format.name}, not half or float")
    return frames[0]


def _plane(frame: av.VideoFrame, number: int) -> NDArray[np.float32]:
    kind = np.dtype(np.float16 if "f16" in frame.format.name else np.float32)
    plane = frame.planes[number]
    rows = np.frombuffer(memoryview(plane), dtype=kind).reshape(plane.height, -1)
    values: NDArray[np.float32] = rows[:, : frame.width].astype(np.float32)
    return values


def _in_order(planes: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Red, green and blue of FFmpeg's planes: green, blue, red, or grey."""
    return [planes[2], planes[0], planes[1]] if len(planes) > 2 else [planes[0]] * 3


def exr_bytes(rgb: NDArray[np.float32], alpha: NDArray[np.float32] | None = None, *, half: bool = True) -> bytes:
    """An OpenEXR file, compressed without loss (ZIP).

    Args:
        rgb: (H, W, 3), sRGB, 0..1.
        alpha: (H, W, 1), 0..1; colours are multiplied by it, as OpenEXR has them.
        half: 16 bits a value, rounded to the nearest; else 32.
    """
    linear = linear_of(rgb.clip(0, 1))
    values = linear if alpha is None else np.concatenate([linear * alpha, alpha], axis=2)
    if half:
        values = values.astype(np.float16).astype(np.float32)  # FFmpeg would cut what is too fine, not round it
    height, width = rgb.shape[:2]
    frame = av.VideoFrame(width, height, "gbrpf32le" if alpha is None else "gbrapf32le")
    for plane, channel in zip(frame.planes, (1, 2, 0, 3), strict=False):
        rows = np.zeros((height, plane.line_size // 4), np.float32)
        rows[:, :width] = values[..., channel]
        plane.update(rows.tobytes())
    encoder = av.VideoCodecContext.create("exr", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, frame.format.name
    encoder.time_base = Fraction(1)
    encoder.options = {"format": "half" if half else "float", "compression": "zip16"}
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def srgb_of(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """sRGB (IEC 61966-2-1), 0..1, of linear light, 0..1."""
    exact = linear.astype(np.float64)
    return np.where(exact <= _LINEAR, exact * _SLOPE, 1.055 * exact ** (1 / 2.4) - 0.055).astype(np.float32)


def linear_of(encoded: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear light, 0..1, of sRGB, 0..1."""
    exact = encoded.astype(np.float64)
    return np.where(exact <= _ENCODED, exact / _SLOPE, ((exact + 0.055) / 1.055) ** 2.4).astype(np.float32)
