"""The parts of the method on their own: content from noise, style from noise, and both side by side.

Figure 1 of Gatys et al. 2015 (arXiv 1508.06576), for any image, layers and filters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.frame_style import Frame
from vidstyle.core.sizes import Size, fit_size, resize, size_of
from vidstyle.core.stylize_image import STROKES, TILE, Painted, Painter
from vidstyle.core.temporal import PaintedFrame
from vidstyle.core.weights import Filters, load_filters
from vidstyle.errors import SettingsError, SinkError
from vidstyle.images import IMAGE_ENDINGS, load_image, save_image
from vidstyle.jobs.events import Listener, Listeners, Summary, Work
from vidstyle.jobs.prescan import CPU_LONG_SIDE, painting_size
from vidstyle.jobs.setup import device_of, outline_images
from vidstyle.jobs.spec import AnyPath, Job
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

    def shown(self, recorder: ProgressRecorder | None, painted: Painted, listener: Listener) -> "Study":
        """With the animation that a `recorder` heard, if there is one."""
        if recorder is None:
            return self
        flipbook = recorder.write(painted.image, listener)
        summary = replace(self.summary, progress=flipbook)
        return replace(self, summary=summary, files=(*self.files, flipbook.path))


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
    """Paints an image from noise by its content alone, as the ``content_layers`` of the settings see it.

    `all_layers`: one image for each of BLOCKS, in the folder `out`, else ``IMAGE_layers``. `progress` is an animation
    of a single one that is wanted, or its file. Raises VidstyleError where the user can do something about it.
    """
    source, chosen = Path(image), settings or Settings(**RECONSTRUCTION)
    sets = BLOCKS if all_layers else (chosen.content_layers,)
    fallback = f"{source.stem}_layers" if all_layers else f"{source.stem}_{name_of(chosen.content_layers)}.png"
    target = Path(out) if out is not None else source.with_name(fallback)
    files = [target / f"{layer}.png" for layer in sets] if all_layers else [target]
    check_targets(files, target.absolute().parent, overwrite)
    job = Job(source, (), target, "image", chosen, device)
    wanted = _checked(progress, job, overwrite)
    if wanted and all_layers:
        raise SettingsError("VS267")
    content_image = load_image(source).rgb
    size = painting_size(size_of(content_image), chosen, device_of(job))
    content, listener = resize(content_image, size), listener or Listener()
    layers_used = [layer for names in sets for layer in chosen.replace(content_layers=names).content_layer_weights]
    filters = filters_for(chosen, [content_image], layers_used, listener)
    listener.started(outline_images(job, [size_of(content_image)] * len(sets)))
    if all_layers:
        target.mkdir(exist_ok=True)
    summary, errors = None, dict[str, float]()
    for number, (layers, file) in enumerate(zip(sets, files, strict=True)):
        painter = reconstructor(content, filters, chosen.replace(content_layers=layers), device_of(job))
        recorder = ProgressRecorder(wanted, size, [content]) if wanted else None
        painted = _painted(painter, content, number, file, recorder, listener)
        errors |= feature_errors(painter, painted, content)
        summary = (summary or Summary.of(target, painter)).after(Work.of(painted))
    assert summary is not None
    return Study(summary, tuple(files), errors).shown(recorder, painted, listener)


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
    """Paints from noise what looks like the style image everywhere, at `size` (height, width), else at the style's.

    Strokes are as large as in the image, times ``style_scale``, whatever the size. A `tile` can be laid beside itself
    without a seam; its sides are the next multiples of TILE. `progress` is an animation that is wanted, or its file.
    Raises VidstyleError where the user can do something about it.
    """
    source, chosen = Path(style), settings or Settings(**TEXTURE)
    target = Path(out) if out is not None else source.with_name(f"{source.stem}_texture.png")
    check_targets([target], target.absolute().parent, overwrite)
    job = Job(source, (source,), target, "image", chosen, device)
    wanted = _checked(progress, job, overwrite)
    style_image = load_image(source).rgb
    own = size_of(style_image) if device_of(job).type != "cpu" else fit_size(size_of(style_image), CPU_LONG_SIDE)
    height, width = size or own
    if tile:
        height, width = (-(-side // TILE) * TILE for side in (height, width))
    listener = listener or Listener()
    filters = filters_for(chosen, [style_image], tuple(chosen.style_layer_weights), listener)
    listener.started(outline_images(replace(job, settings=chosen.replace(size="full")), [(height, width)]))
    painter = texturer(resize(style_image, own), filters, chosen, (height, width), device_of(job), tile=tile)
    recorder = ProgressRecorder(wanted, (height, width), [resize(style_image, own)]) if wanted else None
    painted = _painted(painter, torch.zeros(3, height, width), 0, target, recorder, listener)
    return Study(Summary.of(target, painter).after(Work.of(painted)), (target,)).shown(recorder, painted, listener)


def _checked(progress: Progress | AnyPath | None, job: Job, overwrite: bool) -> Progress | None:
    if progress is None:
        return None
    wanted = Progress.of(progress)
    wanted.check(job, overwrite)
    return wanted


def _painted(
    painter: Painter, content: Tensor, number: int, file: Path, recorder: ProgressRecorder | None, listener: Listener
) -> Painted:
    """Paints an image and writes it to `file`."""
    painted = painter.paint(content, Listeners(listener, recorder).step if recorder else listener.step)
    save_image(file, painted.image)
    listener.frame(PaintedFrame(Frame(number, 0.0, content), painted))
    return painted


def reconstructor(content: Tensor, filters: Filters, settings: Settings, device: torch.device) -> Painter:
    """A painter from noise by content alone."""
    return Painter([content], filters, settings.replace(style_weight=0.0, content_weight=1.0), device=device)


def texturer(
    style: Tensor, filters: Filters, settings: Settings, size: Size, device: torch.device, *, tile: bool = False
) -> Painter:
    """A painter from noise by style alone, of images of `size`, with strokes as large as in `style` (3, H, W)."""
    scale = settings.style_scale * max(style.shape[1:]) / (STROKES * max(size))
    settings = settings.replace(content_weight=0.0, style_weight=1.0, style_scale=scale)
    return Painter([style], filters, settings, device=device, wraps=tile)


@torch.no_grad()
def feature_errors(painter: Painter, painted: Painted, content: Tensor) -> dict[str, float]:
    """||F - P||^2 / ||P||^2 for each content layer."""
    layers = tuple(painter.settings.content_layer_weights)
    found, wanted = (painter.network(x.to(painter.device), layers) for x in (painted.image, content))
    return {k: float((found[k] - wanted[k]).square().sum() / wanted[k].square().sum()) for k in layers}


def name_of(layers: str) -> str:
    """Layers as part of a file's name: ``conv4_2=1,conv5_2`` is ``conv4_2_conv5_2``."""
    return "_".join(part.split("=")[0].strip() for part in layers.split(","))


def check_targets(files: Sequence[Path], place: Path, overwrite: bool) -> None:
    """SinkError unless images can be written to these names, in or below the folder `place`."""
    for file in files:
        if file.suffix.lower() not in IMAGE_ENDINGS:
            raise SinkError("VS429", file=file, image_endings=" ".join(IMAGE_ENDINGS))
        if file.exists() and not overwrite:
            raise SinkError("VS402", path=file)
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
