"""The default command: paints what a path holds. Heavy imports wait until the words are parsed."""

import difflib
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from vidstyle.cli.logs import error_console, logging_to, say, starting
from vidstyle.cli.loss_files import LossFiles, record_of, recorded
from vidstyle.cli.options import (
    DEVICE_HELP,
    FILES,
    RUNNING,
    AnyPath,
    Chosen,
    Machines,
    ManySeconds,
    Switch,
    Telling,
    Wanted,
    with_settings,
)
from vidstyle.cli.process_memory import keep_freed_memory
from vidstyle.cli.progress_options import ProgressFile, Showing
from vidstyle.cli.words import flipbook_line, outline_lines, some, summary_line
from vidstyle.errors import SourceError, UsageError, VidstyleError
from vidstyle.files import printable, refuse_address, require_name
from vidstyle.settings.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from vidstyle.evaluation.loss_record import LossRecord
    from vidstyle.jobs.events import Summary
    from vidstyle.jobs.spec import ClusterOptions, Job
    from vidstyle.studies.making import Progress

log = logging.getLogger(__name__)

COMMAND_NAMES = (
    *("webcam", "progress", "reconstruct", "texture", "layers"),
    *("report", "weights", "serve", "plan", "paint", "join", "doctor"),
)
FILTERS = ("auto", "imagenet", "selftaught")
_FOR_FILMS = "it is for frames that follow each other"
NONE: Mapping[str, str] = {}

_INPUT_HELP = "A video, GIF or image, a folder of clips or of images, or a pattern like 'a*.png'."
_PREVIEW_HELP = "Paint one frame of each shot, as images and a sheet of them."
_DRY_RUN_HELP = "Say what would be done and how long it would take; write nothing."
_REPORT_HELP = "Write a report of a video beside it when it is painted: a page and its figures."
_RESTART_HELP = "Begin anew, where else a job that was stopped goes on."
_KEEP_WORK_HELP = "Leave the work folder OUTPUT.vidstyle when all is done."


@with_settings
def paint(
    source: Annotated[AnyPath, Parameter(name="INPUT", group=FILES, help=_INPUT_HELP)],
    /,
    *,
    wanted: Wanted = Wanted(),  # noqa: B008 (frozen)
    preview: Annotated[Switch, Parameter(group=RUNNING, help=_PREVIEW_HELP)] = False,
    at: Annotated[ManySeconds, Parameter(group=RUNNING, help="With --preview: paint the frame at this time.")] = (),
    dry_run: Annotated[Switch, Parameter(group=RUNNING, help=_DRY_RUN_HELP)] = False,
    report: Annotated[Switch, Parameter(group=RUNNING, help=_REPORT_HELP)] = False,
    restart: Annotated[Switch, Parameter(group=RUNNING, help=_RESTART_HELP)] = False,
    keep_work: Annotated[Switch, Parameter(group=RUNNING, help=_KEEP_WORK_HELP)] = False,
    device: Annotated[str, Parameter(group=RUNNING, metavar="auto|cpu|cuda|mps", help=DEVICE_HELP)] = "auto",
    losses: LossFiles = LossFiles(),  # noqa: B008 (frozen)
    progress_gif: ProgressFile = None,
    showing: Showing = Showing(),  # noqa: B008 (frozen)
    machines: Machines = Machines(),  # noqa: B008 (frozen)
    telling: Telling = Telling(),  # noqa: B008 (frozen)
    **options: Any,
) -> None:
    """Paints INPUT in the style of images."""
    _check_words(preview, at, dry_run, report, "save_settings" in options)
    _check_machines(machines, preview or dry_run, device)
    _check_losses(losses, wanted.overwrite, preview or dry_run, bool(machines.ray))
    showing.check(progress_gif, wanted.overwrite, preview or dry_run)
    keep_freed_memory()
    console = error_console()
    with logging_to(console, telling.quiet, telling.log_file):
        chosen = Chosen.of(options, overwrite=wanted.overwrite)
        with starting(console, telling.quiet):
            how = {"report": report, "restart": restart, "keep_work": keep_work}
            cluster_options = cluster_options_of(machines)
            overwrite = wanted.overwrite or preview
            job = job_of(
                source, wanted, chosen.settings, device, overwrite=overwrite, cluster_options=cluster_options, **how
            )
            record = record_of(job, losses)
            progress = showing.progress(progress_gif, job, wanted.overwrite) if progress_gif else None
        chosen.save()
        tell_unused(job, preview, chosen.given)
        for name, given in (("restart", restart), ("keep_work", keep_work)):
            if given and (preview or dry_run or job.kind in ("image", "images")):
                log.warning("--%s is not used: it is for the painting of films", name.replace("_", "-"))
        if dry_run:
            _dry_run(job, console, telling)
        elif preview:
            _preview(job, at, wanted.overwrite, console, telling)
        else:
            with recorded(record, losses, wanted.overwrite, console):
                _paint(job, record, progress, console, telling)


