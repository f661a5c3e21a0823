"""The default command: paints what a path holds. Heavy imports wait until the words are parsed."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from vidstyle.cli.messages import flipbook_line, next_lines, outline_lines, say, some, summary_line
from vidstyle.cli.options import (
    FILES,
    AnyPath,
    Device,
    JobTelling,
    Look,
    LossFiles,
    Machines,
    Making,
    RunOptions,
    Wanted,
)
from vidstyle.cli.settings_options import Chosen, with_settings
from vidstyle.cli.terminal import Terminal, open_terminal
from vidstyle.errors import SinkError, UsageError, VidstyleError
from vidstyle.files import check_there, printable
from vidstyle.settings.settings import Settings
from vidstyle.video.frame_names import FrameNames

if TYPE_CHECKING:
    from vidstyle.evaluation.loss_record import LossRecord
    from vidstyle.jobs.events import Summary
    from vidstyle.jobs.spec import ClusterOptions, JobSpec

log = logging.getLogger(__name__)

COMMAND_NAMES = (
    *("webcam", "progress", "reconstruct", "texture", "layers"),
    *("report", "weights", "serve", "plan", "paint", "join", "doctor"),
)
FILTERS = ("auto", "imagenet", "selftaught")


@with_settings
def paint(
    source: Annotated[AnyPath, Parameter(name="INPUT", group=FILES)],
    /,
    *,
    wanted: Wanted = Wanted(),
    look: Look = Look(),
    job_options: RunOptions = RunOptions(),
    device: Device = "auto",
    losses: LossFiles = LossFiles(),
    making: Making = Making(),
    machines: Machines = Machines(),
    telling: JobTelling = JobTelling(),
    **options: Any,
) -> None:
    """Paint INPUT in the style of images.

    Args:
        source: A video, GIF or image, a folder of videos or of images, a pattern such as 'a*.png', or a numbered image
            sequence such as 'shot.%04d.png' or 'shot.####.png', which is painted as a video.
    """
    with open_terminal(telling) as terminal:
        look.check(job_options.report, saves="save_settings" in options)
        machines.check(device, look)
        losses.check(wanted.overwrite, look, machines)
        making.check(wanted.overwrite, look)
        chosen = Chosen.of(options, overwrite=wanted.overwrite)
        with terminal.starting():
            job = job_of(source, wanted, chosen.settings, device, job_options, look, machines.options)
            record = _record_of(job, losses)
            progress = making.progress
            if progress:
                progress.check(job, wanted.overwrite)
        chosen.save()
        tell_unused(job, {**chosen.given, **job_options.given}, look)
        if look.dry_run:
            _dry_run(job, wanted.overwrite, terminal)
        elif look.preview:
            _preview(job, look.at, wanted.overwrite, terminal)
        else:
            from vidstyle.api import run
            from vidstyle.jobs.events import Listeners

            with _recorded(record, losses, wanted.overwrite, terminal):
                with terminal.listening() as listener:
                    summary = run(job, Listeners(listener, record), progress)
                _tell_done(job, summary, terminal)
            terminal.hint(next_lines(job, chosen.given))


def job_of(
    source: Path,
    wanted: Wanted,
    settings: Settings,
    device: str,
    job_options: RunOptions = RunOptions(),
    look: Look = Look(),
    cluster_options: "ClusterOptions | None" = None,
) -> "JobSpec":
    """The job of a command line, checked; what is quick to check comes before anything slow is imported.

    Its output may exist where there is only a `look` at it. UsageError where no style is given, another VidstyleError
    where a file is not there or a check of `JobSpec.of` fails.
    """
    _check_files(source, wanted, settings)
    from vidstyle.core.device import precision_on, select_device
    from vidstyle.jobs.spec import JobSpec

    precision_on(select_device(device), settings.precision)
    job = JobSpec.of(
        source,
        wanted.style,
        wanted.output,
        settings,
        device=device,
        start=wanted.from_ or 0.0,
        end=wanted.to,
        mask=wanted.mask,
        style_masks=wanted.style_mask,
        overwrite=wanted.overwrite or look.only,
        cluster_options=cluster_options,
        fps=wanted.fps,
        audio=wanted.audio,
        as_video=wanted.as_video,
        no_limits=wanted.no_limits,
        **vars(job_options),
    )
    log.debug("%s", job)
    return job


def _tell_done(job: "JobSpec", summary: "Summary", terminal: Terminal) -> None:
    """Says what was made; VidstyleError where a part of the job failed."""
    tell_summary(terminal, summary, "image" if job.kind in ("image", "images") else "frame")
    if summary.failed:
        for failure in summary.failed:
            say(terminal.console, f"failed: {printable(failure)}")
        noun = "video" if job.kind == "clips" else "image"
        others = f"the others are in {summary.out}" if summary.frames else "no others were painted"
        raise VidstyleError("VS802", count=some(len(summary.failed), noun), others=others)


def tell_summary(terminal: Terminal, summary: "Summary", noun: str, files: Sequence[Path] = ()) -> None:
    """Prints the files that were made, and says what they took.

    Args:
        terminal: Where.
        summary: What a job did.
        noun: What it painted: frame or image.
        files: What it made, where that is not the output of the summary.
    """
    made = [*files] or ([summary.out] if summary.frames else [])
    if summary.frames:
        log.info("%s", summary_line(summary, noun))
    elif not summary.failed:
        log.info("%s is already complete", summary.out)
    if summary.progress:
        log.info("%s", flipbook_line(summary.progress))
    terminal.summary(summary)
    others = summary.report, summary.progress and summary.progress.path
    terminal.made(*dict.fromkeys(file for file in (*made, *others) if file))


def _preview(job: "JobSpec", at: Sequence[float], overwrite: bool, terminal: Terminal) -> None:
    from vidstyle.jobs.stills import preview

    with terminal.listening(previews=len(at)) as listener:
        files = preview(job, at, listener, overwrite=overwrite)
    terminal.made(*files)


def _dry_run(job: "JobSpec", overwrite: bool, terminal: Terminal) -> None:
    from vidstyle.core.device import select_device
    from vidstyle.jobs.prescan import plan

    with terminal.listening() as listener:
        outline = plan(job, listener)
    if terminal.events:
        listener.started(outline)
    terminal.result(*outline_lines(outline, select_device(job.device).type))
    if job.out.exists() and not overwrite:
        log.info("%s already exists; use --overwrite to replace it", job.out)
    log.info("dry run: nothing was written")


def _record_of(job: "JobSpec", losses: LossFiles) -> "LossRecord":
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
def _recorded(record: "LossRecord", losses: LossFiles, overwrite: bool, terminal: Terminal) -> Iterator[None]:
    """When it ends, writes what was recorded and prints the files; what there is by other names if it is stopped."""
    try:
        yield
    except BaseException:
        _write_partial(record, losses.partial(), terminal)
        raise
    if losses.files and not record.entries:
        log.warning("all frames were painted before, so there are no losses to write")
        return
    _write_losses(record, losses, overwrite)
    if losses.files and record.earlier:
        log.info("losses of %d frames; %d others were painted before", len(record.entries), record.earlier)
    terminal.made(*losses.files)


def _write_losses(record: "LossRecord", losses: LossFiles, overwrite: bool) -> None:
    if losses.log_losses:
        record.save(losses.log_losses, overwrite=overwrite)
    if losses.plot_losses:
        record.plot(losses.plot_losses, overwrite=overwrite)


def _write_partial(record: "LossRecord", partial: LossFiles, terminal: Terminal) -> None:
    """Without hiding what stopped the painting."""
    try:
        if record.entries:
            _write_losses(record, partial, overwrite=True)
            for file in partial.files:
                say(terminal.console, f"the losses so far: {printable(file)}")
    except Exception as error:
        log.warning("the losses so far could not be written: %s", error)


def _check_files(source: Path, wanted: Wanted, settings: Settings) -> None:
    """Refuses paths that are not there before anything slow is imported."""
    if not FrameNames.of_pattern(source):
        check_there(source, "file or folder", {name: f"the command 'vidstyle {name}'" for name in COMMAND_NAMES})
    check_styles(wanted.style)
    for mask in (*wanted.style_mask, *([wanted.mask] if wanted.mask else [])):
        if not FrameNames.of_pattern(mask):
            check_there(mask, "mask")
    if settings.init_file:
        check_there(settings.init_file, "image to start from (--init)", {"content": "content", "random": "random"})
    if settings.lut_file:
        check_there(settings.lut_file, "3D LUT (--lut)")
    if settings.weights not in FILTERS:
        check_there(Path(settings.weights), "weights file (--weights)", {name: name for name in FILTERS})


def check_styles(styles: Sequence[Path]) -> None:
    """UsageError where no style image is given, SourceError where one is not there."""
    if not styles:
        raise UsageError("VS212")
    for style in styles:
        check_there(style, "style image")


def tell_unused(job: "JobSpec", given: Mapping[str, Any], look: Look = Look()) -> None:
    """Warns of the `given` options, by name, that this job, or the `look` at it, does not use."""
    single = look.preview or job.kind in ("image", "images")
    settings = job.settings
    for names, unused, reason in (
        ("frame_steps", single, "it applies to the frames of a video; images use --steps"),
        ("every flow stability look_back passes loop chunk_frames", single, "it applies to the frames of a video"),
        ("codec encoder quality pix_fmt", single, "it applies to video files"),
        ("lut", job.kind not in ("video", "clips"), "it applies to videos"),
        ("restart keep_work", single or look.dry_run, "it applies to videos"),
        ("look_back", settings.flow == "none", "--flow is none"),
        ("strength content_layers", not settings.content_weight, "--content-weight is 0"),
        ("strength", bool(settings.strength_keys), "--strength-keys is given"),
        ("style_layers style_loss style_scale", not settings.style_weight, "--style-weight is 0"),
        ("feather", not (job.mask or job.style_masks), "it needs --mask or --style-mask"),
        ("style_per_shot", len(job.styles) == 1, "there is only one style"),
    ):
        for name in names.split() if unused else ():
            if name in given:
                warn_unused(name, reason)


def warn_unused(name: str, reason: str) -> None:
    """Warns that the option of this field or parameter is not used."""
    log.warning("--%s is not used: %s", name.replace("_", "-"), reason)
