"""Sizes and steps that hold a rate."""

import math

from hypothesis import given
from hypothesis import strategies as st

from vidstyle.live.painting import MARGIN, MOST_STEPS, PATIENCE, SMALLEST_LONG_SIDE, STRIDE, FrameBudget, Pace

CAMERA = (480, 640)


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
