"""Which settings a form that was sent makes."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_origin, get_type_hints

from vidstyle.apps.options import STANDARD
from vidstyle.apps.paint import FILTERS
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
