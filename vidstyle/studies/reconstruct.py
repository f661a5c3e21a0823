"""The parts of the method on their own: content from noise, style from noise, and both side by side.

Figure 1 of Gatys et al. 2015 (arXiv 1508.06576), for any image, layers and filters.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.frame_style import Frame
from vidstyle.core.sizes import Size, fit_size, resize, size_of
from vidstyle.core.style_model import STROKES, StyleModel
from vidstyle.core.stylize_image import TILE, Painted, stylize_image
from vidstyle.core.temporal import PaintedFrame
from vidstyle.core.weights import Filters, load_filters
from vidstyle.errors import SettingsError, SinkError
from vidstyle.files import refuse_existing
from vidstyle.images import IMAGE_ENDINGS, load_image, save_image
from vidstyle.jobs.events import Listener, Listeners, Summary, Work
from vidstyle.jobs.prescan import CPU_LONG_SIDE, device_of, outline_images, painting_size
from vidstyle.jobs.spec import AnyPath, JobSpec
from vidstyle.settings.presets import RECONSTRUCTION, TEXTURE
from vidstyle.settings.settings import Settings
from vidstyle.studies.making import Progress, ProgressRecorder

BLOCKS = tuple(f"conv{block}_2" for block in range(1, 6))


@dataclass(frozen=True)
class Study:
    """What was made, and for reconstructions how far the activations of each layer are from the image's:
    ||F - P||^2 / ||P||^2."""

    summary: Summary
    files: tuple[Path, ...]
    errors: Mapping[str, float] = field(default_factory=dict)


def reconstruct(
    image: AnyPath,
    out: AnyPath | None = None,
    settings: Settings | None = None,
    *,
    all_layers: bool = False,
    progress: Progress | AnyPath | None = None,
    device: str = "auto",
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Study:
    """Paints an image from noise, using only its content in the ``content_layers`` of the settings.

    Args:
        image: The image file.
        out: The file to write, or the folder for `all_layers`; None for one next to `image`.
        settings: None for those of RECONSTRUCTION.
        all_layers: Write one image for each of BLOCKS instead.
        progress: An animation of a single one that is wanted, or its file.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Whether files may be replaced.
        listener: Is told what is painted.

    Raises:
        VidstyleError: For every error that the user can act on.
    """
    began, source, chosen = time.monotonic(), Path(image), settings or Settings(**RECONSTRUCTION)
    sets = BLOCKS if all_layers else (chosen.content_layers,)
    name = f"{source.stem}_layers" if all_layers else f"{source.stem}_{name_of(chosen.content_layers)}.png"
    target = Path(out) if out is not None else source.with_name(name)
    files = [target / f"{layer}.png" for layer in sets] if all_layers else [target]
    job, listener = JobSpec(source, (), target, "image", chosen, device), listener or Listener()
    wanted = _checked(job, files, progress, overwrite)
    if wanted and all_layers:
        raise SettingsError("VS267")
    whole = load_image(source).rgb
    content = resize(whole, painting_size(size_of(whole), chosen, device_of(job)))
    each = [chosen.replace(content_layers=layers) for layers in sets]
    filters = filters_for(chosen, [whole], [layer for one in each for layer in one.content_layer_weights], listener)
    listener.started(outline_images(job, [size_of(whole)] * len(sets)))
    if all_layers:
        target.mkdir(exist_ok=True)
    models = (reconstructor(content, filters, one, device_of(job)) for one in each)
    return _painted(job, models, files, content, _recorder(wanted, size_of(content), content), listener, began)


def texture(
    style: AnyPath,
    out: AnyPath | None = None,
    settings: Settings | None = None,
    *,
    size: Size | None = None,
    tile: bool = False,
    progress: Progress | AnyPath | None = None,
    device: str = "auto",
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Study:
    """Paints a texture of the style image from noise.

    At any size, strokes are as large as in the image, times ``style_scale``.

    Args:
        style: The image file.
        out: The file to write; None for ``STYLE_texture.png``.
        settings: None for those of TEXTURE.
        size: (height, width) of the texture; None for that of the style, on a CPU at most CPU_LONG_SIDE long.
        tile: Whether it can be laid beside itself without a seam; its sides are the next multiples of TILE then.
        progress: An animation that is wanted, or its file.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Whether files may be replaced.
        listener: Is told what is painted.

    Raises:
        VidstyleError: For every error that the user can act on.
    """
    began, source, chosen = time.monotonic(), Path(style), settings or Settings(**TEXTURE)
    target = Path(out) if out is not None else source.with_name(f"{source.stem}_texture.png")
    job, listener = JobSpec(source, (source,), target, "image", chosen, device), listener or Listener()
    wanted = _checked(job, [target], progress, overwrite)
    whole = load_image(source).rgb
    own = size_of(whole) if device_of(job).type != "cpu" else fit_size(size_of(whole), CPU_LONG_SIDE)
    height, width = size or own
    if tile:
        height, width = (-(-side // TILE) * TILE for side in (height, width))
    filters = filters_for(chosen, [whole], tuple(chosen.style_layer_weights), listener)
    listener.started(outline_images(replace(job, settings=chosen.replace(size="full")), [(height, width)]))
    scaled = resize(whole, own)
    models = [texturer(scaled, filters, chosen, (height, width), device_of(job), tile=tile)]
    recorder = _recorder(wanted, (height, width), scaled)
    return _painted(job, models, [target], torch.zeros(3, height, width), recorder, listener, began)


def _checked(
    job: JobSpec, files: Sequence[Path], progress: Progress | AnyPath | None, overwrite: bool
) -> Progress | None:
    """The animation that is wanted, if any; SinkError or SettingsError where it, or the images, cannot be written."""
    check_targets(files, job.out.absolute().parent, overwrite)
    if progress is None:
        return None
    wanted = Progress.of(progress)
    wanted.check(job, overwrite)
    return wanted


def _recorder(wanted: Progress | None, size: Size, beside: Tensor) -> ProgressRecorder | None:
    return ProgressRecorder(wanted, size, [beside]) if wanted else None


def _painted(
    job: JobSpec,
    models: Iterable[StyleModel],
    files: Sequence[Path],
    content: Tensor,
    recorder: ProgressRecorder | None,
    listener: Listener,
    began: float,
) -> Study:
    """Paints an image by each model into its file, and writes the animation that a `recorder` hears.

    `began` is when all of it did, by time.monotonic().
    """
    errors, work, written = dict[str, float](), list[Work](), list(files)
    hears = Listeners(listener, recorder).step if recorder else listener.step
    for number, (model, file) in enumerate(zip(models, files, strict=True)):
        painted = stylize_image(model, content, hears)
        save_image(file, painted.image)
        listener.frame(PaintedFrame(Frame(number, 0.0, content), painted))
        if model.settings.content_weight:
            errors |= feature_errors(model, painted, content)
        work.append(Work.of(painted))
    summary = Summary.of(job.out, model).after(*work).since(began)
    if recorder:
        summary = replace(summary, progress=(flipbook := recorder.write(painted.image, listener)))
        written.append(flipbook.path)
    return Study(summary, tuple(written), errors)


def reconstructor(content: Tensor, filters: Filters, settings: Settings, device: torch.device) -> StyleModel:
    """A style model from noise by content alone, of images as large as `content` (3, H, W)."""
    return StyleModel.of([content], filters, settings.replace(style_weight=0.0, content_weight=1.0), device=device)


def texturer(
    style: Tensor, filters: Filters, settings: Settings, size: Size, device: torch.device, *, tile: bool = False
) -> StyleModel:
    """A style model from noise by style alone, of images of `size`, with strokes as large as in `style` (3, H, W)."""
    scale = settings.style_scale * max(style.shape[1:]) / (STROKES * max(size))
    settings = settings.replace(content_weight=0.0, style_weight=1.0, style_scale=scale)
    return StyleModel.of([style], filters, settings, device=device, wraps=tile)


@torch.no_grad()
def feature_errors(model: StyleModel, painted: Painted, content: Tensor) -> dict[str, float]:
    """||F - P||^2 / ||P||^2 for each content layer."""
    layers = tuple(model.settings.content_layer_weights)
    found, wanted = (model.network(x.to(model.device), layers) for x in (painted.image, content))
    return {k: float((found[k] - wanted[k]).square().sum() / wanted[k].square().sum()) for k in layers}


def name_of(layers: str) -> str:
    """Layers as part of a file's name: ``conv4_2=1,conv5_2`` is ``conv4_2_conv5_2``."""
    return "_".join(part.split("=")[0].strip() for part in layers.split(","))


def check_targets(files: Sequence[Path], place: Path, overwrite: bool) -> None:
    """SinkError unless images can be written to these names, in or below the folder `place`."""
    for file in files:
        if file.suffix.lower() not in IMAGE_ENDINGS:
            raise SinkError("VS429", file=file, image_endings=" ".join(IMAGE_ENDINGS))
    refuse_existing(files, overwrite)
    if not place.is_dir():
        raise SinkError("VS417", path=files[0], folder=place)


def filters_for(settings: Settings, images: Sequence[Tensor], layers: Sequence[str], listener: Listener) -> Filters:
    """The filters, learned from `images` where that is the choice, up to the deepest of the `layers`."""
    return load_filters(
        settings.weights,
        tuple(dict.fromkeys(layers)),
        teachers=lambda: list(images),
        seed=settings.seed,
        on_progress=listener.working,
    )
