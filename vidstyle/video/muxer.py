"""A film in segments, each written at its final quality, joined without being encoded again, with the sound."""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.core.pixels import to_array
from vidstyle.errors import SinkError
from vidstyle.files import printable
from vidstyle.video import ffmpeg, streams
from vidstyle.video.ffmpeg import even, padded, raw_input
from vidstyle.video.probe import VideoInfo

_H264 = ["-c:v", "libx264", "-preset", "medium"]
_VP9 = ["-c:v", "libvpx-vp9", "-b:v", "0", "-deadline", "good", "-cpu-used", "3", "-row-mt", "1"]
_ENCODERS = {".mp4": _H264, ".mov": _H264, ".m4v": _H264, ".mkv": _H264, ".webm": _VP9}
VIDEO_ENDINGS = tuple(_ENCODERS)
_THREADS = 4  # of the encoder, whose bits depend on it: the same on every machine
LOOP_ENDINGS = (".gif", ".webp")
GRADES = {**dict.fromkeys(VIDEO_ENDINGS, 18), ".webm": 24, ".gif": 256, ".webp": 90}
# The flags -colorspace and the like convert right but leave the tags unknown: the filter sets both.
_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd,format=yuv420p,"
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)
_FASTEST_TICK = 50  # images a second of a video made from an animation with uneven times


def segment_ending(film: Path) -> str:
    """The ending of the segments of a film: MP4, whose times are exact, or raw images for animations."""
    return ".raw" if film.suffix.lower() in LOOP_ENDINGS else ".mp4"


