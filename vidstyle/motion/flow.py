"""Optical flow between two pictures, and what it is good for: warping, and knowing what can be seen in both."""

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Flow = npt.NDArray[np.float32]  # (H, W, 2): where a pixel came from, as an offset (x, y) in pixels

SMALLEST_SIDE = 12  # below, OpenCV's DIS raises
STILL = 0.1  # pixels; slower motion is rounded to none, so that still pixels are copied bit for bit


def optical_flow(picture: Tensor, earlier: Tensor) -> Flow:
    """Where each pixel of `picture` lies in `earlier` (both (3, H, W), 0..1): offsets (H, W, 2) in pixels.

    Dense inverse search (Kroeger et al. 2016, arXiv 1603.03590) as OpenCV has it, preset medium, on grey
    pictures. Pictures with a side under 12 pixels give no motion.
    """
    if min(picture.shape[1:]) < SMALLEST_SIDE:
        return np.zeros((*picture.shape[1:], 2), np.float32)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = np.asarray(search.calc(_grey(picture), _grey(earlier), None), np.float32)  # type: ignore[call-overload]
    flow[np.hypot(flow[..., 0], flow[..., 1]) < STILL] = 0
    return flow


def warp(image: Tensor, flow: Flow) -> Tensor:
    """`image` (C, H, W) seen through `flow`: the result at p is the image at p + flow(p), bicubic.

    Pixels without motion are copied bit for bit; beyond the border the image goes on by its edge.
    """
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    planes = image.permute(1, 2, 0).contiguous().cpu().numpy()
    seen = cv2.remap(planes, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    warped = torch.from_numpy(seen.reshape(height, width, -1)).permute(2, 0, 1).to(image)
    still = torch.from_numpy((flow == 0).all(-1)).to(image.device)
    return torch.where(still, image, warped)


def visibility(flow: Flow, back: Flow) -> Tensor:
    """Which pixels can be seen in both pictures: (H, W), True or False.

    `flow` leads from the picture to the earlier one, `back` the other way. Sundaram et al. 2010, equation 5
    (as Ruder et al. 2016, section 4.2, use it): a pixel counts as hidden where the round trip does not end
    near its start. Pixels that come from outside of the earlier picture count as hidden too.
    """
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    there_x, there_y = x + flow[..., 0], y + flow[..., 1]
    returned = cv2.remap(back, there_x, there_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    gap = np.square(flow + returned).sum(-1)
    allowed = 0.01 * (np.square(flow).sum(-1) + np.square(returned).sum(-1)) + 0.5
    inside = (there_x >= 0) & (there_x <= width - 1) & (there_y >= 0) & (there_y <= height - 1)
    return torch.from_numpy((gap < allowed) & inside)


def _grey(picture: Tensor) -> npt.NDArray[np.uint8]:
    pixels = picture.mul(255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
