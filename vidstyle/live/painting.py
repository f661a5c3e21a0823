"""Paints what a camera sees: always its newest image, each from the painting of the one before.

`Pace` finds how large images can be painted at a wanted rate; `sharpened` enlarges them with the camera's detail.
"""

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.core.calibration import TYPICAL_SLOPE, calibrated, least_balance, wanted_structure
from vidstyle.core.color_transfer import Palettes, contrast, palettes_for
from vidstyle.core.device import select_device
from vidstyle.core.flow import Motion
from vidstyle.core.frame_style import Frame, FrameStyle
from vidstyle.core.pixels import to_tensor
from vidstyle.core.raft import flow_estimator
from vidstyle.core.sizes import Size
from vidstyle.core.stylize_image import FLAT, OnStep, Painted, Painter
from vidstyle.core.temporal import LOST, ShotState, Tracked, WarpedPaint, followed
from vidstyle.core.weights import OnProgress, load_filters
from vidstyle.errors import SourceError
from vidstyle.jobs.eta import seconds_per_pixel
from vidstyle.jobs.prescan import painting_size
from vidstyle.settings.presets import LIVE
from vidstyle.settings.settings import Settings
from vidstyle.video.camera import Camera, Snap

STEPS = 1  # of each image, where the size can be chosen: larger paintings look better than further ones
MOST_STEPS = 8
SMALLEST_LONG_SIDE = 96  # pixels; smaller paintings show nothing
MARGIN = 0.85  # of the time there is, that is planned with
TOLERANCE = 1.35  # the factor between areas below which a size is kept
PATIENCE = 4  # images in a row that ask for another size before it changes
LEARNING = 0.3  # how much the latest image tells about the next
STRIDE = 8  # sides of paintings are multiples of it


@dataclass(frozen=True)
class FrameBudget:
    """The `size` (height, width) of a painting and its `steps`."""

    size: Size
    steps: int

    @property
    def work(self) -> int:
        """Pixels times steps."""
        return self.size[0] * self.size[1] * self.steps


class Pace:
    """Finds the budget that takes `seconds` an image, from what the last ones took.

    A painting is as large as `steps` of it leave time for, up to `largest`, where it takes more of them. It changes its
    size only where that is far off for a while; `fixed`: never. `cost` is the seconds of a step for each pixel.
    """

    def __init__(self, largest: Size, seconds: float, cost: float, *, fixed: bool = False) -> None:
        self.largest, self.seconds, self.fixed = largest, seconds, fixed
        self.cost, self.overhead = cost, 0.0
        self._unfit = 0
        self.size = largest if fixed else self._wanted_size()

    @property
    def budget(self) -> FrameBudget:
        """How the next image is to be painted."""
        steps = self._budget / (self.size[0] * self.size[1])
        return FrameBudget(self.size, min(MOST_STEPS, max(1, math.floor(steps))))

    @property
    def _budget(self) -> float:
        """Pixels times steps that there is time for."""
        return max(0.0, MARGIN * self.seconds - self.overhead) / self.cost

    def took(self, budget: FrameBudget, painting: float, whole: float) -> None:
        """Tells that an image took `painting` seconds of steps and `whole` seconds in all."""
        self.cost += LEARNING * (painting / budget.work - self.cost)
        self.overhead += LEARNING * (max(0.0, whole - painting) - self.overhead)
        wanted = self._wanted_size()
        ratio = (wanted[0] * wanted[1]) / (self.size[0] * self.size[1])
        self._unfit = self._unfit + 1 if max(ratio, 1 / ratio) > TOLERANCE else 0
        if self._unfit >= PATIENCE and not self.fixed:
            self.size, self._unfit = wanted, 0

    def _wanted_size(self) -> Size:
        height, width = self.largest
        longest = max(self.largest)
        area = self._budget / STEPS
        scale = min(1.0, max(SMALLEST_LONG_SIDE / longest, math.sqrt(area / (height * width))))
        return _strided(height * scale), _strided(width * scale)


def _strided(side: float) -> int:
    return max(STRIDE, STRIDE * round(side / STRIDE))


Floats = NDArray[np.float32]