@dataclass(frozen=True)
class Film:
    """What a film is written as: a video, or with the ending .gif or .webp an animation.

    `size` is (height, width), `rate` images a second. `sound_from` is what ``probe`` told about the original, whose
    sound is copied from `start` to `end` seconds. `durations`, the seconds of each image of an animation, are kept,
    in a video by repeating images. `grade` is how finely images are kept: the colours of a GIF (2 to 256), the
    quality of a WebP (0 to 100), the CRF of a video (less is finer); None for that of GRADES. `max_bytes` is how large
    the file may be. Raises SinkError for an unknown ending.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    sound_from: VideoInfo | None = None
    start: float = 0.0
    end: float | None = None
    durations: tuple[float, ...] | None = None
    grade: int | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.ending not in (*VIDEO_ENDINGS, *LOOP_ENDINGS):
            raise SinkError("VS445", name=self.name, video_endings=", ".join(VIDEO_ENDINGS))

    @property
    def name(self) -> str:
        return printable(self.path.name or self.path)

    @property
    def ending(self) -> str:
        return self.path.suffix.lower()

    @property
    def loops(self) -> bool:
        """Whether it is an animation, not a video."""
        return self.ending in LOOP_ENDINGS

    @property
    def segment_ending(self) -> str:
        return segment_ending(self.path)

    @property
    def chosen_grade(self) -> int:
        return GRADES[self.ending] if self.grade is None else self.grade

    @property
    def video_rate(self) -> Fraction:
        """Images a second of a video: the lowest on whose grid every time of an animation lies, within reason."""
        if self.durations is None:
            return self.rate
        tick = gcd(*(max(1, round(seconds * 1000)) for seconds in self.durations))
        return min(Fraction(1000, tick), Fraction(_FASTEST_TICK))

    def repeats(self, number: int) -> int:
        """How many images of a video show image `number`, from 0."""
        if self.durations is None:
            return 1
        begin, stop = (float(sum(self.durations[:n])) for n in (number, number + 1))
        return max(1, round(stop * self.video_rate) - round(begin * self.video_rate))


class SegmentFile(ABC):
    """Takes images (3, H, W) of a film's size for a file at `path`, which is whole after `finish` only."""

    def __init__(self, path: Path, film: Film) -> None:
        self.path, self.film = path, film
        self.frame_count = 0

    def write(self, image: Tensor) -> None:
        """Append ``image`` (3, H, W) RGB 0..1 of the film's size; SinkError if it cannot be encoded."""
        self._check(tuple(image.shape), (3, *self.film.size))
        self.write_pixels(to_array(image))

    def write_pixels(self, pixels: NDArray[np.uint8]) -> None:
        """Append an image (H, W, 3) RGB 0..255 of the film's size; SinkError if it cannot be encoded."""
        self._check(pixels.shape, (*self.film.size, 3))
        self._append(pixels)
        self.frame_count += 1

    def _check(self, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        if found != wanted:
            size = "{} x {}".format(*self.film.size)
            raise SinkError("VS446", name=self.film.name, size=size, found=found)

    @abstractmethod
    def _append(self, pixels: NDArray[np.uint8]) -> None: ...

    @abstractmethod
    def finish(self) -> None:
        """End the file and check it. Raises SinkError if it is not whole."""

    @abstractmethod
    def close(self) -> None:
        """Stop writing. May be called twice, and after `finish`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_segment_file(path: Path, film: Film, first: int = 0) -> SegmentFile:
    """A segment of a film, written to `path`, whose first image is number `first` of the film."""
    return _RawSegment(path, film) if film.loops else _VideoSegment(path, film, first)


class _VideoSegment(SegmentFile):
    """H.264 (VP9 for .webm), BT.709, odd sides padded by one repeated line."""

    def __init__(self, path: Path, film: Film, first: int) -> None:
        super().__init__(path, film)
        self._first = first
        self._encoder = _Encoder(_encoder_arguments(film, path), film.name)

    def _append(self, pixels: NDArray[np.uint8]) -> None:
        data = padded(pixels).tobytes()
        for _ in range(self.film.repeats(self._first + self.frame_count)):
            self._encoder.write(data)

    def finish(self) -> None:
        self._encoder.finish()
        check_count(self.path, self._encoder.written, self.film.name)

    def close(self) -> None:
        self._encoder.stop()


class _RawSegment(SegmentFile):
    """Raw images: the palette of a GIF is made from all of them."""

    def __init__(self, path: Path, film: Film) -> None:
        super().__init__(path, film)
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise SinkError("VS421", name=film.name, reason=error.strerror) from error

    def _append(self, pixels: NDArray[np.uint8]) -> None:
        try:
            self._file.write(pixels.tobytes())
        except OSError as error:
            raise SinkError("VS447", name=self.film.name, reason=error.strerror) from error

    def finish(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise SinkError("VS447", name=self.film.name, reason=error.strerror) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


def joined_video(segment_files: Sequence[Path], target: Path, film: Film, shown: int) -> None:
    """Joins video segments to `target` without encoding anew. SinkError unless it holds the `shown` images then."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8", prefix="vidstyle-") as listing:
        listing.write(
            "ffconcat version 1.0\n" + "".join(f"file {_quoted(segment_file)}\n" for segment_file in segment_files)
        )
        listing.flush()
        inputs = [*ffmpeg.FILES_ONLY, "-f", "concat", "-safe", "0", "-i", ffmpeg.address(Path(listing.name))]
        result = ffmpeg.run_with_progress([*inputs, "-c", "copy", *container_arguments(target), ffmpeg.address(target)])
    if result.code != 0:
        raise SinkError("VS440", name=film.name, reason=ffmpeg.reason(result.log))
    check_count(target, shown, film.name)


