"""``vidstyle reconstruct``, ``texture``, ``layers`` and ``progress``."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from vidstyle.cli.logs import error_console, logging_to, starting
from vidstyle.cli.options import (
    DEVICE_HELP,
    FILES,
    PAINTING_GROUP,
    RUNNING,
    AnyPath,
    Chosen,
    ManyPaths,
    Switch,
    Telling,
    Wanted,
    settings_from,
    with_settings,
    with_some_settings,
)
from vidstyle.cli.process_memory import keep_freed_memory
from vidstyle.cli.progress_options import ProgressFile, Showing
from vidstyle.cli.stylize import check_there, job_of, tell_summary, tell_unused
from vidstyle.cli.words import flipbook_line, summary_line
from vidstyle.errors import UsageError
from vidstyle.settings.presets import FIGURE, RECONSTRUCTION, TEXTURE

if TYPE_CHECKING:
    from vidstyle.jobs.events import Listener
    from vidstyle.studies.reconstruct import Study

_IMAGE_HELP = "The image to paint; the painting itself is not kept."


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
    """Show how an image is painted: a GIF, WebP or MP4 that changes evenly, else to IMAGE_STYLE.gif."""
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
            from vidstyle.cli.console import listening

            wish = showing.progress(file, replace(job, out=job.source), wanted.overwrite)
        chosen.save()
        tell_unused(job, False, chosen.given)
        with listening(console, telling.quiet) as listener:
            summary = run_progress(job, wish, listener)
        tell_summary(summary, "image")


log = logging.getLogger(__name__)

_LAYER_HELP = "The layer, or layers with weights, that is all that is known of IMAGE: conv4_2 or conv4_2=1,conv5_2=0.5."
_ALL_LAYERS_HELP = "One image for each block, conv1_2 to conv5_2, in a folder."
_SIZE_HELP = "WIDTHxHEIGHT of the texture; else the size of STYLE, on a CPU at most 640 pixels long."
_TILE_HELP = "Make a tile that shows no seam beside itself; its sides are multiples of 16."
_STYLE_HELP = "A style image, or a folder of them. May be given several times."
_GRID_HELP = "Sweep two settings instead: ROWS:COLUMNS, like strength=0.2,0.8:style-scale or style:content."
_SHOW_HELP = "Figures beside the sheet: gram, features, or gram,features."

Output = Annotated[AnyPath | None, Parameter(alias="-o", group=FILES, metavar="FILE", help="Where to write.")]
Overwrite = Annotated[Switch, Parameter(group=FILES, help="Replace an output that exists.")]
Device = Annotated[str, Parameter(group=RUNNING, metavar="auto|cpu|cuda|mps", help=DEVICE_HELP)]

_FROM_NOISE = ("steps", "scales", "seed", "optimizer", "tv_weight", "weights", "pooling")
_OF_GRIDS = ("strength", "keep_colors", "content_layers", "style_layers")
_TEXTURES = ("style_layers", "style_loss", "style_scale")


@with_some_settings(*_FROM_NOISE, "size", base=RECONSTRUCTION)
def reconstruct(
    image: Annotated[AnyPath, Parameter(name="IMAGE", group=FILES, help="The image.")],
    /,
    *,
    layer: Annotated[str, Parameter(group=PAINTING_GROUP, metavar="LAYERS", help=_LAYER_HELP)] = "conv5_2",
    all_layers: Annotated[Switch, Parameter(group=PAINTING_GROUP, help=_ALL_LAYERS_HELP)] = False,
    output: Output = None,
    overwrite: Overwrite = False,
    progress_gif: ProgressFile = None,
    showing: Showing = Showing(),  # noqa: B008 (frozen)
    device: Device = "auto",
    telling: Telling = Telling(),  # noqa: B008 (frozen)
    **options: Any,
) -> None:
    """Paint an image from noise by what a layer keeps of its content."""
    settings = settings_from(RECONSTRUCTION, options, content_layers=layer)
    check_there(image, "image")
    showing.check(progress_gif, overwrite, looks=False)
    with _talking(telling) as listener:
        from vidstyle.studies.reconstruct import reconstruct as run

        progress = showing.wish(progress_gif) if progress_gif else None
        how = {"all_layers": all_layers, "overwrite": overwrite}
        _tell(run(image, output, settings, progress=progress, device=device, listener=listener, **how))


@with_some_settings(*_FROM_NOISE, *_TEXTURES, base=TEXTURE)
def texture(
    style: Annotated[AnyPath, Parameter(name="STYLE", group=FILES, help="The image that the texture is of.")],
    /,
    *,
    size: Annotated[str | None, Parameter(group=PAINTING_GROUP, metavar="WIDTHxHEIGHT", help=_SIZE_HELP)] = None,
    tile: Annotated[Switch, Parameter(group=PAINTING_GROUP, help=_TILE_HELP)] = False,
    output: Output = None,
    overwrite: Overwrite = False,
    progress_gif: ProgressFile = None,
    showing: Showing = Showing(),  # noqa: B008 (frozen)
    device: Device = "auto",
    telling: Telling = Telling(),  # noqa: B008 (frozen)
    **options: Any,
) -> None:
    """Paint from noise what looks like a style image everywhere."""
    settings, wanted = settings_from(TEXTURE, options), None if size is None else _size(size)
    check_there(style, "style image")
    showing.check(progress_gif, overwrite, looks=False)
    with _talking(telling) as listener:
        from vidstyle.studies.reconstruct import texture as run

        progress = showing.wish(progress_gif) if progress_gif else None
        how = {"tile": tile, "overwrite": overwrite}
        _tell(run(style, output, settings, size=wanted, progress=progress, device=device, listener=listener, **how))


@with_some_settings(*_FROM_NOISE, *_TEXTURES, "size", "strength", "keep_colors", "content_layers", base=FIGURE)
def layers(
    image: Annotated[AnyPath, Parameter(name="IMAGE", group=FILES, help="The image.")],
    /,
    *,
    style: Annotated[ManyPaths, Parameter(alias="-s", group=FILES, metavar="IMAGE", help=_STYLE_HELP)] = (),
    grid: Annotated[
        str, Parameter(group=PAINTING_GROUP, metavar="ROWS:COLUMNS", show_default=False, help=_GRID_HELP)
    ] = "",
    show: Annotated[str, Parameter(group=PAINTING_GROUP, metavar="FIGURES", show_default=False, help=_SHOW_HELP)] = "",
    output: Output = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
    telling: Telling = Telling(),  # noqa: B008 (frozen)
    **options: Any,
) -> None:
    """Show what each layer keeps of an image and of a style, or what two settings do, on one sheet."""
    settings, figures = settings_from(FIGURE, options), [part.strip() for part in show.split(",") if part.strip()]
    check_there(image, "image")
    for path in style:
        check_there(path, "style image")
    if not style:
        raise UsageError("VS110")
    with _talking(telling) as listener:
        for name in _OF_GRIDS if not grid else ():
            if name in options:
                log.warning("--%s is not used: the figure has its own; it is for --grid", name.replace("_", "-"))
        from vidstyle.studies.layer_figures import layer_figure

        _tell(
            layer_figure(
                image,
                style,
                output,
                settings,
                grid=grid,
                show=figures,
                device=device,
                overwrite=overwrite,
                listener=listener,
            )
        )


def _size(text: str) -> tuple[int, int]:
    """(height, width) from ``512x768``, which is width and height."""
    found = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text.strip().lower())
    if not found or min(map(int, found.groups())) < 32:
        raise UsageError("VS111", text=text)
    width, height = map(int, found.groups())
    return height, width


@contextmanager
def _talking(telling: Telling) -> "Iterator[Listener]":
    keep_freed_memory()
    console = error_console()
    with logging_to(console, telling.quiet, telling.log_file):
        with starting(console, telling.quiet):
            from vidstyle.cli.console import listening
        with listening(console, telling.quiet) as listener:
            yield listener


def _tell(study: "Study") -> None:
    for layer, error in study.errors.items():
        log.info("%s: relative error %.2g %%", layer, 100 * error)
    log.info("%s", summary_line(study.summary, "image"))
    if study.summary.progress:
        log.info("%s", flipbook_line(study.summary.progress))
    for file in study.files:
        print(file)
