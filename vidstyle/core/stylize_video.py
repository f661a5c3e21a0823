"""A film in one pass, or in two: forwards, and then backwards over each shot.

What comes into sight late in a shot is painted bare at first and settles over the next frames; the way back carries
what it became to where it began, and evens out the chain's errors (Ruder et al. 2016, section 5.3, alternate many short
passes; here both are chains of finished paintings). Where a film is to loop, the way back starts at its first frame.
"""

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import safetensors.torch
import torch
from torch import Tensor

from vidstyle.core.flow import Motion
from vidstyle.core.frame_style import PLANES, Frame
from vidstyle.core.raft import flow_estimator
from vidstyle.core.stylize_image import OnStep, Painter
from vidstyle.core.temporal import (
    LOST,
    SETTLING,
    Earlier,
    Linked,
    PaintedFrame,
    WarpedPaint,
    chained,
    followed,
    found_ahead,
    tracked,
)
from vidstyle.errors import SinkError

MEETING = 16  # frames over which a loop's end goes over to its start

OnTurn = Callable[[PaintedFrame], None]

log = logging.getLogger(__name__)


def paint_frames(
    painter: Painter, frames: Iterable[Frame], on_step: OnStep | None = None, on_turn: OnTurn | None = None
) -> Iterator[PaintedFrame]:
    """Paints the frames of a film in order, each from the ones before it in its shot; see `paint_part`."""
    for painted, _ in paint_part(painter, frames, None, True, on_step, on_turn):
        yield painted


def paint_part(
    painter: Painter,
    frames: Iterable[Frame],
    handed: Linked | None,
    ends_film: bool,
    on_step: OnStep | None = None,
    on_turn: OnTurn | None = None,
    scratch: Path | None = None,
) -> Iterator[tuple[PaintedFrame, Linked]]:
    """Paints part of a film; each painting comes with what a part that begins after it is to be `handed`.

    In one pass that is the frame before. With two (`Settings.both_ways`) it is the film's first frame, parts are whole
    shots, and a shot comes out when all of it is painted; until then its frames lie in temporary files, 14 bytes a
    pixel, in the folder `scratch` where one is given, and `on_turn` is told every painting of each pass. Raises
    SinkError where those files find no room.
    """
    if not painter.settings.both_ways:
        for link in chained(painter, frames, on_step, handed.state if handed else None):
            yield seen(painter, link.painted_frame), link
        return
    start = handed
    for shot in _shots(chained(painter, frames, on_step), on_turn, scratch):
        with shot:
            start = start or shot.first
            closes = painter.settings.loop and shot.ends_part and ends_film
            meets = start if closes and _shows(painter, shot.last, start) else None
            for index, again in _painted_back(painter, shot, meets, on_step):
                shot.replace(index, again)
                if on_turn:
                    on_turn(again)
            kept = shot.last if meets is None else start if meets is shot.first else None
            if on_turn and kept:
                on_turn(kept.painted_frame)
            if start is shot.first:
                start = start.repainted(shot.painting(0))
            for painted in shot:
                yield seen(painter, painted), start


def seen(painter: Painter, painted: PaintedFrame) -> PaintedFrame:
    """What is seen of a painted frame."""
    frame, bare = painted.frame, painted.painted
    image = painter.looking(frame.look).finished(bare.image, frame.content, frame.image)
    return replace(painted, painted=replace(bare, image=image))


