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
from typing import Generic, Self, TypeVar

import cv2

from vidstyle.core.pixels import Pixels, to_array
from vidstyle.errors import SourceError
from vidstyle.files import printable
from vidstyle.video.decoding import quiet_opencv, read_rgb
from vidstyle.video.reader import Source, open_video

OPENING, READING = 8000, 5000  # milliseconds after which a network camera is taken for gone
AGAIN = 0.5  # seconds between two tries to find a camera that went away
_NETWORK = ("http", "https", "rtsp", "rtsps")
_PASSWORD = re.compile(r"(?<=//)[^/@\s]*@")

log = logging.getLogger(__name__)

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Snap:
    """An image of a camera.

    Attributes:
        pixels: (H, W, 3), RGB, 0..255.
        number: how many came before.
        taken: seconds, by `time.monotonic()`.
    """

    pixels: Pixels
    number: int
    taken: float

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.pixels.shape[:2]
        return height, width


class Newest(Generic[Item]):
    """Runs a generator in a thread; what nobody asked for before the next came is gone.

    Errors come out at the one who asks, after the last item. Leaving the `with` ends the thread.
    """

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
        """The newest item that was not given out yet; None at the end, or after `timeout` seconds."""
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Camera(Newest[Snap]):
    """The newest image of a camera, or of a video played in real time; it is read in a thread.

    Attributes:
        name: what messages call it: `where` without a password.
        lost: whether it was disconnected and is being looked for.
        rate: images per second, as the camera reports; 0 if it reports none.

    Raises:
        SourceError: VS335 or VS338 where there is none, VS337 for an address that is not of _NETWORK; by `next` also
            VS336 where it stays away.
    """

    def __init__(self, where: str, reconnect: float = 10.0) -> None:
        """Opens a camera.

        Args:
            where: a number (`0`), a device (`/dev/video0`), a URL (MJPEG over HTTP, RTSP), or a video file.
            reconnect: seconds that a camera is looked for again after it went away.
        """
        self.name = _PASSWORD.sub("", where)
        self._where, self._reconnect = where, reconnect
        self._stopping = threading.Event()
        self.lost, self.rate = False, 0.0
        super().__init__(self._numbered(self._played() if is_file(where) else self._watched(self._opened())))

    def _numbered(self, images: Generator[Pixels, None, None]) -> Generator[Snap, None, None]:
        with contextlib.closing(images):
            for number, pixels in enumerate(images):
                yield Snap(pixels, number, time.monotonic())

    def _watched(self, capture: cv2.VideoCapture) -> Generator[Pixels, None, None]:
        """What a camera sees, for as long as it is there."""
        while True:
            try:
                while not self._stopping.is_set() and (pixels := read_rgb(capture)) is not None:
                    self.lost = False
                    yield pixels
            finally:
                capture.release()
            if self._stopping.is_set():
                return
            self.lost = True
            capture = self._found_again()

    def _found_again(self) -> cv2.VideoCapture:
        log.warning("the camera %s was disconnected; waiting %g seconds for it", self.name, self._reconnect)
        until = time.monotonic() + self._reconnect
        while time.monotonic() < until and not self._stopping.wait(AGAIN):
            with contextlib.suppress(SourceError):
                found = self._opened()
                log.info("the camera %s is connected again", self.name)
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

    def _played(self) -> Generator[Pixels, None, None]:
        """A video's frames, each when its time has come."""
        source = open_video(self._where)
        self.rate = float(source.info.rate)
        return self._in_time(source)

    def _in_time(self, source: Source) -> Generator[Pixels, None, None]:
        with source:
            began = time.monotonic()
            for frame in source:
                if self._stopping.wait(max(0.0, began + frame.seconds - time.monotonic())):
                    return
                yield to_array(frame.image)

    def close(self) -> None:
        """Ends the reading."""
        self._stopping.set()
        super().close()


def is_url(where: str) -> bool:
    """Whether `where` is that of a network camera; SourceError VS337 for an address that is not of _NETWORK."""
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
    there = f"found: {', '.join(others)}" if others else "there is no camera on this machine"
    return SourceError("VS335", name=printable(name), there=there)
