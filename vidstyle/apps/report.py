"""``vidstyle report``: how good painted films are."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vidstyle.apps.logs import error_console, logging_to, starting
from vidstyle.apps.memory import keep_freed_memory
from vidstyle.apps.options import (
    FILES,
    RUNNING,
    AnyPath,
    ManyPaths,
    Seconds,
    Switch,
    Telling,
    UsageError,
    settings_of,
    with_some_settings,
)
from vidstyle.errors import SinkError, SourceError

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
    style: Annotated[ManyPaths, Parameter(alias="-s", group=FILES, metavar="PICTURE", help="What they imitate.")] = (),
    page: Annotated[AnyPath | None, Parameter(alias="-o", group=FILES, metavar="FILE", help=_PAGE_HELP)] = None,
    overwrite: Annotated[Switch, Parameter(group=FILES, help="Replace a report that exists.")] = False,
    from_: Annotated[Seconds | None, Parameter(name="--from", group=FILES, help="As it was when painting.")] = None,
    to: Annotated[Seconds | None, Parameter(group=FILES, help="As it was when painting.")] = None,
    device: Annotated[str, Parameter(group=RUNNING, metavar="auto|cpu|cuda|mps", help=_JUDGE_HELP)] = "auto",
    telling: Telling = Telling(),  # noqa: B008 (frozen)
    **options: Any,
) -> None:
    """Measure painted videos against their source: stability, style, content, with curves and pictures."""
    if not outputs or source is None or not style:
        raise UsageError("a report needs painted videos, --source and --style")
    target = page or outputs[0].with_name(f"{outputs[0].stem}_report.html")
    _check(outputs, source, style, target, overwrite)
    console = error_console()
    keep_freed_memory()
    with logging_to(console, telling.quiet, telling.log_file):
        with starting(console, telling.quiet):
            from vidstyle.apps.bars import listening
            from vidstyle.jobs.report import compare, write_report

        settings, start = settings_of(**options), from_ or 0.0
        with listening(console, telling.quiet) as listener:
            found = compare(outputs, source, style, settings, device=device, start=start, end=to, listener=listener)
        for file in write_report(found, target, overwrite=overwrite):
            print(file)


def _check(outputs: ManyPaths, source: Path, styles: ManyPaths, target: Path, overwrite: bool) -> None:
    """Refuses what can be refused before anything slow."""
    for path in (*outputs, source, *styles):
        if not path.is_file():
            raise SourceError(f"{path}: no such file; check the name")
    if target.suffix.lower() not in (".html", ".htm"):
        raise SinkError(f"{target}: a report is a page; give a name that ends in .html")
    for file in (target, target.with_suffix(".json")):
        if file.exists() and not overwrite:
            raise SinkError(f"{file}: exists already; give another name with -o, or --overwrite")
    if not target.absolute().parent.is_dir():
        raise SinkError(f"{target}: there is no folder {target.absolute().parent}; make it first")
