"""``vidstyle progress``, ``reconstruct``, ``texture`` and ``layers``."""

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from vidstyle.cli.options import (
    FILES,
    FLIPBOOK_ENDINGS,
    SETTINGS_GROUPS,
    AnyPath,
    Device,
    JobTelling,
    Making,
    ManyPaths,
    Output,
    Overwrite,
    Showing,
    Styles,
    Switch,
    Wanted,
)
from vidstyle.cli.settings_options import Chosen, with_image_settings, with_some_settings
from vidstyle.cli.stylize import check_styles, job_of, tell_summary, tell_unused, warn_unused
from vidstyle.cli.terminal import Terminal, open_terminal
from vidstyle.errors import UsageError
from vidstyle.files import check_target, check_there
from vidstyle.settings.presets import FIGURE, RECONSTRUCTION, TEXTURE
from vidstyle.settings.settings import PAINTING, Settings

if TYPE_CHECKING:
    from vidstyle.studies.reconstruct import Study

PAINTING_GROUP = SETTINGS_GROUPS[PAINTING]
LEAST_SIDE = 32  # pixels of a texture


_FROM_NOISE = ("steps", "scales", "seed", "optimizer", "tv_weight", "weights", "pooling")
_OF_GRIDS = ("strength", "keep_colors", "content_layers", "style_layers")
_TEXTURES = ("style_layers", "style_loss", "style_scale")

Image = Annotated[AnyPath, Parameter(name="IMAGE", group=FILES)]

log = logging.getLogger(__name__)


@with_image_settings
def progress(
    image: Image,
    /,
    *,
    style: Styles = (),
    style_mask: Annotated[ManyPaths, Parameter(group=FILES, metavar="FILE")] = (),
    mask: Annotated[AnyPath | None, Parameter(group=FILES, metavar="FILE")] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    no_limits: Annotated[Switch, Parameter(group=FILES)] = False,
    showing: Showing = Showing(),
    device: Device = "auto",
    telling: JobTelling = JobTelling(),
    **options: Any,
) -> None:
    """Write an animation of how an image is painted: GIF, WebP or MP4. Default: IMAGE_STYLE.gif.

    Args:
        image: The image to paint. Only the animation is written.
        style: Style image. Repeat to mix several styles.
        style_mask: Image that is white where a style applies. Repeat for each style, in the same order.
        mask: Image that is white in the area to paint. The rest of IMAGE is kept unchanged.
        no_limits: Accept an image of any size, even over 150 million pixels.
    """
    with open_terminal(telling) as terminal:
        names = "_".join(path.stem for path in style)
        file = output or image.with_name(f"{image.stem}_{names}.gif")
        check_target(file, FLIPBOOK_ENDINGS, overwrite=overwrite)
        chosen = Chosen.of(options, overwrite=overwrite)
        painting = Wanted(style, style_mask, mask, overwrite=True, no_limits=no_limits)  # which is not written
        with terminal.starting():
            job = job_of(image, painting, chosen.settings, device)
            from vidstyle.api import run_progress

            animation = showing.progress(file)
            animation.check(replace(job, out=job.source), overwrite)
        chosen.save()
        tell_unused(job, chosen.given)
        with terminal.listening() as listener:
            summary = run_progress(job, animation, listener)
        tell_summary(terminal, summary, "image")


@with_some_settings(*_FROM_NOISE, "size", base=RECONSTRUCTION)
def reconstruct(
    image: Image,
    /,
    *,
    layer: Annotated[str, Parameter(group=PAINTING_GROUP, metavar="LAYERS")] = "conv5_2",
    all_layers: Annotated[Switch, Parameter(group=PAINTING_GROUP)] = False,
    output: Output = None,
    overwrite: Overwrite = False,
    making: Making = Making(),
    device: Device = "auto",
    telling: JobTelling = JobTelling(),
    **options: Any,
) -> None:
    """Reconstruct an image from the activations of a layer, starting from noise.

    Args:
        image: The image to reconstruct.
        layer: The layer to reconstruct from, or several with weights, such as conv4_2=1,conv5_2=0.5.
        all_layers: Write one image per block, conv1_2 to conv5_2, to a folder.
    """
    with open_terminal(telling) as terminal:
        settings = Settings(**{**RECONSTRUCTION, **options, "content_layers": layer})
        check_there(image, "image")
        making.check(overwrite)
        with terminal.starting():
            from vidstyle.studies.reconstruct import reconstruct as run

        with terminal.listening() as listener:
            how: dict[str, Any] = {"device": device, "overwrite": overwrite, "listener": listener}
            study = run(image, output, settings, all_layers=all_layers, progress=making.progress, **how)
        _tell(terminal, study)


