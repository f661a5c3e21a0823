"""A video, frame by frame: each starts from the previous paintings, carried along the motion.

`tracked` finds the motion, `stylize_shots` paints forwards, and with two passes `backward_pass` paints each shot again
from its end. What becomes visible late in a shot is painted bare at first and settles over the next frames; the way
back carries what it became to where it began, and evens out the chain's errors (Ruder et al. 2016, section 5.3,
alternate many short passes; here both are chains of finished paintings). Where a video is to loop, the way back starts
at its first frame.
"""

import itertools
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.flow import Motion, Tracked, found_ahead, tracked
from vidstyle.core.frame_style import Frame, FrameStyle
from vidstyle.core.losses import Anchor
from vidstyle.core.optimizers import Schedule
from vidstyle.core.raft import flow_estimator
from vidstyle.core.shot_store import ShotStore
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import (
    OnStep,
    coarse_to_fine,
    finish,
    flat_painting,
    gradient_scale,
    is_flat,
    refine,
    sketch,
)
from vidstyle.core.temporal import (
    CALM,
    FRESH,
    LOST,
    SKETCHED,
    Carried,
    Linked,
    PaintedFrame,
    ShotState,
    TemporalWeights,
    WarpedPaint,
    bare_places,
    frame_effort,
    propagate,
    temporal_weights,
    uncovered_filled,
)

MEETING = 16  # frames over which a loop's end goes over to its start
ARRIVING = 8  # frames at the end of a chunk that take no steps
GRAIN, GRAIN_SIZE = 0.04, 8  # noise that strokes in uncovered areas begin from, and the size of its spots in pixels

OnTurn = Callable[[PaintedFrame], None]

log = logging.getLogger(__name__)


def paint_frames(
    model: StyleModel, frames: Iterable[Frame], on_step: OnStep | None = None, on_turn: OnTurn | None = None
) -> Iterator[PaintedFrame]:
    """Paints the frames of a video in order, each from the ones before it in its shot; see `paint_part`."""
    return (painted for painted, _ in paint_part(model, frames, None, True, on_step, on_turn))


def paint_part(
    model: StyleModel,
    frames: Iterable[Frame],
    handed: Linked | None,
    ends_film: bool,
    on_step: OnStep | None = None,
    on_turn: OnTurn | None = None,
    scratch: Path | None = None,
    next_chunk: Sequence[Tensor] = (),
) -> Iterator[tuple[PaintedFrame, Linked]]:
    """Paints part of a video in one pass, or in two with ``Settings.both_ways``.

    Args:
        frames: the frames of the part in order, shots marked by their cuts; whole shots where there are two passes.
        handed: what the previous part handed on with its last frame; None if the part begins on its own.
        ends_film: whether the video ends with this part, so that a loop is closed.
        on_step: called after each step of each painting.
        on_turn: called with every painting of each of two passes.
        scratch: the folder of the temporary files of two passes, 14 bytes a pixel of a shot.
        next_chunk: the paintings of the same frames that the next chunk of the shot begins with, as in `stylize_shots`.

    Returns:
        What is seen of each frame, and what a part that begins after it is to be `handed`: in one pass the frame, in
        two the video's first frame. Each is painted when it is asked for; of two passes a shot comes out when all of
        it is painted.

    Raises:
        PaintingError: there is not enough memory, or a first frame's loss is not a number.
        SinkError: there is no room for the temporary files.
    """
    if model.settings.both_ways:
        return _two_passes(model, frames, handed, ends_film, on_step, on_turn, scratch)
    links = stylize_shots(model, frames, on_step, handed.state if handed else None, next_chunk)
    return ((seen(model, link.painted_frame), link) for link in links)


def _two_passes(
    model: StyleModel,
    frames: Iterable[Frame],
    start: Linked | None,
    ends_film: bool,
    on_step: OnStep | None,
    on_turn: OnTurn | None,
    scratch: Path | None,
) -> Iterator[tuple[PaintedFrame, Linked]]:
    tell = on_turn or (lambda _: None)
    for shot in _shots(stylize_shots(model, frames, on_step), tell, scratch):
        with shot:
            start = start or shot.first
            closes = model.settings.loop and shot.ends_part and ends_film
            meets = start if closes and _shows(model, shot.last, start) else None
            for index, again in _painted_back(model, shot, meets, on_step):
                shot.replace(index, again)
                tell(again)
            if meets is None or meets is shot.first:
                tell((meets or shot.last).painted_frame)
            if start is shot.first:
                start = start.repainted(shot.painting(0))
            for painted in shot:
                yield seen(model, painted), start


def seen(model: StyleModel, painted: PaintedFrame) -> PaintedFrame:
    """What is seen of a painted frame."""
    frame, bare = painted.frame, painted.painted
    image = finish(model, bare.image, frame.content, frame.image, frame.look)
    return replace(painted, painted=replace(bare, image=image))


