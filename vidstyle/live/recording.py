"""Videos and snapshots of what is painted live."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path

from vidstyle.api import run
from vidstyle.core.pixels import to_tensor
from vidstyle.errors import SourceError
from vidstyle.files import put_in_place
from vidstyle.images import load_image, save_image
from vidstyle.jobs.events import Listener, Summary
from vidstyle.jobs.spec import JobSpec
from vidstyle.live.painting import LiveImage
from vidstyle.settings.settings import Settings
from vidstyle.studies.making import Progress
from vidstyle.video.camera import Camera, Snap
from vidstyle.video.encoder import Film
from vidstyle.video.montage import resized
from vidstyle.video.muxer import Sink

SMOOTH = 15.0  # images a second at least, so that each is shown close to when it was ready
EXPOSURE_TIME = 1.0  # seconds in which cameras find their exposure

OnWait = Callable[[float], None]  # seconds that are left
OnTaken = Callable[[int, int], None]  # images taken, of how many


class Recording(AbstractContextManager["Recording"]):
    """Writes images to a video at a steady rate, each for as long as it was the newest.

    Leaving the ``with`` gives up what was not finished. SinkError where it cannot be written.

    Args:
        path: The video; its ending says its kind.
        rate: Its frames per second.
    """

    def __init__(self, path: Path, rate: float = SMOOTH) -> None:
        self._path, self._rate = path, Fraction(round(rate * 1000), 1000)
        self._sink: Sink | None = None
        self._last: LiveImage | None = None
        self._began = 0.0
        self._writing = False  # also after Ctrl-C in the middle of an image, which nothing may follow

    @property
    def seconds(self) -> float:
        """How long it is so far."""
        return float(self._sink.frame_count / self._rate) if self._sink else 0.0

    def add(self, image: LiveImage, now: float) -> None:
        """The next image, newest from `now` on, in seconds of any clock. It is fitted to the size of the first."""
        if self._sink is None:
            height, width = image.pixels.shape[:2]
            self._sink = Sink(Film(self._path, (height, width), self._rate))
            self._began = now
        self._fill(now)
        self._last = image

    def finish(self, now: float) -> Path | None:
        """Ends the video, which shows the last image until `now`; its file, or None where nothing was recorded."""
        if self._sink is None:
            return None
        self._fill(max(now, self._began + 1 / self._rate))
        sink, self._sink = self._sink, None
        return sink.finish()

    def _fill(self, now: float) -> None:
        """Shows the last image up to now."""
        if self._sink and self._last:
            for _ in range(round((now - self._began) * self._rate) - self._sink.frame_count):
                if self._writing:
                    return
                self._writing = True
                self._sink.write_pixels(resized(self._last.pixels, self._sink.film.size))
                self._writing = False

    def close(self) -> None:
        """Gives up what was not finished."""
        if self._sink:
            self._sink.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def take(
    camera: Camera,
    count: int = 1,
    every: float = 0.0,
    *,
    countdown: float = 0.0,
    on_wait: OnWait = lambda _: None,
    on_taken: OnTaken = lambda *_: None,
) -> list[Snap]:
    """Images that a camera takes in time, the first when it has warmed up.

    Args:
        camera: What takes them.
        count: How many.
        every: Seconds from one to the next.
        countdown: Seconds until the first.
        on_wait: Told the seconds that are left of the countdown.
        on_taken: Told how many are taken, and of how many.

    Raises:
        SourceError: Where the camera shows nothing, or a video ends too soon.
    """
    if camera.next() is None:
        raise SourceError("VS330", name=camera.name)
    begin = time.monotonic() + max(EXPOSURE_TIME, countdown)
    taken: list[Snap] = []
    for number in range(count):
        snap = _seen_at(camera, begin + number * every, on_wait if countdown and not number else lambda _: None)
        if snap is None:
            raise SourceError("VS331", name=camera.name, count=len(taken), wanted=count)
        taken.append(snap)
        on_taken(len(taken), count)
    return taken


def _seen_at(camera: Camera, due: float, on_wait: OnWait) -> Snap | None:
    """The first image that is taken from then on, or the last that a video has."""
    while (snap := camera.next()) is not None:
        on_wait(max(0.0, due - time.monotonic()))
        if snap.taken >= due:
            return snap
    return camera.latest if camera.latest and camera.latest.taken >= due - EXPOSURE_TIME else None


def paint_snaps(
    snaps: Sequence[Snap],
    styles: Sequence[Path],
    files: Sequence[Path],
    settings: Settings,
    *,
    device: str = "auto",
    progress: Progress | None = None,
    listener: Listener | None = None,
) -> Summary:
    """Paints images, each as an image file with these settings is painted.

    Args:
        snaps: The images.
        styles: The style images.
        files: Where each is written, all in one folder.
        settings: How they are painted.
        device: What paints: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        progress: The animation of a single one's painting.
        listener: Told what is done.

    Returns:
        What was done.

    Raises:
        VidstyleError: Where people can do something about it.
    """
    listener, place = listener or Listener(), files[0].absolute().parent
    with tempfile.TemporaryDirectory(prefix=".vidstyle-", dir=place) as scratch:
        taken, painted = Path(scratch) / "taken", Path(scratch) / "painted"
        taken.mkdir()
        for snap, file in zip(snaps, files, strict=True):
            save_image(taken / f"{file.stem}.png", to_tensor(snap.pixels))
        if len(files) == 1:
            job = JobSpec(taken / f"{files[0].stem}.png", tuple(styles), files[0], "image", settings, device)
            return run(job, listener, progress)
        summary = run(JobSpec(taken, tuple(styles), painted, "images", settings, device), listener)
        for file in files:
            _put(painted / f"{file.stem}.png", file)
    return summary


def _put(painted: Path, file: Path) -> None:
    """The image `painted`, a PNG, as `file`."""
    if file.suffix.lower() == ".png":
        put_in_place(painted, file)
    else:
        save_image(file, load_image(painted).rgb)
