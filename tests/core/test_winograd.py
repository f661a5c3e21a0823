"""The fast convolution against torch's direct one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from vidstyle.core import winograd


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 23), st.integers(1, 23), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_every_size_gives_the_direct_convolution(into: int, out: int, height: int, width: int, band: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, into, height, width, generator=generator, dtype=torch.float64)
    weight = torch.randn(out, into, 3, 3, generator=generator, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "BAND", band)
        found = winograd.convolved(x, winograd.transformed(weight))
    torch.testing.assert_close(found, F.conv2d(x, weight, padding=1))


def test_float32_is_right_to_a_ten_thousandth_of_the_largest_value() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, 256, 30, 21, generator=generator).contiguous(memory_format=torch.channels_last)
    weight, bias = torch.randn(128, 256, 3, 3, generator=generator) / 48, torch.randn(128, generator=generator)
    direct = F.relu(F.conv2d(x.double(), weight.double(), bias.double(), padding=1))
    found = winograd.convolved(x, winograd.transformed(weight), bias)
    assert (found - direct).abs().max() < 1e-4 * direct.max()


def test_the_gradient_is_that_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 3, 6, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 3, 3, 3, generator=generator, dtype=torch.float64)
    bias = torch.randn(2, generator=generator, dtype=torch.float64)
    filters = winograd.transformed(weight), winograd.gradient_filters(weight)
    assert torch.autograd.gradcheck(lambda x: winograd.RectifiedConvolution.apply(x, *filters, bias), (x,))


def test_small_layers_and_small_images_are_convolved_directly() -> None:
    wide, narrow = torch.zeros(128, 128, 3, 3), torch.zeros(128, 64, 3, 3)
    large, small = torch.zeros(1, 128, 16, 16), torch.zeros(1, 128, 8, 16)
    assert winograd.pays(wide, large)
    assert not winograd.pays(wide, small)
    assert not winograd.pays(narrow, large)
