import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.refusals import refused
from vidstyle.core.losses import Losses
from vidstyle.core.optimizers import (
    HISTORY,
    OPTIMIZERS,
    Curvature,
    Preconditioner,
    Schedule,
    loss_and_gradient,
    quasi_newton,
)

TARGET = torch.linspace(0.2, 0.8, 3 * 6 * 8).reshape(3, 6, 8)
START = torch.full_like(TARGET, 0.5)


def bowl(image: Tensor) -> Losses:
    """Squared distance from TARGET, steeper in some pixels than in others."""
    steepness = torch.linspace(0.2, 3, image.numel()).reshape(image.shape)
    return Losses(variation=(steepness * (image - TARGET) ** 2).mean())


def quiet(*_: object) -> None:
    pass


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_loss_falls_to_the_bottom(optimizer: str) -> None:
    end = OPTIMIZERS[optimizer](START, bowl, Schedule(30, 0.05, 0.05), quiet)
    assert float(bowl(end.image).total) < 1e-4 * float(bowl(START).total)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_image_stays_in_range_and_the_start_untouched(optimizer: str) -> None:
    start = torch.zeros_like(TARGET)
    images: list[Tensor] = []

    def outward(image: Tensor) -> Losses:
        return Losses(variation=((image - 3) ** 2).mean())

    end = OPTIMIZERS[optimizer](start, outward, Schedule(30, 0.5, 0.5), lambda image, _: images.append(image))
    assert torch.equal(start, torch.zeros_like(TARGET))
    assert all(float(image.min()) >= 0 and float(image.max()) <= 1 for image in [*images, end.image])
    assert float(end.image.min()) == 1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_every_step_is_reported_once(optimizer: str, steps: int) -> None:
    told: list[Losses] = []
    OPTIMIZERS[optimizer](START, bowl, Schedule(steps, 0.01, 0.01), lambda _, losses: told.append(losses))
    assert len(told) == steps


@given(st.integers(1, 200), st.floats(1e-4, 0.5), st.floats(1e-5, 1e-4))
def test_steps_shrink_from_the_first_to_the_last_length(steps: int, first: float, last: float) -> None:
    schedule = Schedule(steps, first, last)
    lengths = [schedule.length(step) for step in range(1, steps + 1)]
    assert lengths[0] == pytest.approx(first)
    assert lengths == sorted(lengths, reverse=True)
    if steps > 1:
        assert lengths[-1] == pytest.approx(last)


def test_the_gradient_is_the_same_at_every_size() -> None:
    _, small = loss_and_gradient(START, lambda image: Losses(variation=image.square().mean()))
    _, large = loss_and_gradient(torch.full((3, 60, 80), 0.5), lambda image: Losses(variation=image.square().mean()))
    assert small[0, 0, 0] == pytest.approx(float(large[0, 0, 0]))


def test_no_step_is_longer_than_the_schedule_says() -> None:
    images: list[Tensor] = []
    end = quasi_newton(START, bowl, Schedule(6, 0.004, 0.001), lambda image, _: images.append(image))
    moves = [float((b - a).square().mean().sqrt()) for a, b in zip(images, [*images[1:], end.image], strict=True)]
    allowed = [Schedule(6, 0.004, 0.001).length(step) for step in range(1, 7)]
    assert all(move <= most * 1.001 for move, most in zip(moves, allowed, strict=True))
    assert moves[0] == pytest.approx(0.004, rel=1e-3)  # nothing is known yet: the whole length


def test_two_steps_along_a_line_show_its_curvature() -> None:
    """Of a quadratic loss the third step of a descent in one dimension is the exact minimum."""
    images: list[Tensor] = []
    quasi_newton(
        START,
        lambda image: Losses(variation=7 * (image - 0.6).square().mean()),
        Schedule(3, 0.02, 0.2),
        lambda image, _: images.append(image),
    )
    assert torch.allclose(images[2], torch.full_like(START, 0.6), atol=1e-5)


COLOURS = torch.tensor([[2.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 0.4]])


def test_pixels_that_are_not_free_neither_move_nor_count() -> None:
    free = torch.ones(1, 9, 9, dtype=torch.bool)
    free[:, :4] = False
    metric = Preconditioner(COLOURS, free)
    a, b = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(metric(a)[:, :4], torch.zeros(3, 4, 9))
    assert torch.allclose(metric(a)[:, 5, 5], COLOURS @ a[:, 5, 5])
    assert float(metric.free_share) == pytest.approx(5 / 9)
    # Symmetric and positive: else it is no metric, and a step along it may go uphill.
    assert float((a * metric(b)).sum()) == pytest.approx(float((b * metric(a)).sum()), rel=1e-3)
    assert float((a * metric(a)).sum()) > 0


