from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.images import clouds, stripes
from vidstyle.core.losses import ContentTargets, Objective, Region, StyleTargets
from vidstyle.core.optimizers import Schedule, quasi_newton
from vidstyle.core.selftaught import learn
from vidstyle.core.sizes import resize
from vidstyle.core.style_statistics import STATISTICS
from vidstyle.core.vgg import VGG19
from vidstyle.images import load_image
from vidstyle.settings.layers import filter_shape, layers_up_to, state_key

SAMPLES = Path(__file__).parents[2] / "samples"
DEPTH = "conv2_2"
IMAGES = [clouds(60, 80), stripes(48, 48)]


@pytest.fixture(scope="module")
def filters() -> dict[str, Tensor]:
    return learn(IMAGES, deepest=DEPTH)


def test_there_is_a_filter_of_the_right_shape_for_every_layer(filters: dict[str, Tensor]) -> None:
    expected = {f"{state_key(layer)}.weight": filter_shape(layer) for layer in layers_up_to(DEPTH)}
    assert {key: tuple(tensor.shape) for key, tensor in filters.items() if key.endswith("weight")} == expected
    assert all(torch.isfinite(tensor).all() for tensor in filters.values())


def test_the_same_images_and_seed_give_the_same_filters(filters: dict[str, Tensor]) -> None:
    again, reseeded = learn(IMAGES, deepest=DEPTH), learn(IMAGES, deepest=DEPTH, seed=1)
    assert all(torch.equal(filters[key], again[key]) for key in filters)
    assert not torch.allclose(filters["features.0.weight"], reseeded["features.0.weight"])


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    learn([clouds(32, 32)], deepest="conv1_2")
    assert torch.equal(torch.get_rng_state(), before)


def test_mean_responses_to_the_teachers_are_one(filters: dict[str, Tensor]) -> None:
    """The network pads with zeros where learning goes on by the edge, so nearly one."""
    network = VGG19(filters, layers_up_to(DEPTH), "avg")
    for layer in layers_up_to(DEPTH):
        activations = torch.cat(
            [network(clouds(64, 80))[layer].flatten(2), network(stripes(64, 64))[layer].flatten(2)], 2
        )
        assert 0.5 < float(activations.mean()) < 2


@pytest.mark.parametrize(
    "image",
    [torch.full((3, 40, 40), 0.5), torch.zeros(3, 8, 8), clouds(1, 300), clouds(50, 50)[:1].expand(3, -1, -1)],
    ids=["flat", "tiny", "line", "grey"],
)
def test_odd_images_give_finite_filters(image: Tensor) -> None:
    filters = learn([image], deepest=DEPTH)
    assert all(torch.isfinite(tensor).all() for tensor in filters.values())
    assert torch.isfinite(VGG19(filters, [DEPTH], "avg")(clouds(40, 40))[DEPTH]).all()


def test_the_kernels_are_told_layer_by_layer() -> None:
    told: list[tuple[int, int]] = []
    learn([clouds(32, 32)], deepest="conv2_1", on_progress=lambda done, count: told.append((done, count)))
    assert told == [(64, 256), (128, 256), (256, 256)]


def patch_distance(a: Tensor, b: Tensor) -> float:
    """Sliced Wasserstein distance of 7x7 patches."""
    generator = torch.Generator().manual_seed(0)
    lines = F.normalize(torch.randn(147, 64, generator=generator), dim=0)
    projected = [(F.unfold(x[None], 7)[0].T @ lines).sort(0).values for x in (a, b)]
    return float((projected[0] - projected[1]).square().mean().sqrt())


def texture(filters: dict[str, Tensor], style: Tensor) -> Tensor:
    """A texture from noise by Gram matrices of two layers."""
    layers = {"conv1_1": 0.5, "conv2_1": 0.5}
    network = VGG19(filters, layers, "avg")
    gram = STATISTICS["gram"]
    region = Region(StyleTargets.of(network, style, tuple(layers), gram))
    objective = Objective(network, [region], gram, ContentTargets({}, {}), layers, {}, 1.0, 0.0)
    start = torch.rand(style.shape, generator=torch.Generator().manual_seed(1))
    return quasi_newton(start, objective, Schedule(60, 0.05, 0.002), lambda *_: None).image


def test_noise_becomes_the_styles_texture() -> None:
    style = resize(load_image(SAMPLES / "swirl.jpg").rgb, (80, 102))
    noise = torch.rand(style.shape, generator=torch.Generator().manual_seed(1))
    painted = texture(learn([style], deepest="conv2_1"), style)
    assert patch_distance(painted, style) < 0.7 * patch_distance(noise, style)
