"""The options that are fields of Settings, made in one loop over them, and the settings that come of them."""

import inspect
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from cyclopts import Parameter

from vidstyle.cli.options import SETTINGS_GROUPS, AnyPath
from vidstyle.errors import SettingsError
from vidstyle.settings.presets import PRESETS, STANDARD
from vidstyle.settings.settings import MOTION, PAINTING, VIDEO_FILE, Settings
from vidstyle.settings.toml import check_savable, read_options, save_settings

METAVARS = {int: "N", float: "X", str: "TEXT"}
OF_VIDEOS = (
    *("frame_steps", "style_keys", "strength_keys", "style_per_shot"),
    *(option.name for option in fields(Settings) if option.metadata["group"] in (MOTION, VIDEO_FILE)),
)
WIDEST_CHOICES = 16  # characters of choices beside an option; longer lists stand in its help

_Annotated: Any = Annotated  # as values, which type checkers do not follow
_Literal: Any = Literal
_PRESET_HELP = "Base settings: draft is fast, fine is slow, paper follows Gatys et al."
_SETTINGS_HELP = "Read settings from this TOML file. Options on the command line override it."
_SAVE_SETTINGS_HELP = "Write the effective settings to this TOML file before painting."

Command = TypeVar("Command", bound=Callable[..., Any])

log = logging.getLogger(__name__)


def with_settings(command: Command) -> Command:
    """Puts ``preset``, the two of files, and one option for each field of Settings in place of its ``**options``.

    `Chosen.of` says what they make together.
    """
    return _with_options(command, [*_preset_options(), *_settings_options(Settings.preset(STANDARD))])


def with_image_settings(command: Command) -> Command:
    """`with_settings` for a command that paints an image: its help leaves out what only videos use."""
    known = [*_preset_options(), *_settings_options(Settings.preset(STANDARD), hidden=OF_VIDEOS)]
    return _with_options(command, known)


def with_some_settings(*names: str, base: Mapping[str, Any] = PRESETS[STANDARD]) -> Callable[[Command], Command]:
    """Puts the options of the fields `names` of Settings where a command has its ``**options``; `base`: its values."""
    made = [option for option in _settings_options(Settings(**base)) if option.name in names]
    return lambda command: _with_options(command, made)


def _with_options(command: Command, made: Sequence[inspect.Parameter]) -> Command:
    signature = inspect.signature(command)
    kept = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*kept, *made])  # type: ignore[attr-defined]
    command.__annotations__ |= {p.name: p.annotation for p in made}
    return command


def _preset_options() -> list[inspect.Parameter]:
    """What many settings come from at once, and go to."""
    group = SETTINGS_GROUPS[PAINTING]
    return [
        _option(
            "preset", _Literal[tuple(PRESETS)], Parameter(group=group, metavar="NAME", help=_PRESET_HELP), STANDARD
        ),
        _option("settings", AnyPath, Parameter(group=group, metavar="FILE", help=_SETTINGS_HELP)),
        _option("save_settings", AnyPath, Parameter(group=group, metavar="FILE", help=_SAVE_SETTINGS_HELP)),
    ]


def _settings_options(standard: Settings, hidden: Collection[str] = ()) -> list[inspect.Parameter]:
    """One option for each field. Its default is None, which is not given: then that of `standard` holds.

    The help leaves out the `hidden` ones.
    """
    types = get_type_hints(Settings)
    options = []
    for option in fields(Settings):
        metavar = _metavar(types[option.name])
        parameter = Parameter(
            group=SETTINGS_GROUPS[option.metadata["group"]],
            help=option.metadata["help"],
            metavar=metavar,
            show_choices=metavar == "NAME",
            show_default=_shown(getattr(standard, option.name)),
            negative=(),
            show=option.name not in hidden,
        )
        options.append(_option(option.name, types[option.name], parameter))
    return options


def _option(name: str, kind: Any, parameter: Parameter, default: str | None = None) -> inspect.Parameter:
    annotation = _Annotated[kind | None, parameter]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _shown(value: object) -> Callable[[object], str] | bool:
    """How a default is shown; none where it is nothing."""
    if value is False or value == "":
        return False
    return lambda _: f"{value:g}" if isinstance(value, float) else str(value)


def _metavar(kind: Any) -> str:
    if get_origin(kind) is not Literal:
        return METAVARS.get(kind, "VALUE")
    choices = "|".join(map(str, get_args(kind)))
    return choices if len(choices) <= WIDEST_CHOICES else "NAME"


@dataclass(frozen=True)
class Chosen:
    """What the options of a command ``with_settings`` say: `given`, by name, on its line or in the file of --settings.

    A preset's values count less than those of the `file`, and these less than the command line's.
    """

    given: Mapping[str, Any]
    file: Path | None = None
    save_to: Path | None = None
    overwrite: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any], *, overwrite: bool = False) -> "Chosen":
        """What a command's ``**options`` say, checked.

        Args:
            options: By name; ``settings`` and ``save_settings`` among them are files.
            overwrite: Whether the file of ``save_settings`` may exist.

        Raises:
            SettingsError: The file of ``settings`` cannot be read, or something cannot be used.
            SinkError: The file of ``save_settings`` cannot be written.
        """
        on_line = dict(options)
        file, save_to = (on_line.pop(name, None) for name in ("settings", "save_settings"))
        chosen = cls({**(read_options(file) if file else {}), **on_line}, file, save_to, overwrite)
        if save_to:
            check_savable(save_to, chosen.settings, chosen.preset, overwrite=overwrite)
        return chosen

    @property
    def preset(self) -> str | None:
        """The preset that is named, if any."""
        return self.given.get("preset")

    @property
    def settings(self) -> Settings:
        """The settings; SettingsError where what is given does not fit together."""
        try:
            return Settings.of(self.given)
        except SettingsError as error:
            where = f"with {self.file}: " if self.file else ""
            raise SettingsError("VS202", where=where, error=error) from error

    def save(self) -> None:
        """Writes the file that --save-settings names, if it is given."""
        if self.save_to:
            save_settings(self.save_to, self.settings, self.preset, overwrite=self.overwrite)
            log.info("settings written to %s", self.save_to)
