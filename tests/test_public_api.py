"""What the package promises to the outside."""

import ast
import subprocess
import sys
from pathlib import Path

import vidstyle

PUBLIC = {
    "calibrated", "Camera", "compare", "Frame", "JobSpec", "layer_figure", "Listener", "load_style", "load_image",
    "load_settings", "open_video", "paint_frames", "paint_live", "stylize_image", "plan", "preview", "reconstruct",
    "save_image", "save_settings", "Settings", "show_progress", "stylize", "texture", "VidstyleError",
    "write_report",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    assert set(vidstyle.__all__) == PUBLIC
    assert len(PUBLIC) <= 25


def test_every_public_name_is_there_and_documented() -> None:
    undocumented = [name for name in vidstyle.__all__ if not getattr(vidstyle, name).__doc__]
    assert not undocumented


def test_type_checkers_see_the_names_that_are_loaded() -> None:
    tree = ast.parse(Path(vidstyle.__file__).read_text())
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("vidstyle.")
        for alias in node.names
    }
    assert seen == {name: f"vidstyle.{home}" for home, names in vidstyle._HOMES.items() for name in names}


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(vidstyle, "no_such_name")


def test_importing_has_no_weight_and_no_side_effects() -> None:
    check = "import sys, vidstyle; print([m for m in ('torch', 'cv2', 'torchvision') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
