"""Paints what a camera sees: always its newest image, each from the painting of the one before."""

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
from vidstyle.core.flow import Motion, Tracked
from vidstyle.core.frame_style import Frame, FrameStyle
from vidstyle.core.pixels import to_tensor
from vidstyle.core.raft import flow_estimator
from vidstyle.core.sizes import Size
from vidstyle.core.style_model import StyleModel, load_style
from vidstyle.core.stylize_image import FLAT, OnStep, Painted, coarse_to_fine, finish
from vidstyle.core.stylize_video import stylize_next
from vidstyle.core.temporal import LOST, ShotState, WarpedPaint
from vidstyle.core.weights import OnProgress
from vidstyle.errors import SourceError
from vidstyle.jobs.eta import seconds_per_pixel
from vidstyle.jobs.prescan import painting_size
from vidstyle.live.scaling import FrameBudget, Pace, sharpened
from vidstyle.settings.presets import LIVE
from vidstyle.settings.settings import Settings
from vidstyle.video.camera import Camera, Snap

CPU_RATE, GPU_RATE = 2.5, 30.0  # images a second where nothing else is asked for
WARM_UP = 2.0  # seconds that a camera is given to find its exposure
STEADY, SETTLED = 3, 0.02  # images in a row whose mean, of 0..1, differs by less
FADE = 8  # images over which one style goes over into another


