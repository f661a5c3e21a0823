from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.images import clouds, random_filters
from vidstyle.core.color_transfer import palettes_for
from vidstyle.core.losses import Anchor, temporal_loss
from vidstyle.core.optimizers import Schedule
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import (
    CONTENT_NOISE,
    SMALLEST_SIDE,
    Step,
    gradient_scale,
    refine,
    scale_plan,
    stylize_image,
)
from vidstyle.settings.settings import Settings

FILTERS = random_filters("conv3_1")
SMALL = Settings(
    style_layers="conv1_1,conv2_1", content_layers="conv2_2", steps=4, frame_steps=3, scales=2, pooling="avg"
)
# A style with more contrast than the content: random filters see little else.
CONTENT, STYLE = 0.3 + 0.4 * clouds(80, 96), clouds(64, 64, seed=1, grain=3).round()


def model(**changes: object) -> StyleModel:
    return StyleModel.of([STYLE], FILTERS, SMALL.replace(**changes), balance=0.02)


def test_painting_lowers_the_loss_and_keeps_the_size() -> None:
    p = model(steps=40)
    painted = stylize_image(p, CONTENT)
    assert painted.image.shape == CONTENT.shape
    assert float(p.objective(CONTENT)(painted.image).total) < 0.5 * float(p.objective(CONTENT)(CONTENT).total)


def test_painting_is_the_same_every_time() -> None:
    assert torch.equal(stylize_image(model(), CONTENT).image, stylize_image(model(), CONTENT).image)


def test_a_model_keeps_nothing_between_images() -> None:
    p = model()
    first = stylize_image(p, CONTENT).image
    stylize_image(p, clouds(64, 50, seed=9))
    assert torch.equal(stylize_image(p, CONTENT).image, first)


CHANGES = {
    "content_layers": "conv2_1",
    "style_layers": "conv1_1",
    "content_weight": 30.0,
    "style_weight": 30.0,
    "tv_weight": 50.0,
    "loss": "sums",
    "steps": 5,
    "scales": 1,
    "init": "random",
    "optimizer": "lbfgs",
    "seed": 1,
    "pooling": "max",
}


@pytest.mark.parametrize("option", CHANGES)
def test_every_option_of_an_image_changes_it(option: str) -> None:
    changed = stylize_image(model(**{option: CHANGES[option]}), CONTENT).image
    assert float((changed - stylize_image(model(), CONTENT).image).abs().mean()) > 1e-4


def test_layer_weights_change_the_image() -> None:
    uneven = stylize_image(model(style_layers="conv1_1=1,conv2_1=0.1"), CONTENT).image
    assert float((uneven - stylize_image(model(), CONTENT).image).abs().mean()) > 1e-4


def test_a_weight_of_zero_is_the_layer_left_out() -> None:
    without = stylize_image(model(style_layers="conv1_1"), CONTENT).image
    assert torch.equal(stylize_image(model(style_layers="conv1_1,conv2_1=0"), CONTENT).image, without)


def test_the_balance_holds_the_content() -> None:
    def distance(balance: float) -> float:
        p = model(steps=15).changed(balance=balance)
        return float((stylize_image(p, CONTENT).image - CONTENT).square().mean())

    assert distance(30.0) < 0.5 * distance(0.03)


def test_two_styles_differ_from_either() -> None:
    other = clouds(64, 64, seed=7, grain=2)
    both, one = (
        stylize_image(StyleModel.of(styles, FILTERS, SMALL), CONTENT).image for styles in ([STYLE, other], [other])
    )
    assert not torch.allclose(both, one)
    assert not torch.allclose(both, stylize_image(model(), CONTENT).image)


def test_a_grey_style_makes_a_grey_image() -> None:
    grey = STYLE.mean(0, keepdim=True).expand(3, -1, -1)
    palettes = palettes_for("no", [CONTENT], [grey])
    p = StyleModel.of([grey], FILTERS, SMALL, balance=0.02, palettes=palettes)
    found = stylize_image(p, CONTENT).image
    assert float((found - found.mean(0)).abs().max()) < 0.02
    assert float(found.std()) > 0.05


def test_a_random_start_lies_in_the_styles_colours() -> None:
    sepia = torch.tensor([0.6, 0.45, 0.3]).view(3, 1, 1) * (0.5 + STYLE.mean(0, keepdim=True))
    p = StyleModel.of([sepia], FILTERS, SMALL.replace(init="random", content_weight=0.0))
    seen: list[Step] = []
    stylize_image(p.changed(palettes=palettes_for("no", [CONTENT], [sepia])), CONTENT, seen.append)
    assert torch.allclose(seen[0].image.mean((1, 2)), sepia.mean((1, 2)), atol=0.05)


def test_a_model_with_other_styles_has_other_targets() -> None:
    p = model()
    stylize_image(p, CONTENT)
    other = clouds(64, 64, seed=7, grain=2)
    expected = stylize_image(StyleModel.of([other], FILTERS, SMALL, balance=0.02), CONTENT).image
    assert torch.equal(stylize_image(p.changed(styles=[other]), CONTENT).image, expected)


