"""Frames in: images whose names are numbered, as a video."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import torch
from torch import Tensor

from vidstyle.core.frame_style import Frame
from vidstyle.core.read_ahead import Sign
from vidstyle.core.sizes import Size, resize, size_of
from vidstyle.core.transparency import filled
from vidstyle.errors import SettingsError, SourceError
from vidstyle.files import printable, require_file
from vidstyle.images import IMAGE_ENDINGS, flatten, read_image, tell_beyond
from vidstyle.limits import LIMITS, Limits
from vidstyle.video import ffmpeg
from vidstyle.video.frame_names import FrameNames
from vidstyle.video.probe import VideoInfo
from vidstyle.video.reader import Source, find_images
from vidstyle.video.timing import STANDARD_RATES
from vidstyle.video.tracks import UNREADABLE

log = logging.getLogger(__name__)

USUAL_RATE = Fraction(24)  # frames a second, of videos
_LOWEST, _HIGHEST = Fraction(1, 60), Fraction(1000)
_ROUNDED = Fraction(1, 5000)  # what rates written with two decimals are off: 23.98 is 24000/1001


def parse_rate(text: str) -> Fraction:
    """Frames a second, exact: of ``25``, ``24000/1001``, or ``23.976``, which is the same; SettingsError VS275."""
    try:
        rate = Fraction(text.strip()) if len(text) < 32 and re.fullmatch(r"[0-9./\s]+", text) else Fraction(0)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not _LOWEST <= rate <= _HIGHEST:
        raise SettingsError("VS275", text=repr(printable(text)))
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard / rate - 1))
    return nearest if abs(nearest / rate - 1) < _ROUNDED else rate.limit_denominator(100_000)


def find_sequence(place: Path) -> tuple[FrameNames, dict[int, Path]]:
    """The images of a pattern such as ``shot.%04d.png``, or of a folder or a glob of one such.

    Returns:
        Their names, and the files by their numbers, in order.

    Raises:
        SourceError: VS361 where a pattern names no image, VS352 where a folder holds none, VS362 where its images are
            not named alike.
    """
    names = FrameNames.of_pattern(place)
    if names is None:
        images = find_images(place)
        names = FrameNames.of_files(images)
        if names is None:
            raise SourceError("VS362", name=printable(place), first=images[0].name, last=images[-1].name)
    files = names.files()
    if not files or names.ending not in IMAGE_ENDINGS:
        raise SourceError("VS361", name=printable(place), known=", ".join(IMAGE_ENDINGS))
    return names, files


class SequenceSource(Source):
    """The images of a sequence as the frames of a video, with all of their bits."""

    def __init__(
        self,
        info: VideoInfo,
        names: FrameNames,
        files: Mapping[int, Path],
        span: tuple[float, float | None],
        *,
        sound: VideoInfo | None,
        deep: bool,
        limits: Limits,
    ) -> None:
        """Of the `files` by their numbers, from `span[0]` to `span[1]` seconds; the others are as in `Source`."""
        super().__init__(info, None, *span, None, None, None)
        self._names, self._numbers, self._files = names, tuple(files), tuple(files.values())
        self._sound, self._deep, self._limits = sound, deep, limits
        self._versions = list(map(_version, self._files))
        self._told: set[str] = set()

    @property
    def sound_from(self) -> VideoInfo | None:
        return self._sound

    @property
    def deep(self) -> bool:
        return self._deep

    @property
    def names(self) -> FrameNames:
        return self._names

    def number_of(self, position: int) -> int:
        return self._numbers[self.span[0] + position]

    def _frames(self, position: int, mark: str, sign: Sign) -> Generator[Frame, None, None]:
        first, stop = self.span
        for index in range(first + position, stop):
            sign()
            image, alpha = self._image(self._files[index])
            size = self.size or self.info.size
            alpha = None if alpha is None else resize(alpha, size)
            yield Frame(index, self.info.seconds_of(index), resize(image, size), alpha=alpha)

    def _image(self, file: Path) -> tuple[Tensor, Tensor | None]:
        """One image and its opacity, if the first has one; SourceError VS363 where it is not of the sequence's size."""
        found, name = read_image(file, self._limits), printable(file.name)
        if size_of(found.rgb) != self.info.size:
            here, before = ("{1} x {0}".format(*size) for size in (size_of(found.rgb), self.info.size))
            raise SourceError("VS363", name=name, found=here, wanted=before)
        if found.beyond and self._is_first("beyond"):
            tell_beyond(name, found.beyond)
        if self.info.transparent:
            alpha = torch.ones_like(found.rgb[:1]) if found.alpha is None else found.alpha
            return filled(found.rgb, alpha), alpha
        if found.alpha is None:
            return found.rgb, None
        if self._is_first("alpha"):
            log.warning("%s: transparent parts are composited on white, since the first image has none", name)
        return flatten(found.rgb, found.alpha), None

    def _is_first(self, what: str) -> bool:
        """Whether this was not told of another image before."""
        new = what not in self._told
        self._told.add(what)
        return new

    def check_unchanged(self) -> None:
        for file, before in zip(self._files, self._versions, strict=True):
            if _version(file) not in (None, before):
                raise SourceError("VS353", name=printable(file.name))

    def check_there(self) -> None:
        for file in (*self._files, *([self._sound.path] if self._sound else [])):
            if _version(file) is None:
                raise SourceError("VS354", path=printable(file))


