"""Paint videos and pictures in the style of a picture.

    import vidstyle

    vidstyle.stylize("walk.mp4", ["wave.jpg"])  # the whole job: walk_wave.mp4 beside it

Names are loaded on first use, so that importing the package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidstyle.errors import JobError, SettingsError, SinkError, SourceError, VidstyleError, WeightsError
    from vidstyle.features.vgg19 import VGG19
    from vidstyle.features.weights import Filters, load_filters
    from vidstyle.jobs.job import Crew, Job
    from vidstyle.jobs.listener import Listener, Outline, Summary
    from vidstyle.jobs.preview import plan, preview
    from vidstyle.jobs.report import Report, compare, write_report
    from vidstyle.jobs.run import run, stylize
    from vidstyle.media.images import Picture, load_picture, save_picture
    from vidstyle.media.probe import VideoInfo, probe
    from vidstyle.media.sink import open_sink
    from vidstyle.media.source import Frame, open_video
    from vidstyle.motion.chain import PaintedFrame
    from vidstyle.motion.passes import paint_frames
    from vidstyle.motion.shots import find_cuts, mark_cuts
    from vidstyle.painting.balance import calibrated
    from vidstyle.painting.painter import Painted, Painter, Step
    from vidstyle.settings import Settings

__version__ = "0.1.0"

_HOMES = {
    "errors": ("JobError", "SettingsError", "SinkError", "SourceError", "VidstyleError", "WeightsError"),
    "features.vgg19": ("VGG19",),
    "features.weights": ("Filters", "load_filters"),
    "jobs.job": ("Crew", "Job"),
    "jobs.listener": ("Listener", "Outline", "Summary"),
    "jobs.preview": ("plan", "preview"),
    "jobs.report": ("Report", "compare", "write_report"),
    "jobs.run": ("run", "stylize"),
    "media.images": ("Picture", "load_picture", "save_picture"),
    "media.probe": ("VideoInfo", "probe"),
    "media.sink": ("open_sink",),
    "media.source": ("Frame", "open_video"),
    "motion.chain": ("PaintedFrame",),
    "motion.passes": ("paint_frames",),
    "motion.shots": ("find_cuts", "mark_cuts"),
    "painting.balance": ("calibrated",),
    "painting.painter": ("Painted", "Painter", "Step"),
    "settings": ("Settings",),
}

__all__ = [
    "VGG19",
    "Crew",
    "Filters",
    "Frame",
    "Job",
    "JobError",
    "Listener",
    "Outline",
    "Painted",
    "PaintedFrame",
    "Painter",
    "Picture",
    "Report",
    "Settings",
    "SettingsError",
    "SinkError",
    "SourceError",
    "Step",
    "Summary",
    "VideoInfo",
    "VidstyleError",
    "WeightsError",
    "calibrated",
    "compare",
    "find_cuts",
    "load_filters",
    "load_picture",
    "mark_cuts",
    "open_sink",
    "open_video",
    "paint_frames",
    "plan",
    "preview",
    "probe",
    "run",
    "save_picture",
    "stylize",
    "write_report",
]


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            value = getattr(importlib.import_module(f"vidstyle.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'vidstyle' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
