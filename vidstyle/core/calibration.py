"""The balance of content and style, found once for a job.

How much a given content weight keeps of an image differs by an order of magnitude between pairs of
images. What people mean by strength is how much of the shapes is left, and that can be measured without a
network. So small paintings are used to search for the weight that leaves the wanted structure; then it is frozen.
"""

import logging
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.color_transfer import luminance_of, palettes_for
from vidstyle.core.frame_style import PLAIN, FrameStyle
from vidstyle.core.sizes import Size, fit_size, resize, size_of
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import SMALLEST_SIDE, OnStep, Plan, coarse_to_fine, scale_plan
from vidstyle.settings.settings import Settings

log = logging.getLogger(__name__)

OnProbe = Callable[[float, int, Tensor], None]  # paintings of the search done, in all, the current one (3, h, w)

PROBE_AREA = 170**2  # pixels that the search takes an image to have; twice that where three sizes need it
PROBES = 3  # paintings of the search, at most
FINEST = 0.04  # structure that a painting gains at its finest size, which those of the search leave out
PROBE_STEPS = 8, 20  # at least and at most; between, as many as the job's paintings take
FIRST_GUESS = 0.2
NEAR = 0.02  # of the wanted structure: the search ends there
TYPICAL_SLOPE, SMALLEST_SLOPE = 0.08, 0.025  # structure gained for each e-fold of the balance
LARGEST = 1e3  # balance
LEAST = 0.1  # balance at strength 0, its square at 1: below, shapes go that the structure still counts
BLUR = 1 / 160  # of the long side: standard deviation of the blur before structures are compared
WINDOW = 1 / 8  # of the height


def wanted_structure(strength: float) -> float:
    """The structure that a painting of `strength` 0..1 should keep: 0.92 ... 0.52."""
    return 0.92 - 0.4 * strength


def structure(painting: Tensor, content: Tensor) -> float:
    """How much of the shapes of a content is left in a painting.

    The local correlation of blurred luminance in windows of 1/8 of the height, weighted by the contrast of
    the content there. Brightness, contrast and colour may change freely.

    Args:
        painting: (3, H, W), 0..1.
        content: of the same size.

    Returns:
        1: all, 0: none.
    """
    sigma, window = BLUR * max(content.shape), max(3, round(WINDOW * content.shape[1]))
    a, b = (_blurred(luminance_of(image)[None, None], sigma) for image in (painting, content))

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, min(window, *x.shape[-2:]), 1)

    variance_a = (mean(a * a) - mean(a) ** 2).clamp_min(1e-8)
    variance_b = (mean(b * b) - mean(b) ** 2).clamp_min(1e-8)
    correlation = (mean(a * b) - mean(a) * mean(b)) / (variance_a * variance_b).sqrt()
    contrast = variance_b.sqrt()
    return float((correlation * contrast).sum() / contrast.sum())


def calibrated(
    model: StyleModel, contents: Sequence[Tensor], on_probe: OnProbe | None = None, look: FrameStyle = PLAIN
) -> StyleModel:
    """Finds the palettes, and the balance of content and style for the ``strength`` in a model's settings.

    Plain sums of squares (``loss="sums"``), and a weight of 0 of content or style, have no balance to find.

    Args:
        model: the style.
        contents: images, each (3, H, W), 0..1; the search uses the one with the most contrast.
        on_probe: called at each step with how many paintings of the search are done, how many there are at most, and
            the current one.
        look: its shares say how styles are mixed during the search.

    Returns:
        The model with them; with ``strength_keys`` it has a balance for each strength that they name.
    """
    settings = model.settings
    model = model.changed(palettes=palettes_for(settings.keep_colors, contents, model.styles))
    if settings.loss == "sums" or not settings.content_weight or not settings.style_weight:
        return model
    strengths = sorted({key.values[0] for key in settings.keyed_strengths}) or [settings.strength]
    count = PROBES * len(strengths)
    balances = []
    for done, strength in enumerate(strengths):
        told = on_probe and _counted_on(on_probe, PROBES * done, count)
        balances.append((strength, found_balance(model, contents, strength, told, look)))
    return model.changed(balance=balances[0][1], balances=tuple(balances))