class _Shot:
    """The paintings of one shot, in files."""

    def __init__(self, first: Linked, scratch: Path | None) -> None:
        self._folder = TemporaryDirectory(prefix="vidstyle-", dir=scratch)
        self._bare: list[PaintedFrame] = []
        self.first, self.last, self.ends_part = first, first, False

    def __enter__(self) -> "_Shot":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def __len__(self) -> int:
        return len(self._bare)

    def append(self, link: Linked) -> None:
        self.last = link
        self._bare.append(_bare(link.painted_frame))
        self._write(len(self) - 1, link.painted_frame, link.state.age / SETTLING)

    def replace(self, index: int, painted: PaintedFrame) -> None:
        """Another painting of a frame; its work is added to that of the first."""
        before, now = self._bare[index].painted, painted.painted
        whole = replace(
            now,
            steps=before.steps + now.steps,
            seconds=before.seconds + now.seconds,
            full_steps=before.full_steps + now.full_steps,
        )
        self._write(index, painted, self._read(index)["settled"])
        self._bare[index] = _bare(replace(self._bare[index], painted=whole))

    def frame(self, index: int) -> Frame:
        """The frame, as no cut: so that its shot can be gone through backwards."""
        return replace(_whole(self._bare[index].frame, self._read(index)), cut=False)

    def painting(self, index: int) -> Tensor:
        return self._read(index)["painting"].float()

    def settled(self, index: int) -> Tensor:
        """How settled the paint of the first pass was: (1, H, W), 0..1."""
        return self._read(index)["settled"].float()

    def __iter__(self) -> Iterator[PaintedFrame]:
        for index, bare in enumerate(self._bare):
            tensors = self._read(index)
            yield PaintedFrame(_whole(bare.frame, tensors), replace(bare.painted, image=tensors["painting"].float()))

    def _path(self, index: int) -> Path:
        return Path(self._folder.name) / f"{index}.safetensors"

    def _read(self, index: int) -> dict[str, Tensor]:
        return safetensors.torch.load_file(self._path(index))

    def _write(self, index: int, painted: PaintedFrame, settled: Tensor) -> None:
        frame = painted.frame
        images = {"content": frame.image, "painting": painted.painted.image, "settled": settled}
        images |= {name: plane for name in PLANES if (plane := getattr(frame.look, name)) is not None}
        images |= {} if frame.even is None else {"even": frame.even}
        # Half precision is an eighth of a level of 8 bits at most.
        halves = {name: image.half().cpu().contiguous() for name, image in images.items()}
        try:
            self._path(index).write_bytes(safetensors.torch.save(halves))
        except OSError as error:
            raise SinkError("VS411", name=self._folder.name, reason=error.strerror) from error


def _bare(painted: PaintedFrame) -> PaintedFrame:
    """A painted frame without its images."""
    nothing = torch.empty(0)
    look = replace(painted.frame.look, places=None, mask=None)
    frame = replace(painted.frame, image=nothing, look=look, even=None)
    return PaintedFrame(frame, replace(painted.painted, image=nothing))


def _whole(bare: Frame, tensors: Mapping[str, Tensor]) -> Frame:
    """A bare frame with its images."""
    places, mask = (tensors[name].float() if name in tensors else None for name in PLANES)
    even = tensors["even"].float() if "even" in tensors else None
    look = replace(bare.look, places=places, mask=mask)
    return replace(bare, image=tensors["content"].float(), even=even, look=look)


def _shots(links: Iterator[Linked], on_turn: OnTurn | None, scratch: Path | None) -> Iterator[_Shot]:
    """The shots of a film, each as soon as the next begins."""
    shot: _Shot | None = None
    try:
        for link in links:
            if shot is None or link.opens:
                if shot is not None:
                    yield shot
                shot = _Shot(link, scratch)
            shot.append(link)
            if on_turn:
                on_turn(link.painted_frame)
        if shot is not None:
            shot.ends_part = True
            yield shot
    finally:
        if shot is not None:
            shot.__exit__()


def _painted_back(
    painter: Painter, shot: _Shot, meets: Linked | None, on_step: OnStep | None
) -> Iterator[tuple[int, PaintedFrame]]:
    """A shot painted again from its end to its start, with the place of each frame.

    `meets` is what comes after the end; without it the last painting stays. A film's first frame that its end is to
    meet stays too.
    """
    last = len(shot) - 1
    opener = meets or shot.last
    indices = range(last if meets else last - 1, 0 if meets is shot.first else -1, -1)
    frames = itertools.chain([replace(opener.frame, cut=False)], (shot.frame(index) for index in indices))
    motion = tracked(frames, (1,), flow_estimator(painter.settings.flow, painter.device))
    state = opener.state
    with found_ahead(motion, painter.device) as ahead:
        for index, one in zip(indices, itertools.islice(ahead, 1, None), strict=True):
            weight = shot.settled(index) * (min(1.0, (last - index) / MEETING) if meets else 1.0)
            earlier = Earlier(shot.painting(index).to(painter.device), weight.to(painter.device))
            warped = WarpedPaint.of(state.paintings, one.motions)
            state = followed(painter, one, state, warped, on_step, earlier)
            yield index, PaintedFrame(one.frame, state.last)


def _shows(painter: Painter, end: Linked, start: Linked) -> bool:
    """Whether a film's end shows enough of its start to meet it."""
    estimate = flow_estimator(painter.settings.flow, painter.device)
    same_size = end.frame.content.shape == start.frame.content.shape
    motion = Motion.between(end.frame.content, start.frame.content, estimate) if same_size else None
    if motion is not None and float(motion.visible.float().mean()) >= LOST:
        return True
    log.warning("the film's end does not show what its start shows, so the loop has a cut there")
    return False