@pytest.mark.parametrize(
    "changes",
    [{"style_layers": "conv1_1"}, {"pooling": "max"}, {"style_scale": 0.5}, {"style_loss": "covariance"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_changed_model_paints_like_a_new_one(changes: dict[str, Any]) -> None:
    """Nothing that was found for other layers, pooling, sizes or losses of the style is used again."""
    first = model()
    before = stylize_image(first, CONTENT).image
    settings = first.settings.replace(**changes)
    changed, new = first.changed(settings=settings), StyleModel.of([STYLE], FILTERS, settings, balance=0.02)
    assert torch.equal(stylize_image(changed, CONTENT).image, stylize_image(new, CONTENT).image)
    assert not torch.equal(stylize_image(changed, CONTENT).image, before)


def test_a_changed_model_shares_the_network() -> None:
    p = model()
    assert p.changed(balance=3.0).network is p.network


def test_a_start_from_an_image_is_where_it_starts() -> None:
    seen: list[Step] = []
    start = clouds(30, 40, seed=5)
    p = model(init="some.png", scales=1, steps=1).changed(init_image=start)
    stylize_image(p, CONTENT, seen.append)
    from_content: list[Step] = []
    stylize_image(model(scales=1, steps=1), CONTENT, from_content.append)
    assert float((seen[0].image - from_content[0].image).abs().mean()) > CONTENT_NOISE / 2


def test_steps_are_told_in_order_with_the_share_of_the_work() -> None:
    seen: list[Step] = []
    painted = stylize_image(model(), CONTENT, seen.append)
    assert [step.number for step in seen] == list(range(1, painted.steps + 1))
    assert {step.count for step in seen} == {painted.steps}
    shares = [step.progress for step in seen]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert seen[0].image.shape[1:] == (40, 48)
    fullsize = [float(step.losses.total) for step in seen if step.image.shape == CONTENT.shape]
    assert len(fullsize) == SMALL.steps


def test_following_from_a_painting_starts_low_and_takes_few_steps() -> None:
    p = model(steps=40)
    painted = stylize_image(p, CONTENT)
    seen: list[Step] = []
    followed = refine(p, CONTENT, anchored(painted.image), Schedule(3), painted.step_size, seen.append)
    assert followed.steps == 3
    assert seen[0].losses.total < 0.6 * float(p.objective(CONTENT)(CONTENT).total)
    assert float((followed.image - painted.image).abs().mean()) < 0.02


def anchored(start: Tensor, stiffness: float = 0.0, mobility: Tensor | None = None) -> Anchor:
    plane = torch.ones_like(start[:1])
    return Anchor(start, stiffness * plane, plane if mobility is None else mobility)


@pytest.mark.parametrize("optimizer", ["quasi-newton", "lbfgs"])
def test_pixels_without_mobility_keep_their_paint_bit_for_bit(optimizer: str) -> None:
    start, mobility = clouds(80, 96, seed=3), torch.ones(1, 80, 96)
    mobility[:, :, :50] = 0
    followed = refine(model(optimizer=optimizer), CONTENT, anchored(start, mobility=mobility), Schedule(3)).image
    assert torch.equal(followed[:, :, :50], start[:, :, :50])
    assert (followed[:, :, 50:] != start[:, :, 50:]).any(0).float().mean() > 0.9


def test_a_stiff_anchor_keeps_a_frame_near_its_start() -> None:
    start = clouds(80, 96, seed=3)
    moved = [
        float((refine(model(), CONTENT, anchored(start, stiffness), Schedule(10)).image - start).square().mean())
        for stiffness in (0.0, 1e3)
    ]
    assert moved[1] < 0.5 * moved[0]


def test_a_frame_that_is_good_enough_is_left_as_it_is() -> None:
    p, start = model(), clouds(80, 96, seed=3)
    followed = refine(p, CONTENT, anchored(start), Schedule(3, level=1e9))
    assert followed.steps == 1
    assert torch.equal(followed.image, start)


def test_the_pull_is_the_gradients_size_whatever_the_area() -> None:
    """A temporal loss of this stiffness pulls back as hard from 1/2 as the image's loss pulls away."""
    p, image = model(), clouds(80, 96, seed=3)
    pull = gradient_scale(p, CONTENT, image)
    leaf = image.clone().requires_grad_()
    temporal_loss(leaf, image + 0.5, torch.full((1, 80, 96), pull)).backward()  # type: ignore[no-untyped-call]
    other = image.clone().requires_grad_()
    torch.as_tensor(p.objective(CONTENT)(other).total).backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    assert other.grad is not None
    assert float(leaf.grad.square().mean().sqrt()) == pytest.approx(float(other.grad.square().mean().sqrt()), rel=1e-3)


@settings(max_examples=60)
@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 8), st.integers(1, 400))
def test_the_plan_goes_from_coarse_to_the_full_size(height: int, width: int, scales: int, steps: int) -> None:
    plan = scale_plan((height, width), Settings(scales=scales, steps=steps))
    sizes = [size for size, _ in plan]
    assert plan[-1] == ((height, width), steps)
    assert len(plan) <= scales
    assert sizes == sorted(sizes)
    assert all(min(size) >= SMALLEST_SIDE for size in sizes[:-1])


def test_pixels_move_along_the_styles_colours_by_the_root_of_their_covariance() -> None:
    p = model(keep_colors="no")
    pixels = STYLE.flatten(1).double()
    covariance = torch.cov(pixels, correction=0).float()
    square = p.features.colours @ p.features.colours
    assert torch.allclose(square / square.norm(), covariance / covariance.norm(), atol=1e-3)
    grey = model(keep_colors="luminance").features.colours
    assert torch.allclose(grey / grey[0, 0], torch.ones(3, 3))