def found_balance(
    model: StyleModel, contents: Sequence[Tensor], strength: float, on_probe: OnProbe | None, look: FrameStyle = PLAIN
) -> float:
    """The balance at which paintings keep the structure of `strength`."""
    content = max(contents, key=lambda image: float(image.std()))
    settings, plan = _search_plan(model.settings, size_of(content))
    small = resize(content, plan[-1][0])
    probe = model.changed(settings=settings, init_image=None)
    mixed = FrameStyle(shares=look.shares)
    wanted = wanted_structure(strength) - FINEST
    tried: list[tuple[float, float]] = []  # (log of the balance, structure above what is wanted)
    lowest = math.log(least_balance(strength))
    for number in range(1, PROBES + 1):
        log_balance = _next_guess(tried, lowest)
        told = on_probe and _telling_steps(on_probe, number - 1)
        painting = coarse_to_fine(probe.changed(balance=math.exp(log_balance)), small, told, mixed).image
        tried.append((log_balance, structure(painting.cpu(), small.cpu()) - wanted))
        if on_probe:
            on_probe(number, PROBES, painting)
        if abs(tried[-1][1]) < NEAR or (log_balance == lowest and tried[-1][1] > 0):
            break
    found = math.exp(_next_guess(tried, lowest))
    if found > 0.99 * LARGEST:
        log.warning(
            "at strength %g even the largest balance, %g, keeps too little of the shapes; check a --preview, "
            "and try another style, --strength or --weights",
            strength,
            LARGEST,
        )
    return found


def _counted_on(on_probe: OnProbe, before: int, count: int) -> OnProbe:
    return lambda done, _, painting: on_probe(before + done, count, painting)


def _telling_steps(on_probe: OnProbe, before: int) -> OnStep:
    return lambda step: on_probe(before + step.progress, PROBES, step.image)


def least_balance(strength: float) -> float:
    """The smallest balance for a `strength` of 0..1, 0.1 ... 0.01."""
    return float(LEAST ** (1 + strength))


def search_cost(settings: Settings, size: Size) -> int:
    """Steps times pixels that the search takes for images of `size`, at most."""
    if settings.loss == "sums" or not settings.content_weight or not settings.style_weight:
        return 0
    strengths = len({key.values for key in settings.keyed_strengths}) or 1
    return strengths * PROBES * sum(h * w * steps for (h, w), steps in _search_plan(settings, size)[1])


def _search_plan(settings: Settings, size: Size) -> tuple[Settings, Plan]:
    """Settings and sizes of the search's paintings of an image of `size`: but for the finest, those of a small one."""
    steps, scales = min(max(PROBE_STEPS[0], settings.steps), PROBE_STEPS[1]), max(1, settings.scales - 1)
    sizes = scale_plan(_probe_size(size), settings.replace(steps=steps))
    return settings.replace(steps=steps, scales=scales, init="content"), sizes[:-1] or sizes


def _probe_size(size: Size) -> Size:
    """`size` brought to PROBE_AREA pixels, or as many more as three sizes need; never enlarged.

    With fewer sizes than the job's, paintings keep more structure.
    """
    area, three_sizes = PROBE_AREA / (size[0] * size[1]), (SMALLEST_SIDE << 2) / min(size)
    shrink = min(1.0, max(math.sqrt(area), min(math.sqrt(2 * area), three_sizes)))
    return fit_size(size, max(1, round(shrink * max(size))))


def _next_guess(tried: Sequence[tuple[float, float]], lowest: float) -> float:
    """Where a rising function is expected to be zero, from `lowest` to LARGEST, from the points (x, y) that are known.

    Between points on both sides of zero by the line through them, else on from the nearest by the slope so far, which
    is taken to be from SMALLEST_SLOPE to TYPICAL_SLOPE.
    """
    if not tried:
        return math.log(FIRST_GUESS)
    below = max((point for point in tried if point[1] <= 0), default=None)
    above = min((point for point in tried if point[1] > 0), default=None)
    if below and above and below[0] < above[0]:
        share = below[1] / (below[1] - above[1])
        return below[0] + share * (above[0] - below[0])
    (x, y), *others = sorted(tried, key=lambda point: abs(point[1]))
    rise = (others[0][1] - y) / (others[0][0] - x) if others and others[0][0] != x else TYPICAL_SLOPE
    return min(math.log(LARGEST), max(lowest, x - y / min(TYPICAL_SLOPE, max(SMALLEST_SLOPE, rise))))


def _blurred(plane: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (1, 1, H, W), continued by reflection where that is possible."""
    radius = math.ceil(3 * sigma)
    kernel = torch.exp(-(torch.arange(-radius, radius + 1.0) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    mode = "reflect" if radius < min(plane.shape[-2:]) else "replicate"
    padded = F.pad(plane, (radius,) * 4, mode=mode)
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