def joined_raw(segment_files: Sequence[Path], target: Path, film: Film, count: int) -> None:
    """Joins segments of raw images. SinkError unless these are `count` images then."""
    try:
        with target.open("wb") as whole:
            for segment_file in segment_files:
                with segment_file.open("rb") as part:
                    shutil.copyfileobj(part, whole)
    except OSError as error:
        raise SinkError("VS447", name=film.name, reason=error.strerror) from error
    size = 3 * film.size[0] * film.size[1]
    if target.stat().st_size != count * size:
        raise SinkError("VS441", name=film.name, found=target.stat().st_size // size, count=count)


def container_arguments(target: Path) -> list[str]:
    """What MP4 and its like need to start playing before all of it is there."""
    return ["-movflags", "+faststart"] if target.suffix.lower() in (".mp4", ".mov", ".m4v") else []


def check_count(video: Path, written: int, name: str) -> None:
    """SinkError unless `video` holds as many images as were written."""
    if not video.exists():
        raise SinkError("VS442", name=name)
    found = len(streams.packet_times(video, seconds=600).times)
    if found != written:
        raise SinkError("VS443", name=name, found=found, written=written)


def _quoted(path: Path) -> str:
    """A path as lists of ffmpeg's concat demuxer want it."""
    return "'" + ffmpeg.address(path).replace("'", "'\\''") + "'"


def _encoder_arguments(film: Film, target: Path) -> list[str]:
    """ffmpeg arguments that encode raw RGB (padded to even sides) from standard input."""
    return [
        *raw_input(even(film.size), film.video_rate),
        *["-vf", _BT709, *_ENCODERS[film.ending], "-crf", str(film.chosen_grade), "-fps_mode", "passthrough"],
        *["-threads", str(_THREADS)],
        *["-video_track_timescale", str(film.video_rate.numerator)],  # else times are rounded, and the joints add up
        *["-f", "mp4", ffmpeg.address(target)],
    ]


class _Encoder:
    """An ffmpeg that is fed raw images. Its complaints go to a file, so that no pipe can fill up."""

    def __init__(self, arguments: list[str], name: str) -> None:
        self.written = 0
        self._name = name
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in stop)
        self._process = ffmpeg.start(ffmpeg.command(arguments), stdin=subprocess.PIPE, stderr=self._log.fileno())
        self._watch = ffmpeg.Watch(self._process, idle=True)
        self._watch.__enter__()

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            with self._expecting():
                self._process.stdin.write(data)
        except OSError as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
            raise self._error() from error
        self.written += 1

    def finish(self) -> None:
        """Close the input and wait; raises SinkError with ffmpeg's reason if it failed."""
        assert self._process.stdin is not None
        with self._expecting():
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            if self._process.wait() != 0:
                raise self._error()

    @contextlib.contextmanager
    def _expecting(self) -> Iterator[None]:
        """Meanwhile ffmpeg must work."""
        self._watch.sign()
        self._watch.idle = False
        try:
            yield
        finally:
            self._watch.idle = True

    def _error(self) -> SinkError:
        self._log.seek(0)
        log = self._log.read().decode("utf-8", "replace")
        reason = ffmpeg.reason(f"{log}\n{self._watch.verdict}")
        return SinkError("VS444", name=self._name, reason=reason)

    def stop(self) -> None:
        self._watch.__exit__()
        ffmpeg.stop(self._process)
        self._log.close()


log = logging.getLogger(__name__)

# A plain copy is tried first; where the container refuses it, these tracks stay untouched still.
_SAFE_SOUND = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "alac"),
    ".webm": ("opus", "vorbis"),
}
_DAMAGE = re.compile(r"partial file|prematurely|[Ii]nvalid data|corrupt|truncated|Input/output error")
_NO_ROOM = re.compile(r"No space left|File too large|quota|[Pp]ermission denied|[Rr]ead-only|by signal|hung")
_SUBTITLES = {".mp4": ("mov_text",), ".webm": ("webvtt",)}


def family(path: Path) -> str:
    """The ending that stands for the container of ``path``: .mp4, .mkv or .webm."""
    ending = path.suffix.lower()
    return ".mp4" if ending in (".mov", ".m4v") else ending