def stylize_shots(
    model: StyleModel,
    frames: Iterable[Frame],
    on_step: OnStep | None = None,
    state: ShotState | None = None,
    next_chunk: Sequence[Tensor] = (),
) -> Iterator[Linked]:
    """Paints frames in order: a shot's first frame coarse to fine, each next from the ones before.

    The first continues from `state`, that of the frame before it, where it does not open a shot.

    A frame that shows hardly anything of those before, as after a flash of light, is painted like a first one.

    Where a shot is painted in chunks, `next_chunk` are the bare paintings (3, H, W) of all `frames` that the next chunk
    begins with: each frame is a step nearer to them, and the last is the next chunk's own.
    """
    before = state.contents if state else ()
    estimate = flow_estimator(model.settings.flow, model.device)
    motion = tracked(frames, model.settings.look_backs, estimate, before)
    with found_ahead(motion, model.device) as ahead:
        for position, one in enumerate(ahead):
            warped = WarpedPaint.of(state.paintings, one.motions) if state and one.motions else None
            opens = state is None or warped is None or warped.share < LOST
            if state is None or warped is None or opens:
                painted = coarse_to_fine(model, one.frame.content, on_step, one.frame.look)
                state = ShotState.of_opener(one.frame, painted)
            else:
                earlier = Earlier.approached(next_chunk, position, model) if next_chunk else None
                state = stylize_next(model, one, state, warped, on_step, earlier)
            if position == len(next_chunk) - 1:
                state = replace(state, last=replace(state.last, image=next_chunk[-1].float().to(model.device)))
            yield Linked(one.frame, state, opens)


@dataclass(frozen=True)
class Earlier:
    """What an earlier pass painted of a frame, (3, H, W), and how much that counts, (1, H, W), 0..1: settled paint 1.

    Carried paint counts as much as its place is trusted. `everywhere`: pixels that lie still are painted too. `moved`:
    the frame takes no steps.
    """

    image: Tensor
    weight: Tensor
    everywhere: bool = False
    moved: bool = False

    @classmethod
    def approached(cls, paintings: Sequence[Tensor], position: int, model: StyleModel) -> "Earlier":
        """One of the `paintings` (3, H, W) that a chain of frames goes over to.

        What counts 1 / n, n frames before the end, adds up to a linear cross-fade. Steps would lead away from its end.
        """
        image, left = paintings[position].float().to(model.device), len(paintings) - position
        return cls(image, torch.full_like(image[:1], 1 / left), everywhere=True, moved=left <= ARRIVING)

    def blended(self, warped: WarpedPaint) -> Tensor:
        """With the carried paint; the weights as Ruder et al. 2016, section 5.3, have them in the middle of a shot."""
        confidence = warped.confidence * warped.known
        share = confidence / (confidence + self.weight).clamp_min(1e-6)
        return torch.lerp(self.image, warped.paint, share)


