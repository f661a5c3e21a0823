"""What a form that was sent asks for."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_origin, get_type_hints

from vidstyle.apps.options import STANDARD
from vidstyle.apps.paint import FILTERS
from vidstyle.errors import SourceError
from vidstyle.settings import Settings

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
        raise SourceError("nothing to paint is chosen; drop a video or a picture, or take one by the webcam")
    if len(given) > 1:
        raise SourceError("a file and a picture of the webcam are there; take one of them away")
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