@dataclass(frozen=True, eq=False)
class LiveImage:
    """An image of the camera, and its painting.

    Args:
        snap: The image, (H, W, 3).
        pixels: Its painting, (H, W, 3), RGB, 0..255.
        look: The styles and the strength of it.
        painted: The same as it was painted, at the size of `budget`, with its losses.
        budget: The size and the steps of it.
        seconds: How long it took.
        latency: The seconds from when the image was taken until the painting was ready.
        opens: Whether nothing of earlier paintings is in it.
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
    """The paintings of what a camera sees. `style`, the number of one of the styles or None for the blend of the
    settings, and `strength`, 0..1, may be changed at any time.

    Args:
        model: What paints, led to all strengths by `steerable`.
        camera: What is painted.
        pace: The sizes and steps of paintings.
    """

    def __init__(self, model: StyleModel, camera: Camera, pace: Pace) -> None:
        self.model, self.camera, self.pace = model, camera, pace
        self.style: int | None = None
        self.strength = model.settings.strength
        self._estimate = flow_estimator(model.settings.flow, model.device)
        count = len(model.styles)
        self._look = FrameStyle(model.settings.blend or (1 / count,) * count, self.strength)
        self._state: ShotState | None = None

    def paintings(self, on_step: OnStep | None = None) -> Generator[LiveImage, None, None]:
        """One painting after the other, as long as the camera sees something, each of its newest image.

        Args:
            on_step: Told each step of the paintings that open.
        """
        while (snap := self.camera.next()) is not None:
            yield self.painted(snap, on_step)

    def painted(self, snap: Snap, on_step: OnStep | None = None) -> LiveImage:
        """The painting of the next image `snap`, as `paintings` gives them."""
        began, budget = time.monotonic(), self.pace.budget
        self._look = self._next_look()
        content = _scaled(snap.pixels, budget.size)
        opens = self._paint(Frame(snap.number, snap.taken, content, look=self._look), budget, on_step)
        assert self._state
        painted = self._state.last
        image = finish(self.model, painted.image, content, content).permute(1, 2, 0).cpu().numpy()
        pixels = sharpened(np.ascontiguousarray(image), snap.pixels)
        now = time.monotonic()
        if not opens:
            self.pace.took(budget, painted.seconds, now - began)
        return LiveImage(snap, pixels, self._look, painted, budget, now - began, now - snap.taken, opens)

    def _paint(self, frame: Frame, budget: FrameBudget, on_step: OnStep | None) -> bool:
        """Paints a frame into the state; whether nothing of earlier ones was known of it."""
        one, warped = self._tracked(frame)
        if self._state is not None and warped is None:
            self.model = _recoloured(self.model, frame.content)
        model = self.model.changed(settings=self.model.settings.replace(frame_steps=budget.steps))
        if self._state is None or warped is None:
            painted = coarse_to_fine(model, frame.content, on_step, look=frame.look)
            self._state = ShotState.of_opener(frame, painted)
            return True
        self._state = stylize_next(model, one, self._state, warped, None, repaint_still=True)
        return False

    def _tracked(self, frame: Frame) -> tuple[Tracked, WarpedPaint | None]:
        """The frame with its motion, and what is known of its painting; None where that is hardly anything."""
        if self._state is None:
            return Tracked(frame, {}), None
        size = (frame.content.shape[1], frame.content.shape[2])
        if self._state.shown.shape[1:] != size:
            self._state = self._state.resized(size)
        motion = Motion.between(frame.content, self._state.contents[0], self._estimate).on(self.model.device)
        warped = WarpedPaint.of(self._state.paintings, {1: motion})
        return Tracked(frame, {1: motion}), warped if warped.share >= LOST else None

    def _next_look(self) -> FrameStyle:
        """The look on the way to what is wished; the same where it is reached."""
        shares, count = self._look.shares or (), len(self.model.styles)
        if self.style is not None:
            wanted = tuple(float(number == self.style % count) for number in range(count))
            gap = max(abs(goal - share) for share, goal in zip(shares, wanted, strict=True))
            if self._state is None or gap <= 1 / FADE:
                shares = wanted
            else:
                way = 1 / (FADE * gap)
                shares = tuple(share + way * (goal - share) for share, goal in zip(shares, wanted, strict=True))
        now = (shares, self.strength)
        return self._look if now == (self._look.shares, self._look.strength) else FrameStyle(*now)


def paint_live(
    camera: Camera,
    styles: Sequence[Tensor],
    settings: Settings | None = None,
    *,
    rate: float | None = None,
    device: str = "auto",
    on_progress: OnProgress = lambda *_: None,
) -> LivePainting:
    """Paints live what a camera sees. Filters and balance are found for the first image with settled exposure.

    Args:
        camera: What is painted.
        styles: Images (3, H, W), RGB, 0..1, of any sizes.
        settings: How to paint; None for the defaults of live painting.
        rate: The target number of images per second; None for the default of the device.
        device: What paints: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        on_progress: Called before the first image with what is in progress, how much is done, and of how much.

    Raises:
        SettingsError: For settings that do not fit the styles, or a device that is not available.
        SourceError: Where the camera shows nothing.
        WeightsError: Where there are no filters.
    """
    chosen = settings or Settings(**LIVE)
    chosen.check_blend(len(styles))
    snap = settled_image(camera)
    if snap is None:
        raise SourceError("VS330", name=camera.name)
    model = live_model(styles, chosen, snap, select_device(device), on_progress)
    return LivePainting(model, camera, pace_for(model, snap, rate))


def settled_image(camera: Camera) -> Snap | None:
    """The first image of `camera` whose exposure is that of the ones before it, as cameras begin in the dark; what
    there is after WARM_UP seconds, or at the end of a video; None without any image."""
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


def _recoloured(model: StyleModel, content: Tensor) -> StyleModel:
    """`model` with the palettes for another scene (3, H, W), if it has any and the scene shows something."""
    if model.palettes == Palettes() or contrast(content) < 2 * FLAT:
        return model
    palettes = palettes_for(model.settings.keep_colors, [content.cpu()], model.styles)
    return model.changed(palettes=palettes)


def live_model(
    styles: Sequence[Tensor], settings: Settings, snap: Snap, device: torch.device, on_progress: OnProgress
) -> StyleModel:
    """A style model for what a camera sees, with balances for all strengths.

    Args:
        styles: Images (3, H, W), RGB, 0..1.
        settings: How it paints.
        snap: An image of the camera: filters and balance are found for it.
        device: What paints.
        on_progress: Told what is done, how much of it, and of how much.
    """
    content = _scaled(snap.pixels, painting_size(snap.size, settings, device))
    model = load_style(styles, [content], settings, device=device, on_progress=on_progress)
    found = calibrated(model, [content], lambda done, count, _: on_progress("finding the balance", done, count))
    return steerable(found)


def steerable(model: StyleModel) -> StyleModel:
    """`model` with balances for all strengths, by the typical slope from the one that was found."""

    def at(strength: float) -> tuple[float, float]:
        more = wanted_structure(strength) - wanted_structure(model.settings.strength)
        return strength, max(least_balance(strength), model.balance * math.exp(more / TYPICAL_SLOPE))

    return model.changed(balances=(at(0.0), at(1.0)))


def pace_for(model: StyleModel, snap: Snap, rate: float | None) -> Pace:
    """The pace at which `rate` images a second of the size of `snap` are painted; None: what is usual on the device."""
    settings, device = model.settings, model.device
    largest = painting_size(snap.size, settings, device)
    usual = CPU_RATE if device.type == "cpu" else GPU_RATE
    cost = seconds_per_pixel(settings, device)
    return Pace(largest, 1 / (rate or usual), cost, fixed=settings.size not in ("auto", "full"))


def _scaled(pixels: NDArray[np.uint8], size: Size) -> Tensor:
    """(3, h, w), 0..1, from an image (H, W, 3), 0..255."""
    return to_tensor(np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA), np.uint8))
