"""Frames in: of videos and animations, read ahead of the one who asks."""

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
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from torch import Tensor

from vidstyle.core.frame_style import Frame
from vidstyle.core.read_ahead import HangError, ReadAhead, Sign
from vidstyle.errors import SourceError
from vidstyle.files import printable
from vidstyle.images import IMAGE_ENDINGS
from vidstyle.limits import LIMITS, Limits
from vidstyle.video import animation
from vidstyle.video.decoding import Marked, decoded, decoded_rgb, tensors_of
from vidstyle.video.frame_names import FrameNames
from vidstyle.video.normalize import conform, is_rgb
from vidstyle.video.probe import VideoInfo, probe

log = logging.getLogger(__name__)

CLIP_ENDINGS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".3gp", ".flv", ".ogv", ".gif"),
)

PATIENCE = 120.0  # seconds that the next frame of a file may take


class Source:
    """The frames of a video or an animation, in order; each `iter()` decodes again, `len()` is how many are expected.

    Leaving the `with` ends all reading and removes temporary files.

    Attributes:
        info: what is read.
        size: (height, width) in pixels that frames are scaled to; None for their own.
    """

    def __init__(
        self,
        info: VideoInfo,
        size: tuple[int, int] | None,
        start: float,
        end: float | None,
        work: Path | None,
        lut: Path | None,
        on_progress: Callable[[float], None] | None,
    ) -> None:
        """The arguments are those of `open_video`."""
        self.info, self.size = info, size
        self._file = info.path  # what is decoded
        self._version = _version(info.path)
        self._range = start, end
        self._work, self._lut, self._on_progress = work, lut, on_progress
        self._readers: weakref.WeakSet[ReadAhead[Frame]] = weakref.WeakSet()
        self._temporary = contextlib.ExitStack()
        self._rewriting = threading.Lock()

    @property
    def span(self) -> tuple[int, int]:
        """Numbers of the first frame and of the one after the last."""
        start, end = self._range
        stop = self.info.frame_count if end is None else self.info.first_from(end)
        return self.info.first_from(start), stop

    @property
    def sound_from(self) -> VideoInfo | None:
        """What is told of the file whose sound, and what else it has beside the frames, belongs to them."""
        return self.info

    @property
    def deep(self) -> bool:
        """Whether its frames have more than 8 bits per colour."""
        return self.info.stream is not None and self.info.stream.deep

    @property
    def names(self) -> FrameNames | None:
        """What its frames are called, where each is a file."""
        return None

    def number_of(self, position: int) -> int:
        """The number, in names, of a frame by its position among those that are read; those of a video begin with 1."""
        return self.span[0] + position + 1

    @property
    def rewritten(self) -> bool:
        """Whether frames are read from a rewritten form of the file, to which damage on the way may lead."""
        return self._file != self.info.path

    @property
    def durations(self) -> tuple[float, ...] | None:
        """Seconds that each frame of the part that is read is shown; None at a constant rate."""
        return self.info.durations and self.info.durations[slice(*self.span)]

    @property
    def times(self) -> list[float] | None:
        """Seconds of the file at which these are shown; None at a constant rate."""
        timed = self.info.durations is not None
        return [self.info.seconds_of(number) for number in range(*self.span)] if timed else None

    def __len__(self) -> int:
        first, stop = self.span
        return max(0, stop - first)

    def position_at(self, seconds: float) -> int:
        """Which of the frames that are read, from 0, is shown at `seconds` of the file; -1 or `len` outside."""
        first, stop = self.span
        return max(-1, min(self.info.shown_at(seconds), stop) - first)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames_from(0)

    def image_at(self, position: int) -> Tensor:
        """The image (3, H, W) of one frame, by its position among those that are read; SourceError VS350 where none."""
        with contextlib.closing(self.frames_from(position)) as frames:
            for frame in frames:
                return frame.image
        raise SourceError("VS350", path=self.info.path, position=position)

    def frames_from(self, position: int, mark: str = "") -> Generator[Frame, None, None]:
        """The frames from a position on.

        Args:
            position: counted from 0 among those that are read.
            mark: that of the frame there, where it is known: it is found sooner then.

        Raises:
            SourceError: VS354 where the file is gone, VS355 where no frame can be read, VS356 where the next one takes
                too long.
        """
        reader = ReadAhead(lambda sign: self._frames(position, mark, sign), PATIENCE)
        self._readers.add(reader)
        try:
            yield from reader
        except HangError:
            raise SourceError("VS356", name=self._name, patience=PATIENCE) from None
        finally:
            reader.close()

    def _frames(self, position: int, mark: str, sign: Sign) -> Generator[Frame, None, None]:
        first, stop = self.span
        first += position
        if self._range[1] is None and not self.info.exact_count:
            stop = sys.maxsize  # an estimate must not cut off the last frames
        decode = self._animated if self.info.animated else self._decoded
        found = 0
        with contextlib.closing(decode(first, mark, sign)) as frames:
            for index, (pixels, own_mark) in enumerate(frames, first):
                if index >= stop:
                    return
                image, alpha = tensors_of(pixels, self.size)
                yield Frame(index, self.info.seconds_of(index), image, mark=own_mark, alpha=alpha)
                found += 1
        self._check_found(found, len(self) - position)

    def _animated(self, first: int, mark: str, sign: Sign) -> Generator[Marked, None, None]:
        for index, pixels in enumerate(animation.read(self.info.path)):
            sign()
            if index >= first:
                yield pixels if self.info.transparent else pixels[..., :3], ""

    def _decoded(self, first: int, mark: str, sign: Sign) -> Generator[Marked, None, None]:
        done, stream = first, self.info.stream
        if self.rewritten and stream and is_rgb(stream, self._lut):
            yield from decoded_rgb(self._file, first, sign)
            return
        if self.info.restarted and not self.rewritten:
            mark = ""  # times tell frames apart, and these have the same ones more than once
        for frame in decoded(self._file, first, mark, sign):
            yield frame
            done += 1
        if self._is_short(done, self.span[1]) and not self.rewritten:
            # OpenCV stops at the first damage; ffmpeg bridges it and reads on.
            log.warning(
                "%s is damaged after frame %d of %d: what can be saved of the rest is read",
                self._name, done, self.info.frame_count,
            )  # fmt: skip
            with self._rewriting:
                if not self.rewritten:
                    self.rewrite(sign)
            yield from decoded(self._file, done, sign=sign)

    def rewrite(self, sign: Sign = lambda: None) -> None:
        """Read a video from a rewritten form from now on; `sign` is called during that."""

        def told(done: float) -> None:
            sign()
            if self._on_progress:
                self._on_progress(done)

        try:
            work = self._work
            if work is None:
                folder = tempfile.TemporaryDirectory(prefix="vidstyle-", ignore_cleanup_errors=True)
                work = Path(self._temporary.enter_context(folder))
            self._file, self.info = conform(self.info, work, told, self._lut)
        except BaseException:
            self.close()
            raise

    def check_unchanged(self) -> None:
        """SourceError VS353 where the file is not what it was when it was opened; one that is gone can be read on."""
        if _version(self.info.path) not in (None, self._version):
            raise SourceError("VS353", name=self._name)

    def check_there(self) -> None:
        """SourceError VS354 where the file is gone."""
        if _version(self.info.path) is None:
            raise SourceError("VS354", path=printable(self.info.path))

    def _check_found(self, found: int, expected: int) -> None:
        if found == 0:
            self.check_there()
            raise SourceError("VS341", name=self._name)
        if self._is_short(found, expected):
            log.warning("%s is damaged: %d of %d frames could be read", self._name, found, expected)

    def _is_short(self, found: int, expected: int) -> bool:
        """Whether fewer were found than the file has; an estimated number may be a little off."""
        return found < expected - (0 if self.info.exact_count else max(2, expected // 50))

    @property
    def _name(self) -> str:
        return printable(self.info.path.name)

    def close(self) -> None:
        """End all reading and remove temporary files. May be called twice."""
        for reader in list(self._readers):
            reader.close()
        self._temporary.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_video(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    start: float = 0.0,
    end: float | None = None,
    work: Path | None = None,
    rewrite: bool = False,
    lut: Path | None = None,
    limits: Limits = LIMITS,
    on_progress: Callable[[float], None] | None = None,
) -> Source:
    """Open a video or an animation for reading frames in `[start, end)` seconds.

    A file that OpenCV misreads is rewritten first.

    Args:
        path: the file.
        size: (height, width) in pixels that frames are scaled to; None for their own.
        start: seconds of the file.
        end: seconds of the file; None for its end.
        work: a folder that keeps the rewritten file for reuse; None for a temporary one, until `close`.
        rewrite: whether to rewrite even a video that OpenCV reads correctly.
        lut: a 3D LUT to apply to the colours of a video, after `check_lut`; None for none.
        limits: the maximum size and length of the part.
        on_progress: is called with 0 to 1 while a file is rewritten.

    Raises:
        SourceError: what `probe` raises, VS326 and VS327 where the part is too long, VS351 where it holds no frame,
            VS340 to VS342 where the file cannot be rewritten.
    """
    info = probe(path, limits)
    part = max(0.0, min(info.seconds, float("inf") if end is None else end) - start)
    limits.check_length(printable(info.path.name), round(part * info.rate), part)
    for remark in info.remarks:
        log.warning("%s", remark)
    source = Source(info, size, start, end, work, lut, on_progress)
    if not info.animated and (info.faults or rewrite or lut):
        reasons = "; ".join(fault.text for fault in info.faults) or ("a LUT is applied" if lut else "as before")
        log.info("%s is rewritten before reading: %s", info.path.name, reasons)
        source.rewrite()
    if len(source) == 0:
        source.close()
        name, long = printable(info.path.name), source.info.seconds
        wanted = f"{start:g} s on" if end is None else f"{start:g} to {end:g} s"
        raise SourceError("VS351", name=name, wanted=wanted, long=long)
    return source


def _version(path: Path) -> tuple[int, int] | None:
    """Tells a file from what it was before; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def find_clips(folder: Path) -> list[Path]:
    """The videos and GIFs in a folder, in natural order."""
    return _named(folder.iterdir(), CLIP_ENDINGS)


def find_images(path_or_glob: str | os.PathLike[str]) -> list[Path]:
    """The images in a folder, or that a pattern matches, in natural order; SourceError VS352 where there are none."""
    place = Path(path_or_glob)
    found = _named(place.iterdir() if place.is_dir() else map(Path, glob.glob(os.fspath(path_or_glob))), IMAGE_ENDINGS)
    if not found:
        raise SourceError("VS352", name=printable(place), known=", ".join(IMAGE_ENDINGS))
    return found


def _named(paths: Iterable[Path], endings: Sequence[str]) -> list[Path]:
    """The files with one of the endings, but hidden ones, in natural order: 2 before 10."""
    named = (path for path in paths if path.suffix.lower() in endings and not path.name.startswith("."))
    return sorted(filter(Path.is_file, named), key=_natural)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", str(path).casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
