"""Clips whose motion is known, made of the sample photo."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle import Frame, load_image
from vidstyle.core.flow import Flow, optical_flow, warp

PHOTO = Path(__file__).resolve().parents[1] / "samples" / "photo.jpg"


def made_clips(size: tuple[int, int], count: int) -> dict[str, tuple[list[Frame], list[Flow | None]]]:
    """Frames with the true flow of each to the one before, None for the first."""
    photo = load_image(PHOTO).rgb.permute(1, 2, 0).numpy()
    photo = cv2.resize(photo, (round(photo.shape[1] * 1.6 * size[0] / photo.shape[0]), round(1.6 * size[0])))
    centre = photo.shape[1] / 2, photo.shape[0] / 2

    def camera(view: Callable[[int], Any]) -> tuple[list[Frame], list[Flow | None]]:
        """`view` gives for a frame the map (2, 3) from its pixels, counted from its middle, into the photo."""
        frames, flows, last = [], list[Flow | None](), None
        for i in range(count):
            matrix = np.float64(view(i))
            matrix[:, 2] += centre - matrix[:, :2] @ (size[1] / 2, size[0] / 2)
            flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
            pixels = cv2.warpAffine(photo, matrix, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REFLECT)
            frames.append(framed(i, pixels))
            flows.append(None if last is None else between(matrix, last, size))
            last = matrix
        return frames, flows

    turn = np.deg2rad(0.5)
    return {
        "pan": camera(lambda i: [[1, 0, 1.3 * i - 15], [0, 1, 0.4 * i - 5]]),
        "zoom": camera(lambda i: [[0.992**i, 0, 0], [0, 0.992**i, 0]]),
        "rotation": camera(
            lambda i: [[np.cos(turn * i), -np.sin(turn * i), 0], [np.sin(turn * i), np.cos(turn * i), 0]]
        ),
        "object": crossing(camera(lambda _: [[1, 0, 0], [0, 1, 0]])[0], size, noise=0.0),
        "object, noise": crossing(camera(lambda _: [[1, 0, 0], [0, 1, 0]])[0], size, noise=0.006),
    }


def between(matrix: Any, last: Any, size: tuple[int, int]) -> Flow:
    """The flow of a view to the one before, from their maps into the same photo."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    there = np.stack([x, y, np.ones_like(x)], -1) @ matrix.T
    inverse = cv2.invertAffineTransform(last)
    back = np.concatenate([there, np.ones_like(x)[..., None]], -1) @ inverse.T
    return (back - np.stack([x, y], -1)).astype(np.float32)


def crossing(frames: list[Frame], size: tuple[int, int], noise: float) -> tuple[list[Frame], list[Flow | None]]:
    """A disc of 20 % of the area that crosses a still image, each pixel with noise as of a codec."""
    radius = (0.2 * size[0] * size[1] / np.pi) ** 0.5
    generator = torch.Generator().manual_seed(0)
    paper = frames[0].image.flip(2).flip(1)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    found, flows = [], list[Flow | None]()
    for i, frame in enumerate(frames):
        moved = 2.0 * i
        inside = (x - radius - moved) ** 2 + (y - size[0] / 2) ** 2 < radius**2
        flow = np.zeros((*size, 2), np.float32)
        flow[inside] = (-2.0, 0)
        carried = warp(paper, np.dstack([np.full_like(x, -moved), np.zeros_like(x)]))
        image = torch.where(torch.from_numpy(inside), carried, frame.image)
        image = (image + noise * torch.randn(image.shape, generator=generator)).clamp(0, 1)
        found.append(replace(frame, image=image))
        flows.append(None if i == 0 else flow)
    return found, flows


def framed(index: int, pixels: Any) -> Frame:
    return Frame(index, index / 24, torch.from_numpy(pixels).permute(2, 0, 1).clamp(0, 1).contiguous())


def followed_motion(paintings: Sequence[Tensor], flows: Sequence[Flow | None], border: int = 8) -> float:
    """Median distance in pixels of the paintings' flow from the truth, where there is motion, away from the border."""
    gaps = []
    for before, painting, truth in zip(paintings, paintings[1:], flows[1:], strict=False):
        assert truth is not None
        gap = np.hypot(*(optical_flow(painting, before) - truth).transpose(2, 0, 1))
        inside = np.s_[border:-border, border:-border]
        gaps.append(gap[inside][truth.any(-1)[inside]])
    return float(np.median(np.concatenate(gaps)))