@with_some_settings(*_FROM_NOISE, *_TEXTURES, base=TEXTURE)
def texture(
    style: Annotated[AnyPath, Parameter(name="STYLE", group=FILES)],
    /,
    *,
    size: Annotated[str | None, Parameter(group=PAINTING_GROUP, metavar="WIDTHxHEIGHT")] = None,
    tile: Annotated[Switch, Parameter(group=PAINTING_GROUP)] = False,
    output: Output = None,
    overwrite: Overwrite = False,
    making: Making = Making(),
    device: Device = "auto",
    telling: JobTelling = JobTelling(),
    **options: Any,
) -> None:
    """Make a texture from a style image, starting from noise.

    Args:
        style: The image to make a texture from.
        size: WIDTHxHEIGHT of the texture. Default: the size of STYLE, on a CPU at most 640 pixels long.
        tile: Make a seamless tile. Its sides are multiples of 16.
    """
    with open_terminal(telling) as terminal:
        settings, wanted = Settings(**{**TEXTURE, **options}), None if size is None else _size(size)
        check_there(style, "style image")
        making.check(overwrite)
        with terminal.starting():
            from vidstyle.studies.reconstruct import texture as run

        with terminal.listening() as listener:
            how: dict[str, Any] = {"device": device, "overwrite": overwrite, "listener": listener}
            study = run(style, output, settings, size=wanted, tile=tile, progress=making.progress, **how)
        _tell(terminal, study)


@with_some_settings(*_FROM_NOISE, *_TEXTURES, "size", "strength", "keep_colors", "content_layers", base=FIGURE)
def layers(
    image: Image,
    /,
    *,
    style: Styles = (),
    grid: Annotated[str, Parameter(group=PAINTING_GROUP, metavar="ROWS:COLUMNS")] = "",
    show: Annotated[str, Parameter(group=PAINTING_GROUP, metavar="FIGURES")] = "",
    output: Output = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
    telling: JobTelling = JobTelling(),
    **options: Any,
) -> None:
    """Show what each layer represents of an image and a style, or compare two settings, on one sheet.

    Args:
        image: The image to examine.
        style: A style image, or a folder of them. Repeat for several.
        grid: Compare two settings instead, as ROWS:COLUMNS, such as strength=0.2,0.8:style-scale or style:content.
        show: Additional figures: gram, features, or gram,features.
    """
    with open_terminal(telling) as terminal:
        settings = Settings(**{**FIGURE, **options})
        figures = [part.strip() for part in show.split(",") if part.strip()]
        check_there(image, "image")
        check_styles(style)
        for name in [name for name in _OF_GRIDS if name in options and not grid]:
            warn_unused(name, "the figure has its own value; use it with --grid")
        with terminal.starting():
            from vidstyle.studies.layer_figures import layer_figure

        with terminal.listening() as listener:
            how: dict[str, Any] = {"device": device, "overwrite": overwrite, "listener": listener}
            study = layer_figure(image, style, output, settings, grid=grid, show=figures, **how)
        _tell(terminal, study)


def _size(text: str) -> tuple[int, int]:
    """(height, width) from ``512x768``, which is width and height."""
    found = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text.strip().lower())
    if not found or min(map(int, found.groups())) < LEAST_SIDE:
        raise UsageError("VS111", text=text)
    width, height = map(int, found.groups())
    return height, width


def _tell(terminal: Terminal, study: "Study") -> None:
    for layer, error in study.errors.items():
        log.info("%s: relative error %.2g %%", layer, 100 * error)
    tell_summary(terminal, study.summary, "image", study.files)
