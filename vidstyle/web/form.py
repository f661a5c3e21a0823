"""The settings as a form, and what a form that was sent asks for."""

from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import gradio as gr

from vidstyle.cli.stylize import FILTERS
from vidstyle.errors import SourceError
from vidstyle.settings.presets import STANDARD
from vidstyle.settings.settings import Settings

AT_HAND = ("strength", "keep_colors", "size")  # shown above the rest

Controls = dict[str, gr.components.Component]


def at_hand() -> Controls:
    """The controls that people use most."""
    return {option.name: _control(option) for option in _named(AT_HAND)}


def folded() -> Controls:
    """All others, each group in a part that unfolds."""
    rest = [option for option in fields(Settings) if option.name not in AT_HAND]
    made: Controls = {}
    for group in dict.fromkeys(option.metadata["group"] for option in rest):
        with gr.Accordion(group, open=False):
            made |= {option.name: _control(option) for option in rest if option.metadata["group"] == group}
    return made


def _named(names: tuple[str, ...]) -> list[Field[Any]]:
    return [option for name in names for option in fields(Settings) if option.name == name]


def _control(option: Field[Any]) -> gr.components.Component:
    kind, label = get_type_hints(Settings)[option.name], option.name.replace("_", " ").capitalize()
    value, mark = getattr(Settings(), option.name), f"set-{option.name.replace('_', '-')}"
    common = {"label": label, "info": option.metadata["help"], "value": value, "elem_id": mark}
    if option.name == "strength":
        return gr.Slider(0, 1, step=0.05, **common)
    choices = NO_PATHS.get(option.name) or (get_args(kind) if get_origin(kind) is Literal else ())
    if choices:
        return gr.Dropdown(list(choices), **common)
    if kind is bool:
        return gr.Checkbox(**common)
    if kind in (int, float):
        return gr.Number(precision=0 if kind is int else None, **common)
    return gr.Textbox(max_lines=1, **common)


NO_PATHS: Mapping[str, tuple[str, ...]] = {"weights": FILTERS, "init": ("content", "random")}  # of the server's files


def changed(values: Mapping[str, Any], preset: str) -> dict[str, Any]:
    """The settings that a form and a preset make, where they differ from the defaults. Raises SettingsError."""
    standard, types = Settings.preset(STANDARD), get_type_hints(Settings)
    moved = {}
    for name, value in values.items():
        typed = _typed(value, types[name])
        if typed is not None and typed != getattr(standard, name):
            moved[name] = typed
    settings, plain = Settings.preset(preset, **moved), Settings()
    return {o.name: getattr(settings, o.name) for o in fields(Settings) if _differ(settings, plain, o.name)}


def the_one(file: str | None, webcam: str | None) -> Path:
    """What is to be painted, of what was dropped and what a webcam took. Raises SourceError unless it is one."""
    given = [path for path in (file, webcam) if path]
    if not given:
        raise SourceError("VS357")
    if len(given) > 1:
        raise SourceError("VS358")
    return Path(given[0])


def _differ(one: Settings, other: Settings, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def _typed(value: Any, kind: Any) -> Any:
    """What a browser sent, as the setting's type; None where nothing is given."""
    if value is None:
        return None
    if kind is int:
        return int(value)
    if kind is float:
        return float(value)
    return value if get_origin(kind) is Literal or kind is bool else str(value).strip()
