"""Settings in TOML files, which are presets of one's own.

A file names a preset to start from, and any fields of Settings, with _ or - in their names::

    preset = "fine"
    frame-steps = 5
"""

import difflib
import os
import reprlib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_origin, get_type_hints

import tomli_w

from vidstyle.errors import SettingsError
from vidstyle.files import check_target, write_target
from vidstyle.settings.presets import STANDARD
from vidstyle.settings.settings import Settings

ENDINGS = (".toml",)
LARGEST = 1 << 16  # bytes: no settings take as many
FIRST_LINE = "# Settings of vidstyle: vidstyle INPUT --style IMAGE --settings FILE\n"
NAMING = ("VS241", "VS244")  # errors that name the option themselves

_EXAMPLE = "use a TOML file with lines such as steps = 30"
_WANTED = {
    bool: "true or false",
    int: "a whole number without quotes",
    float: "a number without quotes",
    str: "a text in quotes",
}


def load_settings(path: str | os.PathLike[str]) -> Settings:
    """The settings that a TOML file makes.

    Raises:
        SettingsError: The file cannot be read, or it names an unknown setting or a value that cannot be used.
    """
    return Settings.of(read_options(Path(path)))


def save_settings(
    path: str | os.PathLike[str], settings: Settings, preset: str | None = None, *, overwrite: bool = False
) -> None:
    """Writes settings to a TOML file, whole or not at all.

    Args:
        path: The file.
        settings: Only those that differ from the preset are written.
        preset: The preset that the file names as its base; None for the defaults.
        overwrite: Whether a different file of that name may be replaced.

    Raises:
        SinkError: The file cannot be written, or a different one exists.
        SettingsError: A value is not valid Unicode.
    """
    file = Path(path)
    check_savable(file, settings, preset, overwrite=overwrite)
    write_target(file, _data(settings, preset), ENDINGS, overwrite=True)


def check_savable(path: Path, settings: Settings, preset: str | None = None, *, overwrite: bool = False) -> None:
    """The errors of `save_settings`, before anything is written."""
    data = _data(settings, preset)
    same = path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data
    check_target(path, ENDINGS, overwrite=overwrite or same)


def read_options(path: Path) -> dict[str, Any]:
    """What a TOML file says, by the names of the fields of Settings, and ``preset`` where it names one.

    The values are of the fields' types and make settings that can be used.

    Raises:
        SettingsError: The file cannot be read, or it names an unknown setting or a value that cannot be used.
    """
    kinds = {"preset": str, **get_type_hints(Settings)}
    options: dict[str, Any] = {}
    for key, value in _table(path).items():
        name = key.replace("-", "_")
        if name not in kinds:
            raise SettingsError("VS249", path=path, key=key, nearest=_nearest(name, kinds))
        if name in options:
            raise SettingsError("VS250", path=path, name=name)
        options[name] = _typed(path, key, value, kinds[name])
        _check(path, {name: options[name]}, key)
    _check(path, options)
    return options


def _table(path: Path) -> dict[str, Any]:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise SettingsError("VS251", path=path, reason="it is not a file")
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise SettingsError("VS251", path=path, reason=error.strerror) from error
    if len(data) > LARGEST:
        raise SettingsError("VS246", path=path, example=_EXAMPLE)
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SettingsError("VS252", path=path, example=_EXAMPLE) from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise SettingsError("VS254", path=path, error=reason, example=_EXAMPLE) from error


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else "'vidstyle --help' shows all"


def _typed(path: Path, key: str, value: object, kind: Any) -> object:
    """`value` where it is of a field's type; a whole number may stand for any number, nothing else for another."""
    wanted = str if get_origin(kind) is Literal else kind
    if wanted is float and type(value) is int and abs(value) < 2**63:
        return float(value)
    if type(value) is not wanted:
        got = str(value).lower() if isinstance(value, bool) else reprlib.repr(value)
        raise SettingsError("VS247", path=path, key=key, wanted=_WANTED[wanted], got=got)
    return value


def _check(path: Path, options: Mapping[str, Any], key: str = "") -> None:
    """SettingsError unless the options make settings; it names the file, and the `key` where one alone is checked."""
    try:
        Settings.of(options)
    except SettingsError as error:
        if key and error.code not in NAMING:
            raise SettingsError("VS248", path=path, key=key, error=error) from error
        raise SettingsError("VS255", path=path, error=error) from error


def _data(settings: Settings, preset: str | None) -> bytes:
    """The file, as short as can be."""
    base, named = Settings.preset(preset or STANDARD), {"preset": preset} if preset else {}
    changed = {name: value for name, value in asdict(settings).items() if value != getattr(base, name)}
    try:
        return (FIRST_LINE + tomli_w.dumps({**named, **changed})).encode()
    except UnicodeEncodeError as error:
        raise SettingsError("VS256", object=error.object[:80]) from error
