"""Images that are looked at tile by tile: their losses and gradients are those of the whole."""

import math
from collections.abc import Mapping

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import Tensor

from tests.images import clouds, random_filters, random_tensors
from vidstyle.core.device import SMALLEST_TILE, TILE_STEP, needed, tile_side
from vidstyle.core.losses import Anchor, ContentTargets, Objective, Region, StyleTargets
from vidstyle.core.optimizers import loss_and_gradient
from vidstyle.core.style_model import StyleModel, tile_for
from vidstyle.core.style_statistics import statistic_of
from vidstyle.core.stylize_image import stylize_image
from vidstyle.core.tiling import Tile, border_of, sum_over_tiles, tiles_of
from vidstyle.core.vgg import VGG19
from vidstyle.settings.settings import Settings

STYLE = {"conv1_1": 0.4, "conv2_1": 0.3, "conv3_1": 0.3}
CONTENT = {"conv3_2": 1.0}
NETWORKS = {
    pooling: VGG19(random_tensors("conv3_2"), [*STYLE, *CONTENT], pooling)  # type: ignore[arg-type]
    for pooling in ("avg", "max")
}


def objective(
    network: VGG19, content: Tensor, tile: int | None, style_loss: str, form: str = "relative", masked: bool = False
) -> Objective:
    statistic = statistic_of(form, style_loss)
    styles = [StyleTargets.of(network, clouds(70, 52, seed=n), tuple(STYLE), statistic, tile) for n in (1, 2)]
    height, width = content.shape[1:]
    left = torch.linspace(1, 0, width).expand(1, height, width)
    places = (left, 1 - left) if masked else (None,)
    return Objective(
        network=network,
        regions=[Region(style, place) for style, place in zip(styles, places, strict=False)],
        statistic=statistic,
        content=ContentTargets.of(network, content, tuple(CONTENT), form, tile),  # type: ignore[arg-type]
        style_layers=STYLE,
        content_layers=CONTENT,
        style_weight=1.0,
        content_weight=0.7,
        tv_weight=0.1,
        anchor=Anchor(clouds(height, width, seed=5), left, (left > 0.2).float()) if masked else None,
        tile=tile,
    )


def parts(losses: Mapping[str, object]) -> list[float]:
    return [float(value) for value in losses.values()]  # type: ignore[arg-type]


@hypothesis_settings(max_examples=6, deadline=None)
@given(
    size=st.tuples(st.integers(17, 50), st.integers(33, 70)),
    tile=st.sampled_from([24, 32]),
    style_loss=st.sampled_from(["gram", "covariance", "wasserstein2", "sums"]),
    pooling=st.sampled_from(["avg", "max"]),
    masked=st.booleans(),
)
def test_losses_and_gradient_are_those_of_the_whole_image(
    size: tuple[int, int], tile: int, style_loss: str, pooling: str, masked: bool
) -> None:
    form, style_loss = ("sums", "gram") if style_loss == "sums" else ("relative", style_loss)
    network, content, image = NETWORKS[pooling], clouds(*size, seed=3), clouds(*size, seed=4)
    whole, wanted = loss_and_gradient(image, objective(network, content, None, style_loss, form, masked))
    tiled, found = loss_and_gradient(image, objective(network, content, tile, style_loss, form, masked))
    assert parts(tiled.content_layers) == pytest.approx(parts(whole.content_layers), rel=1e-4)
    close = 1e-3 if style_loss == "wasserstein2" else 1e-4  # roots of covariances of low rank are not exact in singles
    assert parts(tiled.style_layers) == pytest.approx(parts(whole.style_layers), rel=close)
    assert float(tiled.total) == pytest.approx(float(whole.total), rel=close)
    assert (found - wanted).norm() < close * wanted.norm()


def test_a_narrower_border_would_not_do() -> None:
    """So that the border is not wider than it has to be, nor the test above blind to it."""
    network, image = NETWORKS["avg"], clouds(64, 64, seed=3)
    assert border_of(network.layers) == 16
    (tile,) = [t for t in tiles_of((64, 64), 24, network.layers) if t.rows[0] == t.columns[0] == 24]
    found = {}
    for border in (12, 16, 20):
        narrow = Tile(tile.rows, tile.columns, border, tile.size)
        activations = network(narrow.seen(image), ["conv3_2"])["conv3_2"]
        found[border] = narrow.inside(activations, "conv3_2")
    assert torch.allclose(found[16], found[20], atol=1e-4)
    assert not torch.allclose(found[12], found[20], atol=1e-2)


@given(size=st.tuples(st.integers(1, 12), st.integers(1, 12)), side=st.integers(1, 12))
def test_tiles_cover_an_image_once(size: tuple[int, int], side: int) -> None:
    size, seen = (4 * size[0], 4 * size[1]), torch.zeros(4 * size[0], 4 * size[1])
    for tile in tiles_of(size, 4 * side, STYLE):
        tile.of_layer(seen, "conv1_1").add_(1)
    assert bool((seen == 1).all())


def test_a_sum_over_tiles_has_the_gradient_of_the_sum() -> None:
    image = torch.rand(3, 32, 48, requires_grad=True)

    def cubes(tile: Tile, seen: Tensor) -> tuple[Tensor, ...]:
        inside = tile.inside(seen[None], "conv1_1")
        return inside.pow(3).sum(), inside.sum((0, 2, 3))

    total, sums = sum_over_tiles(image, tiles_of((32, 48), 16, STYLE), cubes)
    (gradient,) = torch.autograd.grad(2 * total + sums[1], image)
    wanted = 6 * image.detach().square()
    wanted[1] += 1
    assert float(total.detach()) == pytest.approx(float(image.detach().pow(3).sum()), rel=1e-5)
    assert torch.allclose(gradient, wanted, rtol=1e-5)


@pytest.mark.parametrize("style_loss", ["gram", "histogram"])
def test_a_model_with_little_memory_paints_the_same(style_loss: str) -> None:
    """By tiles of 128 pixels where the style is a sum over them, else as a whole."""
    wanted = Settings(
        style_layers="conv1_1",
        content_layers="conv2_1",
        steps=3,
        scales=1,
        style_loss=style_loss,  # type: ignore[arg-type]
    )
    content, filters = clouds(140, 200, seed=3), random_filters("conv2_1")
    models = [StyleModel.of([clouds(80, 60, seed=1)], filters, wanted, memory=memory) for memory in (math.inf, 0)]
    assert tile_for(wanted, (140, 200), 0) == (128 if style_loss == "gram" else None)
    whole, tiled = (stylize_image(model, content) for model in models)
    assert torch.allclose(whole.image, tiled.image, atol=1e-3)
    assert float(whole.losses.total) == pytest.approx(float(tiled.losses.total), rel=1e-3)


@given(
    size=st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    memory=st.floats(0, 6e10),
    border=st.sampled_from([16, 80, 272]),
)
def test_tiles_are_as_large_as_the_memory_allows(size: tuple[int, int], memory: float, border: int) -> None:
    side = tile_side(size, memory, border)
    assert (side is None) == (needed(size) <= memory)
    if side is None:
        return
    assert side % TILE_STEP == 0
    fits = needed(size, side + 2 * border) <= memory
    assert fits or side == SMALLEST_TILE
    assert needed(size, side + TILE_STEP + 2 * border) > memory
