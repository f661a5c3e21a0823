"""How long a job takes: before it starts, and while it runs, from what its frames took so far."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from statistics import fmean

import torch
from torch import Tensor

from vidstyle.core.calibration import search_cost
from vidstyle.core.device import needed
from vidstyle.core.optimizers import loss_and_gradient
from vidstyle.core.sizes import Size
from vidstyle.core.style_model import StyleModel, tile_for
from vidstyle.core.stylize_image import Step, scale_plan
from vidstyle.core.temporal import MOST_EFFORT, PaintedFrame
from vidstyle.core.tiling import border_of
from vidstyle.core.weights import Filters, are_kept
from vidstyle.jobs import chunks
from vidstyle.jobs.events import ClusterProgress, Estimate, Outline
from vidstyle.settings.layers import deepest_layer, filter_shape, layers_up_to, state_key
from vidstyle.settings.settings import Settings

PROBE_SIDE = 128  # pixels of the square that one step is timed on
TWO_LOOKS = 1.5  # times the work of a step by tiles, which goes forward through the network twice
TARGETS, CARRYING = 0.5, 0.3  # of a step: what a frame's steps take beside, and what its motion takes
FIRST_LOOKS = 1.0  # steps at each size of an image, that it takes to look at content and styles before the first
SEARCHING = 1.4  # times the steps of the search for the balance, with its colours, first looks and measures
LEARNING = 1.1e6  # steps times pixels that take as long, on a CPU, as to learn weights
REMEMBERED = 20  # frames that the mean time of a frame is taken over


def seconds_per_pixel(settings: Settings, device: torch.device) -> float:
    """Seconds of one step per pixel, timed here on random filters."""
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, PROBE_SIDE, PROBE_SIDE, generator=generator).to(device)
    model = StyleModel.of([image], random_filters(settings, generator), settings, device=device)
    objective = model.objective(image)
    loss_and_gradient(image, objective)
    began = time.perf_counter()
    loss_and_gradient(image, objective)
    return (time.perf_counter() - began) / PROBE_SIDE**2


def learning_seconds(settings: Settings, teachers: Sequence[Tensor], device: torch.device, pace: float) -> float:
    """What it takes to learn weights; 0 where they are kept on this machine, or ImageNet weights are chosen.

    Args:
        settings: which weights.
        teachers: what they would be learned from, the styles first: images, each (3, H, W), 0..1.
        device: what paints; a CPU learns.
        pace: seconds of one step per pixel on `device`.
    """
    here = are_kept(settings.weights, settings.layers, teachers=lambda: teachers, seed=settings.seed)
    if here or settings.weights == "imagenet":
        return 0.0
    cpu = torch.device("cpu")
    return LEARNING * (pace if device == cpu else seconds_per_pixel(settings, cpu))


def search_work(settings: Settings, size: Size) -> float:
    """Steps times pixels that take as long as the search for the balance of images of `size`, at most."""
    return SEARCHING * search_cost(settings, size)


def estimate(
    settings: Settings, size: Size, shots: int, frames: int, seconds_per_pixel: float, memory: float = math.inf
) -> Estimate:
    """What a painting takes, the search for the balance included.

    Args:
        settings: how it is painted.
        size: (height, width) of the frames.
        shots: how many there are; an image is one.
        frames: how many there are in all.
        seconds_per_pixel: of one step, as `seconds_per_pixel` has measured it.
        memory: bytes that painting may take, above which it goes by tiles.
    """
    first = sum(
        (steps + FIRST_LOOKS) * _pixels_worked_on(settings, s, memory) for s, steps in scale_plan(size, settings)
    )
    following = following_cost(settings, size) * _pixels_worked_on(settings, size, memory) / (size[0] * size[1])
    pixels = (
        search_work(settings, size)
        + shots * first
        + max(0, frames - shots) * following * (2 if settings.both_ways else 1)
    )
    return Estimate(pixels * seconds_per_pixel, needed(size, seen_at_once(settings, size, memory)))


def seen_at_once(settings: Settings, size: Size, memory: float) -> int | None:
    """The side in pixels of a tile with its border that images of `size` are painted by in so many bytes of `memory`.

    None where they are painted as a whole.
    """
    tile = tile_for(settings, size, memory)
    return None if tile is None else tile + 2 * border_of(settings.layers)


def _pixels_worked_on(settings: Settings, size: Size, memory: float) -> float:
    """Of one step: borders of tiles too, and all forwards twice, which is half of a step."""
    height, width = size
    tile = tile_for(settings, size, memory)
    if tile is None:
        return height * width
    border = border_of(settings.layers)
    sides = (side + 2 * border * (math.ceil(side / tile) - 1) for side in size)
    return TWO_LOOKS * math.prod(sides)


def following_cost(settings: Settings, size: Size) -> float:
    """Steps times pixels that a following frame of `size` takes as a rule; up to MOST_EFFORT times where all is new."""
    return ((settings.frame_steps + TARGETS) / settings.every + CARRYING) * size[0] * size[1]


def random_filters(settings: Settings, generator: torch.Generator) -> Filters:
    """Filters of normal weights of variance 2 / inputs, no bias (He et al. 2015, arXiv 1502.01852)."""
    tensors: dict[str, Tensor] = {}
    for layer in layers_up_to(deepest_layer(settings.layers)):
        shape = filter_shape(layer)
        tensors[f"{state_key(layer)}.weight"] = torch.randn(shape, generator=generator) * (2 / (9 * shape[1])) ** 0.5
        tensors[f"{state_key(layer)}.bias"] = torch.zeros(shape[0])
    return Filters("random", "", tensors)


class RemainingTime:
    """Counts frames, each as often as it is painted, and steps.

    A shot's first frame, its opener, takes many times as long as those that follow.

    Where one of the two was not measured yet, the other tells by the ratio of their costs, and where neither
    was, the job's estimate. `previews` is how many single frames are painted where not all are.
    """

    def __init__(
        self, outline: Outline, previews: int | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        settings = outline.job.settings
        opener = sum(steps * height * width for (height, width), steps in scale_plan(outline.size, settings))
        self._costs = {True: float(opener), False: following_cost(settings, outline.size)}
        openers, frames = outline.shots + outline.seams, outline.frames + chunks.OVERLAP * outline.seams
        work = self._work(openers, frames - openers)
        self._seconds_of_work = outline.estimate.seconds / max(1.0, work)
        self._frame_steps, self._now = settings.frame_steps, now
        self._only_openers = previews is not None or outline.rate is None
        self.passes = 2 if settings.both_ways and not self._only_openers else 1
        self.frames = previews or frames * self.passes
        self.shots = self.frames if self._only_openers else openers
        self._took: dict[bool, deque[float]] = {kind: deque(maxlen=REMEMBERED) for kind in (True, False)}
        self._openers = self.frames_done = 0
        self.last_step: Step | None = None
        self._loss: Tensor | float | None = None
        self.opening = True  # a shot, with the current frame
        self.cluster_progress: ClusterProgress | None = None
        self._joined_at, self._before = 0.0, 0  # when the machines began, and the frames that were done then
        self._expected_in_all = outline.estimate.seconds
        self.restart()

    def restart(self) -> None:
        """The time of the current frame begins now."""
        self._began = self._now()

    def skip(self, frames: int, shots: int) -> None:
        """So many frames were done before, and so many shots were begun."""
        self.frames_done, self._openers, self.opening = frames * self.passes, shots, False

    def together(self, cluster_progress: ClusterProgress) -> None:
        """The machines of a cluster are so far."""
        if self.cluster_progress is None:
            self._joined_at, self._before = self._now(), self.frames_done
        self.cluster_progress, self._loss = (
            cluster_progress,
            self._loss if cluster_progress.loss is None else cluster_progress.loss,
        )
        self.frames_done = self._before + cluster_progress.frames * self.passes

    def step(self, step: Step) -> None:
        """One step of the current frame."""
        if self.last_step is None:
            self.opening = self._only_openers or not self.frames_done or step.count > MOST_EFFORT * self._frame_steps
        self.last_step, self._loss = step, step.losses.total

    def frame(self, painted: PaintedFrame) -> None:
        """A frame is painted, in one of the passes."""
        opened = self._only_openers or not self.frames_done or painted.frame.cut  # never on the way back
        self._took[opened].append(self._now() - self._began)
        self._openers += opened
        self.frames_done += 1
        self._loss = painted.painted.losses.total
        self.last_step, self.opening = None, self._only_openers
        self.restart()

    @property
    def loss(self) -> float | None:
        """The latest loss; a GPU is only waited for when somebody looks."""
        return None if self._loss is None else float(self._loss)

    @property
    def progress(self) -> float:
        """The share of the current frame that is done."""
        return self.last_step.progress if self.last_step else 0.0

    @property
    def current(self) -> int:
        """The number, from 1, of the frame that is worked on."""
        return min(self.frames_done + 1, self.frames)

    @property
    def shot(self) -> int:
        """The number, from 1, of the shot that is worked on."""
        return min(max(1, self._openers + self.opening), self.shots)

    @property
    def seconds_per_frame(self) -> float | None:
        """The mean of the last frames, the common kind; None before the first is done.

        On a cluster, the time that went by for each frame that any machine painted.
        """
        if self.cluster_progress:
            done = self.frames_done - self._before
            return (self._now() - self._joined_at) / done if done else None
        took = self._took[False] or self._took[True]
        return fmean(took) if took else None

    def left(self) -> float:
        """Seconds until all frames are painted."""
        if self.frames_done >= self.frames:
            return 0.0
        if self.cluster_progress:
            each = self.seconds_per_frame
            return self._expected_in_all if each is None else each * (self.frames - self.frames_done)
        openers = max(0, self.shots - self._openers - self.opening)
        followers = max(0, self.frames - self.frames_done - 1 - openers)
        return self._left_of_current() + openers * self._expected(True) + followers * self._expected(False)

    def _left_of_current(self) -> float:
        """From the expectation at first, more and more from this frame's own speed."""
        done = self.progress
        whole = self._now() - self._began + (1 - done) * self._expected(self.opening)
        return (1 - done) * whole

    def _expected(self, opener: bool) -> float:
        if self._took[opener]:
            return fmean(self._took[opener])
        if self._took[not opener]:
            return fmean(self._took[not opener]) * self._costs[opener] / self._costs[not opener]
        return self._costs[opener] * self._seconds_of_work

    def _work(self, openers: int, followers: int) -> float:
        return openers * self._costs[True] + max(0, followers) * self._costs[False]
