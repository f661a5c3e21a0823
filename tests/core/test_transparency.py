"""Hidden pixels are made of seen ones, and nothing else."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.images import clouds, stripes
from vidstyle.core.style_statistics import gram_matrix
from vidstyle.core.transparency import SEEN, filled


def holes(height: int, width: int, seed: int, share: float) -> Tensor:
    """An opacity (1, H, W) of many levels, with holes."""
    generator = torch.Generator().manual_seed(seed)
    opacity = torch.randint(1, 256, (1, height, width), generator=generator) / 255
    return opacity * (torch.rand(1, height, width, generator=generator) > share)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 999),
    share=st.sampled_from([0.1, 0.5, 0.9, 0.99]),
    hidden=st.sampled_from([0.0, 1.0, float("nan"), float("inf")]),
)
def test_hidden_colours_decide_nothing(height: int, width: int, seed: int, share: float, hidden: float) -> None:
    image, alpha = torch.rand(3, height, width), holes(height, width, seed, share)
    alpha[:, height // 2, width // 2] = 1
    other = torch.where(alpha == 0, hidden, image)
    found = filled(image, alpha)
    assert torch.equal(found, filled(other, alpha))
    seen = (alpha >= SEEN * alpha.max()).expand_as(image)
    assert torch.equal(found[seen], image[seen])
    assert float(found.min()) >= float(image.min()) - 1e-6
    assert float(found.max()) <= float(image.max()) + 1e-6


def test_opaque_and_evenly_transparent_images_stay_as_they_are() -> None:
    image = torch.rand(3, 9, 8)
    for opacity in (1.0, 0.5, 1 / 255):
        assert torch.equal(filled(image, torch.full((1, 9, 8), opacity)), image)


def test_a_pixel_counts_as_much_as_it_is_seen() -> None:
    image = torch.zeros(3, 40, 40)
    image[:, :, 20:] = 1
    for opacity in (0.01, 0.1, 0.3):
        alpha = torch.ones(1, 40, 40)
        alpha[:, :, 20:] = opacity
        assert torch.allclose(filled(image, alpha)[:, :, 20:], torch.tensor(opacity), atol=1e-6)


def test_texture_goes_on_where_nothing_is_seen() -> None:
    """So that a style with holes has the statistics of the whole one."""
    whole, alpha = stripes(120, 120), torch.zeros(1, 120, 120)
    y, x = torch.meshgrid(torch.arange(120), torch.arange(120), indexing="ij")
    alpha[0] = ((y - 60) ** 2 + (x - 50) ** 2 < 30**2).float()
    found = filled(torch.where(alpha > 0, whole, torch.tensor([1.0, 0.0, 1.0])[:, None, None]), alpha)
    assert float((gram_matrix(found[None] - 0.5) - gram_matrix(whole[None] - 0.5)).abs().max()) < 0.02
    assert float((found[:, :, 1:] - found[:, :, :-1]).abs().mean()) == pytest.approx(
        float((whole[:, :, 1:] - whole[:, :, :-1]).abs().mean()), rel=0.15
    )


def test_the_edge_is_mirrored() -> None:
    image = clouds(30, 40, grain=5)
    alpha = torch.ones(1, 30, 40)
    alpha[:, :, 25:] = 0
    found = filled(image, alpha)
    assert torch.equal(found[:, :, 25:], image[:, :, 9:24].flip(2))
