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
CLUSTER = Group.create_ordered("Cluster")
SHOWING = Group.create_ordered("Animation of the painting process")
COMMANDS = Group.create_ordered("Commands")

TABLE_ENDINGS, PLOT_ENDINGS = (".csv", ".json"), (".png", ".svg")  # those of loss_record, which takes long to import
FLIPBOOK_ENDINGS = (".gif", ".webp", ".mp4")  # those of video.flipbook, which takes long to import

DEVICE_HELP = "Device to paint on. auto uses a GPU if there is one."
_OUTPUT_HELP = (
    "Output file or folder. To write a video as images, give a folder or a pattern such as 'out.%04d.png' "
    "(also .tif, .exr, .jpg). Default: INPUT_STYLE next to INPUT."
)


def _times(_: object, tokens: Sequence[Token]) -> tuple[float, ...]:
    return tuple(to_seconds(token.value) for token in tokens)


def _paths(_: object, tokens: Sequence[Token]) -> tuple[Path, ...]:
    if not all(token.value for token in tokens):
        raise ValueError("the name of a file or folder is empty")
    return tuple(Path(token.value) for token in tokens)


def _gigabytes(_: object, tokens: Sequence[Token]) -> float:
    """In bytes."""
    size = float(tokens[0].value)
    if not 0 < size < float("inf"):
        raise ValueError(f"{tokens[0].value} is not a size; use gigabytes such as 4 or 0.5")
    return size * 1e9


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
Output = Annotated[AnyPath | None, Parameter(alias="-o", group=FILES, metavar="FILE", help="Output file.")]
Overwrite = Annotated[Switch, Parameter(group=FILES, help="Replace an existing output.")]
Device = Annotated[str, Parameter(group=RUNNING, metavar="auto|cpu|cuda|mps", help=DEVICE_HELP)]


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class Telling:
    """How much is told, and where."""

    quiet: Annotated[Switch, Parameter(alias="-q")] = False
    """Show warnings and errors only."""
    log_file: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """Append a detailed log with times to this file."""


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class JobTelling(Telling):
    """How much a job tells, and where."""

    json: Switch = False
    """Print events as JSON to standard output, one per line, and nothing else there."""


@Parameter(name="*", group=FILES)
@dataclass(frozen=True)
class Wanted:
    """What is to be painted like what, and to where."""

    style: Styles = ()
    """Style image. Repeat to mix several styles."""
    style_mask: Annotated[ManyPaths, Parameter(metavar="FILE")] = ()
    """Image or video that is white where a style applies. Repeat for each style, in the same order."""
    mask: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """Image or video that is white in the area to paint. The rest of INPUT is kept unchanged."""
    output: Annotated[AnyPath | None, Parameter(alias="-o", metavar="FILE", help=_OUTPUT_HELP)] = None
    overwrite: Switch = False
    """Replace an existing output."""
    from_: Annotated[Seconds | None, Parameter(name="--from")] = None
    """Start time, such as 12.5, 12.5s or 1:30."""
    to: Seconds | None = None
    """End time."""
    fps: Annotated[str, Parameter(metavar="RATE", show_default=False)] = ""
    """Frames per second of a numbered image sequence, such as 25, 23.976 or 24000/1001. Default: 24."""
    audio: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """With an image sequence: audio or video file whose sound is added to the video."""
    as_video: Switch = False
    """Treat a folder of numbered images as one video, not as single images."""
    no_limits: Switch = False
    """Accept files of any size, even over 150 million pixels, 500,000 frames or 12 hours."""


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class Look:
    """A look at what would be painted, instead of the painting."""

    preview: Switch = False
    """Paint one frame of each shot, as images and a contact sheet."""
    at: ManySeconds = ()
    """With --preview: the time of the frame to paint. Repeat for several."""
    dry_run: Switch = False
    """Show what would be done and how long it would take. Writes nothing."""

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
    """Write a report next to the video: a page with stability, style and content measures."""
    restart: Switch = False
    """Start over instead of resuming."""
    keep_work: Switch = False
    """Keep the work folder OUTPUT.vidstyle after the job is done."""
    max_memory: Annotated[float | None, Parameter(converter=_gigabytes, metavar="GB")] = None
    """Memory that painting may use; larger images are painted in tiles. Default: 70 % of the free memory."""

    @property
    def given(self) -> dict[str, bool | float]:
        """Those that are set, by name."""
        return {name: value for name, value in vars(self).items() if value}


@Parameter(name="*", group=CLUSTER)
@dataclass(frozen=True)
class Machines:
    """The cluster that paints, where this machine does not."""

    ray: Annotated[bool | str, Parameter(negative=(), show_default=False, metavar="[ADDRESS]")] = False
    """Paint on the Ray cluster at ADDRESS (HOST:PORT), at RAY_ADDRESS, or on a local one. Put this option last."""
    task_cpus: Annotated[float | None, Parameter(metavar="X")] = None
    """With --ray: CPUs per task. Default: 1."""
    task_gpus: Annotated[float | None, Parameter(metavar="X")] = None
    """With --ray: GPUs per task, or a share of one. Default: 0."""
    storage: Annotated[str | None, Parameter(metavar="URL")] = None
    """With --ray: shared storage for machines without a common folder, such as s3://bucket/videos."""

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
    """Write the losses per step (image) or per frame (video) to this .csv or .json file."""
    plot_losses: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """Plot the losses to this .png or .svg file."""

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
        """The names that files of a painting that was stopped get, as its video does."""
        log, plot = (file and file.with_stem(f"{file.stem}.partial") for file in (self.log_losses, self.plot_losses))
        return LossFiles(log, plot)


@Parameter(name="*", group=SHOWING)
@dataclass(frozen=True)
class Showing:
    """How the animation of the painting process looks."""

    max_mb: Annotated[float | None, Parameter(metavar="X")] = None
    """Maximum size of the animation in MB. To fit, frames are dropped, shrunk and given fewer colours."""
    width: Annotated[int | None, Parameter(metavar="N")] = None
    """Width of the animation in pixels. Default: a long side of at most 512."""
    beside: Switch = False
    """Show the image and the styles next to the painting."""
    curve: Switch = False
    """Show the loss curve in a corner."""

    def progress(self, file: Path) -> "Progress":
        """The animation that is wanted; SettingsError for numbers that cannot be."""
        from vidstyle.studies.making import Progress

        return Progress(file, self.max_mb, self.width, self.beside, self.curve)


@Parameter(name="*", group=SHOWING)
@dataclass(frozen=True)
class Making:
    """The animation of the painting process, next to the painting."""

    progress_gif: Annotated[AnyPath | None, Parameter(metavar="FILE")] = None
    """Write an animation of the painting process too: .gif, .webp or .mp4."""
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
