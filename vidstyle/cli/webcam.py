"""``vidstyle webcam``: a live window, snapshots and recordings of what a camera sees, painted."""

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from vidstyle.cli.messages import loss_number, some
from vidstyle.cli.options import (
    FILES,
    AnyPath,
    Device,
    Making,
    Overwrite,
    Seconds,
    Styles,
    Telling,
)
from vidstyle.cli.settings_options import Chosen, with_settings
from vidstyle.cli.stylize import check_styles, tell_summary, warn_unused
from vidstyle.cli.terminal import Terminal, open_terminal
from vidstyle.errors import SettingsError, SinkError, UsageError
from vidstyle.files import check_target
from vidstyle.settings.presets import LIVE
from vidstyle.settings.settings import Settings

if TYPE_CHECKING:
    from vidstyle.core.weights import OnProgress
    from vidstyle.live.painting import LiveImage, LivePainting
    from vidstyle.live.recording import Recording
    from vidstyle.studies.making import Progress
    from vidstyle.video.camera import Camera

CAMERA = Group.create_ordered("Camera")
IMAGES, VIDEOS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"), (".mp4", ".mov", ".mkv", ".webm")
TELLING = 5.0  # seconds between two lines about a recording

_NOT_LIVE = (
    *("frame_steps", "every", "look_back", "passes", "loop", "chunk_frames"),
    *("style_keys", "strength_keys", "style_per_shot", "init"),
    *("codec", "encoder", "quality", "pix_fmt", "lut"),
)

log = logging.getLogger(__name__)


@Parameter(name="*", group=CAMERA)
@dataclass(frozen=True)
class Shooting:
    """The camera, and what to take."""

    camera: Annotated[str, Parameter(metavar="CAMERA")] = "0"
    """Camera number, device such as /dev/video0, URL (MJPEG over HTTP, RTSP), or a video to play in real time."""
    snapshot: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """Take an image without a window, paint it like an image file, and write it here."""
    countdown: Seconds | None = None
    """With --snapshot: countdown in seconds."""
    count: Annotated[int | None, Parameter(metavar="N")] = None
    """With --snapshot: number of images."""
    every: Seconds | None = None
    """With --snapshot: time between two images."""
    record: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """Paint live to this video without a window, until Ctrl-C or for --seconds."""
    seconds: Seconds | None = None
    """With --record: duration."""
    fps: Annotated[float | None, Parameter(metavar="X")] = None
    """Target frame rate; the size adapts to it. Default: 2.5 on a CPU, 30 on a GPU."""
    reconnect: Seconds = 10.0
    """Seconds to wait for a camera that was disconnected."""

    def check(self, overwrite: bool) -> None:
        """Refuses what can be refused before anything heavy is imported."""
        of_snapshots = (self.countdown, self.count, self.every)
        if self.snapshot and (self.record or self.fps is not None):
            raise UsageError("VS122")
        if not self.snapshot and any(value is not None for value in of_snapshots):
            raise UsageError("VS123")
        if not self.record and self.seconds is not None:
            raise UsageError("VS124")
        if self.every is not None and (self.count or 1) < 2:
            raise UsageError("VS125")
        for name, value in (("count", self.count), ("fps", self.fps), ("seconds", self.seconds)):
            if value is not None and not 0 < value < float("inf"):
                raise SettingsError("VS244", name=name, wanted="above 0", value=f"{value:g}")
        for file in self.files:
            check_target(file, IMAGES, overwrite=overwrite)
        if self.record:
            check_target(self.record, VIDEOS, overwrite=overwrite)

    @property
    def files(self) -> list[Path]:
        """Where the snapshots go: ``out.jpg``, or for several ``out_001.jpg``, ``out_002.jpg`` ..."""
        out, count = self.snapshot, self.count or 1
        if out is None or count == 1:
            return [out] if out else []
        return [out.with_stem(f"{out.stem}_{number:03}") for number in range(1, count + 1)]


@with_settings
def webcam(
    *,
    style: Styles = (),
    shooting: Shooting = Shooting(),
    folder: Annotated[AnyPath, Parameter(group=FILES, metavar="FOLDER")] = Path("."),
    overwrite: Overwrite = False,
    making: Making = Making(),
    device: Device = "auto",
    telling: Telling = Telling(),
    **options: Any,
) -> None:
    """Paint what a camera sees: live in a window, as a snapshot, or as a recording.

    Args:
        style: Style image. Repeat for several.
        folder: Folder for snapshots and recordings made with the keys of the window.
    """
    check_styles(style)
    shooting.check(overwrite)
    if making.progress_gif and (not shooting.snapshot or shooting.files != [shooting.snapshot]):
        raise UsageError("VS121")
    making.check(overwrite)
    if not folder.is_dir():
        raise SinkError("VS410", folder=folder)
    with open_terminal(telling) as terminal:
        chosen = Chosen.of(options, overwrite=overwrite)
        with terminal.starting():
            camera = _camera(shooting, device)
        chosen.save()
        with camera:
            settings = chosen.settings if shooting.snapshot else _live_settings(chosen)
            studio = _Studio(camera, shooting, style, settings, device)
            if shooting.snapshot:
                _snapshot(studio, making.progress, terminal)
            elif shooting.record:
                _record(studio, shooting.record, terminal)
            else:
                _window(studio, folder)


