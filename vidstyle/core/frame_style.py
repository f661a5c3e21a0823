"""A frame, and how it is to be painted: its style, where that is not the same for a whole video, and its exposure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

RGB = tuple[float, float, float]

DARK = 0.2  # mean luminance of a scene, below which it is a dark one


@dataclass(frozen=True)
class Exposure:
    """What makes an evenly exposed scene the image: times `gain`, plus `offset`, for each channel of RGB.

    A dark scene has a `brightness`, its mean luminance, and is painted 1 / `lift` times as bright as it is.
    """

    gain: RGB = (1.0, 1.0, 1.0)
    offset: RGB = (0.0, 0.0, 0.0)
    lift: float = 1.0
    brightness: float | None = None

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> "Exposure":
        """From what `dataclasses.asdict` and JSON made of it; ValueError, KeyError or TypeError for what cannot be."""
        (r, g, b), (x, y, z) = (map(float, found[name]) for name in ("gain", "offset"))
        brightness = None if found["brightness"] is None else float(found["brightness"])
        read = cls((r, g, b), (x, y, z), float(found["lift"]), brightness)
        values = (*read.gain, *read.offset, read.lift, read.brightness or 0.0)
        if not all(map(math.isfinite, values)) or min(*read.gain, read.brightness or 0.0) < 0 or not 0 < read.lift <= 1:
            raise ValueError("an exposure that cannot be")
        return read

    def evened(self, image: Tensor) -> Tensor:
        """`image` (3, H, W), 0..1, evenly exposed, as it is painted; no gain may be 0."""
        gain, offset = self._columns(image)
        even: Tensor = (image - offset) / (gain * self.lift)
        return even.clamp(0, 1)

    def applied(self, painting: Tensor, mean: float, share: float = 1.0) -> Tensor:
        """A painting (3, H, W), 0..1, exposed like the image, or as much of that as `share`, 0..1, says.

        `mean` is the luminance of usual paintings, from which one of a dark scene is darkened.
        """
        gain, offset = self._columns(painting)
        darkened = painting * self._darkening(mean) ** share
        exposed: Tensor = (1 + share * (gain - 1)) * darkened + share * offset
        return exposed.clamp(0, 1)

    def _darkening(self, mean: float) -> float:
        """Brings `mean` to the scene's brightness, the less the nearer that is to DARK."""
        if self.brightness is None:
            return 1.0
        ratio = min(1.0, max(self.brightness, 1e-3) / max(mean, 1e-3))
        return float(ratio ** (1 - lightness(self.brightness)))

    def _columns(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return image.new_tensor(self.gain).view(3, 1, 1), image.new_tensor(self.offset).view(3, 1, 1)


EVEN = Exposure()


def lightness(brightness: float) -> float:
    """How little a scene counts as a dark one: from 0 for a black one to 1 at DARK and above."""
    return min(1.0, (brightness / DARK) ** 2)


@dataclass(frozen=True, eq=False)
class FrameStyle:
    """How one frame is to be painted.

    `shares`: how much of each style, summing to 1; None for the same of all. `strength`, 0..1, where it changes over
    the video. `places` (styles, H, W), 0..1: where each style is painted; None for everywhere. `mask` (1, H, W), 0..1:
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
        """How much of the painting is seen at each pixel, (1, H, W); None for all of it."""
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
PLANES = ("places", "mask")  # of a look, which are images


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
    """One frame: ``index`` and ``seconds`` count from the file's first; ``image`` (3, H, W) float32
    RGB 0..1; ``alpha`` (1, H, W), 0..1: its opacity, None for a video that has none (``image`` is filled then);
    ``cut``: a new shot begins here, ``look``: how to paint it, and ``even``: the image evenly exposed, where
    that is another (these are set by others, never by a source);
    ``mark``, if there is one, tells it from the file's other images, so that it can be sought."""

    index: int
    seconds: float
    image: Tensor
    cut: bool = False
    mark: str = ""
    look: FrameStyle = PLAIN
    even: Tensor | None = None
    alpha: Tensor | None = None

    @property
    def content(self) -> Tensor:
        """What is painted."""
        return self.image if self.even is None else self.even
