"""Sheets and figures: what each layer keeps, what two settings do, how Gram matrices and activations look."""

import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import torch
from torch import Tensor

from vidstyle.core.calibration import calibrated
from vidstyle.core.frame_style import Frame
from vidstyle.core.losses import gram_matrix
from vidstyle.core.sizes import fit_size, resize, size_of
from vidstyle.core.stylize_image import Painter
from vidstyle.core.temporal import PaintedFrame
from vidstyle.core.vgg import VGG19
from vidstyle.core.weights import Filters
from vidstyle.errors import SettingsError
from vidstyle.files import write_whole
from vidstyle.images import load_image, save_image
from vidstyle.jobs.events import Listener, Summary, Work
from vidstyle.jobs.prescan import painting_size
from vidstyle.jobs.setup import device_of, outline_images
from vidstyle.jobs.spec import AnyPath, Job
from vidstyle.settings.presets import FIGURE, RECONSTRUCTION, TEXTURE
from vidstyle.settings.settings import Settings
from vidstyle.studies.reconstruct import BLOCKS, Study, check_targets, filters_for, reconstructor, texturer
from vidstyle.video.montage import labelled_sheet
from vidstyle.video.reader import find_images

STYLE_LAYERS = tuple(f"conv{block}_1" for block in range(1, 6))
SHOWN = ("gram", "features")
MORE_FOR_CONTENT = 5  # times the steps of textures: deep layers are slow to meet
MAPS = 8  # activations shown of each layer, those that vary most
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
    conv2_1 too, ... A grid, ``ROWS:COLUMNS``, sweeps two settings instead (`axes_of`). `show`: ``gram`` for a figure of
    the Gram matrices of image and styles beside it, ``features`` for one of their activations. A folder may stand among
    the `styles`. Raises VidstyleError where the user can do something about it.
    """
    source, chosen = Path(image), settings or Settings(**FIGURE)
    named = [path for style in styles for path in _images_of(Path(style))]
    if not named:
        raise SettingsError("VS212")
    if unknown := set(show) - set(SHOWN):
        raise SettingsError("VS257", unknown=", ".join(sorted(unknown)), shown=" or ".join(SHOWN))
    axes = axes_of(grid, chosen, [path.stem for path in named]) if grid else None
    target = Path(out) if out is not None else source.with_name(f"{source.stem}_{'grid' if grid else 'layers'}.png")
    extra = {kind: target.with_name(f"{target.stem}_{kind}.png") for kind in show}
    check_targets([target, *extra.values()], target.absolute().parent, overwrite)
    content_image, images = load_image(source).rgb, [load_image(path).rgb for path in named]
    job, listener = Job(source, tuple(named), target, "image", chosen, device), listener or Listener()
    size = painting_size(size_of(content_image), chosen, device_of(job))
    content = resize(content_image, size)
    scaled = [resize(style, fit_size(size_of(style), max(size))) for style in images]
    filters = filters_for(chosen, [content_image, *images], [*BLOCKS, *STYLE_LAYERS, *chosen.layers], listener)
    cells = _Cells(job, filters, listener)
    rows = len(axes[0].values) * len(axes[1].values) if axes else 5 * (1 + len(named))
    listener.started(outline_images(job, [size_of(content_image)] * rows))
    sheet = cells.grid(content_image, images, axes) if axes else cells.figure(content, scaled, [p.stem for p in named])
    save_image(target, sheet)
    files = [target]
    for kind, file in extra.items():
        named_images = dict(zip((source.stem, *(path.stem for path in named)), (content, *scaled), strict=False))
        network = VGG19(filters.tensors, STYLE_LAYERS, filters.pooling).to(device_of(job))
        write_whole(file, (gram_plot if kind == "gram" else feature_plot)(network, named_images))
        files.append(file)
    return Study(cells.summary, tuple(files))


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

    def __init__(self, job: Job, filters: Filters, listener: Listener) -> None:
        self._job, self._filters, self._listener = job, filters, listener
        self._device, self._numbers = device_of(job), itertools.count()
        self.summary = Summary(job.out, filters.origin, filters.sha256, 1.0)

    def figure(self, content: Tensor, styles: Sequence[Tensor], names: Sequence[str]) -> Tensor:
        """Figure 1 of the article: content by each block, and each style by more and more blocks."""
        settings, size = self._job.settings, size_of(content)
        shared = {name: getattr(settings, name) for name in ("scales", "seed", "optimizer", "pooling")}
        many = {**shared, "steps": MORE_FOR_CONTENT * settings.steps}
        kind = {name: getattr(settings, name) for name in ("steps", "style_loss", "style_scale", "tv_weight")}
        rows: list[list[Tensor]] = [[]]
        for layer in BLOCKS:
            chosen = Settings(**{**RECONSTRUCTION, **many, "content_layers": layer})
            rows[0].append(self._painted(reconstructor(content, self._filters, chosen, self._device), content))
        for style in styles:
            rows.append([])
            for count in range(1, 6):
                chosen = Settings(**{**TEXTURE, **shared, **kind, "style_layers": ",".join(STYLE_LAYERS[:count])})
                painter = texturer(style, self._filters, chosen, size, self._device)
                rows[-1].append(self._painted(painter, torch.zeros_like(content)))
        lines = [BLOCKS, *[("conv1_1", *(f"+ conv{block}_1" for block in range(2, 6)))] * len(styles)]
        originals = [[original, *row] for original, row in zip([content, *styles], rows, strict=True)]
        return labelled_sheet(originals, [(name, *line) for name, line in zip(("image", *names), lines, strict=True)])

    def grid(self, image: Tensor, styles: Sequence[Tensor], axes: tuple[Axis, Axis]) -> Tensor:
        """Paintings of all pairs of values, with the names of the values."""
        rows = [
            [self._cell(image, styles, dict(zip(_names(axes), values, strict=True))) for values in line]
            for line in _pairs(axes)
        ]
        first, second = axes
        row_names = [_label(first, value) for value in first.values]
        return labelled_sheet(rows, row_names, [_label(second, value) for value in second.values])

    def _cell(self, image: Tensor, styles: Sequence[Tensor], values: dict[str, Any]) -> Tensor:
        shown = values.pop("style", None)
        names = [path.stem for path in self._job.styles]
        chosen = styles if shown is None else [styles[names.index(shown)]]
        settings = self._job.settings.replace(**values)
        content = resize(image, painting_size(size_of(image), settings, self._device))
        painter = calibrated(Painter(chosen, self._filters, settings, device=self._device), [content])
        return self._painted(painter, content)

    def _painted(self, painter: Painter, content: Tensor) -> Tensor:
        painted = painter.paint(content, self._listener.step)
        self._listener.frame(PaintedFrame(Frame(next(self._numbers), 0.0, content), painted))
        self.summary = self.summary.after(Work.of(painted))
        return painted.image.cpu()


def _names(axes: tuple[Axis, Axis]) -> tuple[str, str]:
    return axes[0].name, axes[1].name


def _pairs(axes: tuple[Axis, Axis]) -> Iterator[list[tuple[Any, Any]]]:
    for value in axes[0].values:
        yield [(value, other) for other in axes[1].values]


def _label(axis: Axis, value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if axis.name == "style" else f"{axis.name.replace('_', ' ')} {text}"


@torch.no_grad()
def gram_plot(network: VGG19, images: Mapping[str, Tensor]) -> bytes:
    """The Gram matrices of images (3, H, W) by layer, as a PNG: one row for each image.

    Channels are ordered by their strength in the first image; colours are logarithms, one scale for each layer.
    """
    grams = {name: {k: gram_matrix(r).cpu() for k, r in network(p).items()} for name, p in images.items()}
    figure, axes = _subplots(len(images), len(network.layers), 2.2)
    for column, layer in enumerate(network.layers):
        order = next(iter(grams.values()))[layer].diagonal().argsort(descending=True)
        levels = [g[layer].clamp_min(1e-12).log10()[order][:, order] for g in grams.values()]
        high = max(float(level.max()) for level in levels)
        for row, (name, level) in enumerate(zip(grams, levels, strict=True)):
            axes[row][column].imshow(level.numpy(), cmap="magma", vmin=high - 4, vmax=high, interpolation="nearest")
            _named(axes[row][column], layer if not row else "", name if not column else "")
    return _png(figure)


@torch.no_grad()
def feature_plot(network: VGG19, images: Mapping[str, Tensor]) -> bytes:
    """The activations that vary most in the first of the images (3, H, W), as a PNG: MAPS of each layer."""
    name, image = next(iter(images.items()))
    figure, axes = _subplots(len(network.layers), MAPS + 1, 1.6)
    for row, (layer, activations) in enumerate(network(image).items()):
        axes[row][0].imshow(image.permute(1, 2, 0).cpu().numpy())
        _named(axes[row][0], name if not row else "", layer)
        strongest = activations[0].flatten(1).std(1).argsort(descending=True)[:MAPS].tolist()
        for column, channel in enumerate(strongest, 1):
            axes[row][column].imshow(activations[0, channel].cpu().numpy(), cmap="gray", interpolation="nearest")
            _named(axes[row][column], f"{channel}", "")
    return _png(figure)


def _subplots(rows: int, columns: int, side: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(side * columns, side * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _named(axes: Any, title: str, left: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=9)
    axes.set_ylabel(left, fontsize=9)


def _png(figure: Any) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    return data.getvalue()
