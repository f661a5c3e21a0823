"""Images in: videos and animations, frame by frame, read ahead of the one who asks."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import re
import sys
import tempfile
import threading
import weakref
import zlib
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.core.frame_style import Frame
from vidstyle.core.pixels import to_tensor
from vidstyle.core.read_ahead import HangError, ReadAhead, Sign
from vidstyle.errors import SourceError
from vidstyle.files import printable
from vidstyle.images import IMAGE_ENDINGS
from vidstyle.limits import LIMITS, Limits
from vidstyle.video import animation
from vidstyle.video.normalize import conform
from vidstyle.video.probe import VideoInfo, open_capture, probe

log = logging.getLogger(__name__)

CLIP_ENDINGS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".3gp", ".flv", ".ogv", ".gif"),
)

PATIENCE = 120.0  # seconds that the next image of a file may take
_MOMENT = 1e-6  # seconds: less than this before an image's time still counts as its time


class Source(ABC):
    """Frames in order. Each ``iter()`` decodes anew; ``len()`` is how many are expected; ``info`` tells what
    is read. Leaving the ``with`` ends all reading and removes temporary files."""

    info: VideoInfo

    def __init__(self, info: VideoInfo, size: tuple[int, int] | None, start: float, end: float | None) -> None:
        self.info = info
        self.size = size
        self._version = _version(info.path)
        self._range = start, end
        self._readers: weakref.WeakSet[ReadAhead[Frame]] = weakref.WeakSet()

    @abstractmethod
    def _images(self, first: int, mark: str, sign: Sign) -> Generator[DecodedImage, None, None]:
        """Images (H, W, 3) RGB 0..255 from number ``first`` to the end of the file, with their marks.

        ``sign`` is called while the first one is looked for.
        """

    @property
    def span(self) -> tuple[int, int]:
        """Numbers of the first frame and of the one after the last."""
        start, end = self._range
        times = self._times()
        stop = len(times) if end is None else bisect_left(times, end - _MOMENT)
        return bisect_left(times, start - _MOMENT), stop

    @property
    def rewritten(self) -> bool:
        """Whether frames are read from a rewritten form of the file, to which damage on the way may lead."""
        return False

    @property
    def durations(self) -> tuple[float, ...] | None:
        """Seconds each frame of the part that is read is shown, for an animation; None for a video."""
        return self.info.durations and self.info.durations[slice(*self.span)]

    def _is_short(self, found: int, expected: int) -> bool:
        """Whether fewer were found than the file has; an estimated number may be a little off."""
        return found < expected - (0 if self.info.exact_count else max(2, expected // 50))

    def _times(self) -> list[float] | _EvenTimes:
        if self.info.durations is None:
            return _EvenTimes(self.info)
        return [0.0, *accumulate(self.info.durations)][:-1]

    def __len__(self) -> int:
        first, stop = self.span
        return max(0, stop - first)

    def position_at(self, seconds: float) -> int:
        """Which of the frames that are read, from 0, is shown at ``seconds`` of the file; -1 or ``len`` outside."""
        first, stop = self.span
        if seconds > self.info.seconds + _MOMENT:
            return stop - first
        return max(-1, min(bisect_right(self._times(), seconds + _MOMENT) - 1, stop) - first)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames_from(0)

    def image_at(self, position: int) -> Tensor:
        """The image (3, H, W) of one frame, by its position among those that are read; SourceError where it is gone."""
        with contextlib.closing(self.frames_from(position)) as frames:
            for frame in frames:
                return frame.image
        raise SourceError("VS350", path=self.info.path, position=position)

    def frames_from(self, position: int, mark: str = "") -> Generator[Frame, None, None]:
        """The frames from a position, counted from 0 among those that are read; quicker where its mark is known."""
        reader = ReadAhead(lambda sign: self._frames(position, mark, sign), PATIENCE)
        self._readers.add(reader)
        try:
            yield from reader
        except HangError:
            raise SourceError("VS356", name=printable(self.info.path.name), patience=PATIENCE) from None
        finally:
            reader.close()

    def _frames(self, position: int, mark: str, sign: Sign) -> Generator[Frame, None, None]:
        first, stop = self.span
        first += position
        if self._range[1] is None and not self.info.exact_count:
            stop = sys.maxsize  # an estimate must not cut off the last images
        times = self._times()
        images = self._images(first, mark, sign)
        found = 0
        try:
            for index, (pixels, own_mark) in enumerate(images, first):
                if index >= stop:
                    return
                yield Frame(index, times[index], _tensor(pixels, self.size), mark=own_mark)
                found += 1
        finally:
            images.close()
        self._check(found, len(self) - position)

    def check_unchanged(self) -> None:
        """SourceError where the file is not what it was when it was opened; one that is gone can still be read on."""
        if _version(self.info.path) not in (None, self._version):
            name = printable(self.info.path.name)
            raise SourceError("VS353", name=name)

    def check_there(self) -> None:
        """SourceError where the file is gone."""
        if _version(self.info.path) is None:
            raise SourceError("VS354", path=printable(self.info.path))

    def _check(self, found: int, expected: int) -> None:
        name = printable(self.info.path.name)
        if found == 0:
            self.check_there()
            raise SourceError("VS355", name=name)
        if self._is_short(found, expected):
            log.warning("%s is damaged: %d of %d images could be read", name, found, expected)

    def close(self) -> None:
        """End all reading and remove temporary files. May be called twice."""
        for reader in list(self._readers):
            reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_video(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    start: float = 0.0,
    end: float | None = None,
    work: Path | None = None,
    rewrite: bool = False,
    limits: Limits = LIMITS,
    on_progress: Callable[[float], None] | None = None,
) -> Source:
    """Open a video or an animation for reading frames in ``[start, end)`` seconds.

    ``size`` (height, width) scales the frames. A file that OpenCV misreads, or any by ``rewrite``, is first
    rewritten, into ``work`` where it is kept and reused, or into a temporary folder until ``close``; ``on_progress``
    is called with 0..1 meanwhile. Raises SourceError for what is not a video, when the range holds no frame, or where
    it is more than the ``limits``.
    """
    info = probe(path, limits)
    part = max(0.0, min(info.seconds, float("inf") if end is None else end) - start)
    limits.check_length(printable(info.path.name), round(part * info.rate), part)
    for remark in info.remarks:
        log.warning("%s", remark)
    source: Source
    if info.durations:
        source = _AnimationSource(info, size, start, end)
    else:
        source = _VideoSource(info, size, start, end, work, rewrite, on_progress)
    if len(source) == 0:
        source.close()
        name, long = printable(info.path.name), source.info.seconds
        wanted = f"{start:g} s" if end is None else f"{start:g} to {end:g} s"
        raise SourceError("VS351", name=name, wanted=wanted, long=long)
    return source


class _VideoSource(Source):
    def __init__(
        self,
        info: VideoInfo,
        size: tuple[int, int] | None,
        start: float,
        end: float | None,
        work: Path | None,
        rewrite: bool,
        on_progress: Callable[[float], None] | None,
    ) -> None:
        super().__init__(info, size, start, end)
        self._file, self._work, self._on_progress = info.path, work, on_progress
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._conforming = threading.Lock()
        if info.faults or rewrite:
            reasons = "; ".join(fault.text for fault in info.faults) or "it was before"
            log.info("%s is rewritten before reading: %s", info.path.name, reasons)
            self._conform(lambda: None)

    @property
    def rewritten(self) -> bool:
        return self._file != self.info.path

    def _conform(self, sign: Sign) -> None:
        work = self._work
        if work is None:
            self._folder = tempfile.TemporaryDirectory(prefix="vidstyle-", ignore_cleanup_errors=True)
            work = Path(self._folder.name)

        def told(done: float) -> None:
            sign()
            if self._on_progress:
                self._on_progress(done)

        try:
            self._file, self.info = conform(self.info, work, told)
        except BaseException:
            self.close()
            raise

    def _images(self, first: int, mark: str, sign: Sign) -> Generator[DecodedImage, None, None]:
        done = first
        for image in decoded(self._file, first, mark, sign):
            yield image
            done += 1
        if self._is_short(done, self.span[1]) and self._file == self.info.path:
            # OpenCV stops at the first damage; ffmpeg bridges it and reads on.
            log.warning(
                "%s is damaged after image %d of %d: what can be saved of the rest is read",
                printable(self.info.path.name), done, self.info.frame_count,
            )  # fmt: skip
            with self._conforming:
                if self._file == self.info.path:
                    self._conform(sign)
            yield from decoded(self._file, done, sign=sign)

    def close(self) -> None:
        super().close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


class _AnimationSource(Source):
    def _images(self, first: int, mark: str, sign: Sign) -> Generator[DecodedImage, None, None]:
        for index, pixels in enumerate(animation.read(self.info.path)):
            sign()
            if index >= first:
                yield pixels, ""


class _EvenTimes:
    """The times of evenly spaced images, as a sequence that takes no memory."""

    def __init__(self, info: VideoInfo) -> None:
        self._rate, self._count = info.rate, info.frame_count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> float:
        return index * self._rate.denominator / self._rate.numerator


def _version(path: Path) -> tuple[int, int] | None:
    """Tells a file from what it was before; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _tensor(pixels: NDArray[np.uint8], size: tuple[int, int] | None) -> Tensor:
    if size is not None and size != pixels.shape[:2]:
        smaller = size[0] * size[1] < pixels.shape[0] * pixels.shape[1]
        method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        pixels = cv2.resize(pixels, (size[1], size[0]), interpolation=method).astype(np.uint8, copy=False)
    return to_tensor(pixels).contiguous()


