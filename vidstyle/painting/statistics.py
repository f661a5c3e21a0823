"""What of a layer's responses is its style, and how far two of them are apart: a `Statistic` for each ``--style-loss``.

A summary forgets where things are. Summaries can be averaged, which is how styles are blended. Distances are relative:
that of nothing at all from the style is about 1, so that one balance serves them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.painting.losses import gram_matrix, squared_error

BINS = 64  # of a channel's sorted responses
SMALLEST = 1e-6  # eigenvalue, of the largest, that a root's gradient is taken at

Distance = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Statistic:
    """A kind of style. `summary` takes responses (1, C, h, w) and what each position counts, (1, 1, h, w) or None for
    all the same; `toward` takes a style's summary and gives the distance of others from it."""

    summary: Callable[[Tensor, Tensor | None], Tensor]
    toward: Callable[[Tensor], Distance]


def relative_error(target: Tensor) -> Distance:
    """||x - target||^2 / ||target||^2."""
    scale = 1 / target.square().sum().clamp_min(1e-12)
    return lambda x: squared_error(x, target) * scale


def article_error(target: Tensor) -> Distance:
    """Gatys et al. 2015 (arXiv 1508.06576), equation 4: ||G - A||^2 / (4 N^2); M is in our Gram matrices."""
    return lambda x: squared_error(x, target) / (4 * len(target) ** 2)


def mean_and_covariance(responses: Tensor, weights: Tensor | None = None) -> Tensor:
    """(1, C, h, w) -> (1 + C, C): the mean response, above the covariance matrix."""
    share = torch.ones_like(responses[:, :1]) if weights is None else weights
    mean = (responses * share).sum((2, 3), keepdim=True) / share.sum()
    return torch.cat([mean.view(1, -1).float(), gram_matrix(responses - mean, weights)])


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


def gram_and_histogram(responses: Tensor, weights: Tensor | None = None) -> Tensor:
    """(1, C, h, w) -> (C, C + BINS): the Gram matrix, beside each channel's sorted responses in BINS equal shares."""
    return torch.cat([gram_matrix(responses, weights), _quantiles(_inside(responses, weights))], dim=1)


def _inside(responses: Tensor, weights: Tensor | None) -> Tensor:
    """The responses (C, M) of the M positions that count at least half as much as others."""
    flat = responses[0].flatten(1)
    return flat if weights is None else flat[:, weights.flatten() >= weights.max() / 2]


def _quantiles(values: Tensor) -> Tensor:
    """(C, M) -> (C, BINS): each row sorted, in BINS equal shares."""
    return F.adaptive_avg_pool1d(values.sort(dim=1).values[None], BINS)[0].float()


def histogram_error(target: Tensor) -> Distance:
    """The relative errors of the Gram matrix and of the channels' histograms, half and half.

    Risser et al. 2017 (arXiv 1701.08893), section 4, add the two. Their histogram loss is the squared difference of
    responses from those matched to the style's histogram, which for sorted responses is the difference of quantiles; we
    take quantiles in BINS shares.
    """
    channels = len(target)
    of_gram, of_levels = relative_error(target[:, :channels]), relative_error(target[:, channels:])
    return lambda x: (of_gram(x[:, :channels]) + of_levels(x[:, channels:])) / 2


def sliced_quantiles(responses: Tensor, weights: Tensor | None = None) -> Tensor:
    """(1, C, h, w) -> (C, BINS): quantiles of the responses along C orthogonal directions.

    Their relative error is the squared sliced 2-Wasserstein distance (Heitz et al. 2021, arXiv 2006.07229, equation 3)
    over the style's mean square. They draw new random directions for every step; we keep one orthogonal set, so that
    the loss is one function, and take quantiles in BINS shares, so that images of other sizes compare.
    """
    return _quantiles(_directions(responses.shape[1], responses.device) @ _inside(responses, weights))


@lru_cache(8)
def _directions(channels: int, device: torch.device) -> Tensor:
    """A random orthogonal matrix, always the same."""
    noise = torch.randn(channels, channels, generator=torch.Generator().manual_seed(0))
    orthogonal: Tensor = torch.linalg.qr(noise).Q
    return orthogonal.to(device)


STATISTICS: Mapping[str, Statistic] = {
    "gram": Statistic(gram_matrix, relative_error),
    "covariance": Statistic(mean_and_covariance, covariance_error),
    "wasserstein2": Statistic(mean_and_covariance, wasserstein2_error),
    "histogram": Statistic(gram_and_histogram, histogram_error),
    "sliced": Statistic(sliced_quantiles, relative_error),
}
ARTICLE = Statistic(gram_matrix, article_error)


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
