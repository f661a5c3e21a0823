"""Each statistic of activations against a small computation of its own, each gradient against finite differences."""

import pytest
import torch
from torch import Tensor

from vidstyle.core.style_statistics import BINS, STATISTICS, Statistic, _directions

STATISTIC = pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS.keys())


def activations(seed: int, channels: int = 4, height: int = 9, width: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(channels, channels, generator=generator)
    noise = torch.randn(channels, height * width, generator=generator)
    return (mix @ noise + 1).relu().view(1, channels, height, width)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    flat = x[0].flatten(1).double()
    return flat.mean(1), torch.cov(flat, correction=0)


def distance(statistic: Statistic, x: Tensor, style: Tensor) -> float:
    return float(statistic.toward(statistic.summary(style, None))(statistic.summary(x, None)))


def test_covariance_takes_mean_and_spread_apart() -> None:
    x, style = activations(0), activations(1)
    (m, c), (n, d) = moments(x), moments(style)
    expected = ((m - n).square().sum() / n.square().sum() + (c - d).square().sum() / d.square().sum()) / 2
    assert distance(STATISTICS["covariance"], x, style) == pytest.approx(float(expected), rel=1e-4)


def test_wasserstein2_equals_its_formula() -> None:
    """The root of the matrix product by its eigenvalues, which are those of C D too."""
    x, style = activations(0), activations(1)
    (m, c), (n, d) = moments(x), moments(style)
    roots = torch.linalg.eigvals(c @ d).real.clamp_min(0).sqrt().sum()
    expected = (m - n).square().sum() + c.trace() + d.trace() - 2 * roots
    expected /= n.square().sum() + d.trace()
    assert distance(STATISTICS["wasserstein2"], x, style) == pytest.approx(float(expected), rel=1e-3)


def test_histograms_compare_sorted_responses() -> None:
    x, style = activations(0, height=BINS, width=1), activations(1, height=BINS, width=1)
    a, b = (t[0].flatten(1).sort(1).values for t in (x, style))
    of_levels = (a - b).square().sum() / b.square().sum()
    g, h = (t[0].flatten(1) @ t[0].flatten(1).T / BINS for t in (x, style))
    expected = (of_levels + (g - h).square().sum() / h.square().sum()) / 2
    assert distance(STATISTICS["histogram"], x, style) == pytest.approx(float(expected), rel=1e-4)


def test_a_histogram_sees_what_a_gram_matrix_does_not() -> None:
    """The same mean square, once from equal values and once from a few large ones."""
    even, sparse = torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    sparse[..., :2] = 2.0
    assert distance(STATISTICS["gram"], even, sparse) == pytest.approx(0, abs=1e-6)
    assert distance(STATISTICS["histogram"], even, sparse) > 0.1


def test_sliced_is_the_distance_along_directions_at_right_angles() -> None:
    """Every direction alone, by sorting, as for distributions of one dimension."""
    x, style = activations(0, height=BINS, width=1), activations(1, height=BINS, width=1)
    rotation = _directions(4, x.device)
    assert torch.allclose(rotation @ rotation.T, torch.eye(4), atol=1e-5)
    expected, size = 0.0, 0.0
    for line in rotation:
        a, b = (sorted((line @ t[0].flatten(1)).tolist()) for t in (x, style))
        expected += sum((p - q) ** 2 for p, q in zip(a, b, strict=True))
        size += sum(q**2 for q in b)
    assert distance(STATISTICS["sliced"], x, style) == pytest.approx(expected / size, rel=1e-4)


def test_sliced_sees_what_means_and_covariances_do_not() -> None:
    """Two values as often as each other, and three with the same mean and spread."""
    two = torch.tensor([1.0, 3.0]).repeat(36).view(1, 1, 9, 8)
    three = torch.tensor([2.0 - 1.5**0.5, 2.0, 2.0 + 1.5**0.5]).repeat(24).view(1, 1, 9, 8)
    assert distance(STATISTICS["wasserstein2"], two, three) == pytest.approx(0, abs=1e-5)
    assert distance(STATISTICS["sliced"], two, three) > 0.01


@STATISTIC
def test_a_style_is_at_no_distance_from_itself_wherever_things_lie(statistic: Statistic) -> None:
    x = activations(0)
    shuffled = x.flatten(2)[..., torch.randperm(72, generator=torch.Generator().manual_seed(0))].view_as(x)
    assert distance(statistic, shuffled, x) == pytest.approx(0, abs=1e-5)
    assert distance(statistic, activations(1), x) > 0.01
    assert distance(statistic, torch.zeros_like(x), x) == pytest.approx(1, rel=0.5)


@STATISTIC
def test_gradients_equal_finite_differences(statistic: Statistic) -> None:
    style, x = activations(1), activations(0).requires_grad_()
    weights = torch.linspace(0.6, 1, 72).view(1, 1, 9, 8)
    toward = statistic.toward(statistic.summary(style, None))
    (gradient,) = torch.autograd.grad(toward(statistic.summary(x, weights)), x)
    direction, step = gradient / gradient.norm(), 1e-2
    with torch.no_grad():
        ends = [float(toward(statistic.summary(x + sign * step * direction, weights))) for sign in (1, -1)]
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(gradient.norm()), rel=2e-2)


@STATISTIC
def test_only_the_part_that_counts_is_seen(statistic: Statistic) -> None:
    """Weights of 1 and 0 give what the part alone gives."""
    whole, part = activations(0), activations(0)[..., :4]
    weights = torch.zeros(1, 1, 9, 8)
    weights[..., :4] = 1
    assert torch.allclose(statistic.summary(whole, weights), statistic.summary(part, None), atol=1e-5)


def test_responses_of_fewer_positions_than_channels_have_a_finite_gradient() -> None:
    statistic = STATISTICS["wasserstein2"]
    x = activations(0, channels=32, height=2, width=3).requires_grad_()
    value = statistic.toward(statistic.summary(activations(1, channels=32), None))(statistic.summary(x, None))
    (gradient,) = torch.autograd.grad(value, x)
    assert gradient.isfinite().all()
