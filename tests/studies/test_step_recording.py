"""Images of a painting's steps: few, in bounded memory, as far apart as each other."""

import itertools
from statistics import median

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.images import clouds
from vidstyle.core.losses import Losses
from vidstyle.core.stylize_image import Step
from vidstyle.studies.making import SPARE, EvenSteps, Kept, change

SIZE = (24, 32)
BEGIN, END = clouds(*SIZE, grain=4), clouds(*SIZE, seed=1, grain=4)


def step(number: int, image: Tensor, loss: float = 1.0) -> Step:
    return Step(number, 100, number / 100, image, Losses({"conv1_1": loss}))


def told(images: list[Tensor], frames: int = 20) -> EvenSteps:
    steps = EvenSteps(SIZE, frames)
    for number, image in enumerate(images, 1):
        steps(step(number, image, 1 / number))
    return steps


def way(places: list[float]) -> list[Tensor]:
    """Images at these places, 0 to 1, of the straight way from one image to another."""
    return [torch.lerp(BEGIN, END, place) for place in places]


def changes(images: list[Kept]) -> list[float]:
    return [change(*pair) for pair in itertools.pairwise(images)]


def assert_even(images: list[Kept]) -> None:
    found = changes(images)
    assert max(found) <= 3 * median(found)


def pixels(image: Tensor) -> np.ndarray:
    return (image * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)


def test_steps_that_get_smaller_are_shown_evenly() -> None:
    """Ever more steps lie between two images, and single ones that are too large are gone through in parts."""
    images = way([1 - 0.9**n for n in range(80)])
    found = told(images).chosen(20)
    assert 15 <= len(found) <= 20
    assert_even(found)
    gaps = [after.position - before.position for before, after in itertools.pairwise(found)]
    assert gaps[0] <= 1 < max(gaps[-3:])
    assert np.array_equal(found[0].pixels, pixels(images[0]))
    assert np.array_equal(found[-1].pixels, pixels(images[-1]))
    assert found[-1].position == 79


@settings(max_examples=25, deadline=None)
@given(
    strides=st.lists(st.floats(0.001, 1.0), min_size=1, max_size=60),
    count=st.integers(2, 40),
    swirl=st.floats(0.0, 1.0),
)
def test_whatever_the_steps_are_the_images_change_evenly(strides: list[float], count: int, swirl: float) -> None:
    places = [0.0, *itertools.accumulate(strides)]
    images = [
        (image + swirl * 0.1 * clouds(*SIZE, seed=number, grain=4)).clamp(0, 1)
        for number, image in enumerate(way([place / places[-1] for place in places]))
    ]
    steps = told(images, frames=30)
    found = steps.chosen(count)
    assert 2 <= len(found) <= count
    assert_even(found)
    assert np.array_equal(found[0].pixels, pixels(images[0]))
    assert np.array_equal(found[-1].pixels, pixels(images[-1]))
    assert [kept.position for kept in found] == sorted(kept.position for kept in found)


def test_memory_does_not_grow_with_the_steps() -> None:
    steps = EvenSteps(SIZE, frames=10)
    generator = torch.Generator().manual_seed(0)
    for number in range(1, 500):
        steps(step(number, torch.rand(3, *SIZE, generator=generator)))
        assert len(steps._kept) <= SPARE * 10
    assert len(steps.losses) == 499
    assert_even(steps.chosen(10))


def test_smaller_images_are_shown_at_the_final_size() -> None:
    steps = EvenSteps(SIZE)
    steps(step(1, BEGIN[:, ::4, ::4]))
    steps(step(2, BEGIN[:, ::2, ::2]))
    steps(step(3, END))
    found = steps.chosen(10)
    assert {kept.pixels.shape for kept in found} == {(*SIZE, 3)}
    assert np.array_equal(found[-1].pixels, pixels(END))


def test_the_painting_as_it_turned_out_is_the_last_image() -> None:
    steps = told(way([0.0, 0.5, 1.0]))
    steps.end(BEGIN)
    assert np.array_equal(steps.chosen(9)[-1].pixels, pixels(BEGIN))
    assert steps.losses == pytest.approx([1, 1 / 2, 1 / 3])


def test_a_single_step_is_two_equal_images() -> None:
    steps = told([BEGIN])
    steps.end(BEGIN)
    first, last = steps.chosen(60)
    assert np.array_equal(first.pixels, last.pixels)