def open_sequence(
    place: Path,
    *,
    rate: Fraction = USUAL_RATE,
    sound: Path | None = None,
    size: Size | None = None,
    start: float = 0.0,
    end: float | None = None,
    limits: Limits = LIMITS,
) -> SequenceSource:
    """Opens a sequence of images for reading frames in `[start, end)` seconds.

    Args:
        place: a pattern, a folder or a glob.
        rate: frames a second.
        sound: a file whose sound the video gets.
        size: (height, width) in pixels that frames are scaled to; None for their own.
        start: seconds.
        end: seconds; None for the end.
        limits: how large the images may be, and how many.

    Raises:
        SourceError: what `find_sequence` and `images.read_image` raise, VS327 where there are too many, VS351 where
            there is none from `start` on, VS364 for a file without sound.
    """
    names, files = find_sequence(place)
    count = len(files)
    first = read_image(next(iter(files.values())), limits)
    info = VideoInfo(place, size_of(first.rgb), rate, float(count / rate), count, transparent=first.alpha is not None)
    part = max(0.0, min(info.seconds, float("inf") if end is None else end) - start)
    limits.check_length(printable(place.name), round(part * rate), part)
    _tell_gaps(names, tuple(files))
    heard = _sound_of(sound, info) if sound else None
    source = SequenceSource(info, names, files, (start, end), sound=heard, deep=first.bits > 8, limits=limits)
    if not len(source):
        wanted = f"{start:g} s on" if end is None else f"{start:g} to {end:g} s"
        raise SourceError("VS351", name=printable(place.name), wanted=wanted, long=info.seconds)
    source.size = size
    return source


def _tell_gaps(names: FrameNames, numbers: tuple[int, ...]) -> None:
    """Warns of numbers that are missing; one with even steps lacks none."""
    steps = [after - before for before, after in pairwise(numbers)]
    if len(set(steps)) < 2:
        return
    step = min(steps)
    gaps = [(before + step, after - 1) for before, after in pairwise(numbers) if after - before > step]
    shown = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in gaps[:5]) + (" ..." if len(gaps) > 5 else "")
    log.warning("%s", SourceError("VS365", name=printable(names.pattern.name), shown=shown).line)


def _sound_of(path: Path, film: VideoInfo) -> VideoInfo:
    """A file whose sound begins with the video, and ends with it; SourceError VS364 where it holds none."""
    require_file(path)
    limits = {"protocol_whitelist": "file,pipe", "format_whitelist": ffmpeg.FORMATS}
    name = printable(path.name)
    try:
        with av.open(ffmpeg.address(path), container_options=limits, timeout=ffmpeg.PATIENCE) as file:
            codecs = tuple(one.codec_context.name if one.codec_context else "" for one in file.streams.audio)
            start, long = (file.start_time or 0) / av.time_base, (file.duration or 0) / av.time_base
    except UNREADABLE as error:
        raise SourceError("VS364", name=name, reason=getattr(error, "strerror", None) or "damaged") from error
    if not codecs:
        raise SourceError("VS364", name=name, reason="it has no sound")
    if long and abs(long - film.seconds) > max(0.1, float(1 / film.rate)):
        log.warning("%s is %.2f s long, and the images last %.2f s", name, long, film.seconds)
    return replace(film, path=path, audio=codecs, start=start)


def _version(path: Path) -> tuple[int, int] | None:
    """Tells a file from what it was before; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
