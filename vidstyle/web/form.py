"""The settings as a form, and what a form that was sent asks for."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import gradio as gr

from vidstyle.errors import SourceError
from vidstyle.settings.presets import STANDARD
from vidstyle.settings.settings import Settings
from vidstyle.web.job_folder import NO_PATHS

AT_HAND = ("strength", "keep_colors", "size")  # shown above the rest

Controls = dict[str, gr.components.Component]

_OPTIONS = {option.name: option for option in fields(Settings)}
_TYPES = get_type_hints(Settings)


def at_hand() -> Controls:
    """The controls of the settings that people use most, by name, made where the page is now."""
    return {name: _control(name) for name in AT_HAND}


def folded() -> Controls:
    """The controls of all other settings, by name, each group in a part that unfolds."""
    made: Controls = {}
    for group in dict.fromkeys(option.metadata["group"] for option in _OPTIONS.values()):
        with gr.Accordion(group, open=False):
            names = [name for name, option in _OPTIONS.items() if option.metadata["group"] == group]
            made |= {name: _control(name) for name in names if name not in AT_HAND}
    return made


def _control(name: str) -> gr.components.Component:
    """What suits a setting's type, with its help and its default."""
    option, kind = _OPTIONS[name], _TYPES[name]
    common = {
        "label": name.replace("_", " ").capitalize(),
        "info": option.metadata["help"],
        "value": option.default,
        "elem_id": f"set-{name.replace('_', '-')}",
    }
    if name == "strength":
        return gr.Slider(0, 1, step=0.05, **common)
    if choices := NO_PATHS.get(name) or get_args(kind):
        return gr.Dropdown(list(choices), **common)
    if kind is bool:
        return gr.Checkbox(**common)
    if kind in (int, float):
        return gr.Number(precision=0 if kind is int else None, **common)
    return gr.Textbox(max_lines=1, **common)


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
