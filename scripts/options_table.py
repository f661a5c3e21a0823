"""Writes docs/options.md, the table of all settings, from vidstyle.settings.settings."""

from dataclasses import Field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vidstyle.settings.presets import PRESETS
from vidstyle.settings.settings import Settings

TARGET = Path(__file__).resolve().parent.parent / "docs" / "options.md"

INTRODUCTION = """\
# Options

These settings control the painting. Each option of the command line is a field of `vidstyle.Settings` of the same name,
with underscores for dashes. `--preset NAME` gives other defaults; options override them.

A TOML file can hold the same settings, with underscores or dashes. `--settings FILE` reads it, and
`--save-settings FILE` writes the effective settings:

```toml
preset = "fine"
strength = 0.7
frame-steps = 5
```

The command line overrides the file, and the file overrides its preset. Images and weights that it names are found as on
the command line, relative to the current folder. The other options (files, resuming, clusters ...) are listed by
`vidstyle --help`.

This page is written by `scripts/options_table.py`.
"""


def page() -> str:
    """The whole page as Markdown."""
    groups = dict.fromkeys(option.metadata["group"] for option in fields(Settings))
    return "\n".join([INTRODUCTION, *(_group_table(group) for group in groups), _presets_table()])


def _group_table(group: str) -> str:
    types = get_type_hints(Settings)
    rows = [
        f"| {_flag(option)} | {_values(types[option.name])} | {_shown(option.default)} | {option.metadata['help']} |"
        for option in fields(Settings)
        if option.metadata["group"] == group
    ]
    return "\n".join([f"## {group}\n", "| option | value | default | what it does |", "|---|---|---|---|", *rows, ""])


def _presets_table() -> str:
    presets = {name: Settings.preset(name) for name in PRESETS}
    changed = [o for o in fields(Settings) if len({getattr(preset, o.name) for preset in presets.values()}) > 1]
    rows = [
        f"| {_flag(option)} | " + " | ".join(_shown(getattr(preset, option.name)) for preset in presets.values()) + " |"
        for option in changed
    ]
    head = ["## Presets\n", f"| option | {' | '.join(presets)} |", "|---" * (1 + len(presets)) + "|"]
    return "\n".join([*head, *rows, ""])


def _flag(option: "Field[Any]") -> str:
    return f"`--{option.name.replace('_', '-')}`"


def _values(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    return {bool: "", int: "whole number", float: "number", str: "text"}[kind]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
    print(TARGET)
