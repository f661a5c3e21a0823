"""One picture: coarse to fine from its content, or from a start that another picture handed on."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from vidstyle.features.vgg19 import VGG19
from vidstyle.features.weights import Filters
from vidstyle.media.images import fit_size, resize
from vidstyle.painting.descent import OPTIMIZERS, Moments, Schedule, loss_and_gradient
from vidstyle.painting.palette import Palette, colour_axes
from vidstyle.painting.targets import Anchor, ContentTargets, Losses, Objective, StyleTargets
from vidstyle.settings import Settings

Size = tuple[int, int]  # (height, width)
Plan = Sequence[tuple[Size, int]]  # sizes from coarse to fine, each with its steps

SMALLEST_SIDE = 40  # of the coarsest scale: below, conv5_1 has too few positions for a Gram matrix
MORE_STEPS = 1.6  # of each scale than of the next finer one; they cost a quarter
STROKES = 1.5  # long side of the style against the painting's: strokes of a style of the same size look like noise
CONTENT_NOISE = 0.1  # standard deviation of the noise added to a content or picture start
RANDOM_START = 0.25  # standard deviation of a random start around the style's mean, or middle grey
FIRST_RATE, LAST_RATE = 0.04, 0.004
FOLLOW_FIRST_RATE, FOLLOW_LAST_RATE = 0.03, 0.01


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
    """A painted picture (3, H, W) in 0..1, its losses, what it took, and the optimiser's moments.

    `full_steps` is what the steps cost, in steps at the picture's own size.
    """

    image: Tensor
    losses: Losses
    steps: int
    seconds: float
    moments: Moments
    full_steps: float = 0.0


@dataclass(frozen=True)
class WarmStart:
    """What a frame gets from the ones before: see `Anchor`; `level` is the loss that is low enough.

    `effort`, 0..1, is the share of a following frame's steps that it is to take, `reach` (1, H, W) that of the learning
    rate that each pixel is to move by.
    """

    anchor: Anchor
    moments: Moments
    level: float = -math.inf
    effort: float = 1.0
    reach: Tensor | None = None


@dataclass(frozen=True)
class Painter:
    """Paints pictures in the style of `styles` (each (3, H, W), RGB, 0..1); nothing passes between pictures.

    `balance` is the weight of the content loss against a style loss of weight 1, and `palette` the colours that
    contents are moved to first; `balance.calibrated` finds both. Without a palette contents keep their colours.
    `init_picture` is the start that ``Settings.init`` names where it names a file.
    """

    styles: Sequence[Tensor]
    filters: Filters
    settings: Settings = field(default_factory=Settings)
    balance: float = 1.0
    palette: Palette | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    init_picture: Tensor | None = None
    _style_targets: dict[Size, StyleTargets] = field(init=False, default_factory=dict, repr=False, compare=False)

    @cached_property
    def network(self) -> VGG19:
        pooling = self.filters.pooling if self.settings.pooling == "auto" else self.settings.pooling
        return VGG19(self.filters.tensors, self.settings.layers, pooling).to(self.device)

    @cached_property
    def axes(self) -> Tensor | None:
        """The axes of colour that pixels move along: the style's, where contents are moved to its colours."""
        return None if self.palette is None else colour_axes(self.styles)

    def retuned(self, **changes: Any) -> "Painter":
        """This painter with another palette, balance, start or number of steps; network and style targets are one."""
        other = replace(self, **changes)
        other.__dict__.update(network=self.network, _style_targets=self._style_targets)
        return other

    def paint(self, content: Tensor, on_step: OnStep | None = None) -> Painted:
        """Paints `content` (3, H, W), coarse to fine, from where ``Settings.init`` says."""
        plan = scale_plan(size_of(content), self.settings)
        schedules = [Schedule(steps, FIRST_RATE, LAST_RATE, self.axes) for _, steps in plan]
        content = self.coloured(content)
        return self._through(plan, schedules, content, self._start(content, plan[0][0]), on_step)

    def follow(self, content: Tensor, warm: WarmStart, on_step: OnStep | None = None) -> Painted:
        """Paints `content` (3, H, W) from a painting of nearly the same picture, in few steps at its size."""
        began, steps = time.perf_counter(), max(1, round(warm.effort * self.settings.frame_steps))
        report = _Report([(size_of(content), steps)], on_step)
        objective = self.objective(self.coloured(content), warm.anchor)
        schedule = Schedule(steps, FOLLOW_FIRST_RATE, FOLLOW_LAST_RATE, self.axes, warm.level, warm.reach)
        end = OPTIMIZERS[self.settings.optimizer](warm.anchor.picture, objective, schedule, warm.moments, report)
        moments = end.moments.where(warm.anchor.free, warm.moments)
        image, seconds = warm.anchor.holding(end.image), time.perf_counter() - began
        return Painted(image, end.losses, report.number, seconds, moments, report.full_steps)

    def pull(self, content: Tensor, image: Tensor) -> float:
        """How strongly the loss of a painting of `content` pulls at the values of `image`, per value: root mean square.

        In units of a temporal loss's gradient at a distance of 1/2.
        """
        _, gradient = loss_and_gradient(image, self.objective(self.coloured(content)))
        return float(gradient.square().mean().sqrt()) * gradient.numel()

    def objective(self, content: Tensor, anchor: Anchor | None = None) -> Objective:
        """The loss of paintings of `content` (3, H, W), in the palette's colours, at its size."""
        settings = self.settings
        return Objective(
            network=self.network,
            style=self._style_at(size_of(content)),
            content=ContentTargets.of(self.network, content, tuple(settings.content_layer_weights), settings.loss),
            style_layers=settings.style_layer_weights,
            content_layers=settings.content_layer_weights,
            style_weight=settings.style_weight,
            content_weight=settings.content_weight * self.balance,
            tv_weight=settings.tv_weight,
            form=settings.loss,
            anchor=anchor,
        )

    def _through(
        self,
        plan: Plan,
        schedules: Sequence[Schedule],
        content: Tensor,
        image: Tensor,
        on_step: OnStep | None,
    ) -> Painted:
        """One descent after the other, the picture and the moments resized between them."""
        began, report = time.perf_counter(), _Report(plan, on_step)
        moments: Moments | None = None
        for (size, _), schedule in zip(plan, schedules, strict=True):
            if size_of(image) != size:
                image, moments = resize(image, size), moments and moments.resized(size)
            objective = self.objective(resize(content, size))
            end = OPTIMIZERS[self.settings.optimizer](image, objective, schedule, moments, report)
            image, moments = end.image, end.moments
        return Painted(image, end.losses, report.number, time.perf_counter() - began, end.moments, report.full_steps)

    def coloured(self, content: Tensor) -> Tensor:
        """`content` (3, H, W) on the painter's device, in the colours that it is painted in."""
        content = content.to(self.device)
        return content if self.palette is None else self.palette(content)

    def _style_at(self, size: Size) -> StyleTargets:
        """The style's targets for paintings of `size`: strokes keep their size relative to the picture."""
        if size not in self._style_targets:
            long_side = round(STROKES * max(size))
            pictures = [resize(s.to(self.device), fit_size(size_of(s), long_side)) for s in self.styles]
            layers = tuple(self.settings.style_layer_weights)
            self._style_targets[size] = StyleTargets.of(self.network, pictures, layers)
        return self._style_targets[size]

    def noise(self, size: Size) -> Tensor:
        """Normal noise (3, H, W) along the axes of colour. It depends on the seed alone, so that frames share it."""
        noise = torch.randn(3, *size, generator=torch.Generator().manual_seed(self.settings.seed)).to(self.device)
        return noise if self.axes is None else torch.einsum("ca,ahw->chw", self.axes.to(noise), noise)

    def _start(self, content: Tensor, size: Size) -> Tensor:
        """Where a painting starts, at `size`."""
        noise = self.noise(size)
        middle = torch.full_like(noise[:, :1, :1], 0.5)
        if self.axes is not None:
            middle = torch.stack([style.mean((1, 2)) for style in self.styles]).mean(0).view(3, 1, 1).to(noise)
        if self.settings.init == "random":
            return (middle + RANDOM_START * noise).clamp(0, 1)
        picture = content if self.init_picture is None else self.coloured(self.init_picture)
        return (resize(picture, size) + CONTENT_NOISE * noise).clamp(0, 1)


