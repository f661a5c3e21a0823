"""One image: coarse to fine from its content, or from the paint that the frame before handed on."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from statistics import fmean
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle.core.color_transfer import (
    Palette,
    Palettes,
    colour_root,
    contrast,
    grey_palette,
    luminance_of,
    with_luminance,
)
from vidstyle.core.device import within_memory
from vidstyle.core.frame_style import EVEN, PLAIN, FrameStyle
from vidstyle.core.losses import Anchor, ContentTargets, Losses, Objective, Region, StyleTargets, statistic_of
from vidstyle.core.optimizers import (
    Descended,
    DivergedError,
    Preconditioner,
    Schedule,
    lbfgs,
    loss_and_gradient,
    quasi_newton,
)
from vidstyle.core.sizes import Size, fit_size, resize, size_of
from vidstyle.core.vgg import VGG19
from vidstyle.core.weights import Filters
from vidstyle.settings.settings import Settings

Plan = Sequence[tuple[Size, int]]  # sizes from coarse to fine, each with its steps

TILE = 16  # pixels for each position of conv5_1
SMALLEST_SIDE = 32  # pixels of a coarse size: below, the deep layers have too few positions
STROKES = 1.5  # long side of the style against the painting's: strokes of a style of the same size look like noise
CONTENT_NOISE = 0.03  # standard deviation of the noise on a start that is an image; more stays as a lattice
RANDOM_START = 0.25  # standard deviation of a random start around the style's mean, or middle grey
QUIET_START = 0.05  # the same without a style: noise that no content layer sees would stay
SMALLEST_STYLE = 32  # pixels of a style's long side, below which its deep layers have too few positions
FLAT = 0.01  # standard deviation of luminance, of 0..1: up to it there is nothing to paint, at twice it all is painted
SKETCH_STEPS = 8  # at each coarse size, where a following frame shows what no paint was for
SMALLEST_AREA = 1e-3  # of an image, below which a style leaves no trace in it

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """One step of a painting: its number of all steps, the share of the work done, what there is so far."""

    number: int
    count: int
    progress: float
    image: Tensor  # (3, h, w) at the step's scale
    losses: Losses


OnStep = Callable[[Step], None]


@dataclass(frozen=True)
class Painted:
    """A painted image (3, H, W) in 0..1, its losses, what it took, and the step size that its descent ended with.

    `full_steps` is what the steps cost, in steps at the image's own size.
    """

    image: Tensor
    losses: Losses
    steps: int
    seconds: float
    step_size: float | None = None
    full_steps: float = 0.0


@dataclass(frozen=True)
class Painter:
    """Paints images in the style of `styles` (each (3, H, W), RGB, 0..1); nothing passes between images.

    `balance` is the weight of the content loss against a style loss of weight 1, and `palettes` the colours that
    contents and styles are moved to first; `calibrated` finds both, and `balances` for each strength of a film
    (strength, balance) whose strength changes. Without palettes all keep their colours. `look` is how the image is to
    be painted. `init_image` is the start that ``Settings.init`` names where it names a file. `wraps`: each image
    goes on at its other side, so that tiles of it show no seam; its sides must be multiples of TILE.
    """

    styles: Sequence[Tensor]
    filters: Filters
    settings: Settings = field(default_factory=Settings)
    balance: float = 1.0
    balances: tuple[tuple[float, float], ...] = ()
    palettes: Palettes = field(default_factory=Palettes)
    look: FrameStyle = PLAIN
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    init_image: Tensor | None = None
    wraps: bool = False
    _style_targets: dict[tuple[object, ...], tuple[StyleTargets, ...]] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )

    @cached_property
    def network(self) -> VGG19:
        pooling = self.filters.pooling if self.settings.pooling == "auto" else self.settings.pooling
        return VGG19(self.filters.tensors, self.settings.layers, pooling).to(self.device)

    @cached_property
    def coloured_styles(self) -> Sequence[Tensor]:
        """The styles in the colours that they are painted in."""
        palettes = self.palettes.styles
        return [p(s) for p, s in zip(palettes, self.styles, strict=True)] if palettes else self.styles

    @cached_property
    def colours(self) -> Tensor:
        """How far pixels move, and noise spreads, along colours: (3, 3), symmetric."""
        known = {"luminance": torch.ones(3, 3) / math.sqrt(3), "free": torch.eye(3)}
        found = known.get(self.settings.keep_colors)
        return (colour_root(self.coloured_styles) if found is None else found).to(self.device)

    def retuned(self, **changes: Any) -> "Painter":
        """This painter with other palettes, balance, style, start or steps.

        It shares the network and what was found of the styles as far as these are the same.
        """
        other = replace(self, **changes)
        if other._network_key == self._network_key:
            other.__dict__.update(network=self.network)
            if not {"palettes", "styles"} & changes.keys():
                kept = {"coloured_styles"} | ({"colours"} if other._colours_key == self._colours_key else set())
                found = {name: self.__dict__[name] for name in kept & self.__dict__.keys()}
                other.__dict__.update(_style_targets=self._style_targets, **found)
        return other

    @property
    def _network_key(self) -> tuple[object, ...]:
        """What the network, and with it all that is kept of it, depends on."""
        return id(self.filters), self.settings.layers, self.settings.pooling, self.device

    @property
    def _colours_key(self) -> tuple[object, ...]:
        return self.settings.keep_colors, self.device

    @property
    def _targets_key(self) -> tuple[object, ...]:
        """What the targets of the styles depend on, beside the network and the styles' colours."""
        settings = self.settings
        layers = tuple(settings.style_layer_weights)
        return layers, settings.loss, settings.style_loss, settings.style_scale

    def looking(self, look: FrameStyle) -> "Painter":
        """This painter for a frame that is to look so."""
        if look is self.look:
            return self
        balance = self.balance if look.strength is None else self._balance_at(look.strength)
        return self.retuned(look=look, balance=balance)

    def paint(self, content: Tensor, on_step: OnStep | None = None) -> Painted:
        """Paints `content` (3, H, W), coarse to fine, from where ``Settings.init`` says."""
        even = content if self.look.exposure is EVEN else self.look.exposure.evened(content)
        painted = self.begun(even, on_step)
        return replace(painted, image=self.finished(painted.image, even, content))

    def finished(self, painting: Tensor, content: Tensor, image: Tensor) -> Tensor:
        """What is seen of a `painting` of `content`, which is the evenly exposed `image`; all (3, H, W).

        It has the content's colours where the settings keep them, the image's exposure as far as they keep that, and is
        the image itself where the look has no paint.
        """
        painting = self._calmed(painting, content.to(painting))
        if self.settings.keep_colors == "luminance":
            painting = with_luminance(content.to(painting), painting)
        if self.look.exposure is not EVEN:
            painting = self.look.exposure.applied(painting, self._usual_luminance, self.settings.keep_exposure)
        cover = self._cover(painting)
        if cover is None:
            return painting
        image = image.to(painting)
        return torch.where(cover > 0, torch.lerp(image, painting, cover), image)

    def _cover(self, painting: Tensor) -> Tensor | None:
        """How much of each pixel of a `painting` (3, H, W) is seen, (1, H, W); None for all of it."""
        cover = None if self.look.cover is None else resize(self.look.cover, size_of(painting)).to(painting)
        if self.look.paint == 1:
            return cover
        strokes = stroke_cover(painting, self.look.paint)
        return strokes if cover is None else cover * strokes

    def _calmed(self, painting: Tensor, content: Tensor) -> Tensor:
        """The painting, and the less of it the nearer the content is to FLAT."""
        share = min(1.0, contrast(content) / FLAT - 1)
        counts = self.settings.content_layer_weights and self.settings.style_layer_weights
        return torch.lerp(content, painting, max(0.0, share)) if counts and share < 1 else painting

    @property
    def _usual_luminance(self) -> float:
        """The mean luminance of paintings: the styles', or the content's where its colours are kept."""
        exposure = self.look.exposure
        if self.settings.keep_colors == "no" or exposure.brightness is None:
            return self._style_luminance
        return exposure.brightness / exposure.lift

    @cached_property
    def _style_luminance(self) -> float:
        return fmean(float(grey_palette()(style)[0].mean()) for style in self.styles)

    def begun(self, content: Tensor, on_step: OnStep | None = None) -> Painted:
        """Like `paint`, but not finished: what the next frame of a film goes on from. Steps are told finished.

        PaintingError where the memory does not do, or the loss is no number.
        """
        return within_memory(lambda: self._begun(content, on_step), size_of(content), self.device)

    def _begun(self, content: Tensor, on_step: OnStep | None) -> Painted:
        if self.is_flat(content):
            return self.calm(content)
        began, plan = time.perf_counter(), scale_plan(size_of(content), self.settings, TILE if self.wraps else 1)
        report = _Report(plan, on_step and self._telling_finished(on_step, content))
        coloured = self.coloured(content)
        image, step_size = self._start(coloured, plan[0][0]), None
        for size, steps in plan:
            if size_of(image) != size:
                image = resized_tile(image, size) if self.wraps else resize(image, size)
            end = self._descended(image, self.objective(resize(coloured, size)), Schedule(steps), report, step_size)
            image, step_size = end.image, end.step_size
        return Painted(image, end.losses, report.number, time.perf_counter() - began, step_size, report.full_steps)

    def is_flat(self, content: Tensor) -> bool:
        """Whether `content` (3, H, W) has no shapes to paint, so that a painting would be noise."""
        counts = self.settings.content_layer_weights and self.settings.style_layer_weights
        return bool(counts) and contrast(content) < FLAT

    def calm(self, content: Tensor) -> Painted:
        """A flat `content` (3, H, W) as its own painting."""
        losses, _ = loss_and_gradient(content.to(self.device), self.objective(self.coloured(content)))
        return Painted(content.to(self.device), losses, 0, 0.0)

    def follow(
        self,
        content: Tensor,
        anchor: Anchor,
        schedule: Schedule,
        step_size: float | None = None,
        on_step: OnStep | None = None,
    ) -> Painted:
        """Paints `content` (3, H, W) from a painting of nearly the same image, by one descent at its size.

        `step_size` is that of the painting before. Where the descent leads nowhere, that stays as it was carried along.
        """
        paint = partial(self._followed, content, anchor, schedule, step_size, on_step)
        try:
            return within_memory(paint, size_of(content), self.device)
        except DivergedError as error:
            log.warning("a frame keeps the painting before it, carried along: %s", error)
            return Painted(anchor.image, Losses(variation=math.nan), 0, 0.0, step_size)

    def _followed(
        self, content: Tensor, anchor: Anchor, schedule: Schedule, step_size: float | None, on_step: OnStep | None
    ) -> Painted:
        began, report = time.perf_counter(), _Report([(size_of(content), schedule.steps)], on_step)
        objective = self.objective(self.coloured(content), anchor)
        end = self._descended(anchor.image, objective, schedule, report, step_size)
        image, seconds = anchor.holding(end.image), time.perf_counter() - began
        return Painted(image, end.losses, report.number, seconds, end.step_size, report.full_steps)

    def sketched(self, content: Tensor, start: Tensor, new: Tensor) -> Tensor:
        """`start` (3, H, W) with coarse strokes of a painting of `content` where it is `new` (1, H, W), 0..1.

        Steps at full size alone leave a lattice where there was no paint: only coarse sizes bring its large shapes.
        """
        coloured = self.coloured(content)
        for size, _ in scale_plan(size_of(content), self.settings)[:-1]:
            small, mobility = resize(start, size), (resize(new, size) > 0.1).float()
            objective = self.objective(resize(coloured, size), Anchor(small, torch.zeros_like(mobility), mobility))
            report = _Report([(size, SKETCH_STEPS)], None)
            end = self._descended(small, objective, Schedule(SKETCH_STEPS), report, None)
            start = (start + new * resize(end.image - small, size_of(start))).clamp(0, 1)
        return start

    def pull(self, content: Tensor, image: Tensor) -> float:
        """How strongly the loss of a painting of `content` pulls at the values of `image`, per value: root mean square.

        In units of a temporal loss's gradient at a distance of 1/2.
        """
        _, gradient = loss_and_gradient(image, self.objective(self.coloured(content)))
        return float(gradient.square().mean().sqrt()) * len(gradient)

    def objective(self, content: Tensor, anchor: Anchor | None = None) -> Objective:
        """The loss of paintings of `content` (3, H, W), in the palette's colours, at its size."""
        settings = self.settings
        return Objective(
            network=self.network,
            regions=self._regions(size_of(content)),
            statistic=statistic_of(settings.loss, settings.style_loss),
            content=ContentTargets.of(self.network, content, tuple(settings.content_layer_weights), settings.loss),
            style_layers=settings.style_layer_weights,
            content_layers=settings.content_layer_weights,
            style_weight=settings.style_weight,
            content_weight=settings.content_weight * self.balance,
            tv_weight=settings.tv_weight,
            wraps=self.wraps,
            anchor=anchor,
        )

    def _descended(
        self, start: Tensor, objective: Objective, schedule: Schedule, report: "_Report", step_size: float | None
    ) -> Descended:
        """The end of a descent by the optimiser of the settings; by `quasi_newton` where L-BFGS leads nowhere."""
        spent = report.spent
        if self.settings.optimizer == "lbfgs":
            try:
                return lbfgs(start, objective, schedule.steps, report)
            except DivergedError as error:
                log.warning("a painting is begun again by bounded steps: %s", error)
                report.spent = spent
        preconditioner = Preconditioner(self.colours, None if objective.anchor is None else objective.anchor.mobility)
        return quasi_newton(start, objective, schedule, report, preconditioner, step_size)

    def coloured(self, content: Tensor) -> Tensor:
        """`content` (3, H, W) on the painter's device, in the colours that it is painted in."""
        content, palettes = content.to(self.device), self.palettes.contents
        if not palettes:
            return content
        if self.look.places is None:
            return Palette.blended(palettes, self.look.shares)(content)
        places = resize(self.look.places, size_of(content)).to(content)
        bare = (1 - places.sum(0)).clamp_min(0)
        parts = [place * palette(content) for place, palette in zip(places, palettes, strict=True)]
        return torch.stack([*parts, bare * content]).sum(0) / (places.sum(0) + bare)

    def _balance_at(self, strength: float) -> float:
        """The balance on the line between those of the nearest strengths, in logarithms."""
        strengths, balances = zip(*(self.balances or ((strength, self.balance),)), strict=True)
        return math.exp(np.interp(strength, strengths, np.log(balances)))

    def _telling_finished(self, on_step: OnStep, content: Tensor) -> OnStep:
        plain = self.look.cover is None and self.look.paint == 1
        if plain and self.settings.keep_colors != "luminance" and self.look.exposure is EVEN:
            return on_step

        def small(image: Tensor) -> Tensor:
            return resize(content.to(self.device), size_of(image))

        return lambda step: on_step(
            replace(step, image=self.finished(step.image, small(step.image), small(step.image)))
        )

    def _regions(self, size: Size) -> Sequence[Region]:
        """Where which style is painted in an image of `size`."""
        styles = self._styles_at(size)
        if not styles:
            return []
        if self.look.places is None:
            shares = self.look.shares or (1 / len(styles),) * len(styles)
            cover = self.look.cover
            weights = None if cover is None else resize(cover, size).to(self.device)
            regions = [Region(StyleTargets.blended(styles, shares), weights)]
        else:
            mask = 1.0 if self.look.mask is None else self.look.mask
            places = resize(self.look.places * mask, size).to(self.device)
            regions = [Region(style, place[None]) for style, place in zip(styles, places, strict=True)]
        return [region for region in regions if region.area >= SMALLEST_AREA]

    def _styles_at(self, size: Size) -> tuple[StyleTargets, ...]:
        """Each style's targets for paintings of `size`: strokes keep their size relative to the image."""
        settings, layers = self.settings, tuple(self.settings.style_layer_weights)
        if not layers:
            return ()
        key = (size, *self._targets_key)
        if key not in self._style_targets:
            long_side = max(SMALLEST_STYLE, round(STROKES * settings.style_scale * max(size)))
            statistic = statistic_of(settings.loss, settings.style_loss)
            styles = (resize(s.to(self.device), fit_size(size_of(s), long_side)) for s in self.coloured_styles)
            self._style_targets[key] = tuple(StyleTargets.of(self.network, s, layers, statistic) for s in styles)
        return self._style_targets[key]

    def noise(self, size: Size) -> Tensor:
        """Normal noise (3, H, W) in the `colours`. It depends on the seed alone, so that frames share it."""
        noise = torch.randn(3, *size, generator=torch.Generator().manual_seed(self.settings.seed))
        return torch.einsum("cd,dhw->chw", self.colours, noise.to(self.device))

    def _start(self, content: Tensor, size: Size) -> Tensor:
        """Where a painting starts, at `size`."""
        noise = self.noise(size)
        middle = torch.full_like(noise[:, :1, :1], 0.5)
        if self.settings.keep_colors != "free":
            middle = torch.stack([style.mean((1, 2)) for style in self.coloured_styles]).mean(0).view(3, 1, 1).to(noise)
        if self.settings.init == "random":
            return (middle + (RANDOM_START if self.settings.style_weight else QUIET_START) * noise).clamp(0, 1)
        image = content if self.init_image is None else self.coloured(self.init_image)
        return (resize(image, size) + CONTENT_NOISE * noise).clamp(0, 1)