def stylize_next(
    model: StyleModel,
    one: Tracked,
    state: ShotState,
    warped: WarpedPaint,
    on_step: OnStep | None = None,
    earlier: Earlier | None = None,
    repaint_still: bool = False,
) -> ShotState:
    """Paints a frame from where the last paintings were carried along the motion; pixels that lie still stay.

    Where little is new, frames between every ``Settings.every``-th are the carried painting, without steps.

    Args:
        one: the frame, with its motion since the one before on the model's device.
        state: what the frame before it hands on.
        warped: the painting of the frames before, where this one shows it.
        on_step: called after each step.
        earlier: what an earlier pass painted of the frame: blended in, and seen where earlier paint shows nothing.
        repaint_still: still pixels are painted on too, without a temporal loss, and every frame takes all its steps.

    Returns:
        The state after the frame.
    """
    frame, motion, length = one.frame, one.motions[1], max(model.settings.look_backs)
    content = frame.content.to(model.device)
    carried = propagate(state, frame, content, motion, earlier.weight if earlier else warped.known.float())
    everywhere = earlier is not None and earlier.everywhere
    stillness, free = state.stillness.after(content, carried.unsettled(motion) | everywhere)
    if is_flat(model.settings, frame.content):
        flat, nothing = flat_painting(model, frame.content, frame.look), torch.zeros_like(carried.age)
        return state.after(frame, flat, length, stillness=stillness, age=nothing, shown=content)
    if not (repaint_still or free.any()):
        held = replace(state.last, steps=0, seconds=0.0, full_steps=0.0)
        return state.after(frame, held, length, stillness=stillness, age=carried.age, shown=carried.shown)
    free = free[None]
    paint = earlier.blended(warped) if earlier else _filled(model, warped, content, frame.look)
    start = torch.where(free, paint, state.last.image)
    pull = gradient_scale(model, content, start, frame.look) if state.pull is None else state.pull
    start = start + _recoloured(model, carried, frame.look)
    level, effort = frame_effort(state, carried, free)
    lowest = -math.inf if carried.style_changed.all() else state.level
    changes: dict[str, Any] = {"age": carried.age, "pull": pull, "level": lowest}
    waits = state.waited + 1 < model.settings.every and effort < CALM
    if not repaint_still and (waits or (earlier is not None and earlier.moved)):
        return state.moved(frame, start.clamp(0, 1), length, shown=carried.renewed(content), **changes)
    weights = temporal_weights(carried.settled, warped.confidence, free, pull, model.settings.stability)
    if repaint_still:  # by single steps, which no further evaluation corrects: none goes further than the step size
        weights = TemporalWeights(weights.stiffness * free, torch.ones_like(weights.mobility))
        level, effort = -math.inf, 1.0
    else:
        if frame.index % FRESH < max(model.settings.every, FRESH // 2):  # often enough that no new area is left out
            start = _sketched(model, content, start, free & (carried.age < FRESH), frame.look)
    anchor = Anchor(start.clamp(0, 1), weights.stiffness, weights.mobility)
    schedule = Schedule(max(1, round(effort * model.settings.frame_steps)), level=level)
    painted = refine(model, content, anchor, schedule, state.last.step_size, on_step, frame.look)
    return state.after(frame, painted, length, stillness=stillness, shown=carried.renewed(content, free), **changes)


def _sketched(model: StyleModel, content: Tensor, start: Tensor, fresh: Tensor, look: FrameStyle) -> Tensor:
    """`start` (3, H, W) with coarse strokes in large areas that lately became visible: `fresh` (1, H, W)."""
    bare = bare_places(fresh.float())
    return sketch(model, content, start, bare, look) if float(bare.mean()) > SKETCHED else start


def _recoloured(model: StyleModel, carried: Carried, look: FrameStyle) -> Tensor:
    """The part of the change that is repaired, (3, H, W), in the painting's colours."""
    after, before = (model.coloured(image, look) for image in (carried.shown + carried.change, carried.shown))
    return carried.repaired * (after - before)


def _filled(model: StyleModel, warped: WarpedPaint, content: Tensor, look: FrameStyle) -> Tensor:
    """The warped paint, and grain on the content where there is none, for strokes to begin from."""
    if warped.known.all():
        return warped.paint
    height, width = content.shape[1:]
    spots = model.features.noise((-(-height // GRAIN_SIZE), -(-width // GRAIN_SIZE)), model.settings.seed)
    grain = GRAIN * F.interpolate(spots[None], (height, width), mode="bicubic")[0]
    filled = uncovered_filled(warped.paint, model.coloured(content, look), warped.known)
    return torch.where(warped.known, filled, (filled + grain).clamp(0, 1))


def _shots(links: Iterator[Linked], tell: OnTurn, scratch: Path | None) -> Iterator[ShotStore]:
    """The shots of a video, each as soon as the next begins."""
    shot: ShotStore | None = None
    try:
        for link in links:
            if shot is None or link.opens:
                if shot is not None:
                    yield shot
                shot = ShotStore(link, scratch)
            shot.append(link)
            tell(link.painted_frame)
        if shot is not None:
            shot.ends_part = True
            yield shot
    finally:
        if shot is not None:
            shot.__exit__()


def _painted_back(
    model: StyleModel, shot: ShotStore, meets: Linked | None, on_step: OnStep | None
) -> Iterator[tuple[int, PaintedFrame]]:
    """A shot painted again from its end to its start, with the place of each frame.

    `meets` is what comes after the end; without it the last painting stays. A video's first frame that its end is to
    meet stays too.
    """
    last = len(shot) - 1
    opener = meets or shot.last
    indices = range(last if meets else last - 1, 0 if meets is shot.first else -1, -1)
    frames = itertools.chain([replace(opener.frame, cut=False)], (shot.frame(index) for index in indices))
    motion = tracked(frames, (1,), flow_estimator(model.settings.flow, model.device))
    state = opener.state
    with found_ahead(motion, model.device) as ahead:
        for index, one in zip(indices, itertools.islice(ahead, 1, None), strict=True):
            weight = shot.settled(index) * (min(1.0, (last - index) / MEETING) if meets else 1.0)
            earlier = Earlier(shot.painting(index).to(model.device), weight.to(model.device))
            warped = WarpedPaint.of(state.paintings, one.motions)
            state = stylize_next(model, one, state, warped, on_step, earlier)
            yield index, PaintedFrame(one.frame, state.last)


def _shows(model: StyleModel, end: Linked, start: Linked) -> bool:
    """Whether a video's end shows enough of its start to meet it."""
    estimate = flow_estimator(model.settings.flow, model.device)
    same_size = end.frame.content.shape == start.frame.content.shape
    motion = Motion.between(end.frame.content, start.frame.content, estimate) if same_size else None
    if motion is not None and float(motion.visible.float().mean()) >= LOST:
        return True
    log.warning("the end of the video does not match its start, so the loop has a cut")
    return False
