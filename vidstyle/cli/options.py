"""The options of the command line. Those of Settings are made in one loop over its fields."""

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from cyclopts import Group, Parameter, Token

from vidstyle.errors import SettingsError
from vidstyle.settings.keyframes import to_seconds
from vidstyle.settings.presets import PRESETS
from vidstyle.settings.settings import PAINTING, Settings
from vidstyle.settings.toml import check_savable, read_options, save_settings

FILES = Group.create_ordered("Input and output")
SETTINGS_GROUPS = {
    name: Group.create_ordered(name)
    for name in dict.fromkeys([PAINTING, *(option.metadata["group"] for option in fields(Settings))])
}
PAINTING_GROUP = SETTINGS_GROUPS[PAINTING]
RUNNING = Group.create_ordered("Running")
CLUSTER = Group.create_ordered("On many machines")
COMMANDS = Group.create_ordered("Commands")

STANDARD = "standard"
STANDARD_VALUES: Mapping[str, Any] = PRESETS[STANDARD]
METAVARS = {int: "N", float: "X", str: "TEXT"}
WIDEST_CHOICES = 16  # characters of choices beside an option; longer lists stand in its help

_Annotated: Any = Annotated  # as values, which type checkers do not follow
_Literal: Any = Literal
_STYLE_HELP = "Paint in the style of this image. Give it several times to mix styles."
_OUTPUT_HELP = "Where to write; else INPUT_STYLE beside INPUT."
_FROM_HELP = "Paint a video from this time on: 12.5, 12.5s or 1:30."
_STYLE_MASK_HELP = "An image or video that is white where the style of the same place in the list is painted."
_MASK_HELP = "An image or video that is white where to paint; elsewhere INPUT stays as it is."
_NO_LIMITS_HELP = "Take files of any size: over 150 million pixels, 500,000 frames or 12 hours."
_LOG_HELP = "Append everything that happens, with times, to this file."

_RAY_HELP = "Paint on the Ray cluster at ADDRESS (HOST:PORT); else at RAY_ADDRESS, or on this machine. Put it last."
_TASK_CPUS_HELP = "With --ray: the CPUs that a segment is painted by; 1 if not given."
_TASK_GPUS_HELP = "With --ray: the GPUs that a segment is painted by, or the share of one; none if not given."
_STORAGE_HELP = "With --ray: where machines that share no folder find the job, like s3://bucket/films."

_PRESET_HELP = "Values to start from: draft is quick, fine is slow, paper is the article of Gatys et al. to the letter."
_SETTINGS_HELP = "Take settings from this TOML file; those that are given on the command line win over it."
_SAVE_SETTINGS_HELP = "Write the settings, as they come out, to this TOML file before painting."

Command = TypeVar("Command", bound=Callable[..., Any])

log = logging.getLogger(__name__)

DEVICE_HELP = "What paints; auto is a GPU where there is one."


def _times(_: object, tokens: Sequence[Token]) -> tuple[float, ...]:
    return tuple(to_seconds(token.value) for token in tokens)


def _paths(_: object, tokens: Sequence[Token]) -> tuple[Path, ...]:
    if not all(token.value for token in tokens):
        raise ValueError("an empty name is given where a file or folder should be")
    return tuple(Path(token.value) for token in tokens)


def _time(kind: object, tokens: Sequence[Token]) -> float:
    return _times(kind, tokens)[0]


def _path(kind: object, tokens: Sequence[Token]) -> Path:
    return _paths(kind, tokens)[0]


Seconds = Annotated[float, Parameter(converter=_time, metavar="TIME")]
ManySeconds = Annotated[tuple[float, ...], Parameter(converter=_times, metavar="TIME", negative=(), show_default=False)]
AnyPath = Annotated[Path, Parameter(converter=_path)]
ManyPaths = Annotated[tuple[Path, ...], Parameter(converter=_paths, negative=(), show_default=False)]
Switch = Annotated[bool, Parameter(negative=(), show_default=False)]


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class Telling:
    """How much is told, and where."""

    quiet: Annotated[Switch, Parameter(alias="-q", help="Show warnings and errors only.")] = False
    log_file: Annotated[AnyPath | None, Parameter(metavar="FILE", help=_LOG_HELP)] = None


@Parameter(name="*", group=FILES)
@dataclass(frozen=True)
class Wanted:
    """What is to be painted like what, and to where."""

    style: Annotated[ManyPaths, Parameter(alias="-s", metavar="IMAGE", help=_STYLE_HELP)] = ()
    style_mask: Annotated[ManyPaths, Parameter(metavar="FILE", help=_STYLE_MASK_HELP)] = ()
    mask: Annotated[AnyPath | None, Parameter(metavar="FILE", help=_MASK_HELP)] = None
    output: Annotated[AnyPath | None, Parameter(alias="-o", metavar="FILE", help=_OUTPUT_HELP)] = None
    overwrite: Annotated[Switch, Parameter(help="Replace an output that exists.")] = False
    from_: Annotated[Seconds | None, Parameter(name="--from", help=_FROM_HELP)] = None
    to: Annotated[Seconds | None, Parameter(help="Paint a video up to this time.")] = None
    no_limits: Annotated[Switch, Parameter(help=_NO_LIMITS_HELP)] = False


