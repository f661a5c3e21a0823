"""Frames of files and cameras, decoded by OpenCV, and those of more than 8 bits or with opacity by PyAV."""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.core.pixels import Pixels, to_tensor
from vidstyle.core.sizes import resize
from vidstyle.core.transparency import filled
from vidstyle.video.streams import opened

log = logging.getLogger(__name__)

NEAR = 48  # frames; so few are decoded sooner than found by a seek
AROUND = 24  # frames before the one that is sought that a seek goes to, and after it that are looked at
THINNED = 8  # every so manieth row and column of a frame counts for its mark

# FFmpeg's decoder of these takes parts of a frame from one that another thread has not decoded yet: 1 of 50 times.
_RACING = b"theo", b"VP3"

AnyPixels = Pixels | NDArray[np.uint16]  # (H, W, 3 or 4), RGB and opacity, 0 to 255 or 65535
Marked = tuple[AnyPixels, str]  # a frame, and what tells it from the file's others


@cache
def quiet_opencv() -> None:
    """What OpenCV prints about files and cameras is printed no more."""
    # Read once, when the first capture opens. What OpenCV would print is found out here anyway.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def open_capture(path: Path) -> cv2.VideoCapture:
    """Open a file with OpenCV's FFmpeg reader, silently; `read_rgb` tells whether that worked."""
    quiet_opencv()
    name = str(path.absolute())
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8, as on old disks: OpenCV would end the process
        with path.open("rb") as file:
            return _opened(f"/proc/self/fd/{file.fileno()}")
    return _opened(name)


def _opened(name: str) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG)
    if int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True).startswith(_RACING):
        return cv2.VideoCapture(name, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    return capture


def read_rgb(capture: cv2.VideoCapture) -> Pixels | None:
    """The next frame of a file or a camera; None where there is none or it cannot be read."""
    try:
        found, pixels = capture.read()
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False) if found else None
    except cv2.error as error:  # what a stream that changes its size or format midway ends in
        log.debug("OpenCV stopped reading: %s", error)
        return None


def tensors_of(pixels: AnyPixels, size: tuple[int, int] | None = None) -> tuple[Tensor, Tensor | None]:
    """A frame as `tensor_of` has it, and where it has one its opacity (1, H, W), by which what is hidden is filled."""
    if pixels.shape[2] == 3:
        return tensor_of(pixels, size), None
    alpha = to_tensor(pixels[..., 3:]).contiguous()
    image, wanted = filled(to_tensor(pixels[..., :3]).contiguous(), alpha), size or (pixels.shape[0], pixels.shape[1])
    return resize(image, wanted), resize(alpha, wanted)


def tensor_of(pixels: AnyPixels, size: tuple[int, int] | None = None) -> Tensor:
    """A frame as (3, H, W) float32, 0..1, scaled to `size` (height, width) where one is given."""
    if size is not None and size != pixels.shape[:2]:
        smaller = size[0] * size[1] < pixels.shape[0] * pixels.shape[1]
        method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        return to_tensor(_scaled(pixels, size, method)).contiguous()
    return to_tensor(pixels).contiguous()


def _scaled(pixels: AnyPixels, size: tuple[int, int], method: int) -> AnyPixels:
    scaled = cv2.resize(pixels, (size[1], size[0]), interpolation=method)
    return np.asarray(scaled, np.uint8) if pixels.dtype == np.uint8 else np.asarray(scaled, np.uint16)


def first_frame(path: Path) -> Pixels | None:
    """The first frame of a file; None where it cannot be read."""
    capture = open_capture(path)
    try:
        return read_rgb(capture)
    finally:
        capture.release()


def decoded(
    path: Path, first: int, mark: str = "", sign: Callable[[], None] = lambda: None
) -> Generator[Marked, None, None]:
    """The frames of a file, each with a mark: its time in the file, and a checksum of its pixels.

    OpenCV's seeks may land elsewhere, so all frames before the first one that is wanted are decoded, unless its mark
    is known: what a seek finds is taken when it has the same.

    Args:
        path: the file.
        first: the number, from 0, of the first one that is wanted.
        mark: its mark, where that is known.
        sign: is called for each frame on the way to it.
    """
    capture = open_capture(path)
    try:
        if mark and first > NEAR:
            if (sought := _sought(capture, first, mark)) is not None:
                yield sought
                first = 0
            else:
                capture.release()
                capture = open_capture(path)
        for _ in range(first):
            sign()
            if not capture.grab():
                return
        while (frame := _next(capture)) is not None:
            yield frame
    finally:
        capture.release()


def decoded_rgb(path: Path, first: int, sign: Callable[[], None] = lambda: None) -> Generator[Marked, None, None]:
    """The frames of a file of RGB, or RGB and opacity, in which each stands for itself, with all of their bits.

    Args:
        path: the file, which `normalize` wrote.
        first: the number, from 0, of the first one that is wanted.
        sign: is called for each frame on the way to it.
    """
    with opened(path, None) as container:
        for number, packet in enumerate(container.demux(video=0)):
            if number < first:
                sign()
                continue
            for frame in packet.decode():
                yield _levels(frame), f"{frame.pts}"


def _levels(frame: VideoFrame) -> AnyPixels:
    """A frame of RGB as 8 or 16 bits have it."""
    if frame.format.name == "bgra":
        return frame.to_ndarray(format="rgba").astype(np.uint8, copy=False)
    values, white = frame.to_ndarray(), 2 ** frame.format.components[0].bits - 1
    if white == 65535:
        return values.astype(np.uint16, copy=False)
    levels: NDArray[np.uint16] = ((values.astype(np.uint32) * 65535 + white // 2) // white).astype(np.uint16)
    return levels


def _sought(capture: cv2.VideoCapture, first: int, mark: str) -> Marked | None:
    capture.set(cv2.CAP_PROP_POS_FRAMES, first - AROUND)
    for _ in range(2 * AROUND):
        frame = _next(capture)
        if frame is None or frame[1] == mark:
            return frame
    return None


def _next(capture: cv2.VideoCapture) -> Marked | None:
    pixels = read_rgb(capture)
    if pixels is None:
        return None
    checksum = zlib.crc32(np.ascontiguousarray(pixels[::THINNED, ::THINNED, ::-1]).tobytes())  # of OpenCV's BGR
    return pixels, f"{capture.get(cv2.CAP_PROP_POS_MSEC):.3f}:{checksum:08x}"
