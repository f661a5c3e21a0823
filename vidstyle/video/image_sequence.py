"""Frames out: videos written as images whose names are numbered."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from torch import Tensor

from vidstyle.core.sizes import Size, size_of
from vidstyle.errors import SettingsError, SinkError
from vidstyle.files import printable, put_in_place, write_whole
from vidstyle.images import IMAGE_ENDINGS, image_bytes
from vidstyle.video.codecs import AUTO
from vidstyle.video.frame_names import FrameNames

log = logging.getLogger(__name__)

_BITS = {  # of pixel formats, by ffmpeg's names; where none is asked for the first, or the second for deep sources
    **{ending: {"rgb24": 8, "rgb48le": 16} for ending in (".png", ".tif", ".tiff")},
    ".exr": {"gbrpf16le": 16, "gbrpf32le": 32},
}
_OF_8_BITS = {"rgb24": 8}
_QUALITIES = {".jpg": (1, 100), ".jpeg": (1, 100), ".webp": (1, 100)}
_FOLDER_NAMES = FrameNames(Path(), "frame_", 4, ".png")


@dataclass(frozen=True)
class ImageEncoding:
    """How the images of a sequence are encoded: `bits` per colour, 32 for floats; `quality` where something is lost."""

    bits: int
    quality: int | None = None


def image_encoding_of(
    ending: str, codec: str = AUTO, pixel_format: str = AUTO, quality: int | None = None, *, deep: bool = False
) -> ImageEncoding:
    """How the images of a sequence are encoded.

    Args:
        ending: of their files.
        codec: AUTO, since the ending says it.
        pixel_format: one that the format takes, or AUTO: 16 bits for a `deep` source, half floats for EXR, or 8 bits.
        quality: of JPEG and WebP; None for the default.
        deep: whether the source has more than 8 bits per colour.

    Raises:
        SettingsError: VS279, VS280, VS272 or VS273 where one of them cannot be.
    """
    if codec != AUTO:
        raise SettingsError("VS279", ending=ending)
    formats = _BITS.get(ending, _OF_8_BITS)
    if pixel_format not in (AUTO, *formats):
        raise SettingsError("VS280", pixel_format=repr(pixel_format), ending=ending, formats=" or ".join(formats))
    if quality is not None and ending not in _QUALITIES:
        raise SettingsError("VS273", codec=ending)
    low, high = _QUALITIES.get(ending, (0, 0))
    if quality is not None and not low <= quality <= high:
        raise SettingsError("VS272", quality=quality, what=ending, low=low, high=high)
    usual = list(formats.values())[-1 if deep and ending != ".exr" else 0]
    return ImageEncoding(usual if pixel_format == AUTO else formats[pixel_format], quality)


def is_sequence(out: Path) -> bool:
    """Whether a video of this name is written as images: to a folder, by a name without an ending, or to a pattern."""
    return not out.suffix or (FrameNames.of_pattern(out) is not None and out.suffix.lower() in IMAGE_ENDINGS)


def names_in(out: Path, source: FrameNames | None) -> FrameNames:
    """The names of the images of a sequence.

    Args:
        out: a pattern, or a folder.
        source: the names of the source, which those in a folder follow.
    """
    return FrameNames.of_pattern(out) or (source or _FOLDER_NAMES).moved(out, ".png")


@dataclass(frozen=True)
class ImageSequence:
    """What a video is written as: images.

    Attributes:
        path: a folder that is made, or a pattern.
        size: (height, width) of the frames in pixels.
        number_of: the number in the name of a frame, by its position in the video.
        source: the names of the source's images, which those in a folder follow; None for others.
        codec, pixel_format, quality, deep: those of `image_encoding_of`.
        left_out: in words, what the source has beside the frames that images have no place for.
    """

    path: Path
    size: Size
    number_of: Callable[[int], int]
    source: FrameNames | None = None
    codec: str = AUTO
    pixel_format: str = AUTO
    quality: int | None = None
    deep: bool = False
    left_out: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return printable(self.path.name or self.path)

    @property
    def segment_ending(self) -> str:
        """The ending of its segments: archives of the images, as they will be."""
        return ".zip"

    @cached_property
    def names(self) -> FrameNames:
        """Those of its images."""
        return names_in(self.path, self.source)

    @cached_property
    def encoding(self) -> ImageEncoding:
        """How they are encoded."""
        return image_encoding_of(self.names.ending, self.codec, self.pixel_format, self.quality, deep=self.deep)


class ImageArchive:
    """Frames of a video as images in one file that is whole after `finish` only.

    Attributes:
        path: the file.
        film: what it is a part of.
        frame_count: frames that were taken so far.
    """

    def __init__(self, path: Path, film: ImageSequence) -> None:
        self.path, self.film, self.frame_count = path, film, 0
        with self._writing():
            self._file = zipfile.ZipFile(path, "x")  # stored: images are compressed already

    def write(self, frame: Tensor, alpha: Tensor | None = None) -> None:
        """Append a frame (3, H, W), RGB, 0..1, with its opacity (1, H, W), laid on white where images hold none.

        SinkError VS446 where it is of another size, VS444 for want of room.
        """
        if size_of(frame) != self.film.size:
            size = "{} x {}".format(*self.film.size)
            raise SinkError("VS446", name=self.film.name, size=size, found=tuple(frame.shape))
        how = self.film.encoding
        data = image_bytes(frame, self.film.names.ending, alpha, bits=how.bits, quality=how.quality)
        with self._writing():
            self._file.writestr(f"{self.frame_count:06}{self.film.names.ending}", data)
        self.frame_count += 1

    def finish(self) -> Path:
        """End the file; its path. SinkError VS444 for want of room."""
        with self._writing():
            del self._file.filelist[self.frame_count :]  # what was being written when a stop came may not be whole
            self._file.close()
        return self.path

    def close(self) -> None:
        """Stop writing. May be called twice, and after `finish`."""
        with contextlib.suppress(OSError):
            self._file.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SinkError("VS444", name=self.film.name, reason=error.strerror or printable(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def unpack_archives(
    archives: Sequence[Path], film: ImageSequence, count: int, *, scratch: Path, partial: bool = False
) -> Path:
    """Gives the images of a video their names; a new folder appears with all of them.

    Files of other names stay, and so do images of the pattern whose numbers the video does not have, which is told.

    Args:
        archives: what `ImageArchive` wrote, in order.
        film: what they are parts of.
        count: images in all.
        scratch: a folder on the same disk for what is not whole yet.
        partial: they are written to a folder ``NAME.partial``.

    Returns:
        The folder or pattern.

    Raises:
        SinkError: VS440 where an archive is broken, VS443 where they hold more or fewer images, VS438 where the disk
            fails.
    """
    target = film.path.with_name(f"{film.path.name}.partial") if partial else film.path
    names = film.names.moved(target, film.names.ending) if partial else film.names
    try:
        with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as temporary:
            fresh = names.moved(Path(temporary) / "images", names.ending)
            fresh.folder.mkdir()
            found = _unpack(archives, film, fresh)
            if len(found) != count:
                raise SinkError("VS443", name=film.name, found=len(found), written=count)
            _put(fresh, names, found)
    except OSError as error:
        raise SinkError("VS438", name=film.name, reason=error.strerror or printable(error)) from error
    if film.left_out and not partial:
        log.warning("%s: image files cannot hold %s of the source", film.name, film.left_out)
    return target


def _unpack(archives: Sequence[Path], film: ImageSequence, fresh: FrameNames) -> list[int]:
    """Writes all images by their names; their numbers."""
    numbers = list[int]()
    for archive in archives:
        try:
            with zipfile.ZipFile(archive) as file:
                for entry in file.infolist():
                    numbers.append(film.number_of(len(numbers)))
                    write_whole(fresh.path(numbers[-1]), file.read(entry))
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise SinkError("VS440", name=film.name, reason=printable(error)) from error
    return numbers


def _put(fresh: FrameNames, names: FrameNames, numbers: Sequence[int]) -> None:
    """Moves the images to their folder: all at once where there is none."""
    if not names.folder.exists():
        put_in_place(fresh.folder, names.folder)
        return
    for number in numbers:
        put_in_place(fresh.path(number), names.path(number))
    if others := sorted(set(names.files()) - set(numbers)):
        log.warning(
            "%s: %d other images match these names and stay as they are; the first is %s",
            printable(names.folder),
            len(others),
            printable(names.path(others[0]).name),
        )
