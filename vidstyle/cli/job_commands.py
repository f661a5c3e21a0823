"""``vidstyle plan``, ``paint`` and ``join``, for schedulers that run shots on many machines, and ``report``."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vidstyle.cli.logs import error_console, logging_to, starting
from vidstyle.cli.options import (
    DEVICE_HELP,
    FILES,
    RUNNING,
    AnyPath,
    Chosen,
    ManyPaths,
    Seconds,
    Switch,
    Telling,
    Wanted,
    settings_of,
    with_settings,
    with_some_settings,
)
from vidstyle.cli.process_memory import keep_freed_memory
from vidstyle.cli.stylize import job_of, tell_summary, tell_unused
from vidstyle.errors import SinkError, SourceError, UsageError

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
            from vidstyle.cli.console import listening
            from vidstyle.jobs.runner import plan_film

        if job.kind not in ("video", "animation"):
            raise UsageError("VS103")
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
            from vidstyle.cli.console import listening
            from vidstyle.jobs.runner import paint_shot

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
            from vidstyle.cli.console import listening
            from vidstyle.evaluation.report import report_job
            from vidstyle.jobs.runner import join_film

        with listening(console, telling.quiet) as listener:
            summary = join_film(Path(folder), listener, overwrite=overwrite, report=report_job)
        tell_summary(summary, "frame")


_OUTPUTS_HELP = "Painted videos of one source, to be measured side by side."
_PAGE_HELP = "The page to write; else OUTPUT_report.html. Its figures go beside it as .json."
_ORIGINAL_HELP = "What they were painted from."
_SEVERAL = ("style_blend", "style_keys", "style_per_shot")
_JUDGE_HELP = "What measures; auto is a GPU where there is one."


@with_some_settings("style_layers", "content_layers", "keep_colors", *_SEVERAL, "weights", "pooling", "seed")
def report(
    outputs: Annotated[ManyPaths, Parameter(name="OUTPUT", group=FILES, help=_OUTPUTS_HELP)],
    /,
    *,
    source: Annotated[
        AnyPath | None, Parameter(group=FILES, metavar="FILE", help="What they were painted from.")
    ] = None,
    style: Annotated[ManyPaths, Parameter(alias="-s", group=FILES, metavar="IMAGE", help="What they imitate.")] = (),
    page: Annotated[AnyPath | None, Parameter(alias="-o", group=FILES, metavar="FILE", help=_PAGE_HELP)] = None,
    overwrite: Annotated[Switch, Parameter(group=FILES, help="Replace a report that exists.")] = False,
    from_: Annotated[Seconds | None, Parameter(name="--from", group=FILES, help="As it was when painting.")] = None,
    to: Annotated[Seconds | None, Parameter(group=FILES, help="As it was when painting.")] = None,
    device: Annotated[str, Parameter(group=RUNNING, metavar="auto|cpu|cuda|mps", help=_JUDGE_HELP)] = "auto",
    telling: Telling = Telling(),  # noqa: B008 (frozen)
    **options: Any,
) -> None:
    """Measure painted videos against their source: stability, style, content, with curves and images."""
    if not outputs or source is None or not style:
        raise UsageError("VS102")
    target = page or outputs[0].with_name(f"{outputs[0].stem}_report.html")
    _check(outputs, source, style, target, overwrite)
    console = error_console()
    keep_freed_memory()
    with logging_to(console, telling.quiet, telling.log_file):
        with starting(console, telling.quiet):
            from vidstyle.cli.console import listening
            from vidstyle.evaluation.report import compare, write_report

        settings, start = settings_of(**options), from_ or 0.0
        with listening(console, telling.quiet) as listener:
            found = compare(outputs, source, style, settings, device=device, start=start, end=to, listener=listener)
        for file in write_report(found, target, overwrite=overwrite):
            print(file)


def _check(outputs: ManyPaths, source: Path, styles: ManyPaths, target: Path, overwrite: bool) -> None:
    """Refuses what can be refused before anything slow."""
    for path in (*outputs, source, *styles):
        if not path.is_file():
            raise SourceError("VS302", path=path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise SinkError("VS403", target=target)
    for file in (target, target.with_suffix(".json")):
        if file.exists() and not overwrite:
            raise SinkError("VS402", path=file)
    if not target.absolute().parent.is_dir():
        raise SinkError("VS417", path=target, folder=target.absolute().parent)