class _Report:
    """Counts the steps of a plan and passes them on with the share of the pixels that were worked on."""

    def __init__(self, plan: Plan, on_step: OnStep | None) -> None:
        self.count = sum(steps for _, steps in plan)
        self._cost = sum(steps * height * width for (height, width), steps in plan)
        self._area = plan[-1][0][0] * plan[-1][0][1]
        self._on_step = on_step
        self.spent = self.number = 0

    @property
    def full_steps(self) -> float:
        return self.spent / self._area

    def __call__(self, image: Tensor, losses: Losses) -> None:
        self.number += 1
        self.spent += image[0].numel()
        if self._on_step:
            self._on_step(Step(self.number, self.count, self.spent / self._cost, image, losses))


def scale_plan(size: Size, settings: Settings, multiple: int = 1) -> Plan:
    """The sizes of a painting from coarse to fine, each with its steps; sizes that are too small are left out.

    Sides of the coarse ones are multiples of `multiple`.
    """
    levels = [level for level in range(settings.scales) if not level or min(size) >> level >= SMALLEST_SIDE]
    return [(_halved(size, level, multiple), settings.steps) for level in reversed(levels)]


def _halved(size: Size, times: int, multiple: int) -> Size:
    height, width = (multiple * max(1, round(side / 2**times / multiple)) for side in size)
    return height, width


