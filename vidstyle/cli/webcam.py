"""``vidstyle webcam``: a live window, snapshots and recordings of what a camera sees, painted."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from vidstyle.cli.logs import error_console, logging_to, starting
from vidstyle.cli.options import (
    DEVICE_HELP,
    FILES,
    RUNNING,
    STANDARD,
    AnyPath,
    Chosen,
    ManyPaths,
    Seconds,
    Switch,
    Telling,
    with_settings,
)
from vidstyle.cli.process_memory import keep_freed_memory
from vidstyle.cli.progress_options import ProgressFile, Showing
from vidstyle.cli.stylize import check_there
from vidstyle.cli.words import flipbook_line, loss_number, some, summary_line
from vidstyle.errors import SettingsError, SinkError, UsageError
from vidstyle.files import check_target
from vidstyle.settings.presets import LIVE
from vidstyle.settings.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from vidstyle.core.weights import OnProgress
    from vidstyle.jobs.events import Summary
    from vidstyle.live.painting import LiveImage, LivePainting
    from vidstyle.live.recording import Recording
    from vidstyle.studies.progress import Progress
    from vidstyle.video.camera import Camera

CAMERA = Group.create_ordered("Camera")
IMAGES, VIDEOS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"), (".mp4", ".mov", ".mkv", ".webm")
TELLING = 5.0  # seconds between two lines about a recording

_CAMERA_HELP = "A number, a device like /dev/video0, a URL (MJPEG over HTTP, RTSP), or a video played in real time."
_SNAPSHOT_HELP = "Open no window: take an image, paint it as an image file is painted, and write it here."
_COUNTDOWN_HELP = "With --snapshot: count down from so many seconds."
_COUNT_HELP = "With --snapshot: take so many images."
_EVERY_HELP = "With --snapshot: the time between two of them."
_RECORD_HELP = "Open no window: paint live to this video until Ctrl-C, or for --seconds."
_SECONDS_HELP = "With --record: how long."
_FPS_HELP = "Images a second to hold, painted as large as that allows; else 2.5 on a CPU, 30 on a GPU."
_RECONNECT_HELP = "Seconds in which a camera that went away is looked for."
_FOLDER_HELP = "Where the window's keys write."
_NOT_LIVE = ("frame_steps", "look_back", "passes", "loop", "style_keys", "strength_keys", "style_per_shot", "init")

log = logging.getLogger(__name__)


@Parameter(name="*", group=CAMERA)
@dataclass(frozen=True)
class Shooting:
    """What is taken by which camera."""

    camera: Annotated[str, Parameter(metavar="CAMERA", help=_CAMERA_HELP)] = "0"
    snapshot: Annotated[AnyPath | None, Parameter(metavar="FILE", help=_SNAPSHOT_HELP)] = None
    countdown: Annotated[Seconds | None, Parameter(help=_COUNTDOWN_HELP)] = None
    count: Annotated[int | None, Parameter(metavar="N", help=_COUNT_HELP)] = None
    every: Annotated[Seconds | None, Parameter(help=_EVERY_HELP)] = None
    record: Annotated[AnyPath | None, Parameter(metavar="FILE", help=_RECORD_HELP)] = None
    seconds: Annotated[Seconds | None, Parameter(help=_SECONDS_HELP)] = None
    fps: Annotated[float | None, Parameter(metavar="X", help=_FPS_HELP)] = None
    reconnect: Annotated[Seconds, Parameter(help=_RECONNECT_HELP)] = 10.0

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
                raise SettingsError("VS205", name=name, value=value)
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
    style: Annotated[ManyPaths, Parameter(alias="-s", group=FILES, metavar="IMAGE", help="A style image.")] = (),
    shooting: Shooting = Shooting(),
    folder: Annotated[AnyPath, Parameter(group=FILES, metavar="FOLDER", help=_FOLDER_HELP)] = Path("."),
    overwrite: Annotated[Switch, Parameter(group=FILES, help="Replace an output that exists.")] = False,
    progress_gif: ProgressFile = None,
    showing: Showing = Showing(),  # noqa: B008 (frozen)
    device: Annotated[str, Parameter(group=RUNNING, metavar="auto|cpu|cuda|mps", help=DEVICE_HELP)] = "auto",
    telling: Telling = Telling(),  # noqa: B008 (frozen)
    **options: Any,
) -> None:
    """Paint what a camera sees: live in a window, or as a snapshot or a recording without one."""
    _check(style, shooting, folder, progress_gif, showing, overwrite)
    keep_freed_memory()
    console = error_console()
    with logging_to(console, telling.quiet, telling.log_file):
        chosen = Chosen.of(options, overwrite=overwrite)
        with starting(console, telling.quiet):
            from vidstyle.core.device import select_device
            from vidstyle.video.camera import Camera

            select_device(device)
            if not (shooting.snapshot or shooting.record):
                from vidstyle.live.window import check_display

                check_display()
            camera = Camera(shooting.camera, shooting.reconnect)
        chosen.save()
        with camera:
            settings = chosen.settings if shooting.snapshot else _live_settings(chosen)
            studio = _Studio(camera, shooting, style, settings, device)
            if shooting.snapshot:
                progress = showing.wish(progress_gif) if progress_gif else None
                _snapshot(studio, progress, console, telling)
            elif shooting.record:
                _record(studio, shooting.record, console, telling)
            else:
                _window(studio, folder)


def _check(
    style: tuple[Path, ...],
    shooting: Shooting,
    folder: Path,
    progress_gif: Path | None,
    showing: Showing,
    overwrite: bool,
) -> None:
    if not style:
        raise UsageError("VS110")
    for path in style:
        check_there(path, "style image")
    shooting.check(overwrite)
    if progress_gif and (not shooting.snapshot or shooting.files != [shooting.snapshot]):
        raise UsageError("VS121")
    showing.check(progress_gif, overwrite, looks=False)
    if not folder.is_dir():
        raise SinkError("VS410", folder=folder)


def _live_settings(chosen: Chosen) -> Settings:
    """What is given, and otherwise what suits live painting; tells what is not used."""
    for name in _NOT_LIVE:
        if name in chosen.given:
            log.warning("--%s is not used: live painting finds its own way", name.replace("_", "-"))
    given = {name: value for name, value in chosen.given.items() if name not in ("preset", *_NOT_LIVE)}
    return Settings.preset(chosen.preset or STANDARD, **{**LIVE, **given})


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

        images = [load_image(path).image for path in self.styles]
        return paint_live(
            self.camera,
            images,
            self.settings,
            rate=self.shooting.fps,
            device=self.device,
            on_progress=on_progress,
        )


def _snapshot(studio: _Studio, progress: "Progress | None", console: "Console", telling: Telling) -> None:
    from vidstyle.cli.console import listening
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
    with listening(console, telling.quiet) as listener:
        summary = paint_snaps(
            snaps,
            studio.styles,
            shooting.files,
            studio.settings,
            device=studio.device,
            progress=progress,
            listener=listener,
        )
    _tell(summary, shooting.files)


def _tell(summary: "Summary", files: Sequence[Path]) -> None:
    log.info("%s", summary_line(summary, "image"))
    if summary.progress:
        log.info("%s", flipbook_line(summary.progress))
    for file in [*files, *([summary.progress.path] if summary.progress else [])]:
        print(file)


def _record(studio: _Studio, file: Path, console: "Console", telling: Telling) -> None:
    """Records until Ctrl-C, the end of a video, or for so many seconds; what there is then is kept."""
    from vidstyle.cli.console import listening
    from vidstyle.live.recording import SMOOTH, Recording

    with listening(console, telling.quiet) as listener:
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
    return f"{seconds:.0f} s: {rate:.1f} images a second, {size}, loss {loss_number(loss)}"


def _window(studio: _Studio, folder: Path) -> None:
    from vidstyle.live.window import Window

    window = Window(studio.camera, studio.live, [path.stem for path in studio.styles], folder)
    window.run()
    for file in window.files:
        print(file)
