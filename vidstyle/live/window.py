"""A window that shows what a camera sees and its painting side by side, controlled by keys."""

import contextlib
import itertools
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.cli.messages import dimensions, loss_number, some
from vidstyle.core.pixels import to_array, to_tensor
from vidstyle.core.sizes import fit_size, resize, size_of
from vidstyle.core.stylize_image import Step, stylize_image
from vidstyle.core.weights import OnProgress
from vidstyle.errors import SourceError, VidstyleError
from vidstyle.images import save_image
from vidstyle.live.painting import LiveImage, LivePainting
from vidstyle.live.recording import Recording
from vidstyle.studies.making import Progress, ProgressRecorder
from vidstyle.video.camera import Camera, Newest, Snap
from vidstyle.video.montage import beside, resized, write_lines

NAME = "vidstyle"
SHOWN_FOR = 6.0  # seconds that a message stays
DRAWN_EACH = 1 / 12  # seconds, at most
WAIT = 25  # milliseconds between two looks at the keys
ANIMATED = 320  # pixels of the long side of the painting that an animation shows
ANIMATED_STEPS = 30
LETTERS, SMALLEST_LETTERS = 32, 12  # a line of writing is so much of the window's height, but at least so many pixels
STRONGER = 0.1
KEYS = (
    "space snapshot   p painting as a GIF   r record   n b style",
    "+ - strength   s single   f full screen   q quit",
)
Prepare = Callable[[OnProgress], LivePainting]

INSTEAD = "use --snapshot FILE or --record FILE, which need no display, or 'vidstyle serve'"
_PROBE = "import cv2; cv2.namedWindow('vidstyle'); cv2.waitKey(1)"

log = logging.getLogger(__name__)


def check_display() -> None:
    """Raises SourceError where no window can be opened."""
    if problem := display_problem():
        raise SourceError("VS332", problem=problem, instead=INSTEAD)


