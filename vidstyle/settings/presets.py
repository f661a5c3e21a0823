"""Settings by name, and those that the parts of the method begin from: each holds what differs from the defaults."""

from collections.abc import Mapping
from typing import Any

STANDARD = "standard"  # the preset that holds where none is named
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "draft": {"steps": 8, "frame_steps": 1},
    STANDARD: {},
    "fine": {"steps": 60, "frame_steps": 10, "every": 1},
    "paper": {
        "loss": "sums",
        "content_layers": "conv5_2",
        "style_layers": "conv1_1,conv2_1,conv3_1,conv4_1,conv5_1",
        "keep_colors": "free",
        "content_weight": 1.0,
        "style_weight": 1000.0,
        "init": "random",
        "optimizer": "lbfgs",
        "scales": 1,
        "steps": 500,
        "frame_steps": 500,
        "every": 1,
        "pooling": "max",
    },
}

LIVE: Mapping[str, Any] = {
    "steps": 6,
    "look_back": "1",
    "style_scale": 2.0,  # small paintings need larger strokes, or these are single pixels
}
RECONSTRUCTION: Mapping[str, Any] = {
    "content_layers": "conv5_2",
    "style_weight": 0.0,
    "tv_weight": 1.0,  # what a layer does not see ends as noise without it, and descents end sooner there
    "init": "random",
    "steps": 200,
    "size": "256",
}
TEXTURE: Mapping[str, Any] = {"content_weight": 0.0, "init": "random", "steps": 60}
FIGURE: Mapping[str, Any] = {"size": "192", "steps": 40}