@Parameter(name="*", group=CLUSTER)
@dataclass(frozen=True)
class Machines:
    """The cluster that paints, where this machine does not."""

    ray: Annotated[bool | str, Parameter(negative=(), show_default=False, metavar="[ADDRESS]", help=_RAY_HELP)] = False
    task_cpus: Annotated[float | None, Parameter(metavar="X", help=_TASK_CPUS_HELP)] = None
    task_gpus: Annotated[float | None, Parameter(metavar="X", help=_TASK_GPUS_HELP)] = None
    storage: Annotated[str | None, Parameter(metavar="URL", help=_STORAGE_HELP)] = None


def with_settings(command: Command) -> Command:
    """Puts ``preset``, the two of files, and one option for each field of Settings in place of its ``**options``.

    `Chosen.of` says what they make together.
    """
    return _with_options(command, [*_preset_options(), *_settings_options(Settings.preset(STANDARD))])


def with_some_settings(*names: str, base: Mapping[str, Any] = STANDARD_VALUES) -> Callable[[Command], Command]:
    """Puts the options of the fields `names` of Settings where a command has its ``**options``; `base`: its values."""
    made = [option for option in _settings_options(Settings(**base)) if option.name in names]
    return lambda command: _with_options(command, made)


def _with_options(command: Command, made: Sequence[inspect.Parameter]) -> Command:
    signature = inspect.signature(command)
    kept = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*kept, *made])  # type: ignore[attr-defined]
    command.__annotations__ |= {p.name: p.annotation for p in made}
    return command


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
        """From a command's ``**options``; what cannot be used, and where nothing can be saved, is an error."""
        on_line, files = dict(options), ("settings", "save_settings")
        file, save_to = (on_line.pop(name, None) for name in files)
        chosen = cls({**(read_options(file) if file else {}), **on_line}, file, save_to, overwrite)
        if save_to:
            check_savable(save_to, chosen.settings, chosen.preset, overwrite=overwrite)
        return chosen

    @property
    def preset(self) -> str | None:
        return self.given.get("preset")

    @property
    def settings(self) -> Settings:
        changes = {name: value for name, value in self.given.items() if name != "preset"}
        try:
            return Settings.preset(self.preset or STANDARD, **changes)
        except SettingsError as error:
            where = f"with {self.file}: " if self.file else ""
            raise SettingsError("VS202", where=where, error=error) from error

    def save(self) -> None:
        """Writes the file that --save-settings names, if it is given."""
        if self.save_to:
            save_settings(self.save_to, self.settings, self.preset, overwrite=self.overwrite)
            log.info("the settings are in %s", self.save_to)


def settings_of(**options: Any) -> Settings:
    """The settings of a command that neither saves them nor tells which are not used."""
    return Chosen.of(options).settings


def settings_from(base: Mapping[str, Any], given: Mapping[str, Any], **fixed: Any) -> Settings:
    """The settings of a command of its own: its base, changed by the options that were given."""
    return Settings(**{**base, **given, **fixed})


def _preset_options() -> list[inspect.Parameter]:
    """What many settings come from at once, and go to."""
    made = (
        ("preset", _Literal[tuple(PRESETS)], STANDARD, "NAME", _PRESET_HELP),
        ("settings", AnyPath | None, None, "FILE", _SETTINGS_HELP),
        ("save_settings", AnyPath | None, None, "FILE", _SAVE_SETTINGS_HELP),
    )
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=_Annotated[kind, Parameter(group=PAINTING_GROUP, help=text, metavar=metavar)],
        )
        for name, kind, default, metavar, text in made
    ]


def _settings_options(standard: Settings) -> list[inspect.Parameter]:
    """One option for each field. Its default is None, which is not given: then that of `standard` holds."""
    types = get_type_hints(Settings)
    options = []
    for option in fields(Settings):
        parameter = Parameter(
            group=SETTINGS_GROUPS[option.metadata["group"]],
            help=option.metadata["help"],
            metavar=_metavar(types[option.name]),
            show_choices=_metavar(types[option.name]) == "NAME",
            show_default=_shown(getattr(standard, option.name)),
            negative=(),
        )
        kind = _Annotated[types[option.name] | None, parameter]
        options.append(inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind))
    return options


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