def test_the_direction_equals_the_dense_inverse_hessian() -> None:
    """The two loops against the BFGS update of matrices (Nocedal 1980, equation 2), for a few random pairs."""
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(18, 18, generator=generator)
    hessian = root @ root.T + torch.eye(18)
    curvature, pairs = Curvature(Preconditioner(COLOURS), torch.zeros(())), []
    for _ in range(4):
        change = torch.randn(18, generator=generator)
        pairs.append((change, hessian @ change))
        curvature.learn(change.view(3, 2, 3), pairs[-1][1].view(3, 2, 3))
    units = torch.eye(18).view(18, 3, 2, 3)
    preconditioner = torch.stack([Preconditioner(COLOURS)(unit).flatten() for unit in units]).T
    change, of_gradient = pairs[-1]
    inverse = preconditioner * (change @ of_gradient) / (of_gradient @ preconditioner @ of_gradient)
    for change, of_gradient in pairs:
        scale = 1 / (change @ of_gradient)
        left = torch.eye(18) - scale * torch.outer(change, of_gradient)
        inverse = left @ inverse @ left.T + scale * torch.outer(change, change)
    gradient = torch.randn(18, generator=generator)
    found = curvature.direction(gradient.view(3, 2, 3), torch.tensor(math.inf)).flatten()
    assert torch.allclose(found, -inverse @ gradient, rtol=1e-3, atol=1e-4)


def test_a_step_after_which_the_loss_rises_is_taken_back() -> None:
    def wall(image: Tensor) -> Losses:
        """Falls towards 0.52, and is a hundred times as high beyond."""
        return Losses(variation=torch.where(image > 0.521, 100.0, (image - 0.52).square() + 0.001).mean())

    told: list[float] = []
    end = quasi_newton(START, wall, Schedule(8, 0.05, 0.05), lambda _, losses: told.append(float(losses.total)))
    assert max(told) == pytest.approx(100)
    assert float(wall(end.image).total) < told[0]


def test_a_step_into_what_is_no_number_is_taken_back() -> None:
    def cliff(image: Tensor) -> Losses:
        return Losses(variation=torch.where(image > 0.53, torch.nan, (image - 0.6).square()).mean())

    end = quasi_newton(START, cliff, Schedule(10, 0.05, 0.05), quiet)
    assert math.isfinite(float(end.losses.total))
    assert float(end.losses.total) < float(cliff(START).total)


def test_a_start_whose_loss_is_no_number_is_an_error() -> None:
    with refused("VS604"):
        quasi_newton(START, lambda image: Losses(variation=(image * torch.nan).mean()), Schedule(3, 0.1, 0.1), quiet)


def test_a_step_size_that_is_handed_on_begins_where_the_last_descent_ended() -> None:
    """Without it the first step goes as far as it may, which for a settled image is far too far."""
    before = quasi_newton(START, bowl, Schedule(30, 0.05, 0.05), quiet)
    settled = (before.image + 1e-4).clamp(0, 1)
    fresh = quasi_newton(settled, bowl, Schedule(1, 0.02, 0.02), quiet)
    carried = quasi_newton(settled, bowl, Schedule(1, 0.02, 0.02), quiet, step_size=before.step_size)
    assert float((fresh.image - settled).square().mean().sqrt()) > 0.019
    assert float((carried.image - settled).abs().max()) < 1e-3


def test_pixels_that_are_not_free_stay_bit_for_bit_and_others_go_as_far_as_without_them() -> None:
    free = torch.ones_like(TARGET[:1], dtype=torch.bool)
    free[:, 0] = False
    one = quasi_newton(START, bowl, Schedule(1, 0.05, 0.05), quiet, Preconditioner(mobility=free)).image
    assert torch.equal(one[:, 0], START[:, 0])
    assert (one[:, 1:] != START[:, 1:]).all()
    assert float((one - START)[:, 1:].square().mean().sqrt()) == pytest.approx(0.05, rel=1e-3)


def test_a_descent_ends_at_the_level() -> None:
    told: list[float] = []
    level = 0.1 * float(bowl(START).total)
    end = quasi_newton(START, bowl, Schedule(50, 0.05, 0.05, level), lambda _, loss: told.append(float(loss.total)))
    assert told[-1] <= level < told[-2]
    assert float(bowl(end.image).total) == pytest.approx(told[-1])


def test_colours_keep_their_line() -> None:
    grey = quasi_newton(START, bowl, Schedule(5, 0.05, 0.05), quiet, Preconditioner(torch.ones(3, 3))).image
    assert torch.allclose(grey[0], grey[1], atol=1e-6)
    assert torch.allclose(grey[0], grey[2], atol=1e-6)
    assert float((grey - START).abs().max()) > 0.01


def test_steps_along_which_the_loss_curves_down_take_no_place_of_others() -> None:
    """However many there are: the direction is that of the useful ones alone."""
    generator = torch.Generator().manual_seed(1)
    pairs = [(change := torch.randn(3, 2, 3, generator=generator), 2.0 * change) for _ in range(HISTORY)]
    alone, among = (Curvature(Preconditioner(), torch.zeros(())) for _ in range(2))
    for change, of_gradient in pairs:
        for curvature in (alone, among):
            curvature.learn(change, of_gradient)
        among.learn(change, -of_gradient)
        among.learn(change, of_gradient * torch.nan)
    gradient = torch.randn(3, 2, 3, generator=generator)
    longest = torch.tensor(math.inf)
    assert torch.equal(among.direction(gradient, longest), alone.direction(gradient, longest))
    assert torch.equal(among.safe_step_size, alone.safe_step_size)
