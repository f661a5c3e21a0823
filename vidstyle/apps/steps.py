"""The steps of a job of a film, each a command of its own, for schedulers that run the shots on many machines."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vidstyle.apps.logs import error_console, logging_to, starting
from vidstyle.apps.memory import keep_freed_memory
from vidstyle.apps.options import (
    DEVICE_HELP,
    FILES,
    RUNNING,
    AnyPath,
    Chosen,
    Switch,
    Telling,
    UsageError,
    Wanted,
    with_settings,
)
from vidstyle.apps.paint import job_of, tell_summary, tell_unused

_SOURCE_HELP = "A video."
_FOLDER_HELP = "The work folder that 'vidstyle plan' printed."
_SHOT_HELP = "Which shot to paint, from 0."


@with_settings
def plan(
    source: Annotated[AnyPath, Parameter(name="INPUT", group=FILES, help=_SOURCE_HELP)],
    /,
    *,
    wanted: Wanted = Wanted(),  # noqa: B008 (frozen)
    report: Annotated[Switch, Parameter(group=RUNNING, help="Write a report when the film is joined.")] = False,
    restart: Annotated[Switch, Parameter(group=RUNNING, help="Forget what an earlier job has done.")] = False,
    keep_work: Annotated[Switch, Parameter(group=RUNNING, help="Leave the work folder when all is done.")] = False,
    device: Annotated[str, Parameter(group=RUNNING, metavar="auto|cpu|cuda|mps", help=DEVICE_HELP)] = "auto",
    telling: Telling = Telling(),  # noqa: B008 (frozen)
    **options: Any,
) -> None:
    """Prepare a video for painting shot by shot; prints its work folder and the number of its shots."""
    keep_freed_memory()
    console = error_console()
    with logging_to(console, telling.quiet, telling.log_file):
        how: dict[str, Any] = {"report": report, "restart": restart, "keep_work": keep_work}
        chosen = Chosen.of(options, overwrite=wanted.overwrite)
        with starting(console, telling.quiet):
            job = job_of(source, wanted, chosen.settings, device, overwrite=wanted.overwrite, **how)
            from vidstyle.apps.bars import listening
            from vidstyle.jobs.film import plan_film

        if job.kind not in ("video", "animation"):
            raise UsageError("a plan is for a video; pictures are painted by 'vidstyle INPUT --style PICTURE'")
        chosen.save()
        tell_unused(job, False, chosen.given)
        with listening(console, telling.quiet) as listener:
            planned = plan_film(job, listener)
        print(planned.folder.path)
        print(len(planned.shots))


def paint(
    folder: Annotated[AnyPath, Parameter(name="FOLDER", group=FILES, help=_FOLDER_HELP)],
    shot: Annotated[int, Parameter(name="SHOT", group=FILES, help=_SHOT_HELP)],
    /,
    *,
    telling: Telling = Telling(),  # noqa: B008 (frozen)
) -> None:
    """Paint one shot of a planned video, or the rest of it."""
    keep_freed_memory()
    console = error_console()
    with logging_to(console, telling.quiet, telling.log_file):
        with starting(console, telling.quiet):
            from vidstyle.apps.bars import listening
            from vidstyle.jobs.film import paint_shot

        with listening(console, telling.quiet) as listener:
            paint_shot(Path(folder), shot, listener)


def join(
    folder: Annotated[AnyPath, Parameter(name="FOLDER", group=FILES, help=_FOLDER_HELP)],
    /,
    *,
    overwrite: Annotated[Switch, Parameter(group=FILES, help="Replace an output that exists.")] = False,
    telling: Telling = Telling(),  # noqa: B008 (frozen)
) -> None:
    """Join the painted shots of a planned video, with its sound; prints the file."""
    console = error_console()
    with logging_to(console, telling.quiet, telling.log_file):
        with starting(console, telling.quiet):
            from vidstyle.apps.bars import listening
            from vidstyle.jobs.film import join_film
            from vidstyle.jobs.report import report_job

        with listening(console, telling.quiet) as listener:
            summary = join_film(Path(folder), listener, overwrite=overwrite, report=report_job)
        tell_summary(summary, "frame")
