"""The formulas: pure functions of responses and pictures.

Relative forms (a difference over the size of what is compared) make one set of weights serve every weight
file, every picture and every layer. The article's own forms, plain sums of squares, are here as well.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW = 5  # positions along a side of the window that prominence is measured in


class _Gram(torch.autograd.Function):
    """F F^T / M with the one product that its gradient needs; autograd's own takes two."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        return features.T @ features / len(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        features: Tensor = ctx.saved_tensors[0]
        (gradient,) = gradients
        return features @ ((gradient + gradient.T) / len(features))


def gram_matrix(responses: Tensor, weights: Tensor | None = None) -> Tensor:
    """Gram matrix of a layer's responses: (1, C, h, w) -> (C, C), float32, mean over the h * w positions.

    Gatys et al. 2015 (arXiv 1508.06576), equation 3; we divide by the number of positions M so that pictures
    of different sizes can be compared. `weights` (1, 1, h, w) say what each position counts, so that a mean is of a
    part of the picture.
    """
    if weights is not None:
        responses = responses * (weights / weights.mean()).sqrt()
    positions = responses.permute(0, 2, 3, 1).reshape(-1, responses.shape[1])  # (M, C)
    return _Gram.apply(positions.float())  # type: ignore[no-any-return]


def squared_error(x: Tensor, target: Tensor) -> Tensor:
    """Sum of squared differences."""
    return (x - target).square().sum()


def prominence(responses: Tensor) -> Tensor:
    """How much shape there is around each position of a layer's responses (1, C, h, w): (1, 1, h, w), 0..1.

    v / (v + mean v) with v the variance in a window, all channels together. Where the picture is flat there is
    nothing to recognise, and a painter is free.
    """

    def local_mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)

    # PyTorch's pooling on the CPU is five times faster with the channels last.
    means = local_mean(responses.contiguous(memory_format=torch.channels_last))
    squares = local_mean(responses.square().sum(1, keepdim=True))
    variance = (squares - means.square().sum(1, keepdim=True)).clamp_min(0)
    return (variance + 1e-12) / (variance + variance.mean() + 1e-12)


def content_weights(target: Tensor) -> Tensor:
    """What a squared error counts at each position of a content target (1, C, h, w): (1, 1, h, w).

    The prominence, over the energy that a flat picture would miss: an error of 1 is that of a flat picture.
    """
    weights = prominence(target)
    energy = (weights * (target - target.mean((2, 3), keepdim=True)).square()).sum()
    return weights / energy.clamp_min(1e-12)


def temporal_loss(image: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Mean over all values of (3, H, W) of the weighted squared difference; `weights` (1, H, W).

    Ruder et al. 2016 (arXiv 1604.08610), equation 7, where the weights are 1 for pixels that can be seen in both
    pictures and 0 for others.
    """
    return (weights * (image - target).square()).mean()


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of (3, H, W); Mahendran and Vedaldi 2014 with beta = 2."""
    down, right = image.diff(dim=-2), image.diff(dim=-1)
    return (down.square().sum() + right.square().sum()) / image.numel()