def _camera(shooting: Shooting, device: str) -> "Camera":
    """The camera, when it is known that this machine has the device, and a display where a window is wanted."""
    from vidstyle.core.device import select_device
    from vidstyle.video.camera import Camera

    select_device(device)
    if not (shooting.snapshot or shooting.record):
        from vidstyle.live.window import check_display

        check_display()
    return Camera(shooting.camera, shooting.reconnect)


def _live_settings(chosen: Chosen) -> Settings:
    """What is given, and otherwise what suits live painting; tells what is not used."""
    for name in _NOT_LIVE:
        if name in chosen.given:
            warn_unused(name, "it does not apply to live painting")
    given = {name: value for name, value in chosen.given.items() if name not in _NOT_LIVE}
    return Settings.of({**LIVE, **given})


@dataclass(frozen=True)
class _Studio:
    """What is needed to paint what a camera sees."""

    camera: "Camera"
    shooting: Shooting
    styles: tuple[Path, ...]
    settings: Settings
    device: str

    def live(self, on_progress: "OnProgress") -> "LivePainting":
        """Live painting, its filters and its balance found."""
        from vidstyle.images import load_image
        from vidstyle.live.painting import paint_live

        images = [load_image(path).rgb for path in self.styles]
        return paint_live(
            self.camera,
            images,
            self.settings,
            rate=self.shooting.fps,
            device=self.device,
            on_progress=on_progress,
        )


def _snapshot(studio: _Studio, progress: "Progress | None", terminal: Terminal) -> None:
    from vidstyle.live.recording import paint_snaps, take

    shooting, counted = studio.shooting, [0]

    def count_down(left: float) -> None:
        if left and math.ceil(left) != counted[0]:
            counted[0] = math.ceil(left)
            log.info("%d", counted[0])

    snaps = take(
        studio.camera,
        len(shooting.files),
        shooting.every or 0.0,
        countdown=shooting.countdown or 0.0,
        on_wait=count_down,
        on_taken=lambda done, count: log.info("image %d of %d is taken", done, count),
    )
    studio.camera.close()
    with terminal.listening() as listener:
        summary = paint_snaps(
            snaps,
            studio.styles,
            shooting.files,
            studio.settings,
            device=studio.device,
            progress=progress,
            listener=listener,
        )
    tell_summary(terminal, summary, "image", shooting.files)


def _record(studio: _Studio, file: Path, terminal: Terminal) -> None:
    """Records until Ctrl-C, the end of a video, or for so many seconds; what there is then is kept."""
    from vidstyle.live.recording import SMOOTH, Recording

    with terminal.listening() as listener:
        live = studio.live(listener.working)
    with Recording(file, max(SMOOTH, studio.shooting.fps or 0.0)) as recording:
        try:
            _recorded(live, recording, studio.shooting.seconds)
        finally:
            made = recording.finish(time.monotonic())
    if made:
        print(made)


def _recorded(live: "LivePainting", recording: "Recording", seconds: float | None) -> None:
    """Records live paintings, and tells now and then."""
    began = told = time.monotonic()
    count = 0
    try:
        for image in live.paintings():
            now = time.monotonic()
            began = began if count else now
            recording.add(image, now)
            count += 1
            if now - told > TELLING:
                log.info("%s", _line(image, now - began, count))
                told = now
            if seconds is not None and now - began >= seconds:
                return
    except KeyboardInterrupt:
        log.info("stopped")


def _line(image: "LiveImage", seconds: float, count: int) -> str:
    height, width = image.budget.size
    rate = (count - 1) / seconds if seconds else 0.0
    loss = float(image.painted.losses.total)
    size = f"{width}x{height}, {some(image.budget.steps, 'step')}"
    return f"{seconds:.0f} s: {rate:.1f} frames a second, {size}, loss {loss_number(loss)}"


def _window(studio: _Studio, folder: Path) -> None:
    from vidstyle.live.window import Window

    window = Window(studio.camera, studio.live, [path.stem for path in studio.styles], folder)
    window.run()
    for file in window.files:
        print(file)
