import pytest
import torch

from tests.images import clouds, stripes
from vidstyle.core.color_transfer import STRONGEST, colour_root, matched_palette


def statistics(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = image.flatten(1)
    return pixels.mean(1), torch.cov(pixels, correction=0)


def test_the_colours_become_the_styles() -> None:
    content, style = 0.3 + 0.4 * clouds(60, 80), 0.4 + 0.3 * clouds(50, 50, seed=1)
    mean, covariance = statistics(matched_palette([content], [style])(content))
    wanted_mean, wanted_covariance = statistics(style)
    assert torch.allclose(mean, wanted_mean, atol=2e-3)
    assert torch.allclose(covariance, wanted_covariance, atol=2e-3)


def test_equal_colours_stay() -> None:
    image = clouds(40, 50)
    assert torch.allclose(matched_palette([image], [image])(image), image, atol=2e-3)


def test_the_map_is_the_nearest_one() -> None:
    """Optimal transport between normal distributions is symmetric: it turns no colours around."""
    matrix = matched_palette([clouds(60, 80)], [stripes(40, 40)]).matrix
    assert torch.allclose(matrix, matrix.T, atol=1e-5)
    assert float(torch.linalg.eigvalsh(matrix).min()) > -1e-6


def test_faint_colours_are_not_spread_without_bound() -> None:
    grey = clouds(40, 50)[:1].expand(3, -1, -1) * 0.02 + 0.5
    assert float(torch.linalg.eigvalsh(matched_palette([grey], [stripes(40, 40)]).matrix).max()) <= STRONGEST + 1e-4


@pytest.mark.parametrize("image", [torch.zeros(3, 4, 4), torch.ones(3, 1, 1), clouds(2, 900)])
def test_images_of_one_colour_and_odd_shapes_stay_finite(image: torch.Tensor) -> None:
    for a, b in ((image, stripes(20, 20)), (stripes(20, 20), image)):
        mapped = matched_palette([a], [b])(a)
        assert torch.isfinite(mapped).all()
        assert 0 <= float(mapped.min()) <= float(mapped.max()) <= 1


def test_several_images_count_the_same() -> None:
    dark, light = torch.full((3, 4, 4), 0.1), torch.full((3, 40, 40), 0.9)
    palette = matched_palette([dark, light], [torch.full((3, 5, 5), 0.5)])
    assert torch.allclose(palette(torch.full((3, 2, 2), 0.5)), torch.full((3, 2, 2), 0.5), atol=1e-3)


def test_the_colours_root_is_as_long_as_the_style_spreads() -> None:
    spread = torch.randn(2, 40, 40, generator=torch.Generator().manual_seed(0))
    grey, blue = torch.ones(3) / 3**0.5, torch.tensor([-1.0, -1.0, 2.0]) / 6**0.5
    style = 0.5 + 0.1 * torch.einsum("c,hw->chw", grey, spread[0]) + 0.05 * torch.einsum("c,hw->chw", blue, spread[1])
    root = colour_root([style])
    assert torch.equal(root, root.T)
    assert torch.allclose(root @ grey, 3**0.5 * grey, atol=0.06)
    assert torch.allclose(root @ blue, 3**0.5 / 2 * blue, atol=0.06)
    assert (root @ torch.linalg.cross(grey, blue)).abs().max() < 0.06  # no magenta, no green
