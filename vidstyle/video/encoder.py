"""Frames out: the segments of a video, each encoded once, at its final quality."""

from __future__ import annotations

import contextlib
import math
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.core.pixels import to_array
from vidstyle.errors import SinkError
from vidstyle.files import printable
from vidstyle.images import flatten
from vidstyle.video import ffmpeg
from vidstyle.video.codecs import AUTO, GRADES, LOOP_ENDINGS, VIDEO_ENDINGS, Encoding, encoding_of
from vidstyle.video.hardware import SOFTWARE, check_works
from vidstyle.video.packets import packet_times
from vidstyle.video.probe import VideoInfo

_THREADS = 4  # of the encoder, whose bits depend on it: the same on every machine
# The flags -colorspace and the like convert right but leave the tags unknown: the filter sets both.
_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd,format={},"
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)
_RGB = "format={},setparams=colorspace=gbr:color_primaries=bt709:color_trc=bt709:range=pc"
_FEWEST_TICKS = 10_000  # a second, of segments: in ticks as long as frames, what the sound comes earlier would be lost
_CODED_RATES = Fraction(1), Fraction(240)  # that all encoders take


def segment_ending(film: Path) -> str:
    """The ending of the segments of a video: MP4, whose times are exact, or raw frames for animations."""
    return ".raw" if film.suffix.lower() in LOOP_ENDINGS else ".mp4"