def job_of(
    source: Path,
    wanted: Wanted,
    settings: Settings,
    device: str,
    *,
    overwrite: bool,
    cluster_options: "ClusterOptions | None" = None,
    **how: bool,
) -> "Job":
    """The job of a command line, checked; what is quick to check comes before anything slow is imported."""
    _check_files(source, wanted, settings)
    from vidstyle.core.device import select_device
    from vidstyle.jobs.spec import Job

    select_device(device)
    job = Job.of(
        source,
        wanted.style,
        wanted.output,
        settings,
        device=device,
        start=wanted.from_ or 0.0,
        end=wanted.to,
        mask=wanted.mask,
        style_masks=wanted.style_mask,
        overwrite=overwrite,
        cluster_options=cluster_options,
        no_limits=wanted.no_limits,
        **how,
    )
    log.debug("%s", job)
    return job


def _paint(job: "Job", record: "LossRecord", progress: "Progress | None", console: "Console", telling: Telling) -> None:
    from vidstyle.api import run
    from vidstyle.cli.console import listening
    from vidstyle.jobs.events import Listeners

    with listening(console, telling.quiet) as listener:
        summary = run(job, Listeners(listener, record), progress)
    tell_summary(summary, "image" if job.kind in ("image", "images") else "frame")
    if summary.failed:
        for failure in summary.failed:
            say(console, f"failed: {printable(failure)}")
        noun = "clip" if job.kind == "clips" else "image"
        others = f"the others are in {summary.out}" if summary.frames else "nor could any other"
        raise VidstyleError("VS802", count=some(len(summary.failed), noun), others=others)


def tell_summary(summary: "Summary", noun: str) -> None:
    """Prints the files that were made, and says what they took."""
    if summary.frames:
        log.info("%s", summary_line(summary, noun))
        print(summary.out)
    elif not summary.failed:
        log.info("all of %s is painted already", summary.out)
    if summary.report:
        print(summary.report)
    if summary.progress:
        log.info("%s", flipbook_line(summary.progress))
        if summary.progress.path != summary.out:
            print(summary.progress.path)


def _preview(job: "Job", at: Sequence[float], overwrite: bool, console: "Console", telling: Telling) -> None:
    from vidstyle.cli.console import listening
    from vidstyle.jobs.preview import preview

    with listening(console, telling.quiet, previews=len(at)) as listener:
        files = preview(job, at, listener, overwrite=overwrite)
    for file in files:
        print(file)


def _dry_run(job: "Job", console: "Console", telling: Telling) -> None:
    from vidstyle.cli.console import listening
    from vidstyle.core.device import select_device
    from vidstyle.jobs.preview import plan

    with listening(console, telling.quiet) as listener:
        outline = plan(job, listener)
    for line in outline_lines(outline, select_device(job.device).type):
        print(line)
    log.info("nothing was painted and nothing written (--dry-run)")


def _check_words(preview: bool, at: Sequence[float], dry_run: bool, report: bool, saves: bool) -> None:
    if report and (preview or dry_run):
        raise UsageError("VS112")
    if at and not preview:
        raise UsageError("VS113")
    if dry_run and preview:
        raise UsageError("VS114")
    if dry_run and saves:
        raise UsageError("VS115")


