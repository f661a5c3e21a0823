"""What a frame is to look like, where that is not the same for the whole of a film or a picture."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from vidstyle.media.exposure import EVEN, Exposure


@dataclass(frozen=True, eq=False)
class FrameStyle:
    """How one frame is to be painted.

    `shares`: how much of each style, summing to 1; None for the same of all. `strength`, 0..1, where it changes over
    the film. `places` (styles, H, W), 0..1: where each style is painted; None for everywhere. `mask` (1, H, W), 0..1:
    where anything is painted; None for everywhere. `exposure` is the frame's, which its painting is given again.
    `paint`, 0..1, is how much of the image strokes cover.
    """

    shares: tuple[float, ...] | None = None
    strength: float | None = None
    places: Tensor | None = None
    mask: Tensor | None = None
    exposure: Exposure = EVEN
    paint: float = 1.0

    @cached_property
    def cover(self) -> Tensor | None:
        """How much of the paint is seen at each pixel, (1, H, W); None for all of it."""
        if self.places is None:
            return self.mask
        painted = self.places.sum(0, keepdim=True).clamp(max=1)
        return painted if self.mask is None else painted * self.mask

    def changed_since(self, earlier: "FrameStyle") -> Tensor | bool:
        """Whether it is another look than that of a frame before, or where: (H, W)."""
        if (self.shares, self.strength) != (earlier.shares, earlier.strength):
            return True
        return _differ(self.places, earlier.places) | _differ(self.mask, earlier.mask)


PLAIN = FrameStyle()
PLANES = ("places", "mask")  # of a look, which are pictures


def _differ(now: Tensor | None, before: Tensor | None) -> Tensor | bool:
    if now is None or before is None or now is before:
        return False
    changed: Tensor = ((now - before).abs() > 1 / 255).any(0)
    return changed


def blended(values: tuple[Tensor, ...], shares: tuple[float, ...] | None) -> Tensor:
    """The mean of `values`, by their shares where there are some."""
    weights = torch.tensor(shares or [1 / len(values)] * len(values)).to(values[0])
    mean: Tensor = torch.tensordot(weights, torch.stack(values), 1)
    return mean


@dataclass(frozen=True)
class Frame:
    """One picture: ``index`` and ``seconds`` count from the file's first picture; ``image`` (3, H, W) float32
    RGB 0..1; ``cut``: a new shot begins here, ``look``: how to paint it, and ``even``: the image evenly exposed, where
    that is another (these are set by others, never by a source);
    ``mark``, if there is one, tells it from the file's other pictures, so that it can be sought."""

    index: int
    seconds: float
    image: Tensor
    cut: bool = False
    mark: str = ""
    look: FrameStyle = PLAIN
    even: Tensor | None = None

    @property
    def content(self) -> Tensor:
        """What is painted."""
        return self.image if self.even is None else self.even
