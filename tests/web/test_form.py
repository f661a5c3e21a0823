"""The settings as a form, made in a process of its own: Gradio leaves an event loop and sockets open."""

import json
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from vidstyle.settings.settings import Settings
from vidstyle.web.job_folder import NO_PATHS

ROOT = Path(__file__).resolve().parents[2]
AT_HAND = ("strength", "style_scale", "keep_colors", "size")  # which have a help of the page's own
LEFT_OUT = ("feather", "lut")  # of masks and LUTs, which the page does not take
MAKE = """
import json, gradio
from vidstyle.web.form import AT_HAND, at_hand, folded
with gradio.Blocks():
    made = at_hand(*AT_HAND) | folded()
print(json.dumps({n: [c.info, c.value, [v for _, v in getattr(c, "choices", None) or []]] for n, c in made.items()}))
"""


@pytest.fixture(scope="module")
def controls() -> dict[str, Any]:
    """Help, value and choices of each control, by name."""
    done = subprocess.run([sys.executable, "-c", MAKE], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_setting_but_those_of_masks_has_one_control_with_its_help(controls: dict[str, Any]) -> None:
    names = [option.name for option in fields(Settings) if option.name not in LEFT_OUT]
    assert controls.keys() == set(names)
    helped = {option.name: option.metadata["help"] for option in fields(Settings)}
    assert all(controls[name][0] == helped[name] for name in names if name not in AT_HAND)
    assert not [info for info, _, _ in controls.values() if info and "--" in info]
    defaults = {name: value for name, value in asdict(Settings()).items() if name not in LEFT_OUT}
    assert {name: value for name, (_, value, _) in controls.items()} == defaults


def test_no_setting_takes_a_path_of_the_server(controls: dict[str, Any]) -> None:
    assert all(controls[name][2] == list(choices) for name, choices in NO_PATHS.items() if name not in LEFT_OUT)


def test_masks_are_no_sample_styles() -> None:
    """In a process of its own, as above."""
    code = (
        "import sys, pathlib; from vidstyle.web.style_chooser import is_style;"
        "print(*[p.stem for p in sorted(pathlib.Path('samples').glob('*.[jp]*g')) if is_style(p)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == [
        *("fruit", "glass", "ink", "monet", "pencil", "photo", "points", "portrait", "swirl", "ukiyoe", "woodcut")
    ]