WINDOW = 9  # pixels of the painting across which it follows the image's light and dark
SMALLEST_VARIANCE = 1e-3  # of a window: below, there is nothing to follow
NOISE = 3 / 255  # detail of cameras' noise; it would flicker
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def sharpened(painting: Floats, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`painting` (h, w, 3), 0..1, as large as `image` (H, W, 3), 0..255, both RGB; 0..255.

    What enlarging cannot give is taken from the image's luminance, as far as the painting follows that: by the slope
    of the line through both in each window (the coefficient a of the guided filter, He, Sun and Tang 2010, equation 5,
    found at the small size as in He and Sun 2015). There the filter replaces the painting by the line; here only what
    the small size lost is added, so that strokes that the image knows nothing of stay.
    """
    height, width = image.shape[:2]
    small = painting.shape[1::-1]
    if small == (width, height):
        return _levels(painting)
    light = _light(image.astype(np.float32) / np.float32(255))
    coarse = _resized(light, small, cv2.INTER_AREA)
    lost = light - _resized(coarse, (width, height), cv2.INTER_CUBIC)
    lost = np.sign(lost) * np.maximum(np.abs(lost) - NOISE, 0)
    slope = _resized(_slope(coarse, _light(painting)), (width, height), cv2.INTER_LINEAR)
    large = _resized(painting, (width, height), cv2.INTER_CUBIC)
    return _levels(large + (slope * lost)[..., None])


def _slope(image: Floats, painting: Floats) -> Floats:
    """How much the light of the painting rises with that of the image, (h, w), in windows; -1.5 to 1.5."""
    mean_x, mean_y = _mean(image), _mean(painting)
    variance = _mean(image * image) - mean_x * mean_x
    covariance = _mean(image * painting) - mean_x * mean_y
    return np.clip(covariance / (variance + SMALLEST_VARIANCE), -1.5, 1.5)


def _light(image: Floats) -> Floats:
    return np.asarray(image @ _LUMINANCE, np.float32)


def _mean(plane: Floats) -> Floats:
    return np.asarray(cv2.boxFilter(plane, -1, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT), np.float32)


def _resized(plane: Floats, size: tuple[int, int], how: int) -> Floats:
    """At `size` (width, height)."""
    return np.asarray(cv2.resize(plane, size, interpolation=how), np.float32)


def _levels(image: Floats) -> NDArray[np.uint8]:
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255), np.uint8)


CPU_RATE, GPU_RATE = 2.5, 30.0  # images a second where nothing else is asked for
WARM_UP = 2.0  # seconds that a camera is given to find its exposure
STEADY, SETTLED = 3, 0.02  # images in a row whose mean, of 0..1, differs by less
FADE = 8  # images over which one style goes over into another


@dataclass(frozen=True, eq=False)
class LiveImage:
    """An image of the camera, and its painting (H, W, 3), RGB 0..255, of the same size.

    `painted` is that as it was painted, in the steps and at the size of `budget`; it took `seconds`, and was ready
    `latency` seconds after the image was taken. `opens`: nothing of earlier paintings is in it.
    """

    snap: Snap
    pixels: NDArray[np.uint8]
    look: FrameStyle
    painted: Painted
    budget: FrameBudget
    seconds: float
    latency: float
    opens: bool


class LivePainting:
    """The paintings of what `camera` sees, at a pace; a style and a strength may be chosen anew at any time."""

    def __init__(self, painter: Painter, camera: Camera, pace: Pace) -> None:
        self.painter, self.camera, self.pace = painter, camera, pace
        self.style: int | None = None  # which of the styles; None for the blend of the settings
        self.strength = painter.settings.strength
        self._estimate = flow_estimator(painter.settings.flow, painter.device)
        count = len(painter.styles)
        self._look = FrameStyle(painter.settings.blend or (1 / count,) * count, self.strength)
        self._state: ShotState | None = None

    def images(self, on_step: OnStep | None = None) -> Generator[LiveImage, None, None]:
        """Paintings, as long as the camera sees something. `on_step` is told the steps of those that open."""
        while (snap := self.camera.next()) is not None:
            yield self.painted(snap, on_step)

    def painted(self, snap: Snap, on_step: OnStep | None = None) -> LiveImage:
        """The next image, painted."""
        began, budget = time.monotonic(), self.pace.budget
        self._look = self._next_look()
        content = _scaled(snap.pixels, budget.size)
        opens = self._paint(Frame(snap.number, snap.taken, content, look=self._look), budget, on_step)
        assert self._state
        painted = self._state.last
        image = self.painter.finished(painted.image, content, content).permute(1, 2, 0).cpu().numpy()
        pixels = sharpened(np.ascontiguousarray(image), snap.pixels)
        now = time.monotonic()
        if not opens:
            self.pace.took(budget, painted.seconds, now - began)
        return LiveImage(snap, pixels, self._look, painted, budget, now - began, now - snap.taken, opens)

    def _paint(self, frame: Frame, budget: FrameBudget, on_step: OnStep | None) -> bool:
        """Paints a frame into the state; whether nothing of earlier ones was known of it."""
        one, warped = self._tracked(frame)
        if self._state is not None and warped is None:
            self.painter = _recoloured(self.painter, frame.content)
        painter = self.painter.retuned(settings=self.painter.settings.replace(frame_steps=budget.steps))
        if self._state is None or warped is None:
            painted = painter.looking(frame.look).begun(frame.content, on_step)
            self._state = ShotState.of_opener(frame, painted)
            return True
        self._state = followed(painter, one, self._state, warped, None, repaint_still=True)
        return False

    def _tracked(self, frame: Frame) -> tuple[Tracked, WarpedPaint | None]:
        """The frame with its motion, and what is known of its paint; None where that is hardly anything."""
        if self._state is None:
            return Tracked(frame, {}), None
        size = (frame.content.shape[1], frame.content.shape[2])
        if self._state.shown.shape[1:] != size:
            self._state = self._state.resized(size)
        motion = Motion.between(frame.content, self._state.contents[0], self._estimate)
        warped = WarpedPaint.of(self._state.paintings, {1: motion})
        return Tracked(frame, {1: motion}), warped if warped.share >= LOST else None

    def _next_look(self) -> FrameStyle:
        """The look on the way to what is wished; the same where it is reached."""
        shares, count = self._look.shares or (), len(self.painter.styles)
        wanted = shares if self.style is None else _only(self.style % count, count)
        if shares != wanted:
            gap = max(abs(goal - share) for share, goal in zip(shares, wanted, strict=True))
            way = min(1.0, 1 / (FADE * gap)) if self._state else 1.0
            shares = tuple(share + way * (goal - share) for share, goal in zip(shares, wanted, strict=True))
            shares = wanted if way == 1 or gap <= 1 / FADE else shares
        now = (shares, self.strength)
        return self._look if now == (self._look.shares, self._look.strength) else FrameStyle(*now)


def _only(index: int, count: int) -> tuple[float, ...]:
    return tuple(float(number == index) for number in range(count))


def paint_live(
    camera: Camera,
    styles: Sequence[Tensor],
    settings: Settings | None = None,
    *,
    rate: float | None = None,
    device: str = "auto",
    on_progress: OnProgress = lambda *_: None,
) -> LivePainting:
    """Live painting of what `camera` sees in the style of `styles` (each (3, H, W), RGB, 0..1).

    The filters and the balance are found for the first image whose exposure has settled. `rate` is how many images
    a second are to be held; None for what is usual on the device. Raises VidstyleError where the user can do something
    about it.
    """
    chosen = settings or Settings(**LIVE)
    chosen.check_blend(len(styles))
    snap = settled_image(camera)
    if snap is None:
        raise SourceError("VS330", name=camera.name)
    painter = live_painter(styles, chosen, snap, select_device(device), on_progress)
    return LivePainting(painter, camera, pace_for(painter, snap, rate))


def settled_image(camera: Camera) -> Snap | None:
    """The first image whose exposure is that of the ones before it, as cameras begin in the dark; None without any.

    After WARM_UP seconds whatever there is.
    """
    snap, steady = camera.next(), 0
    began = snap.taken if snap else 0.0
    while snap and steady < STEADY and snap.taken - began < WARM_UP:
        following = camera.next()
        if following is None:
            return snap
        apart = abs(float(following.pixels.mean()) - float(snap.pixels.mean())) / 255
        shows = float(following.pixels.std()) / 255 > 2 * FLAT
        snap, steady = following, steady + 1 if shows and apart < SETTLED else 0
    return snap


def _recoloured(painter: Painter, content: Tensor) -> Painter:
    """`painter` with the palettes for another scene (3, H, W), if it has any and the scene shows something."""
    if painter.palettes == Palettes() or contrast(content) < 2 * FLAT:
        return painter
    palettes = palettes_for(painter.settings.keep_colors, [content.cpu()], painter.styles)
    return painter.retuned(palettes=palettes)


def live_painter(
    styles: Sequence[Tensor], settings: Settings, snap: Snap, device: torch.device, on_progress: OnProgress
) -> Painter:
    """A painter for what a camera sees, its balance found for one of its images; it can be led to all strengths."""
    content = _scaled(snap.pixels, painting_size(snap.size, settings, device))
    filters = load_filters(
        settings.weights,
        settings.layers,
        teachers=lambda: [*styles, content],
        seed=settings.seed,
        on_progress=on_progress,
    )
    painter = Painter(styles, filters, settings, device=device)
    found = calibrated(painter, [content], lambda done, count: on_progress("finding the balance", done, count))
    return steerable(found)


def steerable(painter: Painter) -> Painter:
    """`painter` with balances for all strengths, by the typical slope from the one that was found."""

    def at(strength: float) -> tuple[float, float]:
        more = wanted_structure(strength) - wanted_structure(painter.settings.strength)
        return strength, max(least_balance(strength), painter.balance * math.exp(more / TYPICAL_SLOPE))

    return painter.retuned(balances=(at(0.0), at(1.0)))


def pace_for(painter: Painter, snap: Snap, rate: float | None) -> Pace:
    """The pace at which `rate` images a second can be painted; None: what is usual on the device."""
    settings, device = painter.settings, painter.device
    largest = painting_size(snap.size, settings, device)
    usual = CPU_RATE if device.type == "cpu" else GPU_RATE
    cost = seconds_per_pixel(settings, device)
    return Pace(largest, 1 / (rate or usual), cost, fixed=settings.size not in ("auto", "full"))


def _scaled(pixels: NDArray[np.uint8], size: Size) -> Tensor:
    """(3, h, w), 0..1, from an image (H, W, 3), 0..255."""
    return to_tensor(np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA), np.uint8))
