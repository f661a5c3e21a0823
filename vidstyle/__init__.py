"""Paint videos and images in the style of an image.

    import vidstyle

    vidstyle.stylize("walk.mp4", ["wave.jpg"])  # the whole job: walk_wave.mp4 beside it

Names are loaded on first use, so that importing the package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidstyle.api import run, show_progress, stylize
    from vidstyle.core.calibration import calibrated
    from vidstyle.core.cuts import find_cuts, mark_cuts
    from vidstyle.core.frame_style import Frame, FrameStyle
    from vidstyle.core.stylize_image import Painted, Painter, Step
    from vidstyle.core.stylize_video import paint_frames
    from vidstyle.core.temporal import PaintedFrame
    from vidstyle.core.vgg import VGG19
    from vidstyle.core.weights import Filters, load_filters
    from vidstyle.errors import (
        JobError,
        PaintingError,
        SettingsError,
        SinkError,
        SourceError,
        VidstyleError,
        WeightsError,
    )
    from vidstyle.evaluation.loss_record import FrameLosses, StepLosses
    from vidstyle.evaluation.report import Report, compare, write_report
    from vidstyle.images import LoadedImage, load_image, save_image
    from vidstyle.jobs.events import Listener, Outline, Summary
    from vidstyle.jobs.preview import plan, preview
    from vidstyle.jobs.spec import ClusterOptions, Job
    from vidstyle.limits import LIMITS, NO_LIMITS, Limits
    from vidstyle.live.painting import LiveImage, LivePainting, paint_live
    from vidstyle.live.recording import Recording
    from vidstyle.settings.settings import Settings
    from vidstyle.settings.toml import load_settings, save_settings
    from vidstyle.studies.layer_figures import layer_figure
    from vidstyle.studies.progress import Progress, ProgressRecorder
    from vidstyle.studies.reconstruct import Study, reconstruct, texture
    from vidstyle.video.camera import Camera, Snap
    from vidstyle.video.encoder import open_sink
    from vidstyle.video.flipbook import Flipbook
    from vidstyle.video.probe import VideoInfo, probe
    from vidstyle.video.reader import open_video

__version__ = "0.1.0"

_HOMES = {
    "api": (
        "run",
        "show_progress",
        "stylize",
    ),
    "core.calibration": ("calibrated",),
    "core.cuts": (
        "find_cuts",
        "mark_cuts",
    ),
    "core.frame_style": (
        "Frame",
        "FrameStyle",
    ),
    "core.stylize_image": (
        "Painted",
        "Painter",
        "Step",
    ),
    "core.stylize_video": ("paint_frames",),
    "core.temporal": ("PaintedFrame",),
    "core.vgg": ("VGG19",),
    "core.weights": (
        "Filters",
        "load_filters",
    ),
    "errors": (
        "JobError",
        "PaintingError",
        "SettingsError",
        "SinkError",
        "SourceError",
        "VidstyleError",
        "WeightsError",
    ),
    "evaluation.loss_record": (
        "FrameLosses",
        "StepLosses",
    ),
    "evaluation.report": (
        "Report",
        "compare",
        "write_report",
    ),
    "images": (
        "LoadedImage",
        "load_image",
        "save_image",
    ),
    "jobs.events": (
        "Listener",
        "Outline",
        "Summary",
    ),
    "jobs.preview": (
        "plan",
        "preview",
    ),
    "jobs.spec": (
        "ClusterOptions",
        "Job",
    ),
    "limits": (
        "LIMITS",
        "Limits",
        "NO_LIMITS",
    ),
    "live.painting": (
        "LivePainting",
        "LiveImage",
        "paint_live",
    ),
    "live.recording": ("Recording",),
    "settings.settings": ("Settings",),
    "settings.toml": (
        "load_settings",
        "save_settings",
    ),
    "studies.layer_figures": ("layer_figure",),
    "studies.progress": (
        "Progress",
        "ProgressRecorder",
    ),
    "studies.reconstruct": (
        "Study",
        "reconstruct",
        "texture",
    ),
    "video.camera": (
        "Camera",
        "Snap",
    ),
    "video.encoder": ("open_sink",),
    "video.flipbook": ("Flipbook",),
    "video.probe": (
        "VideoInfo",
        "probe",
    ),
    "video.reader": ("open_video",),
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
    "LiveImage",
    "LivePainting",
    "LoadedImage",
    "Outline",
    "Painted",
    "PaintedFrame",
    "Painter",
    "PaintingError",
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
    "load_image",
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
    "save_image",
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
