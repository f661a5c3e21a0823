"""Chunks of long shots: what of a shot can be painted at the same time, and which frames are painted twice for that."""

import itertools
from collections.abc import Sequence

OVERLAP = 96  # frames before a chunk that the chunk before paints too, and goes over to the next one's paintings in


def chunks_of(first: int, stop: int, chunk_frames: int) -> list[tuple[int, int]]:
    """The first positions, and those after the last, of the chunks of a shot, of nearly equal length.

    Args:
        first: the position of the shot's first frame.
        stop: that after its last.
        chunk_frames: how many frames a chunk has at least; 0 for all of the shot.
    """
    return divided(first, stop, max(1, (stop - first) // chunk_frames) if chunk_frames else 1)


def divided(first: int, stop: int, count: int) -> list[tuple[int, int]]:
    """`count` ranges of nearly equal length from `first` to `stop`."""
    return list(itertools.pairwise(first + (stop - first) * i // count for i in range(count + 1)))


def seams_of(frames: int, cuts: Sequence[int], chunk_frames: int) -> int:
    """How many chunks of a video follow another one of their shot.

    `frames` is the video's length, `cuts` are the positions of the frames that open its shots, but for the first.
    """
    shots = itertools.pairwise([0, *cuts, frames])
    return sum(len(chunks_of(first, stop, chunk_frames)) - 1 for first, stop in shots)
