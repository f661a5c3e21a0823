"""The settings as a form, and what a form that was sent asks for."""

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import gradio as gr

from vidstyle.errors import SettingsError, SourceError
from vidstyle.settings.keyframes import to_seconds
from vidstyle.settings.presets import PRESETS, STANDARD
from vidstyle.settings.settings import Settings
from vidstyle.web.job_folder import NO_PATHS

AT_HAND = ("strength", "keep_colors", "size")  # shown above the rest
LEFT_OUT = ("feather", "lut")  # of masks and tables of colours, which the page does not take
SIZES = ("auto", "full", "256", "384", "512", "640", "960", "1280")  # offered; others may be typed
_PRESET_LABELS = {"draft": "Draft (fast)", "fine": "Fine (slow)", "paper": "As in the paper"}
PRESET_NAMES = [(_PRESET_LABELS.get(name, name.capitalize()), name) for name in PRESETS]

Controls = dict[str, Any]  # Gradio components, whose events are made at run time

_OPTIONS = {option.name: option for option in fields(Settings)}
_TYPES = get_type_hints(Settings)


def at_hand() -> Controls:
    """The controls of the settings that people use most, by name, made where the page is now."""
    return {name: _control(name) for name in AT_HAND}


def folded() -> Controls:
    """The controls of all other settings that the page takes, by name, each group in a part that unfolds."""
    made: Controls = {}
    for group in dict.fromkeys(option.metadata["group"] for option in _OPTIONS.values()):
        with gr.Accordion(group, open=False):
            names = [name for name, option in _OPTIONS.items() if option.metadata["group"] == group]
            made |= {name: _control(name) for name in names if name not in (*AT_HAND, *LEFT_OUT)}
    return made


def _control(name: str) -> gr.components.Component:
    """What suits a setting's type, with its help and its default."""
    option, kind = _OPTIONS[name], _TYPES[name]
    common = {
        "label": label_of(name),
        "info": option.metadata["help"],
        "value": option.default,
        "elem_id": f"set-{name.replace('_', '-')}",
    }
    if name == "strength":
        return gr.Slider(0, 1, step=0.05, **common)
    if name == "size":
        return gr.Dropdown(list(SIZES), allow_custom_value=True, **common)
    if choices := NO_PATHS.get(name) or get_args(kind):
        return gr.Dropdown(list(choices), **common)
    if kind is bool:
        return gr.Checkbox(**common)
    if kind in (int, float):
        return gr.Number(precision=0 if kind is int else None, **common)
    return gr.Textbox(max_lines=1, **common)


def label_of(name: str) -> str:
    """What the page calls a setting."""
    return name.replace("_", " ").capitalize()


def in_words_of_the_page(text: str) -> str:
    """An error's text with the page's labels instead of the command line's options: ``--size`` is Size here."""
    return re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda found: label_of(found[1].replace("-", "_")), text)


def seconds_of(text: str | None) -> float | None:
    """The seconds of a time that was typed, such as 12.5 or 1:30; None for nothing. SettingsError for anything else."""
    if not (text or "").strip():
        return None
    try:
        return to_seconds(str(text))
    except ValueError:
        raise SettingsError("VS269", text=text) from None


def changed(values: Mapping[str, Any], preset: str) -> dict[str, Any]:
    """The settings that a form and a preset make, where they differ from the defaults.

    Args:
        values: What a browser sent for each setting, by name; what was not moved from its default is the preset's.
        preset: The name of the preset.

    Raises:
        SettingsError: Where a value cannot be, or not together with another.
    """
    shown, plain = asdict(Settings.preset(STANDARD)), asdict(Settings())
    typed = {name: _typed(value, _TYPES[name]) for name, value in values.items() if value is not None}
    moved = {name: value for name, value in typed.items() if value != shown[name]}
    asked = asdict(Settings.preset(preset, **moved))
    return {name: value for name, value in asked.items() if value != plain[name]}


def restored(settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The preset and the values of a form that make `settings`, which differ from the defaults: `changed` the other
    way round."""

    def is_part(name: str) -> bool:
        return all(settings.get(option, plain[option]) == value for option, value in PRESETS[name].items())

    plain = asdict(Settings())
    preset = max(filter(is_part, PRESETS), key=lambda name: len(PRESETS[name]))
    return preset, {name: value for name, value in {**plain, **settings}.items() if name not in PRESETS[preset]}


def the_one(file: str | None, webcam: str | None) -> Path:
    """What is to be painted: the file that was dropped or the photo from the webcam. SourceError unless it is one."""
    given = [path for path in (file, webcam) if path]
    if not given:
        raise SourceError("VS357")
    if len(given) > 1:
        raise SourceError("VS358")
    return Path(given[0])


def _typed(value: Any, kind: Any) -> Any:
    """What a browser sent, as the setting's type."""
    if kind in (int, float):
        return kind(value)
    return value if get_origin(kind) is Literal or kind is bool else str(value).strip()
