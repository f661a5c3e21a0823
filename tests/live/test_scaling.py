"""Sizes and steps that hold a rate, and small paintings at the size of their images."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.images import clouds
from vidstyle.core.pixels import to_array
from vidstyle.live.scaling import (
    MARGIN,
    MOST_STEPS,
    PATIENCE,
    SMALLEST_LONG_SIDE,
    STRIDE,
    FrameBudget,
    Pace,
    sharpened,
)

CAMERA = (480, 640)
EDGE = np.full((120, 160, 3), 40, np.uint8)
EDGE[:, 83:] = 200
SMALL = np.asarray(cv2.resize(EDGE, (40, 30), interpolation=cv2.INTER_AREA), np.float32) / 255


def held(pace: Pace, cost: float, overhead: float = 0.03, images: int = 60) -> float:
    """The seconds of the last image of many on a machine of so many seconds a pixel."""
    seconds = 0.0
    for _ in range(images):
        budget = pace.budget
        painting = cost * budget.work
        seconds = painting + overhead
        pace.took(budget, painting, seconds)
    return seconds


@given(st.floats(1e-8, 2e-5), st.floats(1e-8, 2e-5), st.floats(0.2, 1.0))
def test_the_rate_is_held_whatever_the_first_guess(guess: float, cost: float, seconds: float) -> None:
    pace = Pace(CAMERA, seconds, guess)
    smallest = cost * SMALLEST_LONG_SIDE * 72 + 0.03
    assert held(pace, cost) <= max(seconds * 1.25, smallest * 1.1)


@given(st.floats(1e-8, 2e-5), st.floats(0.2, 1.0))
def test_the_time_is_used(cost: float, seconds: float) -> None:
    """As large as there is time for, or the largest with many steps."""
    pace = Pace(CAMERA, seconds, cost)
    took = held(pace, cost)
    full = pace.size == CAMERA
    assert took > 0.4 * MARGIN * seconds or (full and pace.budget.steps == MOST_STEPS)


def test_the_rate_is_that_of_the_last_images() -> None:
    pace = Pace(CAMERA, 0.4, 1e-5, fixed=True)
    assert held(pace, 1e-6, 0.1) * pace.rate == pytest.approx(1, rel=1e-3)


def test_a_size_that_is_asked_for_stays() -> None:
    pace = Pace((240, 320), 0.4, 1e-5, fixed=True)
    held(pace, 1e-4)
    assert pace.budget == FrameBudget((240, 320), 1)
    held(pace, 1e-7)
    assert pace.budget == FrameBudget((240, 320), MOST_STEPS)


def test_one_slow_image_changes_no_size() -> None:
    pace = Pace(CAMERA, 0.4, 8e-6)
    held(pace, 8e-6)
    size = pace.size
    for _ in range(PATIENCE - 1):
        pace.took(pace.budget, 4.0, 4.0)
    assert pace.size == size
    pace.took(pace.budget, 4.0, 4.0)
    assert math.prod(pace.size) < math.prod(size)


def test_sizes_keep_the_shape_in_strides() -> None:
    height, width = Pace((720, 1280), 0.4, 8e-6).size
    assert height % STRIDE == width % STRIDE == 0
    assert abs(width / height - 16 / 9) < 0.2


def enlarged(painting: np.ndarray) -> np.ndarray:
    return np.clip(cv2.resize(painting, (160, 120), interpolation=cv2.INTER_CUBIC) * 255, 0, 255)


def test_edges_of_the_image_come_back() -> None:
    """A painting that is the image itself, at a quarter of its size, comes out sharp."""
    lost = np.abs(enlarged(SMALL) - EDGE).mean()
    assert np.abs(sharpened(SMALL, EDGE).astype(float) - EDGE).mean() < lost / 3


def test_edges_turn_round_where_the_painting_does() -> None:
    lost = np.abs(enlarged(1 - SMALL) - (255 - EDGE)).mean()
    assert np.abs(sharpened(1 - SMALL, EDGE).astype(float) - (255 - EDGE)).mean() < lost / 3


def test_strokes_that_the_image_knows_nothing_of_stay() -> None:
    flat = np.full((120, 160, 3), 128, np.uint8)
    strokes = clouds(30, 40, grain=3).permute(1, 2, 0).numpy()
    assert np.abs(sharpened(strokes, flat) - enlarged(strokes)).max() <= 1


def test_noise_of_a_camera_is_no_detail() -> None:
    noise = np.random.default_rng(0).normal(0, 1, EDGE.shape)
    noisy = np.clip(EDGE + noise, 0, 255).astype(np.uint8)
    assert np.abs(sharpened(SMALL, noisy).astype(float) - sharpened(SMALL, EDGE)).mean() < 0.3


def test_a_painting_of_full_size_stays() -> None:
    image = clouds(40, 48)
    assert np.array_equal(sharpened(image.permute(1, 2, 0).numpy(), np.zeros((40, 48, 3), np.uint8)), to_array(image))
