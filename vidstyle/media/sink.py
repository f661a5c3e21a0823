"""Pictures out: a video with the sound of the original, whole or not at all."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import subprocess
import tempfile
from abc import ABC, abstractmethod
from fractions import Fraction
from math import gcd
from pathlib import Path
from types import TracebackType
from typing import Self

from torch import Tensor

from vidstyle.errors import SinkError

from . import ffmpeg, sound, streams
from .pixels import even, padded, raw_input, to_array
from .probe import VideoInfo

logger = logging.getLogger(__name__)

_H264 = ["-c:v", "libx264", "-crf", "18", "-preset", "medium"]
_VP9 = [
    "-c:v",
    "libvpx-vp9",
    "-crf",
    "24",
    "-b:v",
    "0",
    "-deadline",
    "good",
    "-cpu-used",
    "3",
    "-row-mt",
    "1",
]
_ENCODERS = {".mp4": _H264, ".mov": _H264, ".m4v": _H264, ".mkv": _H264, ".webm": _VP9}
VIDEO_ENDINGS = tuple(_ENCODERS)
# The flags -colorspace and the like convert right but leave the tags unknown: the filter sets both.
_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd,format=yuv420p,"
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)
_FASTEST_TICK = 50  # pictures a second of a video made from an animation with uneven times


class Sink(ABC):
    """Takes pictures of one size in order. Leaving the ``with`` by an error, or without ``finish``, leaves
    nothing behind; the output's name appears only when the file is whole."""

    def __init__(self, path: str | os.PathLike[str], size: tuple[int, int]) -> None:
        self.path = Path(path)
        self.size = size
        self.frame_count = 0
        self._encoder: _Encoder | None = None
        self._temporary: list[Path] = []
        if not self.path.absolute().parent.is_dir():
            raise SinkError(f"{self._name} cannot be written: its folder does not exist; make the folder first.")
        if self.path.is_dir():
            raise SinkError(f"{self._name} is a folder; give the name of a file.")
        if not os.access(self.path.absolute().parent, os.W_OK):
            raise SinkError(f"{self._name} cannot be written: its folder is read-only; choose another place.")

    @property
    def _name(self) -> str:
        return ffmpeg.printable(self.path.name or self.path)

    def _beside(self, ending: str) -> Path:
        """A new temporary name in the output's folder, so that the last rename stays on one disk."""
        name = self.path.absolute().parent / f".vidstyle-{secrets.token_hex(6)}{ending}"
        self._temporary.append(name)
        return name

    def write(self, image: Tensor) -> None:
        """Append ``image`` (3, H, W) RGB 0..1 of the sink's size; SinkError if it cannot be encoded."""
        if tuple(image.shape) != (3, *self.size):
            raise SinkError(
                f"{self._name} takes pictures of {self.size[0]} x {self.size[1]} (height x width),"
                f" not {tuple(image.shape)}; resize them first."
            )
        self._append(image)
        self.frame_count += 1

    @abstractmethod
    def _append(self, image: Tensor) -> None: ...

    @abstractmethod
    def finish(self) -> Path:
        """End the file, check it, give it its name. Raises SinkError, leaving nothing, if it is not whole."""

    @abstractmethod
    def keep_partial(self) -> Path | None:
        """End early: what was written becomes a playable ``name.partial.ending``; None if nothing was."""

    def _partial_path(self) -> Path:
        return self.path.with_name(f"{self.path.stem}.partial{self.path.suffix}")

    def close(self) -> None:
        """Stop the encoder and remove temporary files. May be called twice, and after ``finish``."""
        if self._encoder is not None:
            self._encoder.stop()
            self._encoder = None
        for path in self._temporary:
            with contextlib.suppress(OSError):
                path.unlink()
        self._temporary.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class VideoSink(Sink):
    """A video file: H.264 (VP9 in .webm), BT.709, exact rate, odd sides padded by one repeated line.

    ``sound_from`` is what ``probe`` told about the original: its sound is copied when the file is finished,
    from ``start`` to ``end`` seconds. ``durations``, the seconds of each picture of an animation, are kept by
    repeating pictures.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        size: tuple[int, int],
        rate: Fraction,
        sound_from: VideoInfo | None = None,
        start: float = 0.0,
        end: float | None = None,
        durations: tuple[float, ...] | None = None,
    ) -> None:
        super().__init__(path, size)
        ending = self.path.suffix.lower()
        if ending not in _ENCODERS:
            raise SinkError(f"{self._name} has no known video ending; use {', '.join(_ENCODERS)}, .gif or .webp.")
        if sound_from is not None and self.path.exists() and self.path.samefile(sound_from.path):
            raise SinkError(f"{self._name} is the source itself; choose another name for the result.")
        self.rate = rate if durations is None else _tick_rate(durations)
        self._durations = durations
        self._source, self._part = sound_from, (start, end)
        self._video = self._beside(ending)
        self._encoder = _Encoder(encoder_arguments(size, self.rate, self._video), self._name)

    def _append(self, image: Tensor) -> None:
        pixels = padded(to_array(image)).tobytes()
        for _ in range(self._repeats()):
            assert self._encoder is not None
            self._encoder.write(pixels)

    def _repeats(self) -> int:
        if self._durations is None:
            return 1
        begin, stop = (float(sum(self._durations[:n])) for n in (self.frame_count, self.frame_count + 1))
        return max(1, round(stop * self.rate) - round(begin * self.rate))

    def finish(self) -> Path:
        self._end_encoder()
        return self._deliver(self.path, cut=False)

    def keep_partial(self) -> Path | None:
        if self.frame_count == 0:
            self.close()
            return None
        self._end_encoder()
        return self._deliver(self._partial_path(), cut=True)

    def _end_encoder(self) -> None:
        encoder = self._encoder
        if encoder is None:
            raise SinkError(f"{self._name} is already closed; open it anew to write more.")
        if self.frame_count == 0:
            self.close()
            raise SinkError(f"{self._name} would hold no picture; write at least one before finishing.")
        try:
            encoder.finish()
            self._check_count(self._video, encoder.written)
        except BaseException:
            self.close()
            raise

    def _check_count(self, video: Path, written: int) -> None:
        found = len(streams.packet_times(video, seconds=600).times)
        if found != written:
            raise SinkError(f"{self._name} holds {found} of {written} pictures; make room and write it again.")

    def _deliver(self, target: Path, *, cut: bool) -> Path:
        assert self._encoder is not None
        whole = self._video
        try:
            if self._source is not None and (self._source.audio or self._source.subtitles):
                whole = self._beside(self.path.suffix.lower())
                start, end = self._part
                length = Fraction(self._encoder.written) / self.rate if cut else None
                sound.add_sound(self._video, self._source, whole, start=start, end=end, length=length)
                self._check_count(whole, self._encoder.written)
            os.replace(whole, target)
        except OSError as error:
            raise SinkError(f"{self._name} cannot be written ({error.strerror}); choose another place.") from error
        finally:
            self.close()
        return target


def encoder_arguments(size: tuple[int, int], rate: Fraction, target: Path) -> list[str]:
    """ffmpeg arguments that encode raw RGB of ``size`` (padded to even sides) from standard input."""
    return [
        *raw_input(even(size), rate),
        *["-vf", _BT709, *_ENCODERS[target.suffix.lower()], "-fps_mode", "passthrough"],
        *(["-movflags", "+faststart"] if sound.family(target) == ".mp4" else []),
        ffmpeg.address(target),
    ]


def _tick_rate(durations: tuple[float, ...]) -> Fraction:
    """The lowest rate on whose grid every time of an animation lies, within reason."""
    tick = gcd(*(max(1, round(seconds * 1000)) for seconds in durations))
    return min(Fraction(1000, tick), Fraction(_FASTEST_TICK))


class _Encoder:
    """An ffmpeg that is fed raw pictures. Its complaints go to a file, so that no pipe can fill up."""

    def __init__(self, arguments: list[str], name: str) -> None:
        self.written = 0
        self._name = name
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in stop)
        self._process = ffmpeg.start(ffmpeg.command(arguments), stdin=subprocess.PIPE, stderr=self._log.fileno())

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
        except OSError as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
            raise self._error() from error
        self.written += 1

    def finish(self) -> None:
        """Close the input and wait; raises SinkError with ffmpeg's reason if it failed."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if self._process.wait() != 0:
            raise self._error()

    def _error(self) -> SinkError:
        self._log.seek(0)
        reason = ffmpeg.reason(self._log.read().decode("utf-8", "replace"))
        return SinkError(f"{self._name} cannot be encoded ({reason}); make room or choose another place.")

    def stop(self) -> None:
        ffmpeg.stop(self._process)
        self._log.close()


def open_sink(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int],
    rate: Fraction,
    sound_from: VideoInfo | None = None,
    start: float = 0.0,
    end: float | None = None,
    durations: tuple[float, ...] | None = None,
) -> Sink:
    """A sink by the ending of ``path``: .gif, .webp (animated), else a video. See VideoSink for the rest.

    Raises SinkError for an unknown ending or a place that cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending in (".gif", ".webp"):
        from .looping import GifSink, WebpSink

        kind = GifSink if ending == ".gif" else WebpSink
        return kind(path, size=size, rate=rate, durations=durations)
    return VideoSink(path, size=size, rate=rate, sound_from=sound_from, start=start, end=end, durations=durations)
