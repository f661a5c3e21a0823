"""How still a painted film holds: measures on pictures, without a network."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.motion.flow import Motion, warp

STILL = 2 / 255  # of 0..1: a pixel of the source that changes less since its stillness began lies still
LONG_ENOUGH = 8  # frames that a pixel lies still before its flicker counts


def warp_error(painting: Tensor, earlier: Tensor, motion: Motion) -> float:
    """Mean squared difference, of values 0..1, from the earlier painting carried along the motion of the source.

    Both (3, H, W). Over pixels that are visible in both and off the edges of motion; nan where there are none.
    Lai et al. 2018 (arXiv 1808.00449), section 4.2, with the checks of Ruder et al. 2016.
    """
    sure = motion.trust.to(painting) > 0.99
    return float((painting - warp(earlier, motion.flow)).square().mean(0)[sure].mean())


def flow_difference(painting: Tensor, earlier: Tensor, motion: Motion) -> float:
    """Mean L1 distance in pixels of the paintings' flow from the source's: tOF, Chu et al. 2018 (arXiv 1811.09393)."""
    gap = Motion.between(painting, earlier).flow - motion.flow
    return float(abs(gap).sum(-1).mean())


@dataclass(frozen=True)
class StillRuns:
    """Pixels of a film that lie still, followed frame by frame.

    A run begins where the source (3, H, W) leaves its `reference` by more than STILL, or moves. Of every run of at
    least LONG_ENOUGH frames count the standard deviation of the painting over time, and how far its last value lies
    from its first.
    """

    reference: Tensor
    first: Tensor
    last: Tensor
    count: Tensor  # (H, W) frames of the run
    mean: Tensor  # (3, H, W) of the painting over the run
    spread: Tensor  # (3, H, W) sum of squared differences from the mean
    closed: tuple[float, float, float] = (0.0, 0.0, 0.0)  # frames, and frames times deviation, drift, of ended runs

    @classmethod
    def at(cls, picture: Tensor, painting: Tensor) -> "StillRuns":
        zeros = torch.zeros_like(painting)
        return cls(picture, painting, painting, torch.ones(picture.shape[1:]), painting, zeros)

    def after(self, picture: Tensor, painting: Tensor, moved: Tensor) -> "StillRuns":
        """With one more frame of the source and its painting; `moved` (H, W), True or False: has motion."""
        still = ((picture - self.reference).abs().amax(0) < STILL) & ~moved
        count = torch.where(still, self.count + 1, 1)
        gap = torch.where(still, painting - self.mean, 0)
        mean = torch.where(still, self.mean + gap / count, painting)
        spread = torch.where(still, self.spread + gap * (painting - mean), 0)
        reference = torch.where(still, self.reference, picture)
        first = torch.where(still, self.first, painting)
        return StillRuns(reference, first, painting, count, mean, spread, self._sums(~still))

    def _sums(self, ended: Tensor) -> tuple[float, float, float]:
        """`closed` with the runs of the pixels `ended` (H, W)."""
        counted = ended & (self.count >= LONG_ENOUGH)
        frames = self.count[counted]
        deviation = (self.spread / self.count).clamp_min(0).sqrt().mean(0)[counted]
        drift = (self.last - self.first).mean(0)[counted]
        old_frames, old_deviation, old_drift = self.closed
        return (
            old_frames + float(frames.sum()),
            old_deviation + float((frames * deviation).sum()),
            old_drift + float((frames * drift).sum()),
        )

    def figures(self) -> tuple[float, float, float]:
        """Frames that a pixel lay still in such runs, flicker and drift in levels of 0 to 255; nan without any run."""
        frames, deviation, drift = self._sums(torch.ones_like(self.count, dtype=torch.bool))
        per_frame = 255 / frames if frames else float("nan")
        return frames / self.count.numel(), deviation * per_frame, drift * per_frame
