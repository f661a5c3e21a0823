"""How an image is exposed against the scene that it shows, so that fades and darkness are not painted as shapes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
