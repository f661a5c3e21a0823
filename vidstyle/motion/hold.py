"""Which pixels of the source lie still, so that their paint can stay bit for bit."""

from dataclasses import dataclass

import cv2
import torch
from torch import Tensor

BLUR = 1.5  # pixels, standard deviation: the noise of cameras and codecs is no change
WAKES, SLEEPS = 3 / 255, 1.5 / 255  # change of any channel, of 0..1, that ends stillness, and that begins it


@dataclass(frozen=True)
class Stillness:
    """What was seen of the source so far.

    `reference` (3, H, W) is the blurred input of each pixel when it was last painted, so that slow fades add up;
    `awake` (H, W), True or False: it was changing in the last frame.
    """

    reference: Tensor
    awake: Tensor

    @classmethod
    def at(cls, picture: Tensor) -> "Stillness":
        """At a shot's first frame (3, H, W): everything was just painted."""
        return cls(_blurred(picture), torch.ones(picture.shape[1:], dtype=torch.bool))

    def after(self, picture: Tensor, unsettled: Tensor) -> tuple["Stillness", Tensor]:
        """The stillness after the next frame (3, H, W), and which pixels are free: (H, W), the others are held.

        `unsettled` (H, W), True or False: pixels to be painted though they lie still.
        """
        blurred = _blurred(picture)
        change = (blurred - self.reference).abs().amax(0)
        awake = change > torch.where(self.awake, SLEEPS, WAKES)
        free = awake | unsettled
        reference = torch.where(free, blurred, self.reference)
        return Stillness(reference, awake), free


def _blurred(picture: Tensor) -> Tensor:
    planes = picture.permute(1, 2, 0).contiguous().cpu().numpy()
    return torch.from_numpy(cv2.GaussianBlur(planes, (0, 0), BLUR)).permute(2, 0, 1)
