"""Frames together with their motion since earlier frames of the same shot."""

import contextlib
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.media.look import Frame
from vidstyle.media.readahead import ReadAhead
from vidstyle.motion.flow import FlowEstimator, Motion, dis, quick_dis


@dataclass(frozen=True)
class Tracked:
    """A frame and its motion since frames before it, by how many frames back; none for a shot's first frame."""

    frame: Frame
    motions: Mapping[int, Motion]


def tracked(
    frames: Iterable[Frame], look_backs: Sequence[int], estimate: FlowEstimator, before: Sequence[Tensor] = ()
) -> Generator[Tracked, None, None]:
    """The frames with their motion since the frames that lie `look_backs` before them.

    `before` are pictures (3, H, W) of the same shot from before the first frame, the latest first. A shot begins at a
    frame that is marked as a cut, and where the size changes.
    """
    further = quick_dis if estimate is dis else estimate  # that paint only fills gaps: its errors do not add up
    past: deque[Tensor] = deque(before, maxlen=max(look_backs))  # the latest first
    for frame in frames:
        if frame.cut or (past and frame.content.shape != past[0].shape):
            past.clear()
        backs = {back: further if back > 1 else estimate for back in look_backs if back <= len(past)}
        motions = {back: Motion.between(frame.content, past[back - 1], by) for back, by in backs.items()}
        yield Tracked(frame, motions)
        past.appendleft(frame.content)


@contextlib.contextmanager
def found_ahead(found: Generator[Tracked, None, None], device: torch.device) -> Iterator[Iterable[Tracked]]:
    """The frames with their motion, looked for in a thread while the `device` paints.

    Where the CPU paints, they are looked for in turn: two that share its cores both wait.
    """
    with contextlib.closing(found if device.type == "cpu" else ReadAhead(lambda _: found)) as frames:
        yield frames