def resized_tile(image: Tensor, size: Size) -> Tensor:
    """A tile (3, H, W) at another (height, width), its sides going on at each other, moved by a pixel.

    Enlarging leaves the largest steps between what were pixels; the tile's edge must not lie there each time.
    """
    height, width = size
    large = resize(image.repeat(1, 3, 3), (3 * height, 3 * width))
    return large[:, height - 1 : 2 * height - 1, width - 1 : 2 * width - 1]


def has_content(image: Tensor) -> bool:
    """Whether `image` (3, H, W) shows enough that an error relative to it says something."""
    return contrast(image) > 2 * FLAT


STROKE_BLUR = 1.5  # pixels, standard deviation: strokes that appear one by one are no smaller
STROKE_EDGE = 0.1  # of all strokes, that are just appearing


def stroke_cover(painting: Tensor, share: float) -> Tensor:
    """Which strokes of a `painting` (3, H, W) are there, (1, H, W), 0..1, when they cover a `share`, 0..1, of it.

    Dark strokes are the first, light ones the last, as in a drawing, so that each appears as a whole and moves along.
    """
    light = luminance_of(painting).cpu().numpy()
    smooth = cv2.GaussianBlur(light, (0, 0), STROKE_BLUR)
    ranks = np.empty(smooth.size, np.float32)
    ranks[np.argsort(smooth, axis=None, kind="stable")] = np.linspace(0, 1, smooth.size, dtype=np.float32)
    appeared = (share * (1 + STROKE_EDGE) - torch.from_numpy(ranks.reshape(smooth.shape))) / STROKE_EDGE
    return appeared.clamp(0, 1)[None].to(painting)
