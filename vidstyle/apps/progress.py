"""``vidstyle progress``: the making of a picture's painting as an animation."""

from dataclasses import replace
from typing import Annotated, Any

from cyclopts import Parameter

from vidstyle.apps.logs import error_console, logging_to, starting
from vidstyle.apps.memory import keep_freed_memory
from vidstyle.apps.options import DEVICE_HELP, FILES, RUNNING, AnyPath, Chosen, Telling, Wanted, with_settings
from vidstyle.apps.paint import job_of, tell_summary, tell_unused
from vidstyle.apps.showing import Showing

_IMAGE_HELP = "The picture to paint; the painting itself is not kept."


@with_settings
def progress(
    image: Annotated[AnyPath, Parameter(name="IMAGE", group=FILES, help=_IMAGE_HELP)],
    /,
    *,
    wanted: Wanted = Wanted(),  # noqa: B008 (frozen)
    showing: Showing = Showing(),  # noqa: B008 (frozen)
    device: Annotated[str, Parameter(group=RUNNING, metavar="auto|cpu|cuda|mps", help=DEVICE_HELP)] = "auto",
    telling: Telling = Telling(),  # noqa: B008 (frozen)
    **options: Any,
) -> None:
    """Show how a picture is painted: a GIF, WebP or MP4 that changes evenly, else to IMAGE_STYLE.gif."""
    names = "_".join(style.stem for style in wanted.style)
    file = wanted.output or image.with_name(f"{image.stem}_{names}.gif")
    showing.check(file, wanted.overwrite, looks=False)
    keep_freed_memory()
    console = error_console()
    with logging_to(console, telling.quiet, telling.log_file):
        chosen = Chosen.of(options, overwrite=wanted.overwrite)
        with starting(console, telling.quiet):
            job = job_of(image, replace(wanted, output=None), chosen.settings, device, overwrite=True)
            from vidstyle.api import run_progress
            from vidstyle.apps.bars import listening

            wish = showing.progress(file, replace(job, out=job.source), wanted.overwrite)
        chosen.save()
        tell_unused(job, False, chosen.given)
        with listening(console, telling.quiet) as listener:
            summary = run_progress(job, wish, listener)
        tell_summary(summary, "picture")
