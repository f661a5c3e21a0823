"""The pictures of a video as OpenCV decodes them, from any one on."""

import logging
import zlib
from collections.abc import Callable, Generator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.media.probe import open_capture

log = logging.getLogger(__name__)

NEAR = 48  # pictures; so few are decoded sooner than found by a seek
AROUND = 24  # pictures before the one that is sought that a seek goes to, and after it that are looked at
THINNED = 8  # every so manieth row and column of a picture counts for its mark

Picture = tuple[NDArray[np.uint8], str]  # (H, W, 3) RGB, and its mark


def decoded(
    path: Path, first: int, mark: str = "", sign: Callable[[], None] = lambda: None
) -> Generator[Picture, None, None]:
    """Pictures from number ``first`` on, each with a mark: its time in the file, and a checksum of its pixels.

    OpenCV's seeks may land elsewhere, so all pictures before ``first`` are decoded, unless its ``mark`` is known: what
    a seek finds is taken when it has the same. ``sign`` is called for each picture on the way.
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
        while (picture := _next(capture)) is not None:
            yield picture
    except cv2.error as error:
        log.debug("OpenCV stopped reading %s: %s", path.name, error)
    finally:
        capture.release()


def _sought(capture: cv2.VideoCapture, first: int, mark: str) -> Picture | None:
    capture.set(cv2.CAP_PROP_POS_FRAMES, first - AROUND)
    for _ in range(2 * AROUND):
        picture = _next(capture)
        if picture is None or picture[1] == mark:
            return picture
    return None


def _next(capture: cv2.VideoCapture) -> Picture | None:
    found, pixels = capture.read()
    if not found:
        return None
    checksum = zlib.crc32(np.ascontiguousarray(pixels[::THINNED, ::THINNED]).tobytes())
    mark = f"{capture.get(cv2.CAP_PROP_POS_MSEC):.3f}:{checksum:08x}"
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False), mark
