"""Ways to paint a film with one engine: vidstyle's own and those that it is held against (see video.py)."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from vidstyle import Frame, paint_frames
from vidstyle.core.flow import Motion, warp
from vidstyle.core.losses import Anchor, Losses
from vidstyle.core.optimizers import Preconditioner, Schedule, lbfgs, quasi_newton
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import Painted, gradient_scale, stylize_image

WARM_STEPS = 8
RUDER_TOLERANCE, RUDER_EVERY, RUDER_MOST = 1e-4, 50, 1000

Painting = Iterator[tuple[Frame, Painted, float]]  # a frame, its painting, the seconds that it took
Method = Callable[[StyleModel, Sequence[Frame]], Painting]


def timed(results: Iterator[tuple[Frame, Painted]]) -> Painting:
    began = time.perf_counter()
    for frame, painted in results:
        yield frame, painted, time.perf_counter() - began
        began = time.perf_counter()


def vidstyle(model: StyleModel, frames: Sequence[Frame]) -> Painting:
    return timed((one.frame, one.painted) for one in paint_frames(model, frames))


def alone(model: StyleModel, frames: Sequence[Frame]) -> Painting:
    return timed((frame, stylize_image(model, frame.image)) for frame in frames)


def warm(model: StyleModel, frames: Sequence[Frame]) -> Painting:
    def results() -> Iterator[tuple[Frame, Painted]]:
        last = None
        for frame in frames:
            if last is None or frame.cut:
                last = stylize_image(model, frame.image)
            else:
                schedule = Schedule(WARM_STEPS)
                objective = model.objective(model.coloured(frame.image))
                preconditioner = Preconditioner(model.features.colours)
                end = quasi_newton(last.image, objective, schedule, lambda *_: None, preconditioner)
                last = Painted(end.image, end.losses, WARM_STEPS, 0.0, full_steps=WARM_STEPS)
            yield frame, last

    return timed(results())


def ruder(model: StyleModel, frames: Sequence[Frame]) -> Painting:
    def results() -> Iterator[tuple[Frame, Painted]]:
        last: Painted | None = None
        before: Frame | None = None
        for frame in frames:
            if last is None or before is None or frame.cut:
                last = stylize_image(model, frame.image)
            else:
                last = followed(model, frame, before, last)
            before = frame
            yield frame, last

    return timed(results())


def followed(model: StyleModel, frame: Frame, before: Frame, last: Painted) -> Painted:
    """A frame by Ruder's scheme; the temporal weight is that of vidstyle's default."""
    motion = Motion.between(frame.image, before.image)
    start = warp(last.image, motion.flow).clamp(0, 1)
    stiffness = (
        motion.confidence[None] * gradient_scale(model, frame.image, start) * 255 / (2 * model.settings.stability)
    )
    objective = model.objective(model.coloured(frame.image), Anchor(start, stiffness, torch.ones_like(start[:1])))
    losses: list[float] = []
    latest: list[tuple[Tensor, Losses]] = []

    def watch(image: Tensor, loss: Losses) -> None:
        losses.append(float(loss.total))
        latest[:] = [(image, loss)]
        if len(losses) > RUDER_EVERY:
            earlier = losses[-1 - RUDER_EVERY]
            if (earlier - losses[-1]) / earlier < RUDER_TOLERANCE:
                raise StopIteration

    with contextlib.suppress(StopIteration):
        lbfgs(start, objective, RUDER_MOST, watch)
    ((image, loss),) = latest
    return Painted(image, loss, len(losses), 0.0, full_steps=len(losses))


METHODS: dict[str, Method] = {"vidstyle": vidstyle, "alone": alone, "warm": warm, "ruder": ruder}