def find_clips(folder: Path) -> list[Path]:
    """The videos and GIFs in a folder, in natural order."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in CLIP_ENDINGS)
    return sorted((path for path in found if path.is_file() and not path.name.startswith(".")), key=_natural)


def find_images(path_or_glob: str | os.PathLike[str]) -> list[Path]:
    """The images in a folder, or that a pattern matches, in natural order (2 before 10).

    Raises SourceError when there are none.
    """
    place = Path(path_or_glob)
    found = place.iterdir() if place.is_dir() else map(Path, glob.glob(os.fspath(path_or_glob)))
    images = [path for path in found if _is_image_name(path)]
    if not images:
        name, known = printable(place), ", ".join(IMAGE_ENDINGS)
        raise SourceError("VS352", name=name, known=known)
    return sorted(images, key=_natural)


def _is_image_name(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".") and path.is_file()


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", str(path).casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


NEAR = 48  # images; so few are decoded sooner than found by a seek
AROUND = 24  # images before the one that is sought that a seek goes to, and after it that are looked at
THINNED = 8  # every so manieth row and column of an image counts for its mark

DecodedImage = tuple[NDArray[np.uint8], str]  # (H, W, 3) RGB, and its mark


def decoded(
    path: Path, first: int, mark: str = "", sign: Callable[[], None] = lambda: None
) -> Generator[DecodedImage, None, None]:
    """Images from number ``first`` on, each with a mark: its time in the file, and a checksum of its pixels.

    OpenCV's seeks may land elsewhere, so all images before ``first`` are decoded, unless its ``mark`` is known: what
    a seek finds is taken when it has the same. ``sign`` is called for each image on the way.
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
        while (image := _next(capture)) is not None:
            yield image
    except cv2.error as error:
        log.debug("OpenCV stopped reading %s: %s", path.name, error)
    finally:
        capture.release()


def _sought(capture: cv2.VideoCapture, first: int, mark: str) -> DecodedImage | None:
    capture.set(cv2.CAP_PROP_POS_FRAMES, first - AROUND)
    for _ in range(2 * AROUND):
        image = _next(capture)
        if image is None or image[1] == mark:
            return image
    return None


def _next(capture: cv2.VideoCapture) -> DecodedImage | None:
    found, pixels = capture.read()
    if not found:
        return None
    checksum = zlib.crc32(np.ascontiguousarray(pixels[::THINNED, ::THINNED]).tobytes())
    mark = f"{capture.get(cv2.CAP_PROP_POS_MSEC):.3f}:{checksum:08x}"
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False), mark
