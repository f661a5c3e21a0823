"""Images out: a video with the sound of the original, or an animation; whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.errors import SinkError
from vidstyle.files import printable, put_in_place
from vidstyle.video import animation, muxer
from vidstyle.video.muxer import Film, check_count, joined_raw, joined_video, open_segment_file


class TooLargeError(SinkError):
    """A film would take more `bytes` than it is `allowed`."""

    def __init__(self, name: str, found: int, allowed: int) -> None:
        super().__init__("VS450", name=name, found=found, allowed=allowed)
        self.name, self.bytes, self.allowed = name, found, allowed


class Sink:
    """Takes the images of a film in order. Leaving the ``with`` by an error, or without ``finish``, leaves nothing
    behind; the output's name appears only when the file is whole."""

    def __init__(self, film: Film) -> None:
        self.film, self._closed = film, False
        check_place(film)
        self._file = _beside(film.path, film.segment_ending)
        self._segment = open_segment_file(self._file, film)

    @property
    def frame_count(self) -> int:
        return self._segment.frame_count

    def write(self, image: Tensor) -> None:
        """Append ``image`` (3, H, W) RGB 0..1 of the film's size; SinkError if it cannot be encoded."""
        self._segment.write(image)

    def write_pixels(self, pixels: NDArray[np.uint8]) -> None:
        """Append an image (H, W, 3) RGB 0..255 of the film's size; SinkError if it cannot be encoded."""
        self._segment.write_pixels(pixels)

    def finish(self) -> Path:
        """End the file, check it, give it its name. Raises SinkError, leaving nothing, if it is not whole."""
        if self._closed:
            raise SinkError("VS436", name=self.film.name)
        try:
            if not self.frame_count:
                raise SinkError("VS437", name=self.film.name)
            self._segment.finish()
            return join_segment_files([self._file], self.film, self.frame_count)
        finally:
            self.close()

    def close(self) -> None:
        """Stop the encoder and remove temporary files. May be called twice, and after ``finish``."""
        self._closed = True
        self._segment.close()
        self._file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_sink(path: str | os.PathLike[str], *, size: tuple[int, int], rate: Fraction, **format: Any) -> Sink:
    """A sink by the ending of ``path``; ``format`` is the rest of `Film`.

    Raises SinkError for an unknown ending or a place that cannot be written.
    """
    return Sink(Film(Path(path), size, rate, **format))


def check_place(film: Film) -> None:
    """SinkError unless a film can be written where it is to be, and that is not its source."""
    folder = film.path.absolute().parent
    if not folder.is_dir():
        raise SinkError("VS432", name=film.name)
    if film.path.is_dir():
        raise SinkError("VS433", name=film.name)
    if not os.access(folder, os.W_OK):
        raise SinkError("VS434", name=film.name)
    if film.sound_from is not None and film.path.exists() and film.path.samefile(film.sound_from.path):
        raise SinkError("VS435", name=film.name)


def join_segment_files(
    segment_files: Sequence[Path], film: Film, count: int, *, scratch: Path | None = None, partial: bool = False
) -> Path:
    """Joins the segments of a film, `count` images in all, without encoding them anew; the file.

    A `partial` film is called ``name.partial.ending``, and its sound ends with its images. The name appears when the
    file is whole; until then it is written to the folder `scratch`, on the same disk, else beside. Raises SinkError,
    leaving nothing; TooLargeError where the film may not be so large.
    """
    target = film.path.with_name(f"{film.path.stem}.partial{film.path.suffix}") if partial else film.path
    with contextlib.ExitStack() as temporary:

        def beside(ending: str) -> Path:
            file = _beside(scratch / "film" if scratch else target, ending)
            temporary.callback(file.unlink, missing_ok=True)
            return file

        try:
            whole = beside(film.ending)
            if film.loops:
                spool = beside(film.segment_ending)
                joined_raw(segment_files, spool, film, count)
                delays = animation.delays(film.ending, count, film.rate, film.durations)
                animation.WRITERS[film.ending](spool, film.size, delays, film.chosen_grade, whole, film.name)
            else:
                shown = sum(film.repeats(number) for number in range(count))
                joined_video(segment_files, whole, film, shown)
                source = film.sound_from
                if source is not None and (source.audio or source.subtitles):
                    sounding = beside(film.ending)
                    length = Fraction(shown) / film.video_rate if partial else None
                    if muxer.add_sound(whole, source, sounding, start=film.start, end=film.end, length=length):
                        whole = sounding
                        check_count(whole, shown, film.name)
            _check_bytes(whole, film)
            put_in_place(whole, target)
        except OSError as error:
            reason = error.strerror or printable(error)
            raise SinkError("VS438", name=film.name, reason=reason) from error
    return target


def _check_bytes(file: Path, film: Film) -> None:
    """TooLargeError where `file` takes more bytes than the film may."""
    found = file.stat().st_size
    if film.max_bytes is not None and found > film.max_bytes:
        raise TooLargeError(film.name, found, film.max_bytes)


def _beside(path: Path, ending: str) -> Path:
    """A new temporary name in the output's folder, so that the last rename stays on one disk."""
    return path.absolute().parent / f".vidstyle-{secrets.token_hex(6)}{ending}"
