"""Gradient descent on the pixels of one image at one scale."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.errors import PaintingError
from vidstyle.painting.targets import Losses

Objective = Callable[[Tensor], Losses]
OnStep = Callable[[Tensor, Losses], None]  # image (3, H, W) after a step, losses before it

BETA_MEAN, BETA_SQUARE, EPSILON = 0.9, 0.99, 1e-8
LBFGS_HISTORY = 20
WORSE = 10.0  # times the loss it began with: a descent that ends so high went astray


class DivergedError(PaintingError):
    """A descent that leads nowhere."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; give smaller --style-weight and --content-weight, or other --weights")


@dataclass(frozen=True)
class Moments:
    """Adam's running mean and mean square of the gradient, each (3, H, W), and how many gradients each saw.

    Kingma and Ba 2014 (arXiv 1412.6980), algorithm 1, except that the square counts for every pixel on its own,
    ``square_seen`` (1, H, W): infinite where it was carried from another picture. With one count for all, a fresh
    start would move every pixel by the whole learning rate, which in a video is flicker.
    """

    mean: Tensor
    square: Tensor
    mean_seen: float
    square_seen: Tensor

    @classmethod
    def zeros(cls, image: Tensor) -> "Moments":
        return cls(torch.zeros_like(image), torch.zeros_like(image), 0, torch.zeros_like(image[:1]))

    def resized(self, size: tuple[int, int], *, wraps: bool = False) -> "Moments":
        """For the same picture at another (height, width); `wraps`: as `resized_tile` does."""
        (height, width), tiles = size, 3 if wraps else 1

        def scaled(plane: Tensor, mode: str) -> Tensor:
            large = plane.repeat(1, tiles, tiles)[None]
            large = F.interpolate(large, (tiles * height, tiles * width), mode=mode, antialias=True)[0]
            return large if tiles == 1 else large[:, height - 1 : 2 * height - 1, width - 1 : 2 * width - 1]

        seen = F.interpolate(self.square_seen[None], size)[0]
        return Moments(scaled(self.mean, "bicubic"), scaled(self.square, "bilinear"), self.mean_seen, seen)

    def where(self, free: Tensor, held: "Moments") -> "Moments":
        """These where pixels are `free` (1, H, W); elsewhere the squares as `held` has them.

        Pixels that cannot move have no gradient, and their squares would fade away.
        """
        square = torch.where(free, self.square, held.square)
        seen = torch.where(free, self.square_seen, held.square_seen)
        return Moments(self.mean, square, self.mean_seen, seen)

    def updated(self, gradient: Tensor) -> "Moments":
        mean = self.mean.lerp(gradient, 1 - BETA_MEAN)
        square = self.square.lerp(gradient.square(), 1 - BETA_SQUARE)
        return Moments(mean, square, self.mean_seen + 1, self.square_seen + 1)

    def direction(self) -> Tensor:
        """The step for a rate of 1; no pixel moves more along an axis, also where a carried square is far too small."""
        mean = self.mean / (1 - BETA_MEAN**self.mean_seen)
        square = self.square / (1 - BETA_SQUARE**self.square_seen)
        direction: Tensor = mean / (square.sqrt() + EPSILON)
        return direction.clamp(-1, 1)