@dataclass(frozen=True)
class Film:
    """What painted frames are written as: a video, or with the ending .gif, .webp or .png an animation.

    Attributes:
        path: the file.
        size: (height, width) of its frames in pixels.
        rate: frames a second.
        sound_from: what `probe` told about the original, whose sound is copied; None for no sound.
        start: seconds of the original at which the video begins.
        end: seconds of the original at which it ends; None for the original's end.
        durations: seconds that each frame is shown; None where that is the same for all.
        grade: how finely frames are kept: the colours of a GIF (2 to 256), the quality of a WebP (0 to 100), that of
            a video in its codec's scale (the CRF: less is finer); None for the default.
        max_bytes: how large the file may be; None for any size.
        plays: how many times an animation is shown; 0 for without end.
        codec: of a video, one of CODECS or AUTO.
        pixel_format: of a video, one that the codec takes, or AUTO.
        transparent: whether its frames have opacity.
        encoder: of a video, that of `encoding_of`.

    Raises:
        SinkError: VS445 for an unknown ending.
        SettingsError: what `encoding_of` raises.
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
    plays: int = 0
    codec: str = AUTO
    pixel_format: str = AUTO
    transparent: bool = False
    encoder: str = SOFTWARE

    def __post_init__(self) -> None:
        if self.ending not in (*VIDEO_ENDINGS, *LOOP_ENDINGS):
            raise SinkError("VS445", name=self.name, video_endings=", ".join(VIDEO_ENDINGS))
        assert self.encoding  # it can be

    @property
    def name(self) -> str:
        """What messages call it."""
        return printable(self.path.name or self.path)

    @property
    def ending(self) -> str:
        """The ending of its name, in lower case."""
        return self.path.suffix.lower()

    @property
    def loops(self) -> bool:
        """Whether it is an animation, not a video."""
        return self.ending in LOOP_ENDINGS

    @property
    def channels(self) -> int:
        """Of its frames: 3, or 4 with opacity."""
        return 4 if self.encoding.alpha else 3

    @property
    def segment_ending(self) -> str:
        """The ending of its segments."""
        return segment_ending(self.path)

    @cached_property
    def encoding(self) -> Encoding:
        """How its frames are encoded."""
        return encoding_of(self.ending, self.codec, self.pixel_format, self.grade, self.transparent, self.encoder)

    @property
    def chosen_grade(self) -> int:
        """The `grade` of an animation, or that of GRADES."""
        return GRADES[self.ending] if self.grade is None else self.grade

    @property
    def retimed(self) -> bool:
        """Whether frames of a video get times of their own when its segments are joined."""
        if self.loops or self.durations is None:
            return False
        return len(set(self.durations)) > 1 or not _CODED_RATES[0] <= 1 / self.durations[0] <= _CODED_RATES[1]

    @property
    def coded_rate(self) -> Fraction:
        """Frames a second of the segments of a video."""
        if self.retimed:
            return min(max(self.rate, _CODED_RATES[0]), _CODED_RATES[1])
        return (1 / Fraction(self.durations[0])).limit_denominator(1001) if self.durations else self.rate

    def seconds_of(self, count: int) -> float:
        """How long its first frames are shown."""
        return float(count / self.coded_rate) if not self.retimed else sum((self.durations or ())[:count])


class SegmentFile:
    """Frames of a video, written by ffmpeg to a file that is whole after `finish` only.

    A video's are BT.709, odd sides padded by one repeated line; an animation's stay raw, since the palette of a GIF is
    made from all of them.

    Attributes:
        path: the file.
        film: what it is a part of.
        frame_count: frames that were taken so far.

    Raises:
        SettingsError: VS284 where the hardware that is to encode them is not there.
    """

    def __init__(self, path: Path, film: Film) -> None:
        if not film.loops:
            check_works(film.encoding.options[1])
        self.path, self.film, self.frame_count = path, film, 0
        self._feeding = False  # also after a stop while a frame was written, which may be whole in the file or not
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close); no pipe, which could fill up
        try:
            arguments = ffmpeg.command(_arguments(film, path))
            self._process = ffmpeg.start(arguments, stdin=subprocess.PIPE, stderr=self._log.fileno())
        except BaseException:
            self._log.close()
            raise
        self._watch = ffmpeg.Watch(self._process, idle=True)

    def write(self, frame: Tensor, alpha: Tensor | None = None) -> None:
        """Append a frame (3, H, W), RGB, 0..1, with its opacity (1, H, W); raises what `write_pixels` does.

        It is laid on white where the video's encoding has no opacity.
        """
        self._check(tuple(frame.shape), (3, *self.film.size))
        if alpha is not None:
            alpha = alpha.to(frame)
            frame = torch.cat([frame, alpha]) if self.film.encoding.alpha else flatten(frame, alpha)
        self.write_pixels(_deep_array(frame) if self.film.encoding.deep else to_array(frame))

    def write_pixels(self, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
        """Append a frame (H, W, 3), RGB, 0..255; or 0..65535, for a video of more than 8 bits; with opacity (H, W, 4).

        Raises:
            SinkError: VS446 where it is not of the video's size, VS444 or VS447 where ffmpeg cannot encode it.
        """
        self._check(pixels.shape, (*self.film.size, 3 if pixels.shape[2:] == (3,) else self.film.channels))
        self._feeding = True
        self._feed(_raw(pixels if self.film.loops else _padded(pixels), self.film.encoding))
        self.frame_count += 1
        self._feeding = False

    def _check(self, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        if found != wanted:
            size = "{} x {}".format(*self.film.size)
            raise SinkError("VS446", name=self.film.name, size=size, found=found)

    def _feed(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            with self._expecting():
                self._process.stdin.write(data)
        except OSError as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
            raise self._error() from error

    def finish(self) -> Path:
        """End the file and check it; its path.

        Raises:
            SinkError: VS444 or VS447 where ffmpeg failed, VS442 or VS443 where the file is not whole.
        """
        assert self._process.stdin is not None
        with self._expecting():
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            if self._process.wait() != 0:
                raise self._error()
        if self._feeding and self.path.exists():
            self.frame_count += _counted(self.path, self.film) == self.frame_count + 1
        check_count(self.path, self.film, self.frame_count)
        return self.path

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
        log, ended = self._log.read().decode("utf-8", "replace"), self._process.returncode
        reason = ffmpeg.reason(f"{log}\n{self._watch.verdict}")
        if ended in ffmpeg.CRASHES or (ended and ended > 0 and ended not in ffmpeg.NO_ROOM):
            return SinkError("VS447", name=self.film.name, size="{1} x {0}".format(*self.film.size), reason=reason)
        return SinkError("VS444", name=self.film.name, reason=reason)

    def close(self) -> None:
        """Stop writing. May be called twice, and after `finish`."""
        self._watch.close()
        ffmpeg.stop(self._process)
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_count(file: Path, film: Film, count: int) -> None:
    """SinkError unless `file`, raw frames or a video, holds `count` frames (VS443), or where it is gone (VS442)."""
    if not file.exists():
        raise SinkError("VS442", name=film.name)
    found = _counted(file, film)
    if found != count:
        raise SinkError("VS443", name=film.name, found=found, written=count)


def _counted(file: Path, film: Film) -> int:
    """How many frames raw frames or a video have."""
    if file.suffix == ".raw":
        return file.stat().st_size // (film.channels * math.prod(film.size))
    return len(packet_times(file, seconds=600).times)


def _arguments(film: Film, target: Path) -> list[str]:
    """ffmpeg arguments that write raw RGB from standard input, padded to even sides for a video, as a segment."""
    if film.loops:
        raw = ffmpeg.raw_input(film.size, film.rate, pixel_format=film.encoding.raw_format)
        return [*raw, "-c", "copy", "-f", "rawvideo", ffmpeg.address(target)]
    (height, width), encoding = film.size, film.encoding
    even = height + height % 2, width + width % 2
    ticks = film.coded_rate.numerator * max(1, _FEWEST_TICKS // film.coded_rate.numerator)
    exact = ["-video_track_timescale", f"{ticks}", "-movie_timescale", f"{ticks}"]  # else joints add up what is rounded
    return [
        *ffmpeg.raw_input(even, film.coded_rate, pixel_format=encoding.raw_format),
        *["-vf", (_RGB if encoding.is_rgb else _BT709).format(encoding.pixel_format) + encoding.upload],
        *(["-bf", "0"] if film.retimed else []),  # packets are in the order in which they are shown
        *[*encoding.options, "-fps_mode", "passthrough", "-threads", str(_THREADS)],
        *(exact if encoding.muxer in ("mp4", "mov") else []),
        *["-f", encoding.muxer, ffmpeg.address(target)],
    ]


def _raw(pixels: NDArray[Any], encoding: Encoding) -> bytes:
    """Frames (H, W, 3 or 4), RGB and opacity of 8 or 16 bits, as the encoder is given them."""
    if encoding.deep and pixels.dtype == np.uint8:
        pixels = np.multiply(pixels, 257, dtype=np.uint16)  # 255 becomes 65535
    if encoding.alpha and pixels.shape[2] == 3:
        pixels = np.pad(pixels, ((0, 0), (0, 0), (0, 1)), constant_values=np.iinfo(pixels.dtype).max)
    if not encoding.raw_format.startswith("gbr"):
        return pixels.tobytes()
    white = 2 ** int(encoding.raw_format[-4:-2]) - 1
    levels = ((pixels.astype(np.uint32) * white + 32767) // 65535).astype("<u2")
    return bytes(levels[..., [1, 2, 0, 3][: pixels.shape[2]]].transpose(2, 0, 1).tobytes())


def _deep_array(image: Tensor) -> NDArray[np.uint16]:
    """(H, W, C), 0..65535, from an image (C, H, W), 0..1; what lies outside is clamped."""
    levels = image.detach().clamp(0, 1).mul(65535).round().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(levels.astype("<u2"))


def _padded(pixels: NDArray[Any]) -> NDArray[Any]:
    """(H, W, C) with the last line repeated where a side is odd: 4:2:0 video has no odd sides."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
