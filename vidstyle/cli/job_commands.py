"""``vidstyle plan``, ``paint`` and ``join``, for schedulers that run shots on many machines, and ``report``."""

from typing import Annotated, Any

from cyclopts import Parameter

from vidstyle.cli.options import (
    FILES,
    AnyPath,
    Device,
    JobTelling,
    ManyPaths,
    Overwrite,
    RunOptions,
    Seconds,
    Styles,
    Wanted,
)
from vidstyle.cli.settings_options import Chosen, with_settings, with_some_settings
from vidstyle.cli.stylize import job_of, tell_summary, tell_unused
from vidstyle.cli.terminal import open_terminal
from vidstyle.errors import UsageError
from vidstyle.files import check_target, check_there

PAGE_ENDINGS = (".html", ".htm")

_FOLDER_HELP = "Work folder printed by 'vidstyle plan'."
_SEVERAL = ("style_blend", "style_keys", "style_per_shot")

Folder = Annotated[AnyPath, Parameter(name="FOLDER", group=FILES, help=_FOLDER_HELP)]


@with_settings
def plan(
    source: Annotated[AnyPath, Parameter(name="INPUT", group=FILES)],
    /,
    *,
    wanted: Wanted = Wanted(),
    job_options: RunOptions = RunOptions(),
    device: Device = "auto",
    telling: JobTelling = JobTelling(),
    **options: Any,
) -> None:
    """Prepare a video for painting shot by shot. Prints the work folder and the number of shots.

    Args:
        source: A video.
    """
    with open_terminal(telling) as terminal:
        chosen = Chosen.of(options, overwrite=wanted.overwrite)
        with terminal.starting():
            job = job_of(source, wanted, chosen.settings, device, job_options)
            from vidstyle.jobs.runner import plan_film

        if job.kind not in ("video", "animation", "sequence"):
            raise UsageError("VS103")
        chosen.save()
        tell_unused(job, chosen.given)
        with terminal.listening() as listener:
            planned = plan_film(job, listener)
        terminal.made(planned.folder.path)
        terminal.result(len(planned.shots))


def paint(
    folder: Folder,
    shot: Annotated[int, Parameter(name="SHOT", group=FILES)],
    /,
    *,
    telling: JobTelling = JobTelling(),
) -> None:
    """Paint one shot of a planned video, or resume it.

    Args:
        shot: Number of the shot to paint, from 0.
    """
    with open_terminal(telling) as terminal:
        with terminal.starting():
            from vidstyle.jobs.runner import paint_shot

        with terminal.listening() as listener:
            paint_shot(folder, shot, listener)


def join(
    folder: Folder,
    /,
    *,
    overwrite: Overwrite = False,
    telling: JobTelling = JobTelling(),
) -> None:
    """Join the painted shots of a planned video and add its sound. Prints the path of the video."""
    with open_terminal(telling) as terminal:
        with terminal.starting():
            from vidstyle.evaluation.report import report_job
            from vidstyle.jobs.runner import join_film

        with terminal.listening() as listener:
            summary = join_film(folder, listener, overwrite=overwrite, report=report_job)
        tell_summary(terminal, summary, "frame")


@with_some_settings("style_layers", "content_layers", "keep_colors", *_SEVERAL, "weights", "pooling", "seed")
def report(
    outputs: Annotated[ManyPaths, Parameter(name="OUTPUT", group=FILES)],
    /,
    *,
    source: Annotated[AnyPath | None, Parameter(group=FILES, metavar="FILE")] = None,
    style: Styles = (),
    page: Annotated[AnyPath | None, Parameter(alias="-o", group=FILES, metavar="FILE")] = None,
    overwrite: Overwrite = False,
    from_: Annotated[Seconds | None, Parameter(name="--from", group=FILES)] = None,
    to: Annotated[Seconds | None, Parameter(group=FILES)] = None,
    device: Device = "auto",
    telling: JobTelling = JobTelling(),
    **options: Any,
) -> None:
    """Measure the stability, style and content of painted videos. Writes a page with curves and images.

    Args:
        outputs: Painted videos of the same source, compared side by side.
        source: The source video.
        style: The style image. Repeat for several.
        page: The HTML page to write; the measures go next to it as .json. Default: OUTPUT_report.html.
        from_: The --from that the videos were painted with.
        to: The --to that the videos were painted with.
    """
    with open_terminal(telling) as terminal:
        if not outputs or source is None or not style:
            raise UsageError("VS102")
        target = page or outputs[0].with_name(f"{outputs[0].stem}_report.html")
        for path in (*outputs, source, *style):
            check_there(path, "file")
        check_target(target, PAGE_ENDINGS, overwrite=overwrite)
        check_target(target.with_suffix(".json"), (".json",), overwrite=overwrite)
        with terminal.starting():
            from vidstyle.evaluation.report import compare, write_report

        settings, start = Chosen.of(options).settings, from_ or 0.0
        with terminal.listening() as listener:
            found = compare(outputs, source, style, settings, device=device, start=start, end=to, listener=listener)
        terminal.made(*write_report(found, target, overwrite=overwrite))
