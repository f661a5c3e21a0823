"""Descent on the pixels of one image at one scale."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor
from torch.linalg import vector_norm

from vidstyle.core.device import widest_type
from vidstyle.core.losses import Losses
from vidstyle.errors import PaintingError

Objective = Callable[[Tensor], Losses]
Pair = tuple[Tensor, Tensor, Tensor, Tensor]  # a change, that of the gradient, their product, the step size
OnStep = Callable[[Tensor, Losses], None]  # image (3, H, W) that a step begins from, and its losses

FIRST_LENGTH, LAST_LENGTH = 0.04, 0.01  # of the steps of a descent, at most; see `Schedule`
HISTORY = 10  # last steps that the curvature is known from
RISE = 1.05  # times the loss before, above which a step is taken back and the next ones are half as long
LINE_SEARCH_HISTORY = 20  # of `lbfgs`
WORSE = 10.0  # times the loss it began with: a descent that ends so high went astray


log = logging.getLogger(__name__)


class DivergedError(PaintingError):
    """A descent that diverged."""


@dataclass(frozen=True)
class Schedule:
    """Steps of a descent, and how long the first and the last may be.

    Lengths are root mean squares of the change of free pixels, in units of the pixel range; they fall by a cosine. The
    descent ends early when the loss of the image has fallen to `level`.
    """

    steps: int
    first_length: float = FIRST_LENGTH
    last_length: float = LAST_LENGTH
    level: float = -math.inf

    def length(self, step: int) -> float:
        """The longest that a step may be, 1 ... steps."""
        done = (step - 1) / max(1, self.steps - 1)
        return self.last_length + (self.first_length - self.last_length) * (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class Descended:
    """The end of a descent: the image (3, H, W) in 0..1, the losses that were found last, and the step size.

    The step size is what a preconditioned gradient may be multiplied by, a scalar; None or 0 where no step has shown
    it. Losses and step size are on the image's device: nothing waits for them until they are read.
    """

    image: Tensor
    losses: Losses
    step_size: Tensor | None = None


@dataclass(frozen=True)
class Preconditioner:
    """How far pixels move for a gradient (3, H, W), before a descent knows anything of the curvature of its loss.

    `colours` (3, 3) is the root of the covariance of the style's colours, so that pixels move along colours that the
    style has; None: along all alike. `mobility` (1, H, W), 0 or more, is how far each pixel moves; None: 1 for all.
    """

    colours: Tensor | None = None
    mobility: Tensor | None = None

    def __call__(self, gradient: Tensor) -> Tensor:
        if self.colours is not None:
            gradient = torch.einsum("cd,dhw->chw", self.colours.to(gradient), gradient)
        return gradient if self.mobility is None else self.mobility * gradient

    @cached_property
    def free_share(self) -> Tensor | float:
        """The share of the pixels that move at all, 0..1."""
        return 1.0 if self.mobility is None else (self.mobility > 0).float().mean()


@dataclass
class Curvature:
    """The inverse Hessian of the loss as the last HISTORY steps show it.

    Nocedal 1980, "Updating Quasi-Newton Matrices with Limited Storage"; the matrix to begin from is `step_size`, a
    scalar, times the preconditioner; 0 where it is not known. Nothing here is decided on the CPU, so that a GPU never
    waits.
    """

    preconditioner: Preconditioner
    step_size: Tensor
    _pairs: list[Pair] = field(init=False, default_factory=list)

    def learn(self, change: Tensor, of_gradient: Tensor) -> None:
        """A change of the image and that of the gradient with it, (3, H, W); left out where the loss curves down, or
        is no number."""
        product = (change * of_gradient).sum()
        useful = product > 1e-4 * vector_norm(change) * vector_norm(of_gradient)
        size = product / (of_gradient * self.preconditioner(of_gradient)).sum()
        self.step_size = torch.where(useful, size, self.step_size)
        nothing = (
            torch.zeros_like(change),
            torch.zeros_like(change),
            torch.ones_like(product),
            size.new_full((), math.inf),
        )
        longer, same = [*self._pairs, (change, of_gradient, product, size)], [nothing, *self._pairs]
        self._pairs = [_where(useful, *pairs) for pairs in zip(longer, same, strict=True)][-HISTORY:]

    @property
    def safe_step_size(self) -> Tensor:
        """The smallest step size that the last steps have shown: what a single step can go without knowing more."""
        smallest = torch.stack([size for *_, size in self._pairs] or [self.step_size]).min()
        return torch.where(smallest.isinf(), self.step_size, smallest)

    def direction(self, gradient: Tensor, longest: Tensor) -> Tensor:
        """Where to go, downwards, at most as far as `longest`, a scalar: the two loops of Nocedal 1980."""
        rest, shares = gradient, []
        for change, of_gradient, product, _ in reversed(self._pairs):
            shares.append((change * rest).sum() / product)
            rest = rest - shares[-1] * of_gradient
        step = self.preconditioner(rest) * torch.where(self.step_size > 0, self.step_size, 1.0)
        for (change, of_gradient, product, _), share in zip(self._pairs, reversed(shares), strict=True):
            step = step + (share - (of_gradient * step).sum() / product) * change
        length = step.square().mean().sqrt().to(longest.dtype)
        allowed = longest * torch.as_tensor(self.preconditioner.free_share, dtype=longest.dtype).sqrt()
        known = (self.step_size > 0) & (length <= allowed)
        return -(step * torch.where(known, 1.0, allowed / length.clamp_min(1e-12)))


def _where(condition: Tensor, yes: Pair, no: Pair) -> Pair:
    change, of_gradient, product, size = (torch.where(condition, a, b) for a, b in zip(yes, no, strict=True))
    return change, of_gradient, product, size


def quasi_newton(
    start: Tensor,
    objective: Objective,
    schedule: Schedule,
    on_step: OnStep,
    preconditioner: Preconditioner | None = None,
    step_size: Tensor | float | None = None,
) -> Descended:
    """Limited-memory BFGS with one evaluation of the loss a step.

    No line search: steps are bounded by the schedule instead, and a step after which the loss has risen is undone.
    The CPU reads whether the loss at the start is a number, and then nothing, or with a level one number a step.

    Args:
        start: the image to begin from, (3, H, W), 0..1.
        objective: the loss of an image.
        schedule: how many steps, and how long each may be.
        on_step: called with the image that each step begins from, and its losses.
        preconditioner: how far pixels move for a gradient.
        step_size: that of an earlier descent with this preconditioner on nearly the same loss.

    Returns:
        The image, clamped to 0..1, the losses before the last step, and the step size to continue with.

    Raises:
        DivergedError: the loss at the start is not a number (VS604).
    """
    scalar = start.new_ones((), dtype=widest_type(start.device))
    curvature = Curvature(
        preconditioner or Preconditioner(), scalar.float() * (0.0 if step_size is None else step_size)
    )
    image, shorter = start, scalar
    last: tuple[Tensor, Losses, Tensor] | None = None
    for step in range(1, schedule.steps + 1):
        losses, gradient = loss_and_gradient(image, objective, finite=last is None)
        on_step(image, losses)
        if last is not None:
            curvature.learn(image - last[0], gradient - last[2])
        if schedule.level > -math.inf and losses.spatial <= schedule.level:
            return Descended(image, losses, curvature.safe_step_size)
        if last is not None:
            fell = gradient.isfinite().all() & (losses.total <= RISE * last[1].total)
            shorter = torch.where(fell, (1.5 * shorter).clamp(max=1), shorter / 2)
            image, gradient = (torch.where(fell, now, then) for now, then in ((image, last[0]), (gradient, last[2])))
            losses = Losses.where(fell, losses, last[1])
        last = image, losses, gradient
        image = (image + curvature.direction(gradient, shorter * schedule.length(step))).clamp(0, 1)
    return Descended(image, losses, curvature.safe_step_size)


def lbfgs(start: Tensor, objective: Objective, steps: int, on_step: OnStep) -> Descended:
    """Limited-memory BFGS (torch's, with the strong Wolfe line search) on plain pixels.

    Args:
        start: the image to begin from, (3, H, W), 0..1.
        objective: the loss of an image.
        steps: evaluations of the loss and its gradient, those of line searches included.
        on_step: called with the image of each evaluation, and its losses.

    Returns:
        The image, clamped to 0..1 at the end, not inside, where it would break the curvature.

    Raises:
        DivergedError: the loss is not a number (VS604), or ends far above its start (VS603).
    """
    leaf, evaluated = start.clone().requires_grad_(), 0
    losses = Losses()
    # Tolerances below zero: the mean gradient of a pixel is so small that the default ends at once.
    optimizer = torch.optim.LBFGS(
        [leaf],
        max_iter=steps,
        max_eval=steps,
        history_size=LINE_SEARCH_HISTORY,
        tolerance_grad=-1,
        tolerance_change=-1,
        line_search_fn="strong_wolfe",
    )

    def evaluate() -> float:
        nonlocal losses, evaluated
        losses, gradient = loss_and_gradient(leaf, objective)
        leaf.grad, evaluated = gradient, evaluated + 1
        if evaluated <= steps:
            on_step(leaf.detach().clamp(0, 1), losses)
        return float(losses.total) * gradient[0].numel()

    first = float(optimizer.step(evaluate)) / start[0].numel()  # type: ignore[no-untyped-call]
    if float(losses.total) > WORSE * first:
        raise DivergedError("VS603", first=first, total=float(losses.total))
    return Descended(leaf.detach().clamp(0, 1), losses)


def lbfgs_or_quasi_newton(
    start: Tensor,
    objective: Objective,
    schedule: Schedule,
    on_step: OnStep,
    preconditioner: Preconditioner | None = None,
    step_size: Tensor | float | None = None,
) -> Descended:
    """`lbfgs` with the schedule's steps; `quasi_newton`, from the start again, if that diverges."""
    try:
        return lbfgs(start, objective, schedule.steps, on_step)
    except DivergedError as error:
        log.warning("L-BFGS diverged; starting again with bounded steps: %s", error)
    return quasi_newton(start, objective, schedule, on_step, preconditioner, step_size)


OPTIMIZERS = {"quasi-newton": quasi_newton, "lbfgs": lbfgs_or_quasi_newton}  # by ``Settings.optimizer``


def loss_and_gradient(image: Tensor, objective: Objective, *, finite: bool = True) -> tuple[Losses, Tensor]:
    """The losses of `image`, without their graph, and the gradient of their total times the pixels, (3, H, W).

    Times the pixels, so that it means the same at every size. On the way there it is times a power of two that brings
    it to the size of the activations, for fp16, which has no small numbers; in others that changes no bit.
    DivergedError where it is to be `finite` and is not.
    """
    leaf = image.detach().requires_grad_()
    losses = objective(leaf)
    total, pixels = torch.as_tensor(losses.total), leaf[0].numel()
    scale = _power_of_two(pixels / total.detach())
    (gradient,) = torch.autograd.grad(total, leaf, scale)
    gradient = gradient.contiguous() * (pixels / scale)
    losses = losses.detached()
    if finite and not gradient.square().sum().isfinite():
        raise DivergedError("VS604", total=float(losses.total))
    return losses, gradient


def _power_of_two(value: Tensor) -> Tensor:
    """The nearest one of 2^-60..2^60 to a positive scalar."""
    return torch.ldexp(torch.ones_like(value), value.log2().round().nan_to_num(0.0, 60.0, -60.0).clamp(-60, 60))
