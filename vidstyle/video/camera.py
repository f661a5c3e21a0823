"""Images of a camera as they come, the newest when asked: of this machine, of the network, or a video as if live."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.core.pixels import to_array
from vidstyle.errors import SourceError
from vidstyle.files import printable
from vidstyle.video.probe import quiet_opencv
from vidstyle.video.reader import Source, open_video

OPENING, READING = 8000, 5000  # milliseconds after which a network camera is taken for gone
AGAIN = 0.5  # seconds between two tries to find a camera that went away
_NETWORK = ("http", "https", "rtsp", "rtsps")
_PASSWORD = re.compile(r"(?<=//)[^/@\s]*@")

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Snap:
    """An image (H, W, 3), RGB 0..255, its number from 0, and when it was taken, by time.monotonic()."""

    pixels: NDArray[np.uint8]
    number: int
    taken: float

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        height, width = self.pixels.shape[:2]
        return height, width


class Camera:
    """The images of the camera `where`: a number (``0``), a device (``/dev/video0``), a URL (MJPEG over HTTP, RTSP),
    or a video file, played in real time. They are read in a thread; older ones are dropped.

    A camera that goes away is looked for again for `reconnect` seconds. SourceError where there is none.
    """

    def __init__(self, where: str, reconnect: float = 10.0) -> None:
        self.name = _PASSWORD.sub("", where)
        self._where, self._reconnect = where, reconnect
        self._stopping = threading.Event()
        self.lost = False  # whether it is being looked for again
        self.rate = 0.0  # images a second, as the camera says; 0 where it does not
        images = self._played() if is_file(where) else self._watched(self._opened())
        self._newest = Newest(self._numbered(images))

    def next(self, timeout: float | None = None) -> Snap | None:
        """The newest image that was not given out yet; None at the end of a video, or after `timeout` seconds."""
        return self._newest.next(timeout)

    @property
    def latest(self) -> Snap | None:
        """The newest image, given out or not."""
        return self._newest.latest

    @property
    def ended(self) -> bool:
        """Whether no more images come."""
        return self._newest.ended

    def _numbered(self, images: Generator[NDArray[np.uint8], None, None]) -> Generator[Snap, None, None]:
        with contextlib.closing(images):
            for number, pixels in enumerate(images):
                yield Snap(pixels, number, time.monotonic())

    def _watched(self, capture: cv2.VideoCapture) -> Generator[NDArray[np.uint8], None, None]:
        """What a camera sees, for as long as it is there."""
        while True:
            try:
                while not self._stopping.is_set() and (pixels := _read(capture)) is not None:
                    self.lost = False
                    yield pixels
            finally:
                capture.release()
            if self._stopping.is_set():
                return
            self.lost = True
            capture = self._found_again()

    def _found_again(self) -> cv2.VideoCapture:
        log.warning("the camera %s went away; looking for it for %g seconds", self.name, self._reconnect)
        until = time.monotonic() + self._reconnect
        while time.monotonic() < until and not self._stopping.wait(AGAIN):
            with contextlib.suppress(SourceError):
                found = self._opened()
                log.info("the camera %s is back", self.name)
                return found
        raise SourceError("VS336", name=self.name, reconnect=self._reconnect)

    def _opened(self) -> cv2.VideoCapture:
        quiet_opencv()
        capture = _over_network(self._where) if is_url(self._where) else _on_this_machine(self._where)
        if not capture.isOpened():
            capture.release()
            raise _missing(self._where, self.name)
        self.rate = capture.get(cv2.CAP_PROP_FPS)
        return capture

    def _played(self) -> Generator[NDArray[np.uint8], None, None]:
        """A video's images, each when its time has come."""
        source = open_video(self._where)
        self.rate = float(source.info.rate)
        return self._in_time(source)

    def _in_time(self, source: Source) -> Generator[NDArray[np.uint8], None, None]:
        with source:
            began = time.monotonic()
            for frame in source:
                if self._stopping.wait(max(0.0, began + frame.seconds - time.monotonic())):
                    return
                yield to_array(frame.image)

    def close(self) -> None:
        """Ends the reading."""
        self._stopping.set()
        self._newest.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_url(where: str) -> bool:
    """Whether `where` is that of a network camera."""
    scheme, found, _ = where.partition("://")
    if found and scheme.lower() not in _NETWORK:
        raise SourceError("VS337", where=where, scheme=scheme, network=", ".join(_NETWORK))
    return bool(found)


def is_file(where: str) -> bool:
    """Whether `where` is a video file, to be played as if it were a camera."""
    return not is_url(where) and not where.isdecimal() and not where.startswith("/dev/")


def _on_this_machine(where: str) -> cv2.VideoCapture:
    number = int(where) if where.isdecimal() else None
    device = Path(f"/dev/video{number}") if number is not None else Path(where)
    if sys.platform == "linux" and not device.exists():
        raise _missing(where, str(device))
    return cv2.VideoCapture(str(device) if number is None else number, cv2.CAP_ANY)


def _over_network(url: str) -> cv2.VideoCapture:
    # FFmpeg lets nothing that comes by HTTP, such as a playlist, open files of this machine.
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPENING, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READING]
    return cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)


def _missing(where: str, name: str) -> SourceError:
    if is_url(where):
        return SourceError("VS338", name=printable(name))
    others = sorted(str(path) for path in Path("/dev").glob("video*")) if sys.platform == "linux" else []
    there = f"there is {', '.join(others)}" if others else "there is no camera on this machine"
    return SourceError("VS335", name=printable(name), there=there)


def _read(capture: cv2.VideoCapture) -> NDArray[np.uint8] | None:
    try:
        found, pixels = capture.read()
    except cv2.error:  # what a stream that changes its size or format midway ends in
        return None
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False) if found else None


Item = TypeVar("Item")


class Newest(Generic[Item]):
    """Runs ``items`` in a thread; what nobody asked for before the next came is gone. Errors come out at who asks."""

    def __init__(self, items: Generator[Item, None, None]) -> None:
        self._items = items
        self._changed = threading.Condition()
        self._newest: Item | None = None
        self._number, self._asked = 0, 0
        self._error: BaseException | None = None
        self._ended = self._stopped = False
        self._thread = threading.Thread(target=self._work, name="vidstyle-newest", daemon=True)
        self._thread.start()

    def next(self, timeout: float | None = None) -> Item | None:
        """The newest item that was not given out yet, as soon as there is one; None at the end, or after `timeout`
        seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._number > self._asked, timeout)
            if self._number > self._asked:
                self._asked = self._number
                return self._newest
            if self._error:
                raise self._error
            return None

    @property
    def latest(self) -> Item | None:
        """The newest item, given out or not."""
        return self._newest

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come, or to take."""
        with self._changed:
            return self._ended and self._number <= self._asked and self._error is None

    @property
    def seen(self) -> int:
        """How many items there were so far, taken or not."""
        return self._number

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                with self._changed:
                    self._newest, self._number = item, self._number + 1
                    self._changed.notify_all()
                if self._stopped:
                    break
        except BaseException as caught:
            error = caught
        finally:
            self._items.close()
            with self._changed:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def close(self) -> None:
        """Stop the thread after the item it works on, and wait for its end."""
        self._stopped = True
        if self._thread is not threading.current_thread():
            self._thread.join()
