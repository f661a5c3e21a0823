import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vidstyle.painting.preconditioner import SLOPE, Preconditioner

COLOURS = torch.tensor([[2.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 0.4]])


def noise(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(3, height, width, generator=torch.Generator().manual_seed(seed))


@given(st.integers(1, 13), st.integers(1, 13), st.booleans())
def test_it_is_symmetric_and_positive(height: int, width: int, wraps: bool) -> None:
    """Else it is no metric, and a step along it may go uphill."""
    metric = Preconditioner(COLOURS, None, wraps)
    a, b = noise(height, width, 2), noise(height, width, 3)
    assert float((a * metric(b)).sum()) == pytest.approx(float((b * metric(a)).sum()), rel=1e-3, abs=1e-4)
    assert float((a * metric(a)).sum()) > 0


@pytest.mark.parametrize("wraps", [False, True])
@pytest.mark.parametrize("cycles", [1, 2, 5])
def test_a_wave_is_weighted_by_its_frequency(wraps: bool, cycles: int) -> None:
    size = 24
    places = torch.arange(size)
    frequency = cycles / size if wraps else cycles / (2 * size)
    wave = torch.cos(2 * math.pi * frequency * (places + (0 if wraps else 0.5)))
    image = wave.expand(3, 18, size).contiguous()
    assert torch.allclose(Preconditioner(wraps=wraps)(image), image * (2 * frequency) ** -SLOPE, atol=1e-4)


def test_noise_across_the_edge_of_a_tile_is_like_noise_inside() -> None:
    image = noise(16, 20)
    metric = Preconditioner(wraps=True)
    assert torch.allclose(metric(image.roll((5, 7), (1, 2))), metric(image).roll((5, 7), (1, 2)), atol=1e-5)


def test_a_border_pulls_nothing_from_the_opposite_side() -> None:
    image = torch.zeros(3, 32, 32)
    image[:, :, 0] = 1
    there = Preconditioner()(image)[0, 16]
    assert there[0] > 0.5
    assert abs(float(there[-1])) < 0.02 * float(there[0])


def test_pixels_that_are_not_free_neither_move_nor_count() -> None:
    free = torch.ones(1, 9, 9, dtype=torch.bool)
    free[:, :4] = False
    metric, image = Preconditioner(free=free), noise(9, 9)
    louder = image.clone()
    louder[:, :4] *= 100
    assert torch.equal(metric(image)[:, :4], torch.zeros(3, 4, 9))
    assert torch.equal(metric(image), metric(louder))
    assert metric.free_share == pytest.approx(5 / 9)
    assert float((image * metric(image)).sum()) > 0
