import numpy as np
import pytest
import torch

from tests.images import clouds
from vidstyle.core.color_transfer import gradient_energy
from vidstyle.core.flow import Motion, warp
from vidstyle.evaluation.metrics import LONG_ENOUGH, StillRuns, flow_difference, warp_error

NOTHING_MOVES = torch.zeros(20, 30, dtype=torch.bool)


def shift(height: int, width: int, dx: float) -> Motion:
    flow = torch.zeros(height, width, 2)
    flow[..., 0] = dx
    seen = torch.ones(height, width, dtype=torch.bool)
    return Motion(flow, seen, seen.float())


def test_paint_that_follows_the_motion_has_no_error() -> None:
    earlier = clouds(40, 60)
    motion = shift(40, 60, 3)
    assert warp_error(warp(earlier, motion.flow), earlier, motion) == 0
    assert warp_error(earlier, earlier, motion) > 1e-4


def test_the_error_is_a_mean_square_over_what_is_sure() -> None:
    earlier = torch.full((3, 10, 10), 0.5)
    painting = earlier.clone()
    painting[:, :, :5] += 0.1
    motion = shift(10, 10, 0)
    assert warp_error(painting, earlier, motion) == pytest.approx(0.005)
    sure = torch.zeros(10, 10)
    sure[:, :5] = 1
    assert warp_error(painting, earlier, Motion(motion.flow, motion.visible, sure)) == pytest.approx(0.01)


def test_gradient_energy_of_a_ramp() -> None:
    ramp = (0.01 * torch.arange(30.0)).expand(3, 20, 30)
    assert gradient_energy(ramp) == pytest.approx(1e-4)


def test_paint_that_stays_while_the_image_moves_differs_in_flow() -> None:
    scene = clouds(64, 120, grain=5)
    earlier, image = scene[:, :, 4:84], scene[:, :, :80]
    motion = Motion.between(image, earlier)
    assert flow_difference(image, earlier, motion) == 0
    assert flow_difference(earlier, earlier, motion) == pytest.approx(4, abs=0.5)


def runs(paintings: list[torch.Tensor], images: list[torch.Tensor]) -> StillRuns:
    still = StillRuns.at(images[0], paintings[0])
    for image, painting in zip(images[1:], paintings[1:], strict=True):
        still = still.after(image, painting, NOTHING_MOVES)
    return still


def test_flicker_is_the_standard_deviation_over_time_and_drift_the_way_from_first_to_last() -> None:
    levels = [0.5, 0.52, 0.48, 0.51, 0.5, 0.49, 0.5, 0.53, 0.5, 0.54]
    paintings = [torch.full((3, 20, 30), level) for level in levels]
    frames, flicker, drift = runs(paintings, [clouds(20, 30)] * 10).figures()
    assert frames == 10
    assert flicker == pytest.approx(255 * float(np.std(levels)), rel=1e-3)
    assert drift == pytest.approx(255 * 0.04, rel=1e-3)


def test_only_pixels_that_lie_still_long_enough_count() -> None:
    images = [clouds(20, 30) for _ in range(LONG_ENOUGH + 2)]
    for i, image in enumerate(images):
        image[:, :, :10] += 0.05 * i  # always changing
    images[4][:, :, 20:] += 0.1  # twice too short a run
    paintings = [torch.rand(3, 20, 30) for _ in images]
    for painting in paintings:
        painting[:, :, 10:20] = 0.3
    frames, flicker, drift = runs(paintings, images).figures()
    assert frames == pytest.approx((LONG_ENOUGH + 2) / 3)
    assert (flicker, drift) == (0, 0)


def test_a_run_that_ended_counts_with_the_later_ones() -> None:
    still, later = clouds(20, 30), clouds(20, 30, seed=1)
    values = [0.2, 0.4] * 5
    paintings = [torch.full((3, 20, 30), v) for v in (*values, *[0.7] * 10)]
    frames, flicker, _ = runs(paintings, [*[still] * 10, *[later] * 10]).figures()
    assert frames == 20
    assert flicker == pytest.approx(255 * 0.1 / 2, rel=1e-3)


def test_without_still_pixels_there_are_no_figures() -> None:
    frames, flicker, drift = runs([torch.rand(3, 20, 30)] * 2, [clouds(20, 30), clouds(20, 30, seed=1)]).figures()
    assert frames == 0
    assert np.isnan([flicker, drift]).all()
