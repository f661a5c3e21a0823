"""Transparent pixels: nobody sees their colours, so nothing may depend on them."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SEEN = 0.5  # of the strongest opacity in an image: from there on a pixel is part of what it shows
_FOLDS = 12  # powers of two: so often is the image mirrored at its edges, then again, and so on


def filled(image: Tensor, alpha: Tensor) -> Tensor:
    """`image` with hidden pixels made of seen ones, mirrored at the edge of what is seen: its texture continues.

    Each pixel keeps its own colour by its opacity; one that is seen keeps all of it.

    Args:
        image: (3, H, W), RGB.
        alpha: (1, H, W), 0 to 1.

    Returns:
        (3, H, W). It does not depend on the colours of `image` where `alpha` is 0; white where that is everywhere.
    """
    if not bool(alpha.any()):
        return torch.ones_like(image)
    opacity = alpha / alpha.max()
    if bool((opacity >= SEEN).all()):
        return image
    sources = _sources((opacity[0] >= SEEN).numpy())
    mirrored = torch.from_numpy(np.take(image.flatten(1).numpy(), sources, axis=1)).reshape(image.shape)
    own = torch.where(alpha > 0, image, mirrored)  # what is hidden may be no number
    return torch.where(opacity >= SEEN, own, torch.lerp(mirrored, own, opacity))


def _sources(seen: NDArray[np.bool_]) -> NDArray[np.int32]:
    """For each pixel of (H, W), in rows, the number of a seen one: itself, or its mirror image at the nearest."""
    height, width = seen.shape
    nearest = _nearest(seen)
    places = np.arange(seen.size, dtype=np.int32)
    y, x = np.divmod(places, width)
    edge_y, edge_x = np.divmod(nearest, width)
    mirror = np.clip(2 * edge_y - y, 0, height - 1) * width + np.clip(2 * edge_x - x, 0, width - 1)
    known = seen.ravel()
    sources = np.where(known, places, mirror)
    for _ in range(_FOLDS):
        sources = sources[sources]
    return np.where(known[sources], sources, nearest)


def _nearest(seen: NDArray[np.bool_]) -> NDArray[np.int32]:
    """For each pixel of (H, W), in rows, the number of the nearest seen one."""
    _, labels = cv2.distanceTransformWithLabels(
        (~seen).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = labels.ravel()
    known = np.flatnonzero(seen)
    number_of = np.zeros(int(labels.max()) + 1, np.int32)
    number_of[labels[known]] = known
    nearest: NDArray[np.int32] = number_of[labels]
    return nearest