def add_sound(
    images: Path,
    source: VideoInfo,
    target: Path,
    *,
    start: float = 0.0,
    end: float | None = None,
    length: Fraction | None = None,
) -> bool:
    """Write ``target``: the video of ``images``, the sound, subtitles and metadata of ``source.path``.

    ``start`` and ``end`` are the part of the source, in seconds, that the images show; ``length``, in
    seconds, cuts the sound to what was painted. Tracks that the container cannot hold are encoded anew
    (sound) or left out (subtitles), with a warning; sound that cannot be read is left out with one too, and that is
    what False tells. Raises SinkError when the file cannot be written.
    """
    name = printable(source.path.name)
    if length is None and end is not None:
        length = Fraction(end - start).limit_denominator(1_000_000)
    copy = _arguments(images, source, start, length, _kept_subtitles(source, target))
    result = ffmpeg.run_with_progress([*copy, "-c", "copy", *_ending(target)])
    if result.code != 0 and source.audio and not _NO_ROOM.search(result.log):
        encoded, options = _encodings(source, family(target))
        log.warning("%s: %s sound does not fit %s files and is encoded anew", name, encoded, target.suffix)
        result = ffmpeg.run_with_progress([*copy, "-c", "copy", *options, *_ending(target)])
    if result.code == 0 and (damage := [line for line in result.log.splitlines() if _DAMAGE.search(line)]):
        log.warning("the sound of %s is damaged or cut off: %s", name, ffmpeg.reason("\n".join(damage)))
    if result.code != 0:
        reason = ffmpeg.reason(result.log)
        if _NO_ROOM.search(result.log):
            raise SinkError("VS448", name=name, reason=reason)
        log.warning("the sound of %s cannot be read (%s): the film has none", name, reason)
    return result.code == 0


def _arguments(
    images: Path, source: VideoInfo, start: float, length: Fraction | None, subtitles: list[int]
) -> list[str]:
    # -copyts takes times as they are: otherwise the sound of some containers is moved to 0.
    shift = -(source.start + start)
    delay = max(0.0, source.delay) if start == 0 else 0.0
    if start > 0:
        shift -= source.delay
    arguments = ["-copyts", "-itsoffset", f"{delay:.6f}", *ffmpeg.FILES_ONLY, "-i", ffmpeg.address(images)]
    arguments += ["-itsoffset", f"{shift:.6f}", *ffmpeg.input_arguments(source.path)]
    arguments += ["-map", "0:v", "-map", "1:a?", "-map_metadata", "1"]
    for number in subtitles:
        arguments += ["-map", f"1:s:{number}"]
    if start > 0:  # a copied packet cannot be cut: those from before the part are left out
        arguments += ["-bsf:a", "noise=drop='lt(pts,0)'"]
    return arguments + (["-t", f"{float(length) + delay:.6f}"] if length is not None else [])


def _ending(target: Path) -> list[str]:
    return [*container_arguments(target), ffmpeg.address(target)]


def _kept_subtitles(source: VideoInfo, target: Path) -> list[int]:
    fitting = _SUBTITLES.get(family(target))
    kept = [i for i, codec in enumerate(source.subtitles) if fitting is None or codec in fitting]
    if len(kept) < len(source.subtitles):
        lost = sorted({codec for i, codec in enumerate(source.subtitles) if i not in kept})
        log.warning(
            "%s: %s subtitles do not fit %s files and are left out (use .mkv to keep them)",
            printable(source.path.name),
            ", ".join(lost),
            target.suffix,
        )
    return kept


def _encodings(source: VideoInfo, container: str) -> tuple[str, list[str]]:
    codec = "libopus" if container == ".webm" else "aac"
    safe = _SAFE_SOUND.get(container, ())
    unfit = [i for i, track in enumerate(source.audio) if track.codec not in safe]
    options = [text for i in unfit for text in (f"-c:a:{i}", codec, f"-b:a:{i}", "192k")]
    return ", ".join(sorted({source.audio[i].codec for i in unfit})), options
