"""The options that several commands have, beside those of Settings, and the checks of what they say."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter, Token

from vidstyle.errors import UsageError
from vidstyle.files import check_target
from vidstyle.settings.keyframes import to_seconds
from vidstyle.settings.settings import PAINTING, Settings

if TYPE_CHECKING:
    from vidstyle.jobs.spec import ClusterOptions
    from vidstyle.studies.making import Progress

FILES = Group.create_ordered("Input and output")
SETTINGS_GROUPS = {
    name: Group.create_ordered(name)
    for name in dict.fromkeys([PAINTING, *(option.metadata["group"] for option in fields(Settings))])
}
RUNNING = Group.create_ordered("Running")
CLUSTER = Group.create_ordered("On many machines")
SHOWING = Group.create_ordered("The making of an image's painting")
COMMANDS = Group.create_ordered("Commands")

TABLE_ENDINGS, PLOT_ENDINGS = (".csv", ".json"), (".png", ".svg")  # those of loss_record, which takes long to import
FLIPBOOK_ENDINGS = (".gif", ".webp", ".mp4")  # those of video.flipbook, which takes long to import

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
Styles = Annotated[ManyPaths, Parameter(alias="-s", group=FILES, metavar="IMAGE")]
Output = Annotated[AnyPath | None, Parameter(alias="-o", group=FILES, metavar="FILE", help="Where to write.")]
Overwrite = Annotated[Switch, Parameter(group=FILES, help="Replace an output that exists.")]
Device = Annotated[str, Parameter(group=RUNNING, metavar="auto|cpu|cuda|mps", help=DEVICE_HELP)]


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class Telling:
    """How much is told, and where."""

    quiet: Annotated[Switch, Parameter(alias="-q")] = False
    """Show warnings and errors only."""
    log_file: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """Append everything that happens, with times, to this file."""


@Parameter(name="*", group=FILES)
@dataclass(frozen=True)
class Wanted:
    """What is to be painted like what, and to where."""

    style: Styles = ()
    """Paint in the style of this image. Give it several times to mix styles."""
    style_mask: Annotated[ManyPaths, Parameter(metavar="FILE")] = ()
    """An image or video that is white where the style of the same place in the list is painted."""
    mask: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """An image or video that is white where to paint; elsewhere INPUT stays as it is."""
    output: Annotated[AnyPath | None, Parameter(alias="-o", metavar="FILE")] = None
    """Where to write; else INPUT_STYLE beside INPUT."""
    overwrite: Switch = False
    """Replace an output that exists."""
    from_: Annotated[Seconds | None, Parameter(name="--from")] = None
    """Paint a video from this time on: 12.5, 12.5s or 1:30."""
    to: Seconds | None = None
    """Paint a video up to this time."""
    no_limits: Switch = False
    """Take files of any size: over 150 million pixels, 500,000 frames or 12 hours."""


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class Look:
    """A look at what would be painted, instead of the painting."""

    preview: Switch = False
    """Paint one frame of each shot, as images and a sheet of them."""
    at: ManySeconds = ()
    """With --preview: paint the frame at this time."""
    dry_run: Switch = False
    """Say what would be done and how long it would take; write nothing."""

    @property
    def only(self) -> bool:
        """Whether nothing is painted to its end."""
        return self.preview or self.dry_run

    def check(self, report: bool, saves: bool) -> None:
        """UsageError where the words do not fit together, with --report and --save-settings where they are given."""
        if report and self.only:
            raise UsageError("VS112")
        if self.at and not self.preview:
            raise UsageError("VS113")
        if self.dry_run and self.preview:
            raise UsageError("VS114")
        if self.dry_run and saves:
            raise UsageError("VS115")


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class RunOptions:
    """What becomes of a job's work; the names are those of `JobSpec`."""

    report: Switch = False
    """Write a report of a video beside it when it is painted: a page and its figures."""
    restart: Switch = False
    """Begin anew, where else a job that was stopped goes on."""
    keep_work: Switch = False
    """Leave the work folder OUTPUT.vidstyle when all is done."""

    @property
    def given(self) -> dict[str, bool]:
        """Those that are set, by name."""
        return {name: value for name, value in vars(self).items() if value}


