"""What a style is: statistics of activations that forget where things are, and how far they lie from a style's.

Statistics can be averaged, which is how styles are blended. Distances are relative, except those of ``--loss sums``:
the distance of an empty image from the style is about 1, so that one balance serves them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.device import widest_type

BINS = 64  # of a channel's sorted activations
SMALLEST = 1e-6  # eigenvalue, of the largest, that a root's gradient is taken at

Distance = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Statistic:
    """A kind of style. `summary` takes activations (1, C, h, w) and what each position counts, (1, 1, h, w) or None for
    all the same; `toward` takes a style's summary and gives the distance of others from it. `of_moments` finds a
    summary from the mean activation (C,) and the mean products of channels (C, C), where these say all."""

    summary: Callable[[Tensor, Tensor | None], Tensor]
    toward: Callable[[Tensor], Distance]
    of_moments: Callable[[Tensor, Tensor], Tensor] | None = None


class _Gram(torch.autograd.Function):
    """A^T A / M of (M, C), the article's F F^T / M, with the one product that its gradient needs."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        return features.T @ features / len(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        features: Tensor = ctx.saved_tensors[0]
        (gradient,) = gradients
        return features @ ((gradient + gradient.T) / len(features))


def gram_matrix(activations: Tensor, weights: Tensor | None = None) -> Tensor:
    """Gram matrix of a layer's activations: the mean over positions of the products of channels.

    Gatys et al. 2015 (arXiv 1508.06576), equation 3; we divide by the number of positions M = h w, so that images of
    different sizes can be compared.

    Args:
        activations: (1, C, h, w).
        weights: what each position counts, (1, 1, h, w), so that the mean is of a part of the image; None: all alike.

    Returns:
        (C, C), float32.
    """
    if weights is not None:
        activations = activations * (weights / weights.mean()).sqrt()
    positions = activations.permute(0, 2, 3, 1).reshape(-1, activations.shape[1])  # (M, C)
    return _Gram.apply(positions.float())  # type: ignore[no-any-return]


def squared_error(x: Tensor, target: Tensor) -> Tensor:
    """Sum of squared differences."""
    return (x - target).square().sum()


def relative_error(target: Tensor) -> Distance:
    """||x - target||^2 / ||target||^2."""
    scale = 1 / target.square().sum().clamp_min(1e-12)
    return lambda x: squared_error(x, target) * scale


def article_error(target: Tensor) -> Distance:
    """Gatys et al. 2015 (arXiv 1508.06576), equation 4: ||G - A||^2 / (4 N^2); M is in our Gram matrices."""
    return lambda x: squared_error(x, target) / (4 * len(target) ** 2)


def mean_and_covariance(activations: Tensor, weights: Tensor | None = None) -> Tensor:
    """(1, C, h, w) -> (1 + C, C): the mean activation, above the covariance matrix."""
    share = torch.ones_like(activations[:, :1]) if weights is None else weights
    mean = (activations * share).sum((2, 3), keepdim=True) / share.sum()
    return torch.cat([mean.view(1, -1).float(), gram_matrix(activations - mean, weights)])


def mean_and_centred(mean: Tensor, products: Tensor) -> Tensor:
    """(C,) and (C, C) -> (1 + C, C): `mean_and_covariance` of the mean activation and the mean products of channels."""
    return torch.cat([mean[None], products - torch.outer(mean, mean)])


