"""The settings as a form: one control for each field of Settings, in its group."""

from dataclasses import Field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import gradio as gr

from vidstyle.apps.web.choices import NO_PATHS
from vidstyle.settings import Settings

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
