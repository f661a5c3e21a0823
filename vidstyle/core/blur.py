"""Gaussian blur of images: OpenCV's on the CPU, and the same in torch on other devices."""

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F

REACH = 4  # standard deviations that OpenCV's kernel for floats reaches to each side


def blurred(image: Tensor, sigma: float) -> Tensor:
    """An image blurred by a Gaussian, continued by reflection at its border, the edge itself not repeated.

    Args:
        image: (C, H, W), any range.
        sigma: standard deviation in pixels.
    """
    if image.device.type != "cpu":
        return convolved(image, sigma)
    planes = image.permute(1, 2, 0).contiguous().numpy()
    return torch.from_numpy(cv2.GaussianBlur(planes, (0, 0), sigma).reshape(planes.shape)).permute(2, 0, 1)


def convolved(image: Tensor, sigma: float) -> Tensor:
    """`blurred` in torch, on any device; an image too small for the kernel is extended by its edge."""
    reach = round(2 * REACH * sigma + 1) // 2
    kernel = torch.exp(-torch.arange(-reach, reach + 1, device=image.device).square() / (2 * sigma**2))
    kernel /= kernel.sum()
    mode = "reflect" if reach < min(image.shape[1:]) else "replicate"
    wide = F.pad(image[:, None], (reach,) * 4, mode=mode)
    return F.conv2d(F.conv2d(wide, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]