@dataclass(frozen=True)
class Schedule:
    """Steps of a descent, the learning rate at its ends (in units of the pixel range), and axes of colour.

    The rate falls by a cosine; the descent ends early where the loss of the picture has come down to `level`. The
    columns of `axes` (3, 3), in RGB, are the directions that pixels move along, each as long as the rate counts
    there; None for red, green and blue. `reach` (1, H, W) is the share of the rate that counts for each pixel; None
    for all of it.
    """

    steps: int
    first_rate: float
    last_rate: float
    axes: Tensor | None = None
    level: float = -math.inf
    reach: Tensor | None = None

    def slower(self, share: float) -> "Schedule":
        """With that share of the learning rate, and all its steps."""
        first, last = share * self.first_rate, share * self.last_rate
        return replace(self, first_rate=first, last_rate=last, level=-math.inf)

    def rate(self, step: int) -> float:
        """The learning rate of a step, 1 ... steps."""
        done = (step - 1) / max(1, self.steps - 1)
        return self.last_rate + (self.first_rate - self.last_rate) * (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class Descended:
    """The end of a descent: the image (3, H, W) in 0..1, its losses before the last step, Adam's moments."""

    image: Tensor
    losses: Losses
    moments: Moments


def adam(
    start: Tensor, objective: Objective, schedule: Schedule, moments: Moments | None, on_step: OnStep
) -> Descended:
    """Kingma and Ba 2014 from `start` (3, H, W), every step clamped to 0..1; moments are along the axes of colour."""
    image, moments = start, moments or Moments.zeros(start)
    axes = torch.eye(3).to(image) if schedule.axes is None else schedule.axes.to(image)
    for step in range(1, schedule.steps + 1):
        losses, gradient = loss_and_gradient(image, objective)
        if float(losses.picture) <= schedule.level:
            on_step(image, losses)
            break
        # Per pixel instead of per image, so that epsilon means the same at every size.
        moments = moments.updated(torch.einsum("ca,chw->ahw", axes, gradient) * gradient[0].numel())
        direction = torch.einsum("ca,ahw->chw", axes, moments.direction())
        if schedule.reach is not None:
            direction = direction * schedule.reach
        image = (image - schedule.rate(step) * direction).clamp_(0, 1)
        on_step(image, losses)
    return Descended(image, losses, moments)


def lbfgs(
    start: Tensor, objective: Objective, schedule: Schedule, moments: Moments | None, on_step: OnStep
) -> Descended:
    """Limited-memory BFGS (torch's, with the strong Wolfe line search) from `start` (3, H, W).

    A step is one evaluation of the loss and its gradient, line searches included. The picture is clamped to
    0..1 at the end, not inside, where it would break the curvature; all of the schedule but its steps, and the
    moments, are Adam's alone.
    """
    leaf, evaluated = start.clone().requires_grad_(), 0
    losses = Losses()
    # Tolerances below zero: the mean gradient of a pixel is so small that the default ends at once.
    optimizer = torch.optim.LBFGS(
        [leaf],
        max_iter=schedule.steps,
        max_eval=schedule.steps,
        history_size=LBFGS_HISTORY,
        tolerance_grad=-1,
        tolerance_change=-1,
        line_search_fn="strong_wolfe",
    )

    def evaluate() -> float:
        nonlocal losses, evaluated
        losses, gradient = loss_and_gradient(leaf, objective)
        scale = gradient[0].numel()
        leaf.grad, evaluated = gradient * scale, evaluated + 1
        if evaluated <= schedule.steps:
            on_step(leaf.detach().clamp(0, 1), losses)
        return float(losses.total) * scale

    first = float(optimizer.step(evaluate))  # type: ignore[no-untyped-call]
    image = leaf.detach().clamp(0, 1)
    if float(losses.total) * image[0].numel() > WORSE * first:
        raise DivergedError(f"the loss rose from {first / image[0].numel():.3g} to {losses.total:.3g}")
    return Descended(image, losses, Moments.zeros(image))


OPTIMIZERS = {"adam": adam, "lbfgs": lbfgs}


def loss_and_gradient(image: Tensor, objective: Objective) -> tuple[Losses, Tensor]:
    """The losses of `image` as numbers and the gradient of their total, (3, H, W).

    DivergedError where they are no numbers that a descent can go on from.
    """
    leaf = image.detach().requires_grad_()
    losses = objective(leaf)
    (gradient,) = torch.autograd.grad(torch.as_tensor(losses.total), leaf)
    numbers = losses.numbers()
    if not (gradient * gradient[0].numel()).square().sum().isfinite():  # as both optimisers take it
        raise DivergedError(f"the loss is {numbers.total:.3g} and its gradient is no number")
    return numbers, gradient.contiguous()