def _check_losses(losses: LossFiles, overwrite: bool, looks: bool, by_cluster: bool) -> None:
    if losses.files and looks:
        raise UsageError("VS116")
    if losses.files and by_cluster:
        raise UsageError("VS117")
    losses.check(overwrite)


def _check_machines(machines: Machines, looks: bool, device: str) -> None:
    given = (machines.task_cpus, machines.task_gpus, machines.storage)
    if not machines.ray and any(value is not None for value in given):
        raise UsageError("VS118")
    if machines.ray and looks:
        raise UsageError("VS119")
    if machines.ray and device != "auto":
        raise UsageError("VS120")


def cluster_options_of(machines: Machines) -> "ClusterOptions | None":
    """The cluster that was asked for."""
    if not machines.ray:
        return None
    from vidstyle.jobs.spec import ClusterOptions

    address = None if machines.ray is True else machines.ray
    cpus = 1.0 if machines.task_cpus is None else machines.task_cpus
    return ClusterOptions(address, cpus, machines.task_gpus or 0.0, machines.storage)


def _check_files(source: Path, wanted: Wanted, settings: Settings) -> None:
    """Refuses paths that are not there before anything slow is imported."""
    check_there(source, "file or folder", {name: f"the command 'vidstyle {name}'" for name in COMMAND_NAMES})
    if not wanted.style:
        raise UsageError("VS110")
    for style in wanted.style:
        check_there(style, "style image")
    for mask in (*wanted.style_mask, *([wanted.mask] if wanted.mask else [])):
        check_there(mask, "mask")
    if settings.init_file:
        check_there(settings.init_file, "image to start from (--init)", {"content": "content", "random": "random"})
    if settings.weights not in FILTERS:
        check_there(Path(settings.weights), "file of filters (--weights)", {name: name for name in FILTERS})


def check_there(path: Path, what: str, others: Mapping[str, str] = NONE) -> None:
    """Raises SourceError with the nearest name, of `others` (with what to call them) or beside `path`."""
    require_name(path)
    if path.exists() or re.search(r"[*?\[]", path.name):
        return
    refuse_address(path)
    if path.is_symlink():
        raise SourceError("VS305", path=path)
    hints = [others[name] for name in difflib.get_close_matches(str(path), others, 1)]
    hints += [str(path.with_name(name)) for name in difflib.get_close_matches(path.name, _names_in(path.parent), 1)]
    hint = f"did you mean {hints[0]}?" if hints else "check the name"
    raise SourceError("VS304", path=path, what=what, hint=hint)


def _names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def tell_unused(job: "Job", preview: bool, options: Mapping[str, Any]) -> None:
    """Says which of the given options this job does not use."""
    single = preview or job.kind in ("image", "images")
    for name, unused, reason in (
        ("frame_steps", single, "it is for frames that follow each other; single ones take --steps"),
        ("flow", single, _FOR_FILMS),
        ("stability", single, _FOR_FILMS),
        ("look_back", single, _FOR_FILMS),
        ("passes", single, _FOR_FILMS),
        ("loop", single, _FOR_FILMS),
        ("look_back", job.settings.flow == "none", "without a flow every frame starts where the last one lies"),
        ("strength", not job.settings.content_weight, "--content-weight is 0"),
        ("strength", bool(job.settings.strength_keys), "--strength-keys say it"),
        ("content_layers", not job.settings.content_weight, "--content-weight is 0"),
        ("style_layers", not job.settings.style_weight, "--style-weight is 0"),
        ("style_loss", not job.settings.style_weight, "--style-weight is 0"),
        ("style_scale", not job.settings.style_weight, "--style-weight is 0"),
        ("feather", not (job.mask or job.style_masks), "it is for --mask and --style-mask"),
        ("style_per_shot", len(job.styles) == 1, "there is one style only"),
    ):
        if unused and name in options:
            log.warning("--%s is not used: %s", name.replace("_", "-"), reason)
