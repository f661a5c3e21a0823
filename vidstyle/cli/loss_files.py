"""``--log-losses`` and ``--plot-losses``: the losses of what is painted, in files."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from vidstyle.cli.logs import say
from vidstyle.cli.options import RUNNING, AnyPath
from vidstyle.errors import SinkError, UsageError
from vidstyle.files import check_target, printable

if TYPE_CHECKING:
    from rich.console import Console

    from vidstyle.evaluation.loss_record import LossRecord
    from vidstyle.jobs.spec import JobSpec

TABLE_ENDINGS, PLOT_ENDINGS = (".csv", ".json"), (".png", ".svg")  # those of loss_record, which takes long to import

_LOG_HELP = "Write the loss, of each layer too, to this .csv or .json file: an image's steps, or a film's frames."
_PLOT_HELP = "Draw the curves of the losses to this .png or .svg file."

log = logging.getLogger(__name__)


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class LossFiles:
    """Where the losses go."""

    log_losses: Annotated[AnyPath | None, Parameter(metavar="FILE", help=_LOG_HELP)] = None
    plot_losses: Annotated[AnyPath | None, Parameter(metavar="FILE", help=_PLOT_HELP)] = None

    @property
    def files(self) -> list[Path]:
        return [file for file in vars(self).values() if file]

    def check(self, overwrite: bool) -> None:
        """SinkError where a file cannot be written; heavy things are not imported."""
        for file, endings in ((self.log_losses, TABLE_ENDINGS), (self.plot_losses, PLOT_ENDINGS)):
            if file:
                check_target(file, endings, overwrite=overwrite)

    def partial(self) -> "LossFiles":
        """The names that files of a painting that was stopped get, as its film does."""
        return LossFiles(**{name: file and _partial(file) for name, file in vars(self).items()})

    def write(self, record: "LossRecord", overwrite: bool) -> None:
        if self.log_losses:
            record.save(self.log_losses, overwrite=overwrite)
        if self.plot_losses:
            record.plot(self.plot_losses, overwrite=overwrite)


def _partial(file: Path) -> Path:
    return file.with_name(f"{file.stem}.partial{file.suffix}")


def record_of(job: "JobSpec", losses: LossFiles) -> "LossRecord":
    """What hears the losses of a job; it keeps none where no file is wanted."""
    from vidstyle.evaluation.loss_record import FrameLosses, LossRecord, StepLosses

    if not losses.files:
        return LossRecord()
    if job.kind in ("images", "clips"):
        raise UsageError("VS104")
    taken = {path.resolve() for path in (job.out, *job.files)}
    for file in losses.files:
        if file.resolve() in taken:
            raise SinkError("VS406", file=file)
    return StepLosses() if job.kind == "image" else FrameLosses()


@contextmanager
def recorded(record: "LossRecord", losses: LossFiles, overwrite: bool, console: "Console") -> Iterator[None]:
    """When it ends, writes what was recorded and prints the files; what there is by other names if it is stopped."""
    try:
        yield
    except BaseException:
        _write_partial(record, losses.partial(), console)
        raise
    if losses.files and not record.entries:
        log.warning("nothing had to be painted, so there are no losses to write")
        return
    losses.write(record, overwrite)
    if losses.files and record.earlier:
        log.info("the losses are those of %d frames; %d were painted before", len(record.entries), record.earlier)
    for file in losses.files:
        print(file)


def _write_partial(record: "LossRecord", partial: LossFiles, console: "Console") -> None:
    """Without hiding what stopped the painting."""
    try:
        if record.entries:
            partial.write(record, overwrite=True)
            for file in partial.files:
                say(console, f"the losses so far: {printable(file)}")
    except Exception as error:
        log.warning("the losses so far could not be written: %s", error)
