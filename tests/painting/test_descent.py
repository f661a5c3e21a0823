import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vidstyle.painting.descent import OPTIMIZERS, Moments, Schedule, adam, lbfgs, loss_and_gradient
from vidstyle.painting.targets import Losses

TARGET = torch.linspace(0.2, 0.8, 3 * 6 * 8).reshape(3, 6, 8)


def bowl(image: Tensor) -> Losses:
    """Squared distance from TARGET, steeper in some pixels than in others."""
    steepness = torch.linspace(0.2, 3, image.numel()).reshape(image.shape)
    return Losses(variation=(steepness * (image - TARGET) ** 2).mean())


def quiet(*_: object) -> None:
    pass


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_loss_falls_to_the_bottom(optimizer: str) -> None:
    start = torch.full_like(TARGET, 0.5)
    end = OPTIMIZERS[optimizer](start, bowl, Schedule(60, 0.05, 0.002), None, quiet)
    assert float(bowl(end.image).total) < 1e-3 * float(bowl(start).total)


def test_adam_equals_torchs() -> None:
    theirs = torch.full_like(TARGET, 0.5).requires_grad_()
    optimizer = torch.optim.Adam([theirs], lr=0.02, betas=(0.9, 0.99))
    for _ in range(10):
        optimizer.zero_grad()
        (bowl(theirs).total * theirs[0].numel()).backward()  # type: ignore[union-attr]
        optimizer.step()
    ours = adam(torch.full_like(TARGET, 0.5), bowl, Schedule(10, 0.02, 0.02), None, quiet)
    assert torch.allclose(ours.image, theirs.detach(), atol=1e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_image_stays_in_range_and_the_start_untouched(optimizer: str) -> None:
    start = torch.zeros_like(TARGET)
    images: list[Tensor] = []

    def outward(image: Tensor) -> Losses:
        return Losses(variation=((image - 3) ** 2).mean())

    end = OPTIMIZERS[optimizer](start, outward, Schedule(30, 0.5, 0.5), None, lambda image, _: images.append(image))
    assert torch.equal(start, torch.zeros_like(TARGET))
    assert all(float(image.min()) >= 0 and float(image.max()) <= 1 for image in [*images, end.image])
    assert float(end.image.min()) == 1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_every_step_is_reported_once(optimizer: str, steps: int) -> None:
    told: list[Losses] = []
    OPTIMIZERS[optimizer](
        torch.full_like(TARGET, 0.5), bowl, Schedule(steps, 0.01, 0.01), None, lambda _, losses: told.append(losses)
    )
    assert len(told) == steps


def test_a_fresh_start_moves_every_pixel_but_carried_moments_do_not() -> None:
    """The reason for carrying them: settled pixels stay where they are."""
    settled = TARGET + 1e-5
    fresh = adam(settled, bowl, Schedule(1, 0.02, 0.02), None, quiet)
    assert float((fresh.image - settled).abs().min()) > 0.019
    # Moments that saw gradients of a picture 0.1 away from its goal.
    _, gradient = loss_and_gradient(TARGET + 0.1, bowl)
    square = (gradient * gradient[0].numel()).square()
    carried = Moments(torch.zeros_like(square), square, 0, torch.full_like(square[:1], torch.inf))
    held = adam(settled, bowl, Schedule(1, 0.02, 0.02), carried, quiet)
    assert float((held.image - settled).abs().max()) < 1e-5


def test_moments_keep_their_meaning_at_another_size() -> None:
    moments = Moments(torch.full((3, 6, 8), 0.25), torch.full((3, 6, 8), 4.0), 7, torch.full((1, 6, 8), 7.0))
    larger = moments.resized((12, 16))
    assert larger.mean.shape == larger.square.shape == (3, 12, 16)
    assert torch.allclose(larger.mean, torch.tensor(0.25), atol=1e-5)
    assert torch.allclose(larger.square, torch.tensor(4.0), atol=1e-4)
    assert larger.mean_seen == 7
    assert torch.equal(larger.square_seen, torch.full((1, 12, 16), 7.0))


@given(st.integers(1, 200), st.floats(1e-4, 0.5), st.floats(1e-5, 1e-4))
def test_the_rate_falls_from_its_first_to_its_last_value(steps: int, first: float, last: float) -> None:
    schedule = Schedule(steps, first, last)
    rates = [schedule.rate(step) for step in range(1, steps + 1)]
    assert rates[0] == pytest.approx(first)
    assert rates == sorted(rates, reverse=True)
    if steps > 1:
        assert rates[-1] == pytest.approx(last)


def test_lbfgs_needs_far_fewer_steps_on_a_bowl() -> None:
    start = torch.full_like(TARGET, 0.5)
    few = lbfgs(start, bowl, Schedule(12, 0.0, 0.0), None, quiet)
    many = adam(start, bowl, Schedule(12, 0.05, 0.05), None, quiet)
    assert float(bowl(few.image).total) < 0.1 * float(bowl(many.image).total)


def test_pixels_move_along_the_axes_of_colour() -> None:
    axes = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.5, 0.0]])  # grey, half of blue, nothing else
    end = adam(torch.full_like(TARGET, 0.5), bowl, Schedule(1, 0.02, 0.02, axes), None, quiet)
    moved = end.image - 0.5
    assert torch.equal(moved[0], moved[1])
    assert torch.allclose((moved[2] - moved[0]).abs(), torch.full_like(moved[0], 0.01), atol=1e-5)
    assert torch.allclose(moved[0].abs(), torch.full_like(moved[0], 0.02), atol=1e-5)


def test_a_pixel_moves_by_its_share_of_the_rate() -> None:
    start, reach = torch.full_like(TARGET, 0.5), torch.ones_like(TARGET[:1])
    reach[:, 0], reach[:, 1] = 0.0, 0.5
    whole, part = (adam(start, bowl, Schedule(1, 0.02, 0.02, reach=r), None, quiet).image for r in (None, reach))
    assert torch.equal(part[:, 0], start[:, 0])
    assert torch.allclose(part[:, 1] - start[:, 1], (whole[:, 1] - start[:, 1]) / 2, atol=1e-6)
    assert torch.equal(part[:, 2:], whole[:, 2:])
