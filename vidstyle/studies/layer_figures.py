"""Sheets and figures: what each layer keeps, what two settings do, how Gram matrices and activations look."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.calibration import calibrated
from vidstyle.core.frame_style import Frame
from vidstyle.core.pixels import to_array, to_tensor
from vidstyle.core.sizes import fit_size, resize, size_of
from vidstyle.core.style_model import StyleModel
from vidstyle.core.style_statistics import gram_matrix
from vidstyle.core.stylize_image import stylize_image
from vidstyle.core.temporal import PaintedFrame
from vidstyle.core.vgg import VGG19
from vidstyle.core.weights import Filters
from vidstyle.errors import SettingsError
from vidstyle.images import load_image, save_image
from vidstyle.jobs.events import Listener, Summary, Work
from vidstyle.jobs.prescan import device_of, load_styles, outline_images, painting_size
from vidstyle.jobs.spec import AnyPath, JobSpec
from vidstyle.settings.presets import FIGURE, RECONSTRUCTION, TEXTURE
from vidstyle.settings.settings import Settings
from vidstyle.studies.reconstruct import BLOCKS, Study, check_targets, filters_for, reconstructor, texturer
from vidstyle.video.montage import contact_sheet
from vidstyle.video.reader import find_images

STYLE_LAYERS = tuple(f"conv{block}_1" for block in range(1, 6))
MORE_FOR_CONTENT = 5  # times the steps of textures: deep layers are slow to meet
MAPS = 8  # activations shown of each layer, those that vary most
SIDE = 240  # pixels of the long side of what is shown of activations
DECADES = 4  # from black to nearly white in Gram matrices
AXES: Mapping[str, tuple[str, str]] = {  # short names of settings, and the values they take where none are given
    "content": ("content_weight", "0.25,1,4"),
    "style": ("style_weight", "0.25,1,4"),
    "strength": ("strength", "0.2,0.5,0.8"),
    "style_scale": ("style_scale", "0.5,1,2"),
    "style_loss": ("style_loss", "gram,covariance,wasserstein2,histogram"),
    "style_layers": ("style_layers", ",".join(STYLE_LAYERS)),
    "content_layers": ("content_layers", ",".join(BLOCKS)),
    "keep_colors": ("keep_colors", "no,luminance,match,free"),
    "size": ("size", "96,192,384"),
}


@dataclass(frozen=True)
class Axis:
    """One side of a grid: the setting that changes, with its values, or the style images."""

    name: str
    values: tuple[Any, ...]


def layer_figure(
    image: AnyPath,
    styles: Sequence[AnyPath],
    out: AnyPath | None = None,
    settings: Settings | None = None,
    *,
    grid: str = "",
    show: Sequence[str] = (),
    device: str = "auto",
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Study:
    """The figure of Gatys et al. 2015 for an image and a style, or a `grid` of paintings.

    A row of reconstructions from conv1_2 ... conv5_2, and for each style one of textures from conv1_1, then from
    conv2_1 too, ...

    Args:
        image: The image file.
        styles: Style images, or folders of them.
        out: The sheet's file; None for ``IMAGE_layers.png`` or ``IMAGE_grid.png``.
        settings: None for those of FIGURE.
        grid: ``ROWS:COLUMNS`` sweeps two settings instead (`axes_of`).
        show: Additional figures of the image and the styles: ``gram``, ``features``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Whether files may be replaced.
        listener: Is told what is painted.

    Raises:
        VidstyleError: For every error that the user can act on.
    """
    began, source, named = time.monotonic(), Path(image), [path for style in styles for path in _images_of(Path(style))]
    target = Path(out) if out is not None else source.with_name(f"{source.stem}_{'grid' if grid else 'layers'}.png")
    job = JobSpec(source, tuple(named), target, "image", settings or Settings(**FIGURE), device)
    axes, files = _checked(job, grid, show, overwrite)
    cells = _Cells.of(job, listener or Listener())
    save_image(target, cells.grid(*axes) if axes else cells.figure())
    for kind in show:
        save_image(files[kind], FIGURES[kind](cells.network, cells.scaled))
    return Study(cells.summary.since(began), (target, *files.values()))


def _checked(
    job: JobSpec, grid: str, show: Sequence[str], overwrite: bool
) -> tuple[tuple[Axis, Axis] | None, dict[str, Path]]:
    """The sides of a grid, if it is one, and the files of the figures that are shown beside it."""
    if not job.styles:
        raise SettingsError("VS212")
    if unknown := set(show) - set(FIGURES):
        raise SettingsError("VS257", unknown=", ".join(sorted(unknown)), shown=" or ".join(FIGURES))
    axes = axes_of(grid, job.settings, [path.stem for path in job.styles]) if grid else None
    files = {kind: job.out.with_name(f"{job.out.stem}_{kind}.png") for kind in show}
    check_targets([job.out, *files.values()], job.out.absolute().parent, overwrite)
    return axes, files


def axes_of(text: str, settings: Settings, styles: Sequence[str]) -> tuple[Axis, Axis]:
    """The two sides of a grid from ``ROWS:COLUMNS``, each ``NAME`` or ``NAME=VALUE,VALUE``.

    NAME is a setting, or ``content`` or ``style`` for their weights; ``style`` stands for the style images where
    there are several. Layers that belong together are joined by ``+``. SettingsError for anything else.
    """
    sides = text.split(":")
    if len(sides) != 2:
        raise SettingsError("VS258", text=text)
    first, second = (_axis(side, settings, styles) for side in sides)
    if first.name == second.name:
        raise SettingsError("VS259", text=text, name=first.name)
    return first, second


def _axis(text: str, settings: Settings, styles: Sequence[str]) -> Axis:
    short, _, given = text.partition("=")
    short = short.strip().replace("-", "_")
    if short == "style" and not given and len(styles) > 1:
        return Axis("style", tuple(styles))
    name, values = AXES.get(short, (short, ""))
    known = get_type_hints(Settings)
    if name not in known:
        raise SettingsError("VS260", short=short, axes=", ".join(AXES))
    parts = [part.strip().replace("+", ",") for part in (given or values).split(",")]
    if not all(parts):
        raise SettingsError("VS261", short=short)
    found = tuple(_value(name, known[name], part) for part in parts)
    for value in found:
        settings.replace(**{name: value})  # refuses what cannot be
    return Axis(name, found)


def _value(name: str, kind: Any, text: str) -> Any:
    if kind is bool:
        if text not in ("yes", "no"):
            raise SettingsError("VS262", name=name, text=text)
        return text == "yes"
    try:
        return text if kind is str or get_args(kind) else kind(text)
    except ValueError:
        raise SettingsError("VS263", name=name, text=text) from None


def _images_of(path: Path) -> list[Path]:
    return find_images(path) if path.is_dir() else [path]


class _Cells:
    """Paints the images of a sheet one after the other, and counts what they took."""

    def __init__(
        self, job: JobSpec, image: Tensor, styles: Sequence[Tensor], filters: Filters, listener: Listener
    ) -> None:
        self._job, self._image, self._styles, self._filters = job, image, styles, filters
        self._listener, self._device, self._numbers = listener, device_of(job), itertools.count()
        size = painting_size(size_of(image), job.settings, self._device)
        self._content = resize(image, size)
        self._small = [resize(style, fit_size(size_of(style), max(size))) for style in styles]
        self.summary = Summary(job.out, filters.origin, filters.sha256, 1.0)

    @classmethod
    def of(cls, job: JobSpec, listener: Listener) -> "_Cells":
        image, styles = load_image(job.source).rgb, load_styles(job)
        layers = [*BLOCKS, *STYLE_LAYERS, *job.settings.layers]
        return cls(job, image, styles, filters_for(job.settings, [image, *styles], layers, listener), listener)

    @property
    def scaled(self) -> dict[str, Tensor]:
        """Image and styles by name, at the size of the paintings."""
        names = (self._job.source.stem, *(path.stem for path in self._job.styles))
        return dict(zip(names, (self._content, *self._small), strict=True))

    @property
    def network(self) -> VGG19:
        return VGG19(self._filters.tensors, STYLE_LAYERS, self._filters.pooling).to(self._device)

    def figure(self) -> Tensor:
        """Figure 1 of the article: content by each block, and each style by more and more blocks."""
        self._tell(5 * (1 + len(self._small)))
        settings, size = self._job.settings, size_of(self._content)
        shared = {name: getattr(settings, name) for name in ("scales", "seed", "optimizer", "pooling")}
        many = {**shared, "steps": MORE_FOR_CONTENT * settings.steps}
        kind = {name: getattr(settings, name) for name in ("steps", "style_loss", "style_scale", "tv_weight")}
        rows, names = [[self._content]], [("image", *BLOCKS)]
        for layer in BLOCKS:
            chosen = Settings(**{**RECONSTRUCTION, **many, "content_layers": layer})
            rows[0].append(
                self._painted(reconstructor(self._content, self._filters, chosen, self._device), self._content)
            )
        for path, style in zip(self._job.styles, self._small, strict=True):
            rows.append([style])
            names.append((path.stem, STYLE_LAYERS[0], *(f"+ {layer}" for layer in STYLE_LAYERS[1:])))
            for count in range(1, 6):
                chosen = Settings(**{**TEXTURE, **shared, **kind, "style_layers": ",".join(STYLE_LAYERS[:count])})
                model = texturer(style, self._filters, chosen, size, self._device)
                rows[-1].append(self._painted(model, torch.zeros_like(self._content)))
        return contact_sheet(rows, names)

    def grid(self, down: Axis, across: Axis) -> Tensor:
        """Paintings of all pairs of values, with the names of the values."""
        self._tell(len(down.values) * len(across.values))
        rows = [[self._cell({down.name: one, across.name: other}) for other in across.values] for one in down.values]
        return contact_sheet(rows, *([_label(axis, value) for value in axis.values] for axis in (down, across)))

    def _tell(self, count: int) -> None:
        self._listener.started(outline_images(self._job, [size_of(self._image)] * count))

    def _cell(self, values: dict[str, Any]) -> Tensor:
        shown = values.pop("style", None)
        names = [path.stem for path in self._job.styles]
        chosen = self._styles if shown is None else [self._styles[names.index(shown)]]
        settings = self._job.settings.replace(**values)
        content = resize(self._image, painting_size(size_of(self._image), settings, self._device))
        model = calibrated(StyleModel.of(chosen, self._filters, settings, device=self._device), [content])
        return self._painted(model, content)

    def _painted(self, model: StyleModel, content: Tensor) -> Tensor:
        painted = stylize_image(model, content, self._listener.step)
        self._listener.frame(PaintedFrame(Frame(next(self._numbers), 0.0, content), painted))
        self.summary = self.summary.after(Work.of(painted))
        return painted.image.cpu()


def _label(axis: Axis, value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if axis.name == "style" else f"{axis.name.replace('_', ' ')} {text}"


@torch.no_grad()
def gram_figure(network: VGG19, images: Mapping[str, Tensor]) -> Tensor:
    """The Gram matrices of images (3, H, W) by layer, as one image (3, H, W): one row for each image.

    Channels are ordered by their strength in the first image; colours are logarithms, one scale for each layer.
    """
    grams = [{layer: gram_matrix(r).cpu() for layer, r in network(image).items()} for image in images.values()]
    rows: list[list[Tensor]] = [[] for _ in grams]
    for layer in network.layers:
        order = grams[0][layer].diagonal().argsort(descending=True)
        levels = [gram[layer].clamp_min(1e-12).log10()[order][:, order] for gram in grams]
        high = max(float(level.max()) for level in levels)
        for row, level in zip(rows, levels, strict=True):
            shown = ((level - high) / DECADES + 1).clamp(0, 1)
            row.append(_in_colours(F.adaptive_avg_pool2d(shown[None], SIDE)))
    return contact_sheet(rows, list(images), network.layers)


def _in_colours(plane: Tensor) -> Tensor:
    """(3, h, w) from values (1, h, w), of which 0 is shown black and 1 nearly white."""
    shown = np.asarray(cv2.applyColorMap(to_array(plane), cv2.COLORMAP_MAGMA), np.uint8)
    return to_tensor(shown[..., ::-1])


@torch.no_grad()
def feature_figure(network: VGG19, images: Mapping[str, Tensor]) -> Tensor:
    """The activations that vary most in the first of the images (3, H, W), as one image: MAPS of each layer.

    Each is shown from its least value, black, to its largest, white; its channel's number is below.
    """
    image = next(iter(images.values()))
    height, width = (max(1, round(side * SIDE / max(size_of(image)))) for side in size_of(image))
    rows, names = [], []
    for layer, activations in network(image).items():
        channels = activations[0].flatten(1).std(1).argsort(descending=True)[:MAPS].tolist()
        maps = F.adaptive_avg_pool2d(activations[0, channels], (height, width)).cpu()
        low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
        shown = (maps - low) / (high - low).clamp_min(1e-12)
        rows.append([resize(image, (height, width)), *(plane.expand(3, -1, -1) for plane in shown)])
        names.append([layer, *map(str, channels)])
    return contact_sheet(rows, names)


FIGURES: Mapping[str, Callable[[VGG19, Mapping[str, Tensor]], Tensor]] = {
    "gram": gram_figure,
    "features": feature_figure,
}
