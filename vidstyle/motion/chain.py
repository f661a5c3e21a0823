"""One frame after another: what each hands to the next, and where nothing is handed on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.media.source import Frame
from vidstyle.motion.flow import Flow, optical_flow, visibility, warp
from vidstyle.painting.descent import Moments
from vidstyle.painting.painter import OnStep, Painted, Painter


@dataclass(frozen=True)
class PaintedFrame:
    """A frame of the source and its painting."""

    frame: Frame
    painted: Painted


def paint_frames(painter: Painter, frames: Iterable[Frame], on_step: OnStep | None = None) -> Iterator[PaintedFrame]:
    """Paints frames in order: a shot's first frame coarse to fine, each next from the one before.

    A frame that equals the one before, as in files of variable rate, takes over its painting.
    """
    last: PaintedFrame | None = None
    for frame in frames:
        if last is None or frame.cut or frame.image.shape != last.frame.image.shape:
            painted = painter.paint(frame.image, on_step)
        elif torch.equal(frame.image, last.frame.image):
            painted = Painted(last.painted.image, last.painted.losses, 0, 0.0, last.painted.moments)
        else:
            painted = _follow(painter, frame.image, last, on_step)
        last = PaintedFrame(frame, painted)
        yield last


def _follow(painter: Painter, content: Tensor, last: PaintedFrame, on_step: OnStep | None) -> Painted:
    """The painting of `content`, started where the last painting was carried along the motion."""
    earlier, painting = last.frame.image, last.painted.image
    flow = optical_flow(content, earlier)
    visible = visibility(flow, optical_flow(earlier, content)).to(painting.device)
    start = uncovered_filled(warp(painting, flow), content.to(painting.device), visible)
    return painter.follow(content, start, carried(last.painted.moments, flow, visible), on_step)


def carried(moments: Moments, flow: Flow, visible: Tensor) -> Moments:
    """The optimiser's step sizes for the next frame: mean squares along the motion, no momentum.

    Pixels that are settled hardly move; those that are not `visible` (H, W) in the last frame start afresh.
    """
    square = torch.where(visible, warp(moments.square, flow).clamp_min(0), 0)
    seen = torch.where(visible, torch.inf, 0.0)[None]
    return Moments(torch.zeros_like(square), square, 0, seen)


def uncovered_filled(warped: Tensor, content: Tensor, visible: Tensor) -> Tensor:
    """`warped` (3, H, W) with the content in the painting's colours where the last frame showed nothing.

    The colours: the affine map of RGB that fits content to painting best over the `visible` (H, W) pixels.
    """
    if bool(visible.all()) or int(visible.sum()) < 16:
        return warped
    ones = torch.ones_like(content[:1])
    source = torch.cat([content, ones])[:, visible].T.cpu().double()  # (n, 4); Apple's GPUs have no doubles
    regular = 1e-3 * len(source) * torch.eye(4, dtype=source.dtype)
    fit = torch.linalg.solve(source.T @ source + regular, source.T @ warped[:, visible].T.cpu().double())  # (4, 3)
    coloured = torch.einsum("cd,chw->dhw", fit.to(content), torch.cat([content, ones])).clamp(0, 1)
    return torch.where(visible, warped, coloured)
