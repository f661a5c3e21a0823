"""How the making of an image's painting is shown: options of ``vidstyle progress`` and of ``--progress-gif``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from vidstyle.cli.options import AnyPath, Switch
from vidstyle.errors import UsageError
from vidstyle.files import check_target

if TYPE_CHECKING:
    from vidstyle.jobs.spec import Job
    from vidstyle.studies.making import Progress

ENDINGS = (".gif", ".webp", ".mp4")  # those of video.flipbook, which takes long to import
SHOWING = Group.create_ordered("The making of an image's painting")

_FILE_HELP = "Show it as an animation in this file too: .gif, .webp or .mp4."
_MAX_MB_HELP = "Let the animation take at most so many MB: it has fewer, smaller and coarser images until it does."
_WIDTH_HELP = "Pixels across of the animation; else the painting is 512 long at most."
_BESIDE_HELP = "Show the image and the styles beside the painting."
_CURVE_HELP = "Draw the loss into a corner."

ProgressFile = Annotated[AnyPath | None, Parameter(metavar="FILE", group=SHOWING, help=_FILE_HELP)]


@Parameter(name="*", group=SHOWING)
@dataclass(frozen=True)
class Showing:
    """How an animation of the making looks."""

    max_mb: Annotated[float | None, Parameter(metavar="X", help=_MAX_MB_HELP)] = None
    width: Annotated[int | None, Parameter(metavar="N", help=_WIDTH_HELP)] = None
    beside: Annotated[Switch, Parameter(help=_BESIDE_HELP)] = False
    curve: Annotated[Switch, Parameter(help=_CURVE_HELP)] = False

    def check(self, file: Path | None, overwrite: bool, looks: bool) -> None:
        """Refuses what can be refused before anything heavy is imported; `looks`: nothing is painted to its end."""
        if file is None and self != Showing():
            raise UsageError("VS105")
        if file is not None and looks:
            raise UsageError("VS106")
        if file is not None:
            check_target(file, ENDINGS, overwrite=overwrite)

    def progress(self, file: Path, job: "Job", overwrite: bool) -> "Progress":
        """The animation of a job's painting, checked."""
        progress = self.wish(file)
        progress.check(job, overwrite)
        return progress

    def wish(self, file: Path) -> "Progress":
        """The animation as it is wanted."""
        from vidstyle.studies.making import Progress

        return Progress(file, self.max_mb, self.width, self.beside, self.curve)
