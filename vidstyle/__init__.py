"""Paint videos and images in the style of an image.

    import vidstyle

    vidstyle.stylize("walk.mp4", ["wave.jpg"])  # the whole job: walk_wave.mp4 beside it

Names are loaded on first use, so that importing the package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidstyle.api import show_progress, stylize
    from vidstyle.core.calibration import calibrated
    from vidstyle.core.frame_style import Frame
    from vidstyle.core.style_model import load_style
    from vidstyle.core.stylize_image import stylize_image
    from vidstyle.core.stylize_video import paint_frames
    from vidstyle.errors import VidstyleError
    from vidstyle.evaluation.report import compare, write_report
    from vidstyle.images import load_image, save_image
    from vidstyle.jobs.events import Listener
    from vidstyle.jobs.prescan import plan
    from vidstyle.jobs.spec import JobSpec
    from vidstyle.jobs.stills import preview
    from vidstyle.live.painting import paint_live
    from vidstyle.settings.settings import Settings
    from vidstyle.settings.toml import load_settings, save_settings
    from vidstyle.studies.layer_figures import layer_figure
    from vidstyle.studies.reconstruct import reconstruct, texture
    from vidstyle.video.camera import Camera
    from vidstyle.video.reader import open_video

__version__ = "0.1.0"

_HOMES = {
    "api": (
        "show_progress",
        "stylize",
    ),
    "core.calibration": ("calibrated",),
    "core.frame_style": ("Frame",),
    "core.style_model": ("load_style",),
    "core.stylize_image": ("stylize_image",),
    "core.stylize_video": ("paint_frames",),
    "errors": ("VidstyleError",),
    "evaluation.report": (
        "compare",
        "write_report",
    ),
    "images": (
        "load_image",
        "save_image",
    ),
    "jobs.events": ("Listener",),
    "jobs.prescan": ("plan",),
    "jobs.spec": ("JobSpec",),
    "jobs.stills": ("preview",),
    "live.painting": ("paint_live",),
    "settings.settings": ("Settings",),
    "settings.toml": (
        "load_settings",
        "save_settings",
    ),
    "studies.layer_figures": ("layer_figure",),
    "studies.reconstruct": (
        "reconstruct",
        "texture",
    ),
    "video.camera": ("Camera",),
    "video.reader": ("open_video",),
}

__all__ = [
    "Camera",
    "Frame",
    "JobSpec",
    "Listener",
    "Settings",
    "VidstyleError",
    "calibrated",
    "compare",
    "layer_figure",
    "load_image",
    "load_settings",
    "load_style",
    "open_video",
    "paint_frames",
    "paint_live",
    "plan",
    "preview",
    "reconstruct",
    "save_image",
    "save_settings",
    "show_progress",
    "stylize",
    "stylize_image",
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
