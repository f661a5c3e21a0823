"""Frames together with their motion since earlier frames of the same shot."""

from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from vidstyle.media.source import Frame
from vidstyle.motion.flow import FlowEstimator, Motion, dis, quick_dis


@dataclass(frozen=True)
class Tracked:
    """A frame and its motion since frames before it, by how many frames back; none for a shot's first frame."""

    frame: Frame
    motions: Mapping[int, Motion]


def tracked(
    frames: Iterable[Frame], look_backs: Sequence[int], estimate: FlowEstimator
) -> Generator[Tracked, None, None]:
    """The frames with their motion since the frames that lie `look_backs` before them.

    A shot begins at a frame that is marked as a cut, and where the size changes.
    """
    further = quick_dis if estimate is dis else estimate  # that paint only fills gaps: its errors do not add up
    past: deque[Frame] = deque(maxlen=max(look_backs))  # the latest first
    for frame in frames:
        if frame.cut or (past and frame.image.shape != past[0].image.shape):
            past.clear()
        backs = {back: further if back > 1 else estimate for back in look_backs if back <= len(past)}
        motions = {back: Motion.between(frame.image, past[back - 1].image, by) for back, by in backs.items()}
        yield Tracked(frame, motions)
        past.appendleft(frame)
