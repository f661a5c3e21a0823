"""Animated GIF and WebP out, with the time of each picture kept."""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

from PIL import Image
from torch import Tensor

from vidstyle.errors import SinkError

from . import ffmpeg
from .pixels import raw_input, to_bytes
from .sink import Sink

logger = logging.getLogger(__name__)

_SHORTEST = {".gif": 2, ".webp": 10}  # ticks: browsers slow down pictures that are shown for less
_TICKS = {".gif": 100, ".webp": 1000}  # a second, as the formats count
_BAYER = "paletteuse=dither=bayer:bayer_scale=4"  # a fixed pattern: noise that crawls looks worse and is larger


class _LoopSink(Sink):
    """Spools raw pictures beside the output, since both formats need to see all of them."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        size: tuple[int, int],
        rate: Fraction,
        durations: tuple[float, ...] | None = None,
    ) -> None:
        super().__init__(path, size)
        self._rate, self._durations = rate, durations
        self._spool = self._beside(".raw")
        try:
            self._spool.touch(exist_ok=False)
        except OSError as error:
            raise SinkError(f"{self._name} cannot be written ({error.strerror}); choose another place.") from error

    def _append(self, image: Tensor) -> None:
        try:
            with self._spool.open("ab") as spool:
                spool.write(to_bytes(image))
        except OSError as error:
            raise SinkError(f"{self._name} cannot be written ({error.strerror}); make room.") from error

    def finish(self) -> Path:
        if self.frame_count == 0:
            self.close()
            raise SinkError(f"{self._name} would hold no picture; write at least one before finishing.")
        return self._deliver(self.path)

    def keep_partial(self) -> Path | None:
        if self.frame_count == 0:
            self.close()
            return None
        return self._deliver(self._partial_path())

    def _deliver(self, target: Path) -> Path:
        try:
            whole = self._beside(self.path.suffix.lower())
            self._encode(whole, self._delays())
            os.replace(whole, target)
        except OSError as error:
            text = error.strerror or ffmpeg.printable(error)
            raise SinkError(f"{self._name} cannot be written ({text}); make room or choose another place.") from error
        finally:
            self.close()
        return target

    def _delays(self) -> list[int]:
        """Ticks of each picture. Rounding the sum, not each time, keeps the length right."""
        ending = self.path.suffix.lower()
        if self._durations is None:
            seconds: Sequence[float] = [float(1 / self._rate)] * self.frame_count
        else:
            seconds = self._durations[: self.frame_count]
        ends = [round(end * _TICKS[ending]) for end in accumulate(seconds)]
        return [max(_SHORTEST[ending], b - a) for a, b in zip([0, *ends], ends, strict=False)]

    @abstractmethod
    def _encode(self, target: Path, delays: list[int]) -> None:
        """Write the spooled pictures to ``target``."""


class GifSink(_LoopSink):
    """An endless GIF with one palette made from all pictures. Times are whole hundredths of a second."""

    def _encode(self, target: Path, delays: list[int]) -> None:
        palette = self._beside(".png")
        raw = raw_input(self.size, Fraction(50), self._spool)
        self._run([*raw, "-vf", "palettegen=stats_mode=full", "-frames:v", "1", ffmpeg.address(palette)])
        picture = [*ffmpeg.FILES_ONLY, "-i", ffmpeg.address(palette)]
        self._run([*raw, *picture, "-lavfi", _BAYER, "-fps_mode", "passthrough", ffmpeg.address(target)])
        target.write_bytes(with_delays(target.read_bytes(), delays))

    def _run(self, arguments: list[str]) -> None:
        result = ffmpeg.run(arguments)
        if result.code != 0:
            raise SinkError(f"{self._name} cannot be encoded ({ffmpeg.reason(result.log)}); make room.")


class WebpSink(_LoopSink):
    """An endless animated WebP, quality 90. Times are whole milliseconds."""

    def _encode(self, target: Path, delays: list[int]) -> None:
        with _Spooled(self._spool, self.size, self.frame_count) as pictures:
            pictures.save(target, format="WEBP", save_all=True, duration=delays, loop=0, quality=90, method=4)


class _Spooled(Image.Image):
    """The spooled pictures as one animation that is read from disk: only one is in memory."""

    def __init__(self, spool: Path, size: tuple[int, int], count: int) -> None:
        super().__init__()
        self.n_frames = count
        self._number = 0
        self._shape = size
        self._file = spool.open("rb")
        self._mode = "RGB"
        self.seek(0)

    def seek(self, frame: int) -> None:
        height, width = self._shape
        self._file.seek(frame * height * width * 3)
        data = self._file.read(height * width * 3)
        self.im = Image.frombytes("RGB", (width, height), data).im
        self._size = (width, height)
        self._number = frame

    def tell(self) -> int:
        return self._number

    def __exit__(self, *error: object) -> None:
        self._file.close()


def with_delays(gif: bytes, delays: list[int]) -> bytes:
    """The GIF file ``gif`` with the time of its n-th picture set to ``delays[n]`` hundredths of a second.

    Raises SinkError unless there is one time for each picture.
    """
    data = bytearray(gif)
    remaining = iter(delays)
    position = 13 + _table_bytes(data[10])
    found = 0
    while data[position] != 0x3B:
        if data[position] == 0x21:  # an extension; 0xF9 is the one with the time of the next picture
            if data[position + 1] == 0xF9:
                delay = min(next(remaining, 0), 0xFFFF)
                data[position + 4 : position + 6] = delay.to_bytes(2, "little")
                found += 1
            position = _after_blocks(data, position + 2)
        else:  # a picture: descriptor, colour table, code size, blocks
            position = _after_blocks(data, position + 11 + _table_bytes(data[position + 9]))
    if found != len(delays):
        raise SinkError(f"the GIF holds {found} of {len(delays)} pictures; write it again.")
    return bytes(data)


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytearray, position: int) -> int:
    while data[position]:
        position += data[position] + 1
    return position + 1
