"""Where one shot ends and the next begins."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from vidstyle.core.frame_style import Frame
from vidstyle.core.pixels import to_array

SHORTEST_SHOT = 5  # frames; a cut that is missed smears one shot into the next, so short shots are believed
LONG_SIDE = 160  # pixels that cuts are looked for at


def find_cuts(frames: Iterable[Frame], rate: Fraction) -> tuple[int, ...]:
    """Positions (in the order of `frames`, from 0) of the frames that open a new shot, the first left out.

    PySceneDetect's adaptive detector: a frame opens a shot where its difference from the one before stands out
    from the differences around it, so that fast camera motion is no cut.
    """
    from scenedetect import AdaptiveDetector, FrameTimecode

    detector = AdaptiveDetector(min_scene_len=SHORTEST_SHOT)
    cuts, now = [], FrameTimecode(0, fps=float(rate))
    for position, frame in enumerate(frames):
        now = FrameTimecode(position, fps=float(rate))
        cuts += detector.process_frame(now, np.asarray(cv2.cvtColor(to_array(frame.image), cv2.COLOR_RGB2BGR)))
    cuts += detector.post_process(now)
    return tuple(sorted({cut.frame_num for cut in cuts} - {0}))


def mark_cuts(frames: Iterable[Frame], cuts: Iterable[int], first: int = 0) -> Iterator[Frame]:
    """The frames, those at the positions `cuts` marked as the first of a shot; they begin at position `first`."""
    marked = set(cuts)
    for position, frame in enumerate(frames, first):
        yield replace(frame, cut=True) if position in marked else frame
