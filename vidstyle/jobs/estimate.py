"""How long a job will take and how much memory, before it begins."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.calibration import search_cost
from vidstyle.core.device import needed
from vidstyle.core.optimizers import loss_and_gradient
from vidstyle.core.sizes import Size
from vidstyle.core.stylize_image import Painter, scale_plan
from vidstyle.core.weights import Filters
from vidstyle.settings.layers import deepest_layer, filter_shape, layers_up_to, state_key
from vidstyle.settings.settings import Settings

PROBE_SIDE = 128  # pixels of the square that one step is timed on
BESIDE_STEPS = 0.8  # of a step: what a following frame takes beside its steps, content targets and motion


@dataclass(frozen=True)
class Estimate:
    """Seconds of painting and bytes of memory that a job is expected to take."""

    seconds: float
    memory: float


def seconds_per_pixel(settings: Settings, device: torch.device) -> float:
    """Seconds of one step per pixel, timed here on random filters."""
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, PROBE_SIDE, PROBE_SIDE, generator=generator).to(device)
    painter = Painter([image], random_filters(settings, generator), settings, device=device)
    objective = painter.objective(image)
    loss_and_gradient(image, objective)
    began = time.perf_counter()
    loss_and_gradient(image, objective)
    return (time.perf_counter() - began) / PROBE_SIDE**2


def estimate(settings: Settings, size: Size, shots: int, frames: int, seconds_per_pixel: float) -> Estimate:
    """What painting `frames` frames of `size` in `shots` shots takes, the search for the balance included."""
    first = sum(steps * height * width for (height, width), steps in scale_plan(size, settings))
    following = following_cost(settings, size)
    pixels = (
        search_cost(settings, size)
        + shots * first
        + max(0, frames - shots) * following * (2 if settings.both_ways else 1)
    )
    return Estimate(pixels * seconds_per_pixel, needed(size))


def following_cost(settings: Settings, size: Size) -> float:
    """Steps times pixels that a following frame of `size` takes as a rule; up to MOST_EFFORT times where all is new."""
    return (settings.frame_steps + BESIDE_STEPS) * size[0] * size[1]


def random_filters(settings: Settings, generator: torch.Generator) -> Filters:
    """Filters of normal weights of variance 2 / inputs, no bias (He et al. 2015, arXiv 1502.01852)."""
    tensors: dict[str, Tensor] = {}
    for layer in layers_up_to(deepest_layer(settings.layers)):
        shape = filter_shape(layer)
        tensors[f"{state_key(layer)}.weight"] = torch.randn(shape, generator=generator) * (2 / (9 * shape[1])) ** 0.5
        tensors[f"{state_key(layer)}.bias"] = torch.zeros(shape[0])
    return Filters("random", "", tensors)