def summed_moments(activations: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The sums over positions of activations (1, C, h, w) and of their products, (C,) and (C, C).

    `weights` (1, 1, h, w) are what each position counts. In doubles, where the device has them, since a covariance is a
    difference of these.
    """
    if weights is None:
        weights = torch.ones_like(activations[:, :1])
    exact = widest_type(activations.device)
    positions = (activations * weights.sqrt()).permute(0, 2, 3, 1).reshape(-1, activations.shape[1]).to(exact)
    return (activations * weights).to(exact).sum((0, 2, 3)), _Gram.apply(positions) * len(positions)


def covariance_error(target: Tensor) -> Distance:
    """The relative errors of mean and covariance, half and half.

    The Gram matrix is the covariance and the mean's own product, in which brightness may stand for contrast (Risser et
    al. 2017, arXiv 1701.08893, section 3); apart they cannot.
    """
    of_mean, of_covariance = relative_error(target[0]), relative_error(target[1:])
    return lambda x: (of_mean(x[0]) + of_covariance(x[1:])) / 2


def wasserstein2_error(target: Tensor) -> Distance:
    """The squared 2-Wasserstein distance of two normal distributions, over the style's mean square.

    |m - n|^2 + tr(C + D - 2 (D^1/2 C D^1/2)^1/2), Dowson and Landau 1982, "The Frechet distance between multivariate
    normal distributions", equation 4.
    """
    mean, covariance = target[0], target[1:]
    root, size = square_root(covariance), (mean.square().sum() + covariance.trace()).clamp_min(1e-12)

    def distance(x: Tensor) -> Tensor:
        common: Tensor = _Fidelity.apply(x[1:], root)
        return (squared_error(x[0], mean) + x[1:].trace() + covariance.trace() - 2 * common) / size

    return distance


class _Fidelity(torch.autograd.Function):
    """tr((R C R)^1/2) for symmetric C and R; its gradient for C is R (R C R)^-1/2 R / 2.

    Autograd's own goes through eigenvectors, which it cannot where eigenvalues are equal.
    """

    @staticmethod
    def forward(ctx: Any, covariance: Tensor, root: Tensor) -> Tensor:
        values, vectors = _eigen(root @ covariance @ root)
        ctx.save_for_backward(values, vectors, root)
        total: Tensor = values.sqrt().sum()
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        values, vectors, root = ctx.saved_tensors
        mapped = root @ vectors
        inverse = values.clamp_min(SMALLEST * values.max().clamp_min(1e-12)).rsqrt()
        return gradients[0] * (mapped * inverse) @ mapped.T / 2, None


def gram_and_histogram(activations: Tensor, weights: Tensor | None = None) -> Tensor:
    """(1, C, h, w) -> (C, C + BINS): the Gram matrix, beside each channel's sorted activations in BINS equal shares."""
    return torch.cat([gram_matrix(activations, weights), _quantiles(_inside(activations, weights))], dim=1)


def _inside(activations: Tensor, weights: Tensor | None) -> Tensor:
    """The activations (C, M) of the M positions that count at least half as much as others."""
    flat = activations[0].flatten(1)
    return flat if weights is None else flat[:, weights.flatten() >= weights.max() / 2]


def _quantiles(values: Tensor) -> Tensor:
    """(C, M) -> (C, BINS): each row sorted, in BINS equal shares."""
    return F.adaptive_avg_pool1d(values.sort(dim=1).values[None], BINS)[0].float()


def histogram_error(target: Tensor) -> Distance:
    """The relative errors of the Gram matrix and of the channels' histograms, half and half.

    Risser et al. 2017 (arXiv 1701.08893), section 4, add the two. Their histogram loss is the squared difference of
    activations from those matched to the style's histogram, which for sorted activations is the difference of
    quantiles; we take quantiles in BINS shares.
    """
    channels = len(target)
    of_gram, of_levels = relative_error(target[:, :channels]), relative_error(target[:, channels:])
    return lambda x: (of_gram(x[:, :channels]) + of_levels(x[:, channels:])) / 2


def sliced_quantiles(activations: Tensor, weights: Tensor | None = None) -> Tensor:
    """(1, C, h, w) -> (C, BINS): quantiles of the activations along C orthogonal directions.

    Their relative error is the squared sliced 2-Wasserstein distance (Heitz et al. 2021, arXiv 2006.07229, equation 3)
    over the style's mean square. They draw new random directions for every step; we keep one orthogonal set, so that
    the loss is one function, and take quantiles in BINS shares, so that images of other sizes compare.
    """
    return _quantiles(_directions(activations.shape[1], activations.device) @ _inside(activations, weights))


@lru_cache(8)
def _directions(channels: int, device: torch.device) -> Tensor:
    """A random orthogonal matrix, always the same."""
    noise = torch.randn(channels, channels, generator=torch.Generator().manual_seed(0))
    orthogonal: Tensor = torch.linalg.qr(noise).Q
    return orthogonal.to(device)


STATISTICS: Mapping[str, Statistic] = {
    "gram": Statistic(gram_matrix, relative_error, lambda _, products: products),
    "covariance": Statistic(mean_and_covariance, covariance_error, mean_and_centred),
    "wasserstein2": Statistic(mean_and_covariance, wasserstein2_error, mean_and_centred),
    "histogram": Statistic(gram_and_histogram, histogram_error),
    "sliced": Statistic(sliced_quantiles, relative_error),
}
ARTICLE = replace(STATISTICS["gram"], toward=article_error)


def statistic_of(form: str, style_loss: str) -> Statistic:
    """The statistic of ``Settings.loss`` and ``Settings.style_loss``."""
    return ARTICLE if form == "sums" else STATISTICS[style_loss]


def square_root(matrix: Tensor) -> Tensor:
    """The symmetric root of a symmetric matrix without negative eigenvalues."""
    values, vectors = _eigen(matrix)
    root: Tensor = (vectors * values.sqrt()) @ vectors.T
    return root


def _eigen(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, 0 or more, and eigenvectors; found in doubles: deep trained filters have covariances of low rank,
    with which singles do not converge."""
    values, vectors = torch.linalg.eigh(matrix.cpu().double())
    return values.clamp_min(0).to(matrix), vectors.to(matrix)