def display_problem() -> str | None:
    """Why no window can be opened, or None. OpenCV would end the process, so another one tries."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        return "there is no display for a window (DISPLAY is not set)"
    os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")  # of fonts, which are not used
    try:
        tried = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, timeout=30)
    except subprocess.TimeoutExpired:
        return "the display does not respond"
    if not tried.returncode:
        return None
    reason = tried.stderr.decode(errors="replace").strip().split("\n")[0][:120] or "OpenCV does not say why"
    return f"no window can be opened on this display ({reason})"


class _ClosedError(Exception):
    """The window was closed while something was being prepared."""


class Window:
    """The live window. `files` are those that its keys wrote.

    Args:
        camera: What is painted; closed with the window.
        prepare: Makes the live painting, in a thread; told what is done, how much of it, and of how much.
        styles: The names of the styles.
        folder: Where the keys write, to names by the time.
    """

    def __init__(self, camera: Camera, prepare: Prepare, styles: Sequence[str], folder: Path) -> None:
        self._camera, self._prepare, self._styles, self._folder = camera, prepare, styles, folder
        self._status, self._message, self._message_until = "", "", 0.0
        self._step: NDArray[np.uint8] | None = None  # of a painting that takes long
        self._live: LivePainting | None = None
        self._image: LiveImage | None = None
        self._snapshot: tuple[LiveImage, Path] | None = None
        self._animates: tuple[LiveImage, Path] | None = None
        self._recording: Recording | None = None
        self._single = self._full = self._closing = False
        self._drawn_at, self._drawn_shape = 0.0, (0, 0, 0)
        self.files: list[Path] = []

    def run(self) -> None:
        """Shows the window until it is closed, or the camera has no more to show."""
        cv2.namedWindow(NAME, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        paintings = Newest(self._paintings())
        try:
            while not paintings.ended:
                if (image := paintings.next(timeout=0)) is not None:
                    self._image = image
                    if self._recording:
                        self._record(self._recording, image)
                self._draw()
                if self._quits(cv2.waitKey(WAIT)):
                    break
        finally:
            self._closing = True
            with contextlib.ExitStack() as ending:  # from the last to the first, each whatever becomes of the others
                for end in (cv2.destroyAllWindows, paintings.close, self._camera.close, self._end_recording):
                    ending.callback(end)

    def _paintings(self) -> Generator[LiveImage, None, None]:
        """What is painted, in its own thread."""
        self._live = self._prepare(self._working)
        self._live.style = None if self._live.model.settings.blend else 0
        self._status = "painting the first image"
        for image in self._live.paintings():
            self._status = ""
            yield image
            if self._animates:
                self._animate(*self._animates)
                self._animates = None

    def _working(self, what: str, done: float, count: float) -> None:
        if self._closing:
            raise _ClosedError
        self._status = f"{what} {100 * done / count:.0f} %" if count else what

    def _record(self, recording: Recording, image: LiveImage) -> None:
        """One more image; a recording that cannot continue ends, and the window does not."""
        try:
            recording.add(image, time.monotonic())
            self._recording = recording
        except VidstyleError as error:
            self._recording = None
            recording.close()
            self._say(error.line)

    def _draw(self) -> None:
        """Shows what there is, not more often than the eye needs: the painting has use for the time."""
        seen, now = self._camera.latest, time.monotonic()
        if seen is None or now < self._drawn_at + DRAWN_EACH:
            return
        view = self._view(seen)
        if view.shape != self._drawn_shape:
            self._drawn_shape = view.shape
            cv2.resizeWindow(NAME, view.shape[1], view.shape[0])
        cv2.imshow(NAME, view)
        self._drawn_at = now

    def _view(self, seen: Snap) -> NDArray[np.uint8]:
        """What the window shows, BGR."""
        step, image = self._step, self._image
        painted = image.pixels if step is None and image else step
        if painted is None:
            view = seen.pixels.copy()
        else:
            painted = resized(painted, seen.size)
            view = painted.copy() if self._single else beside(seen.pixels, painted)
        letters = max(SMALLEST_LETTERS, view.shape[0] // LETTERS)
        write_lines(view, self._lines(), letters)
        write_lines(view[-round(letters * 3.2) :], KEYS, letters)
        return np.asarray(cv2.cvtColor(view, cv2.COLOR_RGB2BGR), np.uint8)

    def _lines(self) -> list[str]:
        lines = [self._status or self._figures()]
        if self._camera.lost:
            lines.append("the camera was disconnected; waiting for it")
        if self._recording:
            lines.append(f"recording {self._recording.seconds:.0f} s")
        if time.monotonic() < self._message_until:
            lines.append(self._message)
        return lines

    def _figures(self) -> str:
        if not (self._image and self._live):
            return ""
        budget, loss = self._image.budget, loss_number(float(self._image.painted.losses.total))
        painted = f"{dimensions(budget.size)}  {some(budget.steps, 'step')}  loss {loss}"
        style = self._styles[(self._live.style or 0) % len(self._styles)]
        return f"{self._live.pace.rate:.1f}/s  {painted}  {style} {100 * self._live.strength:.0f} %"

    def _quits(self, key: int) -> bool:
        """Does what a key asks for; whether that is to end."""
        actions: dict[str, Callable[[], None]] = {
            " ": self._take_snapshot,
            "p": self._wish_animation,
            "r": self._switch_recording,
            "n": lambda: self._change_style(1),
            "b": lambda: self._change_style(-1),
            "+": lambda: self._change_strength(STRONGER),
            "=": lambda: self._change_strength(STRONGER),
            "-": lambda: self._change_strength(-STRONGER),
            "s": self._switch_single,
            "f": self._switch_full,
        }
        name = chr(key & 0xFF).lower() if key >= 0 else ""
        try:
            actions.get(name, lambda: None)()
        except VidstyleError as error:
            self._say(error.line)
        return name in ("q", "\x1b") or cv2.getWindowProperty(NAME, cv2.WND_PROP_VISIBLE) < 1

    def _take_snapshot(self) -> None:
        if self._image is None:
            return
        file = self._free(".jpg")
        save_image(file, to_tensor(self._image.pixels))
        self._snapshot = self._image, file
        self._wrote(file)

    def _wish_animation(self) -> None:
        if self._snapshot is None:
            self._say("take a snapshot first, with the space bar")
        else:
            self._animates = self._snapshot

    def _animate(self, image: LiveImage, snapshot: Path) -> None:
        """Paints what a snapshot was painted of from the start, and writes that as an animation."""
        assert self._live
        content = to_tensor(image.snap.pixels)
        content = resize(content, fit_size(size_of(content), ANIMATED))
        file = snapshot.with_suffix(".gif")
        recorder = ProgressRecorder(Progress(file), size_of(content))

        def told(step: Step) -> None:
            recorder.step(step)
            self._working(f"painting {snapshot.name} from the start,", step.progress, 1)
            self._step = to_array(step.image)

        model = self._live.model
        model = model.changed(settings=model.settings.replace(steps=ANIMATED_STEPS))
        try:
            painted = stylize_image(model, content, told, look=image.look)
            self._status = f"writing {file.name}"
            recorder.write(painted.image)
            self._wrote(file)
        except VidstyleError as error:
            self._say(error.line)
        finally:
            self._status, self._step = "", None

    def _switch_recording(self) -> None:
        if self._recording:
            self._end_recording()
        elif self._image:
            self._record(Recording(self._free(".mp4")), self._image)

    def _end_recording(self) -> None:
        recording, self._recording = self._recording, None
        if recording:
            with recording:
                if file := recording.finish(time.monotonic()):
                    self._wrote(file)

    def _change_style(self, by: int) -> None:
        if self._live:
            self._live.style = ((self._live.style or 0) + by) % len(self._styles)

    def _change_strength(self, by: float) -> None:
        if self._live:
            self._live.strength = min(1.0, max(0.0, round(self._live.strength + by, 2)))

    def _switch_single(self) -> None:
        self._single = not self._single

    def _switch_full(self) -> None:
        self._full = not self._full
        mode = cv2.WINDOW_FULLSCREEN if self._full else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(NAME, cv2.WND_PROP_FULLSCREEN, mode)

    def _free(self, ending: str) -> Path:
        """A new name in the folder."""
        stem = f"webcam_{datetime.now():%Y%m%d-%H%M%S}"
        names = itertools.chain([stem], (f"{stem}_{number}" for number in itertools.count(2)))
        return next(file for name in names if not (file := self._folder / f"{name}{ending}").exists())

    def _wrote(self, file: Path) -> None:
        self.files.append(file)
        self._say(f"wrote {file}")

    def _say(self, message: str) -> None:
        self._message, self._message_until = message, time.monotonic() + SHOWN_FOR
        log.info("%s", message)
