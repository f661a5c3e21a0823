"""A video of what is painted live, in real time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from vidstyle.live.painting import LivePicture
from vidstyle.media.montage import resized
from vidstyle.media.sink import Sink, open_sink

SMOOTH = 15.0  # pictures a second at least, so that each is shown close to when it was ready


class Recording:
    """Writes pictures to a video at a steady `rate`, each for as long as it was the newest.

    Leaving the ``with`` gives up what was not finished. SinkError where it cannot be written.
    """

    def __init__(self, path: Path, rate: float = SMOOTH) -> None:
        self.path, self.rate = path, Fraction(round(rate * 1000), 1000)
        self._sink: Sink | None = None
        self._last: LivePicture | None = None
        self._began = 0.0
        self._writing = False  # also after Ctrl-C in the middle of a picture, which nothing may follow

    @property
    def frames(self) -> int:
        """How many were written so far."""
        return self._sink.frame_count if self._sink else 0

    def add(self, picture: LivePicture, now: float) -> None:
        """The next picture, newest from `now` on, in seconds of any clock. Pictures of another size are fitted."""
        if self._sink is None:
            height, width = picture.pixels.shape[:2]
            self._sink = open_sink(self.path, size=(height, width), rate=self.rate)
            self._began = now
        self._fill(now)
        self._last = picture

    def finish(self, now: float) -> Path | None:
        """Ends the video; None where nothing was recorded."""
        if self._sink is None:
            return None
        self._fill(max(now, self._began + 1 / self.rate))
        sink, self._sink = self._sink, None
        return sink.finish()

    def _fill(self, now: float) -> None:
        """Shows the last picture up to now."""
        if self._sink and self._last:
            for _ in range(round((now - self._began) * self.rate) - self._sink.frame_count):
                if self._writing:
                    return
                self._writing = True
                self._sink.write_pixels(resized(self._last.pixels, self._sink.film.size))
                self._writing = False

    def close(self) -> None:
        """Gives up what was not finished."""
        if self._sink:
            self._sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
