"""Previews: one frame, painted small and at once, next to the jobs."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vidstyle.core.frame_style import Frame
from vidstyle.core.sizes import fit_size, resize, size_of
from vidstyle.core.stylize_image import stylize_image
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import JobError
from vidstyle.images import load_image, save_image
from vidstyle.jobs.events import Listener, Summary, Work
from vidstyle.jobs.kinds import kind_of
from vidstyle.jobs.prescan import balanced, painting_size
from vidstyle.jobs.spec import JobSpec
from vidstyle.jobs.stills import ready_for_image
from vidstyle.jobs.style_schedule import look_of_image
from vidstyle.settings.presets import PRESETS
from vidstyle.video import ffmpeg
from vidstyle.video.probe import probe
from vidstyle.web.job_folder import Status, fill, first_image, paint_command

SIDE, BALANCE_SIDE = 192, 112  # pixels of the long side; of that which the balance is searched on
STEPS = 12  # at each scale: strokes are there
AT_ONCE = 2  # previews that are painted at a time, of all visitors
PATIENCE = 30  # seconds that ffmpeg may look for the frame
# What makes a still slow, or is about more than one frame: these stay at their defaults.
LEFT = (
    "optimizer",
    "init",
    "scales",
    "strength_keys",
    "style_keys",
    "style_per_shot",
    "loop",
    "passes",
    "chunk_frames",
    "lut",
)


class Previews:
    """Paints previews in processes of their own, in folders that go with the uploads; a new one ends that before it.

    Args:
        folder: Where all of them are.
        device: What paints: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    def __init__(self, folder: Path, device: str = "auto") -> None:
        self._folder, self._device = folder, device
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._guard = threading.Lock()

    def start(
        self,
        source: Path,
        styles: Sequence[Path],
        settings: Mapping[str, Any],
        *,
        start: float = 0.0,
        end: float | None = None,
        instead_of: str = "",
    ) -> str:
        """A new preview, of the middle of the part of a video that is painted; its name.

        Args:
            source: A video, animation or image.
            styles: The style images.
            settings: Those that differ from the defaults, by name, of the job that is previewed.
            start: Seconds from which on a video would be painted.
            end: Seconds up to which; None for its end.
            instead_of: The name of the one that it takes the place of, which is ended.

        Raises:
            VidstyleError: Where something cannot be painted, or others take all places.
        """
        folder = self._folder / (name := secrets.token_urlsafe(16))
        folder.mkdir(parents=True)
        try:
            with tempfile.TemporaryDirectory() as scratch:
                frame = _small_frame(source, start, end, Path(scratch))
                fill(folder, frame, styles, _quick(settings), device=self._device, preview=True)
            Status("painting").write(folder)
            with self._guard:
                self._end(instead_of)
                self._processes[name] = self._started(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return name

    def _started(self, folder: Path) -> subprocess.Popen[bytes]:
        if sum(process.poll() is None for process in self._processes.values()) >= AT_ONCE:
            raise JobError("VS528")
        nothing = subprocess.DEVNULL
        return subprocess.Popen(
            paint_command(folder), stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )

    def look(self, name: str) -> tuple[Status, Path]:
        """How far a preview is, and its folder; JobError VS525 where there is none of that name."""
        process, folder = self._processes.get(name), self._folder / name
        if process is None or not folder.is_dir():
            raise JobError("VS525")
        over, status = process.poll() is not None, Status.read(folder)
        return (Status("failed", JobError("VS530").line) if over and not status.ended else status), folder

    def close(self) -> None:
        """Ends all of them."""
        with self._guard:
            for name in list(self._processes):
                self._end(name)

    def _end(self, name: str) -> None:
        if process := self._processes.pop(name, None):
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            shutil.rmtree(self._folder / name, ignore_errors=True)


def paint_preview(job: JobSpec, listener: Listener) -> Summary:
    """Paints an image as `run_image` does, but searches the balance on a smaller one; the errors are the same."""
    began = time.monotonic()
    image, model = ready_for_image(job, listener)
    content = resize(image.rgb, painting_size(size_of(image.rgb), model.settings, model.device))
    look = look_of_image(job, content)
    model = balanced(model, [resize(content, fit_size(size_of(content), BALANCE_SIDE))], listener, look)
    painted = stylize_image(model, content, listener.step, look)
    listener.frame(PaintedFrame(Frame(0, 0.0, content), painted))
    return Summary.of(job.out, model).after(Work.of(painted)).since(began)


def _quick(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a job as a preview takes them.

    Plain sums of squares take hundreds of steps, before which nothing looks painted: the standard method stands in.
    """
    left = {*LEFT, *PRESETS["paper"]} if settings.get("loss") == "sums" else {*LEFT}
    return {**{name: value for name, value in settings.items() if name not in left}, "size": str(SIDE), "steps": STEPS}


def _small_frame(source: Path, start: float, end: float | None, folder: Path) -> Path:
    """An image, or the frame of a video in the middle of what is painted, small, as a file in `folder`."""
    image = _middle_frame(source, start, end, folder) if kind_of(source) == "video" else None
    image = first_image(source) if image is None else image
    if image is None:
        raise JobError("VS529", name=source.name)
    save_image(folder / "frame.png", resize(image, fit_size(size_of(image), 2 * SIDE)))
    return folder / "frame.png"


def _middle_frame(source: Path, start: float, end: float | None, folder: Path) -> Any:
    """What ffmpeg finds there at once, by seeking; None where it finds nothing."""
    last = probe(source).seconds if end is None else end
    moment, shot = (start + max(start, last)) / 2, folder / "shot.png"
    scaled = ["-frames:v", "1", "-vf", "scale=iw*sar:ih,setsar=1"]
    ffmpeg.run(["-ss", f"{moment:.3f}", *ffmpeg.input_arguments(source), *scaled, str(shot)], seconds=PATIENCE)
    return load_image(shot).rgb if shot.is_file() else None
