"""Frames together with their motion since earlier frames of the same shot."""

from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from vidstyle.media.source import Frame
from vidstyle.motion.flow import FlowEstimator, Motion


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
    past: deque[Frame] = deque(maxlen=max(look_backs))  # the latest first
    for frame in frames:
        if frame.cut or (past and frame.image.shape != past[0].image.shape):
            past.clear()
        backs = [back for back in look_backs if back <= len(past)]
        yield Tracked(frame, {back: Motion.between(frame.image, past[back - 1].image, estimate) for back in backs})
        past.appendleft(frame)
