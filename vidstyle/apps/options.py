"""The options of the command line. Those of Settings are made in one loop over its fields."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from cyclopts import Group, Parameter, Token

from vidstyle.settings import PAINTING, PRESETS, Settings

FILES = Group.create_ordered("Input and output")
SETTINGS_GROUPS = {
    name: Group.create_ordered(name)
    for name in dict.fromkeys([PAINTING, *(option.metadata["group"] for option in fields(Settings))])
}
RUNNING = Group.create_ordered("Running")
CLUSTER = Group.create_ordered("On many machines")
COMMANDS = Group.create_ordered("Commands")

STANDARD = "standard"
METAVARS = {int: "N", float: "X", str: "TEXT"}

_Annotated: Any = Annotated  # as values, which type checkers do not follow
_Literal: Any = Literal
_STYLE_HELP = "Paint in the style of this picture. Give it several times to mix styles."
_OUTPUT_HELP = "Where to write; else INPUT_STYLE beside INPUT."
_FROM_HELP = "Paint a video from this time on: 12.5, 12.5s or 1:30."
_LOG_HELP = "Append everything that happens, with times, to this file."

_RAY_HELP = "Paint on the Ray cluster at ADDRESS (HOST:PORT); else at RAY_ADDRESS, or on this machine. Put it last."
_TASK_CPUS_HELP = "With --ray: the CPUs that a segment is painted by; 1 if not given."
_TASK_GPUS_HELP = "With --ray: the GPUs that a segment is painted by, or the share of one; none if not given."
_STORAGE_HELP = "With --ray: where machines that share no folder find the job, like s3://bucket/films."

Command = TypeVar("Command", bound=Callable[..., Any])


class UsageError(Exception):
    """The words of the command line do not fit together."""


def to_seconds(text: str) -> float:
    """Seconds from ``12.5``, ``12.5s``, ``1:30`` or ``1:02:03.5``; ValueError for anything else."""
    try:
        parts = [float(part) for part in text.strip().removesuffix("s").split(":")]
    except ValueError:
        parts = []
    later_fit = all(0 <= part < 60 for part in parts[1:]) and all(part.is_integer() for part in parts[:-1])
    if not 1 <= len(parts) <= 3 or not all(map(math.isfinite, parts)) or parts[0] < 0 or not later_fit:
        raise ValueError(f"{text!r} is no time; give seconds like 12.5 or 12.5s, or minutes like 1:30")
    return math.fsum(part * 60.0**power for power, part in enumerate(reversed(parts)))


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

    style: Annotated[ManyPaths, Parameter(alias="-s", metavar="PICTURE", help=_STYLE_HELP)] = ()
    output: Annotated[AnyPath | None, Parameter(alias="-o", metavar="FILE", help=_OUTPUT_HELP)] = None
    overwrite: Annotated[Switch, Parameter(help="Replace an output that exists.")] = False
    from_: Annotated[Seconds | None, Parameter(name="--from", help=_FROM_HELP)] = None
    to: Annotated[Seconds | None, Parameter(help="Paint a video up to this time.")] = None


@Parameter(name="*", group=CLUSTER)
@dataclass(frozen=True)
class Machines:
    """The cluster that paints, where this machine does not."""

    ray: Annotated[bool | str, Parameter(negative=(), show_default=False, metavar="[ADDRESS]", help=_RAY_HELP)] = False
    task_cpus: Annotated[float | None, Parameter(metavar="X", help=_TASK_CPUS_HELP)] = None
    task_gpus: Annotated[float | None, Parameter(metavar="X", help=_TASK_GPUS_HELP)] = None
    storage: Annotated[str | None, Parameter(metavar="URL", help=_STORAGE_HELP)] = None


def with_settings(command: Command) -> Command:
    """Puts ``preset`` and one option for each field of Settings where `command` has its ``**options``."""
    return _with_options(command, [_preset_option(), *_settings_options()])


def with_some_settings(*names: str) -> Callable[[Command], Command]:
    """Puts the options of the fields `names` of Settings where a command has its ``**options``."""
    return lambda command: _with_options(command, [option for option in _settings_options() if option.name in names])


def _with_options(command: Command, made: Sequence[inspect.Parameter]) -> Command:
    signature = inspect.signature(command)
    kept = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*kept, *made])  # type: ignore[attr-defined]
    command.__annotations__ |= {p.name: p.annotation for p in made}
    return command


def settings_of(preset: str = STANDARD, **given: Any) -> Settings:
    """The settings of a preset, changed by the options that were given."""
    return Settings.preset(preset, **given)


def _preset_option() -> inspect.Parameter:
    text = "Values to start from: draft is quick, fine is slow, paper is the article of Gatys et al. to the letter."
    parameter = Parameter(group=SETTINGS_GROUPS[PAINTING], help=text, metavar="NAME")
    kind = _Annotated[_Literal[tuple(PRESETS)], parameter]
    return inspect.Parameter("preset", inspect.Parameter.KEYWORD_ONLY, default=STANDARD, annotation=kind)


def _settings_options() -> list[inspect.Parameter]:
    """One option for each field. Its default is None, which is not given: then the preset's value holds."""
    types, standard = get_type_hints(Settings), Settings.preset(STANDARD)
    options = []
    for option in fields(Settings):
        parameter = Parameter(
            group=SETTINGS_GROUPS[option.metadata["group"]],
            help=option.metadata["help"],
            metavar=_metavar(types[option.name]),
            show_choices=False,
            show_default=_shown(getattr(standard, option.name)),
            negative=(),
        )
        kind = _Annotated[types[option.name] | None, parameter]
        options.append(inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind))
    return options


def _shown(value: object) -> Callable[[object], str]:
    return lambda _: f"{value:g}" if isinstance(value, float) else str(value)


def _metavar(kind: Any) -> str:
    return "|".join(map(str, get_args(kind))) if get_origin(kind) is Literal else METAVARS.get(kind, "VALUE")
