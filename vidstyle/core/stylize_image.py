"""One image: coarse to fine from its content, or refined from the painting that the frame before handed on."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle.core.color_transfer import contrast, luminance_of, with_luminance
from vidstyle.core.device import memory_for
from vidstyle.core.frame_style import EVEN, PLAIN, FrameStyle
from vidstyle.core.losses import Anchor, Losses
from vidstyle.core.optimizers import (
    OPTIMIZERS,
    Descended,
    DivergedError,
    Preconditioner,
    Schedule,
    loss_and_gradient,
)
from vidstyle.core.sizes import Size, resize, size_of
from vidstyle.core.style_model import StyleModel
from vidstyle.settings.settings import Settings

Plan = Sequence[tuple[Size, int]]  # sizes from coarse to fine, each with its steps

TILE = 16  # pixels for each position of conv5_1
SMALLEST_SIDE = 32  # pixels of a coarse size: below, the deep layers have too few positions
CONTENT_NOISE = 0.03  # standard deviation of the noise on a start that is an image; more stays as a lattice
RANDOM_START = 0.25  # standard deviation of a random start around the style's mean, or middle grey
QUIET_START = 0.05  # the same without a style: noise that no content layer sees would stay
FLAT = 0.01  # standard deviation of luminance, of 0..1: up to it there is nothing to paint, at twice it all is painted
SKETCH_STEPS = 8  # at each coarse size, where a following frame shows what no paint was for
STROKE_BLUR = 1.5  # pixels, standard deviation: strokes that appear one by one are no smaller
STROKE_EDGE = 0.1  # of all strokes, that are just appearing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """One step of a painting: its number among all steps, the share of the work done, and the image so far.

    Image and losses are on the device that paints; `float` or ``Losses.numbers`` read these.
    """

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


def stylize_image(
    model: StyleModel, content: Tensor, on_step: OnStep | None = None, look: FrameStyle = PLAIN
) -> Painted:
    """Paints an image from coarse to fine (Gatys et al. 2015, arXiv 1508.06576), starting from ``Settings.init``.

    Args:
        model: the style, its network and the balance.
        content: the image, (3, H, W), RGB, 0..1.
        on_step: called after each step, with the image as it would be shown.
        look: shares of the styles, places, masks and exposure of this image.

    Returns:
        The painting, on the model's device.

    Raises:
        PaintingError: there is not enough memory, or the loss is not a number.
    """
    even = content if look.exposure is EVEN else look.exposure.evened(content)
    painted = coarse_to_fine(model, even, on_step, look)
    return replace(painted, image=finish(model, painted.image, even, content, look))


def coarse_to_fine(
    model: StyleModel, content: Tensor, on_step: OnStep | None = None, look: FrameStyle = PLAIN
) -> Painted:
    """Like `stylize_image` for an evenly exposed `content`, without `finish`: what the next frame starts from."""
    if is_flat(model.settings, content):
        return flat_painting(model, content, look)
    began, plan = time.perf_counter(), scale_plan(size_of(content), model.settings, TILE if model.wraps else 1)
    report = _Report(plan, on_step and _telling_finished(model, on_step, content, look))
    descend, preconditioner = OPTIMIZERS[model.settings.optimizer], Preconditioner(model.features.colours)
    with memory_for(size_of(content), model.device):
        coloured = model.coloured(content, look)
        image, step_size = _start(model, coloured, plan[0][0], look), None
        for size, steps in plan:
            if size_of(image) != size:
                image = resized_tile(image, size) if model.wraps else resize(image, size)
            objective = model.objective(resize(coloured, size), look)
            end = descend(image, objective, Schedule(steps), report, preconditioner, step_size)
            image, step_size = end.image, end.step_size
        return _painted(image, end, report, began)


def refine(
    model: StyleModel,
    content: Tensor,
    anchor: Anchor,
    schedule: Schedule,
    step_size: float | None = None,
    on_step: OnStep | None = None,
    look: FrameStyle = PLAIN,
) -> Painted:
    """Paints a frame from a painting of nearly the same image, by one descent at its size, with a temporal loss.

    Args:
        content: the frame, evenly exposed, (3, H, W), 0..1.
        anchor: the painting to begin from, and how firmly each pixel is held to it.
        schedule: the steps.
        step_size: that of the painting before, if it is known.

    Returns:
        The painting; if the descent diverges, the anchor's image with a loss that is not a number.
    """
    began, report = time.perf_counter(), _Report([(size_of(content), schedule.steps)], on_step)
    descend = OPTIMIZERS[model.settings.optimizer]
    preconditioner = Preconditioner(model.features.colours, anchor.mobility)
    try:
        with memory_for(size_of(content), model.device):
            objective = model.objective(model.coloured(content, look), look, anchor)
            end = descend(anchor.image, objective, schedule, report, preconditioner, step_size)
    except DivergedError as error:
        log.warning("the optimisation of a frame diverged; it keeps the warped painting: %s", error)
        return Painted(anchor.image, Losses(variation=math.nan), 0, 0.0, step_size)
    return _painted(anchor.holding(end.image), end, report, began)


def _painted(image: Tensor, end: Descended, report: "_Report", began: float) -> Painted:
    """An image as it was painted since `began`, by time.perf_counter()."""
    losses, step_size = end.losses.numbers(), None if end.step_size is None else float(end.step_size) or None
    return Painted(image, losses, report.number, time.perf_counter() - began, step_size, report.full_steps)


def sketch(model: StyleModel, content: Tensor, start: Tensor, new: Tensor, look: FrameStyle = PLAIN) -> Tensor:
    """`start` (3, H, W) with coarse strokes of a painting of `content` where it is `new` (1, H, W), 0..1.

    Steps at full size alone leave a lattice where there was no paint: only coarse sizes bring its large shapes.
    """
    coloured, descend = model.coloured(content, look), OPTIMIZERS[model.settings.optimizer]
    for size, _ in scale_plan(size_of(content), model.settings)[:-1]:
        small, mobility = resize(start, size), (resize(new, size) > 0.1).float()
        anchor = Anchor(small, torch.zeros_like(mobility), mobility)
        report = _Report([(size, SKETCH_STEPS)], None)
        objective = model.objective(resize(coloured, size), look, anchor)
        preconditioner = Preconditioner(model.features.colours, mobility)
        end = descend(small, objective, Schedule(SKETCH_STEPS), report, preconditioner)
        start = (start + new * resize(end.image - small, size_of(start))).clamp(0, 1)
    return start


def _start(model: StyleModel, content: Tensor, size: Size, look: FrameStyle) -> Tensor:
    """Where a painting starts, at `size`."""
    settings, features = model.settings, model.features
    noise = features.noise(size, settings.seed)
    if settings.init == "random":
        middle = torch.full_like(noise[:, :1, :1], 0.5)
        if settings.keep_colors != "free":
            middle = torch.stack([style.mean((1, 2)) for style in features.styles]).mean(0).view(3, 1, 1).to(noise)
        return (middle + (RANDOM_START if settings.style_weight else QUIET_START) * noise).clamp(0, 1)
    image = content if model.init_image is None else model.coloured(model.init_image, look)
    return (resize(image, size) + CONTENT_NOISE * noise).clamp(0, 1)


def gradient_scale(model: StyleModel, content: Tensor, image: Tensor, look: FrameStyle = PLAIN) -> float:
    """How strongly the loss of a painting of `content` pulls at the values of `image`, per value: root mean square.

    In units of a temporal loss's gradient at a distance of 1/2.
    """
    _, gradient = loss_and_gradient(image, model.objective(model.coloured(content, look), look))
    return float(gradient.square().mean().sqrt()) * len(gradient)


def finish(model: StyleModel, painting: Tensor, content: Tensor, image: Tensor, look: FrameStyle = PLAIN) -> Tensor:
    """The painting as it is shown.

    It has the content's colours where the settings keep them, the image's exposure as far as they keep that, and is the
    image itself where the look has no paint.

    Args:
        painting: as `coarse_to_fine` or `refine` left it, (3, H, W), 0..1.
        content: what it was painted of, the evenly exposed `image`, (3, H, W).
        image: the image as it is, (3, H, W).

    Returns:
        (3, H, W), 0..1.
    """
    settings = model.settings
    painting = _calmed(settings, painting, content)
    if settings.keep_colors == "luminance":
        painting = with_luminance(content.to(painting), painting)
    if look.exposure is not EVEN:
        painting = look.exposure.applied(painting, _usual_luminance(model, look), settings.keep_exposure)
    cover = _cover(painting, look)
    if cover is None:
        return painting
    image = image.to(painting)
    return torch.where(cover > 0, torch.lerp(image, painting, cover), image)


def _cover(painting: Tensor, look: FrameStyle) -> Tensor | None:
    """How much of each pixel of a `painting` (3, H, W) is seen, (1, H, W); None for all of it."""
    cover = None if look.cover is None else resize(look.cover, size_of(painting)).to(painting)
    if look.paint == 1:
        return cover
    strokes = stroke_cover(painting, look.paint)
    return strokes if cover is None else cover * strokes


def _calmed(settings: Settings, painting: Tensor, content: Tensor) -> Tensor:
    """The painting, and the less of it the nearer the content is to FLAT."""
    share = min(1.0, contrast(content) / FLAT - 1)
    flat = _balances(settings) and share < 1
    return torch.lerp(content.to(painting), painting, max(0.0, share)) if flat else painting


def _balances(settings: Settings) -> bool:
    """Whether both content and style count."""
    return bool(settings.content_layer_weights and settings.style_layer_weights)


def _usual_luminance(model: StyleModel, look: FrameStyle) -> float:
    """The mean luminance of paintings: the styles', or the content's where its colours are kept."""
    exposure = look.exposure
    if model.settings.keep_colors == "no" or exposure.brightness is None:
        return model.style_luminance
    return exposure.brightness / exposure.lift


def is_flat(settings: Settings, content: Tensor) -> bool:
    """Whether `content` (3, H, W) has no shapes to paint, so that a painting would be noise."""
    return _balances(settings) and contrast(content) < FLAT


def has_content(image: Tensor) -> bool:
    """Whether `image` (3, H, W) shows enough that an error relative to it says something."""
    return contrast(image) > 2 * FLAT


def flat_painting(model: StyleModel, content: Tensor, look: FrameStyle = PLAIN) -> Painted:
    """A flat `content` (3, H, W) as its own painting."""
    with memory_for(size_of(content), model.device):
        losses, _ = loss_and_gradient(content.to(model.device), model.objective(model.coloured(content, look), look))
    return Painted(content.to(model.device), losses.numbers(), 0, 0.0)


def _telling_finished(model: StyleModel, on_step: OnStep, content: Tensor, look: FrameStyle) -> OnStep:
    plain = look.cover is None and look.paint == 1
    if plain and model.settings.keep_colors != "luminance" and look.exposure is EVEN:
        return on_step

    def tell(step: Step) -> None:
        small = resize(content.to(model.device), size_of(step.image))
        on_step(replace(step, image=finish(model, step.image, small, small, look)))

    return tell


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
            self._on_step(Step(self.number, self.count, min(1.0, self.spent / self._cost), image, losses))


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
    """A tile (3, H, W) at another (height, width), its sides wrapping around, moved by a pixel.

    Enlarging leaves the largest steps between what were pixels; the tile's edge must not lie there each time.
    """
    height, width = size
    large = resize(image.repeat(1, 3, 3), (3 * height, 3 * width))
    return large[:, height - 1 : 2 * height - 1, width - 1 : 2 * width - 1]


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