class _Report:
    """Counts the steps of a plan and passes them on with the share of the pixels that were worked on."""

    def __init__(self, plan: Plan, on_step: OnStep | None) -> None:
        self.count = sum(steps for _, steps in plan)
        self._cost = sum(steps * height * width for (height, width), steps in plan)
        self._area = plan[-1][0][0] * plan[-1][0][1]
        self._on_step = on_step
        self._spent = self.number = 0

    @property
    def full_steps(self) -> float:
        return self._spent / self._area

    def __call__(self, image: Tensor, losses: Losses) -> None:
        self.number += 1
        self._spent += image[0].numel()
        if self._on_step:
            self._on_step(Step(self.number, self.count, self._spent / self._cost, image, losses))


def scale_plan(size: Size, settings: Settings) -> Plan:
    """The sizes of a painting from coarse to fine, each with its steps; sizes that are too small are left out."""
    levels = [level for level in range(settings.scales) if not level or min(size) >> level >= SMALLEST_SIDE]
    return [(_halved(size, level), round(settings.steps * MORE_STEPS**level)) for level in reversed(levels)]


def _halved(size: Size, times: int) -> Size:
    return max(1, round(size[0] / 2**times)), max(1, round(size[1] / 2**times))


def size_of(image: Tensor) -> Size:
    """(height, width) of a picture (3, H, W)."""
    return image.shape[-2], image.shape[-1]
