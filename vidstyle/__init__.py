"""Paint videos and pictures in the style of a picture.

    import vidstyle

    vidstyle.stylize("walk.mp4", ["wave.jpg"])  # the whole job: walk_wave.mp4 beside it

Names are loaded on first use, so that importing the package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidstyle.api import run, show_progress, stylize
    from vidstyle.errors import (
        JobError,
        PaintingError,
        SettingsError,
        SinkError,
        SourceError,
        VidstyleError,
        WeightsError,
    )
    from vidstyle.features.vgg19 import VGG19
    from vidstyle.features.weights import Filters, load_filters
    from vidstyle.jobs.figures import layer_figure
    from vidstyle.jobs.job import ClusterOptions, Job
    from vidstyle.jobs.listener import Listener, Outline, Summary
    from vidstyle.jobs.losses import FrameLosses, StepLosses
    from vidstyle.jobs.preview import plan, preview
    from vidstyle.jobs.progress import Progress, ProgressRecorder
    from vidstyle.jobs.report import Report, compare, write_report
    from vidstyle.jobs.studies import Study, reconstruct, texture
    from vidstyle.live.painting import LivePainting, LivePicture, paint_live
    from vidstyle.live.recording import Recording
    from vidstyle.media.camera import Camera, Snap
    from vidstyle.media.flipbook import Flipbook
    from vidstyle.media.images import Picture, load_picture, save_picture
    from vidstyle.media.limits import LIMITS, NO_LIMITS, Limits
    from vidstyle.media.look import Frame, FrameStyle
    from vidstyle.media.probe import VideoInfo, probe
    from vidstyle.media.sink import open_sink
    from vidstyle.media.source import open_video
    from vidstyle.motion.chain import PaintedFrame
    from vidstyle.motion.passes import paint_frames
    from vidstyle.motion.shots import find_cuts, mark_cuts
    from vidstyle.painting.balance import calibrated
    from vidstyle.painting.painter import Painted, Painter, Step
    from vidstyle.settings import Settings
    from vidstyle.settings_file import load_settings, save_settings

__version__ = "0.1.0"

_HOMES = {
    "errors": (
        "JobError",
        "PaintingError",
        "SettingsError",
        "SinkError",
        "SourceError",
        "VidstyleError",
        "WeightsError",
    ),
    "features.vgg19": ("VGG19",),
    "features.weights": ("Filters", "load_filters"),
    "jobs.figures": ("layer_figure",),
    "jobs.job": ("ClusterOptions", "Job"),
    "jobs.listener": ("Listener", "Outline", "Summary"),
    "jobs.losses": ("FrameLosses", "StepLosses"),
    "jobs.preview": ("plan", "preview"),
    "jobs.progress": ("Progress", "ProgressRecorder"),
    "jobs.report": ("Report", "compare", "write_report"),
    "api": ("run", "show_progress", "stylize"),
    "jobs.studies": ("Study", "reconstruct", "texture"),
    "live.painting": ("LivePainting", "LivePicture", "paint_live"),
    "live.recording": ("Recording",),
    "media.camera": ("Camera", "Snap"),
    "media.flipbook": ("Flipbook",),
    "media.images": ("Picture", "load_picture", "save_picture"),
    "media.limits": ("LIMITS", "NO_LIMITS", "Limits"),
    "media.look": ("FrameStyle",),
    "media.probe": ("VideoInfo", "probe"),
    "media.sink": ("open_sink",),
    "media.source": ("Frame", "open_video"),
    "motion.chain": ("PaintedFrame",),
    "motion.passes": ("paint_frames",),
    "motion.shots": ("find_cuts", "mark_cuts"),
    "painting.balance": ("calibrated",),
    "painting.painter": ("Painted", "Painter", "Step"),
    "settings": ("Settings",),
    "settings_file": ("load_settings", "save_settings"),
}

__all__ = [
    "LIMITS",
    "NO_LIMITS",
    "VGG19",
    "Camera",
    "ClusterOptions",
    "Filters",
    "Flipbook",
    "Frame",
    "FrameLosses",
    "FrameStyle",
    "Job",
    "JobError",
    "Limits",
    "Listener",
    "LivePainting",
    "LivePicture",
    "Outline",
    "Painted",
    "PaintedFrame",
    "Painter",
    "PaintingError",
    "Picture",
    "Progress",
    "ProgressRecorder",
    "Recording",
    "Report",
    "Settings",
    "SettingsError",
    "SinkError",
    "Snap",
    "SourceError",
    "Step",
    "StepLosses",
    "Study",
    "Summary",
    "VideoInfo",
    "VidstyleError",
    "WeightsError",
    "calibrated",
    "compare",
    "find_cuts",
    "layer_figure",
    "load_filters",
    "load_picture",
    "load_settings",
    "mark_cuts",
    "open_sink",
    "open_video",
    "paint_frames",
    "paint_live",
    "plan",
    "preview",
    "probe",
    "reconstruct",
    "run",
    "save_picture",
    "save_settings",
    "show_progress",
    "stylize",
    "texture",
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