@Parameter(name="*", group=CLUSTER)
@dataclass(frozen=True)
class Machines:
    """The cluster that paints, where this machine does not."""

    ray: Annotated[bool | str, Parameter(negative=(), show_default=False, metavar="[ADDRESS]")] = False
    """Paint on the Ray cluster at ADDRESS (HOST:PORT); else at RAY_ADDRESS, or on this machine. Put it last."""
    task_cpus: Annotated[float | None, Parameter(metavar="X")] = None
    """With --ray: the CPUs that a segment is painted by; 1 if not given."""
    task_gpus: Annotated[float | None, Parameter(metavar="X")] = None
    """With --ray: the GPUs that a segment is painted by, or the share of one; none if not given."""
    storage: Annotated[str | None, Parameter(metavar="URL")] = None
    """With --ray: where machines that share no folder find the job, like s3://bucket/films."""

    def check(self, device: str, look: Look) -> None:
        """UsageError where the words do not fit together, with the `device` of this machine and a `look` too."""
        given = (self.task_cpus, self.task_gpus, self.storage)
        if not self.ray and any(value is not None for value in given):
            raise UsageError("VS118")
        if self.ray and look.only:
            raise UsageError("VS119")
        if self.ray and device != "auto":
            raise UsageError("VS120")

    @property
    def options(self) -> "ClusterOptions | None":
        """The cluster that is asked for."""
        if not self.ray:
            return None
        from vidstyle.jobs.spec import ClusterOptions

        address = None if self.ray is True else self.ray
        cpus = 1.0 if self.task_cpus is None else self.task_cpus
        return ClusterOptions(address, cpus, self.task_gpus or 0.0, self.storage)


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class LossFiles:
    """Where the losses of what is painted go."""

    log_losses: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """Write the loss, of each layer too, to this .csv or .json file: an image's steps, or a film's frames."""
    plot_losses: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """Draw the curves of the losses to this .png or .svg file."""

    @property
    def files(self) -> list[Path]:
        """Those that are wanted."""
        return [file for file in (self.log_losses, self.plot_losses) if file]

    def check(self, overwrite: bool, look: Look, machines: Machines) -> None:
        """UsageError where the words do not fit together, SinkError where a file cannot be written."""
        if self.files and look.only:
            raise UsageError("VS116")
        if self.files and machines.ray:
            raise UsageError("VS117")
        for file, endings in ((self.log_losses, TABLE_ENDINGS), (self.plot_losses, PLOT_ENDINGS)):
            if file:
                check_target(file, endings, overwrite=overwrite)

    def partial(self) -> "LossFiles":
        """The names that files of a painting that was stopped get, as its film does."""
        log, plot = (file and file.with_stem(f"{file.stem}.partial") for file in (self.log_losses, self.plot_losses))
        return LossFiles(log, plot)


@Parameter(name="*", group=SHOWING)
@dataclass(frozen=True)
class Showing:
    """How an animation of the making of an image's painting looks."""

    max_mb: Annotated[float | None, Parameter(metavar="X")] = None
    """Let the animation take at most so many MB: it has fewer, smaller and coarser frames until it does."""
    width: Annotated[int | None, Parameter(metavar="N")] = None
    """Pixels across of the animation; else the painting is 512 long at most."""
    beside: Switch = False
    """Show the image and the styles beside the painting."""
    curve: Switch = False
    """Draw the loss into a corner."""

    def progress(self, file: Path) -> "Progress":
        """The animation that is wanted; SettingsError for numbers that cannot be."""
        from vidstyle.studies.making import Progress

        return Progress(file, self.max_mb, self.width, self.beside, self.curve)


@Parameter(name="*", group=SHOWING)
@dataclass(frozen=True)
class Making:
    """The animation of the making of an image's painting, beside the painting."""

    progress_gif: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """Show it as an animation in this file too: .gif, .webp or .mp4."""
    showing: Showing = Showing()

    def check(self, overwrite: bool, look: Look = Look()) -> None:
        """UsageError where the words do not fit together, SinkError where the file cannot be written."""
        if self.progress_gif is None and self.showing != Showing():
            raise UsageError("VS105")
        if self.progress_gif and look.only:
            raise UsageError("VS106")
        if self.progress_gif:
            check_target(self.progress_gif, FLIPBOOK_ENDINGS, overwrite=overwrite)

    @property
    def progress(self) -> "Progress | None":
        """The animation that is wanted, if any; SettingsError for numbers that cannot be."""
        return self.showing.progress(self.progress_gif) if self.progress_gif else None
