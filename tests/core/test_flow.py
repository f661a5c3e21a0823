from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.images import clouds
from vidstyle.core.calibration import structure
from vidstyle.core.flow import (
    Flow,
    FlowEstimator,
    Motion,
    _off_edges,
    dis,
    farneback,
    motion_boundaries,
    no_flow,
    optical_flow,
    visibility,
    warp,
)
from vidstyle.video.reader import open_video

SAMPLE = Path(__file__).parents[2] / "samples" / "clip.mp4"


def constant(height: int, width: int, dx: float, dy: float) -> Flow:
    flow = np.zeros((height, width, 2), np.float32)
    flow[..., 0], flow[..., 1] = dx, dy
    return flow


@settings(max_examples=30, deadline=None)
@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(8, 40), st.integers(8, 40))
def test_a_known_shift_is_warped_back_exactly(dx: int, dy: int, height: int, width: int) -> None:
    image = torch.rand(3, height, width, generator=torch.Generator().manual_seed(0))
    shifted = torch.roll(image, (dy, dx), (1, 2))  # moved right by dx, down by dy
    back = warp(shifted, constant(height, width, dx, dy))
    ys = slice(max(0, -dy), height - max(0, dy))
    xs = slice(max(0, -dx), width - max(0, dx))
    assert torch.allclose(back[:, ys, xs], image[:, ys, xs], atol=1e-6)


def test_still_pixels_are_copied_bit_for_bit() -> None:
    image = torch.rand(3, 30, 40)
    flow = constant(30, 40, 0, 0)
    flow[10:20, 10:20] = (3.3, -1.2)
    still = torch.from_numpy((flow == 0).all(-1))
    assert torch.equal(warp(image, flow)[:, still], image[:, still])
    assert not torch.equal(warp(image, flow)[:, ~still], image[:, ~still])


def test_paint_that_is_carried_on_and_on_neither_blurs_away_nor_swells() -> None:
    """OpenCV's bicubic kernel would swell its detail to 1.5 times, the usual one would leave 0.2 times."""
    image = clouds(96, 160, grain=3)
    carried, half = image, constant(96, 160, 0.5, 0.2)
    for _ in range(24):
        carried = warp(carried, half)
    detail = [float(x[:, 20:-20, 20:-40].diff(dim=-1).square().mean()) for x in (image, carried)]
    assert 0.6 < detail[1] / detail[0] < 1.05


@pytest.mark.parametrize("estimate", [dis, farneback])
@pytest.mark.parametrize(("dx", "dy"), [(4, 0), (0, -3), (-2.5, 1.5)])
def test_the_flow_of_a_shift_is_that_shift_in_size_and_direction(dx: float, dy: float, estimate: FlowEstimator) -> None:
    """The earlier image seen through the flow is the later one: direction is not inverted, size not halved."""
    earlier = clouds(96, 128, grain=6)
    image = warp(earlier, constant(96, 128, -dx, -dy))  # the content moved by (dx, dy)
    flow = optical_flow(image, earlier, estimate)[16:-16, 16:-16]
    assert np.median(flow[..., 0]) == pytest.approx(-dx, abs=0.15)
    assert np.median(flow[..., 1]) == pytest.approx(-dy, abs=0.15)


def test_equal_images_have_no_motion_at_all() -> None:
    motion = Motion.between(clouds(64, 64), clouds(64, 64))
    assert not motion.flow.any()
    assert motion.confidence.min() > 0.999


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (8, 8), (11, 40), (12, 12)])
def test_tiny_images_have_a_flow(size: tuple[int, int]) -> None:
    assert optical_flow(torch.rand(3, *size), torch.rand(3, *size)).shape == (*size, 2)
    assert Motion.between(torch.rand(3, *size), torch.rand(3, *size)).confidence.shape == size


def test_pixels_from_outside_count_as_hidden() -> None:
    flow = constant(20, 30, 5, 0)  # everything came from 5 pixels further right
    visible = visibility(flow, -flow)
    assert visible[:, :25].all()
    assert not visible[:, 25:].any()


def test_what_an_object_uncovers_counts_as_hidden() -> None:
    background, square = clouds(96, 128, grain=6), clouds(40, 40, seed=3, grain=4)
    earlier, image = background.clone(), background.clone()
    earlier[:, 30:70, 30:70] = square
    image[:, 30:70, 40:80] = square  # moved right by 10: columns 30..40 are uncovered
    visible = visibility(optical_flow(image, earlier), optical_flow(earlier, image))
    uncovered, still = visible[35:65, 31:38], visible[:, 100:]
    assert uncovered.float().mean() < 0.4
    assert still.float().mean() > 0.95


def test_motion_is_unsure_along_its_edges_only() -> None:
    flow = constant(40, 60, 0, 0)
    flow[10:30, 20:40] = (6, 0)
    unsure = motion_boundaries(flow)
    assert unsure[15:25, 19:21].all()
    assert not unsure[:, :18].any()
    assert not unsure[12:28, 22:38].any()


def test_a_smooth_zoom_has_no_edges() -> None:
    y, x = np.mgrid[:40, :60].astype(np.float32)
    assert not motion_boundaries(np.stack([0.01 * (x - 30), 0.01 * (y - 20)], -1)).any()


def test_without_a_flow_places_are_sure_where_the_images_agree() -> None:
    earlier = clouds(40, 60)
    image = earlier.clone()
    image[:, 10:30, 20:40] += 0.2
    motion = Motion.between(image, earlier, no_flow)
    assert not motion.flow.any()
    assert motion.visible.all()
    assert motion.confidence[13:27, 23:37].max() < 1e-3
    assert motion.confidence[:, :16].min() > 0.999


def test_what_looks_quite_different_is_hidden_though_the_flow_leads_back() -> None:
    """An object that jumps away further than a flow can follow leaves a place without motion."""
    earlier = 0.3 * clouds(60, 80)
    image = earlier.clone()
    image[:, 20:40, 20:40] = 0.9
    motion = Motion.between(image, earlier)
    assert not motion.visible[22:38, 22:38].any()
    assert motion.visible[:, 50:].all()


def test_a_film_that_is_carried_along_for_a_second_still_shows_its_shapes() -> None:
    """Layers that pan at different speeds; with a flow of half the size 0.77 were left, and trees were smeared."""
    with open_video(SAMPLE) as source:
        first, *others = [frame.image for frame, _ in zip(source, range(15), strict=False)]
    carried = before = first
    for image in others:
        motion = Motion.between(image, before)
        carried = torch.where(motion.visible, warp(carried, motion.flow).clamp(0, 1), image)
        before = image
    assert structure(carried, before) > 0.88


def test_the_edge_of_a_hidden_area_is_not_trusted_but_single_pixels_hide_no_others() -> None:
    visible = torch.ones(12, 16, dtype=torch.bool)
    visible[4:8, 5:9] = visible[10, 2] = False
    wanted = visible.clone()
    wanted[3:9, 4:10] = False
    assert torch.equal(_off_edges(visible), wanted)


def test_behind_a_square_that_moves_on_nothing_of_it_is_carried_to_what_appears() -> None:
    scene, square = clouds(72, 96, grain=6) * 0.5, torch.ones(3, 24, 24)
    images = [scene.clone() for _ in range(2)]
    for image, x in zip(images, (30, 36), strict=True):
        image[:, 24:48, x : x + 24] = square
    motion = Motion.between(images[1], images[0])
    carried = warp(images[0], motion.flow)
    appeared = carried[:, 24:48, 30:36][:, motion.visible[24:48, 30:36]]
    assert appeared.numel() == 0 or float(appeared.amax()) < 0.75
