"""The settings as a form, and what a form that was sent asks for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import gradio as gr

from vidstyle.errors import SourceError, VidstyleError
from vidstyle.settings.presets import PRESETS, STANDARD
from vidstyle.settings.settings import Settings
from vidstyle.web.job_folder import NO_PATHS

SLIDERS, MENUS = ("strength", "style_scale"), ("keep_colors", "size")
AT_HAND = (*SLIDERS, *MENUS)  # shown above the rest
LEFT_OUT = ("feather", "lut")  # of masks and tables of colours, which the page does not take
LABELS: Mapping[str, str] = {"style_scale": "Stroke size", "keep_colors": "Colours"}  # where the name would not do
HELP: Mapping[str, str] = {
    "strength": "0 stays close to the shapes of the original, 1 is all style. Colours are a setting of their own.",
    "style_scale": "2 paints with strokes twice as large.",
    "keep_colors": "",
    "size": "Length of the long side. Automatic is the original size on a GPU, and at most 640 px on a CPU.",
}
RANGES: Mapping[str, tuple[float, float, float]] = {"strength": (0, 1, 0.05), "style_scale": (0.25, 4, 0.25)}
PARTS: Mapping[str, str] = {"from": "start", "to": "end"}  # the fields of a video's part, by their options
SIZES = ("320", "480", "640", "960", "1280", "1920")
CHOICES: Mapping[str, Sequence[tuple[str, str]]] = {
    "keep_colors": (
        ("From the style", "no"),
        ("Keep original", "luminance"),
        ("Style recoloured to match the original", "match"),
        ("Not controlled", "free"),
    ),
    "size": (("Automatic", "auto"), *((f"{size} px", size) for size in SIZES), ("Original size", "full")),
}
PRESET_NAMES = (
    ("Quick draft", "draft"),
    ("Standard", STANDARD),
    ("Fine", "fine"),
    ("Original paper method", "paper"),
)

Controls = dict[str, Any]  # Gradio components, whose events are made at run time

_OPTIONS = {option.name: option for option in fields(Settings)}
_TYPES = get_type_hints(Settings)


def at_hand(*names: str) -> Controls:
    """The controls of some of AT_HAND, by name, made where the page is now."""
    return {name: control(name) for name in names}


def folded() -> Controls:
    """The controls of all other settings that the page takes, by name, under the headings of their groups."""
    made: Controls = {}
    for group in dict.fromkeys(option.metadata["group"] for option in _OPTIONS.values()):
        names = [name for name, option in _OPTIONS.items() if option.metadata["group"] == group]
        gr.Markdown(f"### {group}")
        made |= {name: control(name) for name in names if name not in (*AT_HAND, *LEFT_OUT)}
    return made


def control(name: str) -> gr.components.Component:
    """What suits a setting's type, with its help and its default."""
    option, kind = _OPTIONS[name], _TYPES[name]
    common: dict[str, Any] = {
        "label": label_of(name),
        "info": HELP.get(name, option.metadata["help"]) or None,
        "value": option.default,
        "elem_id": _id_of(name),
    }
    if name in RANGES:
        low, high, step = RANGES[name]
        return gr.Slider(low, high, step=step, buttons=[], **common)
    if choices := CHOICES.get(name) or NO_PATHS.get(name) or get_args(kind):
        return gr.Dropdown(list(choices), filterable=False, **common)
    if kind is bool:
        return gr.Checkbox(**common)
    if kind in (int, float):
        return gr.Number(precision=0 if kind is int else None, **common)
    return gr.Textbox(max_lines=1, **common)


def label_of(name: str) -> str:
    """What the page calls a setting."""
    return LABELS.get(name) or name.replace("_", " ").capitalize()


def value_in_words(name: str, value: Any) -> str:
    """What the page calls a value of a setting."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return next((label for label, choice in CHOICES.get(name, ()) if choice == value), str(value))


def in_words_of_the_page(text: str) -> str:
    """An error's text with the page's labels instead of the command line's options: ``--size`` is Size here."""
    named = re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda found: label_of(found[1].replace("-", "_")), text)
    return named[:1].upper() + named[1:] if re.match(r"[a-z]+(?![\w.])", named) else named  # no name of a file


def field_of(error: VidstyleError, values: Mapping[str, Any]) -> str:
    """The id of the field that an error is about, nothing where it is about none.

    Args:
        error: It knows the setting's name or what was typed, or its text names options, of which those count first
            that were moved from their defaults.
        values: What a browser sent for each setting, by name.
    """
    options = [option.replace("-", "_") for option in re.findall(r"--([a-z]+(?:-[a-z]+)*)", str(error))]
    moved = [name for name in options if name in values and values[name] != getattr(Settings, name)]
    typed = [
        name for name, value in values.items() if isinstance(value, str) and value.strip() == error.facts.get("text")
    ]
    names = [str(error.facts.get("name")).replace("-", "_"), *typed, *moved, *options]
    fields = (_id_of(name) if name in values else PARTS.get(name, "") for name in names)
    return next(filter(None, fields), "")


def _id_of(name: str) -> str:
    return f"set-{name.replace('_', '-')}"


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
