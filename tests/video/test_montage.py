"""Images beside each other, and a curve in a corner."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidstyle.video.montage import GAP, beside, column, column_width, draw_curve, main_size, resized

sides = st.integers(40, 900)


@given(main=st.tuples(sides, sides), others=st.lists(st.tuples(sides, sides), max_size=4), width=st.integers(200, 2000))
def test_a_montage_is_as_wide_as_asked_and_keeps_shapes(
    main: tuple[int, int], others: list[tuple[int, int]], width: int
) -> None:
    height, wide = main_size(width, main, others)
    assert height == pytest.approx(wide * main[0] / main[1], abs=1 + main[0] / main[1])
    if not others:
        assert wide == width
    elif height > 60:
        assert wide + GAP + column_width(height, others) == pytest.approx(width, abs=3 + 2 * main[1] / main[0])


def test_an_image_of_its_own_size_keeps_it() -> None:
    """So that nothing is resized where nothing has to be."""
    main, others = (384, 512), [(384, 512), (500, 300)]
    width = main[1] + GAP + column_width(main[0], others)
    assert main_size(width, main, others) == main


def test_a_column_shows_all_images_with_white_between() -> None:
    red, blue = np.full((30, 60, 3), (255, 0, 0), np.uint8), np.full((50, 40, 3), (0, 0, 255), np.uint8)
    drawn = column([red, blue], (200, 112))
    edges = [int(y) for y in np.flatnonzero((drawn == 255).all((1, 2)))]
    assert edges == list(range(edges[0], edges[0] + GAP))
    assert (drawn[: edges[0]] == (255, 0, 0)).all()
    assert (drawn[edges[-1] + 1 :] == (0, 0, 255)).all()
    assert edges[0] == pytest.approx(112 / 2, abs=1)
    both = beside(drawn, drawn)
    assert both.shape == (200, 112 + GAP + 112, 3)
    assert (both[:, 112 : 112 + GAP] == 255).all()


def test_resizing_is_smooth() -> None:
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    for size in ((32, 32), (128, 100)):
        drawn = resized(ramp, size)
        assert drawn.shape == (*size, 3)
        assert np.diff(drawn[:, :, 0].astype(int)).min() >= 0
        assert np.diff(drawn[:, :, 0].astype(int)).max() <= 10


def dot_of(image: np.ndarray) -> tuple[float, float]:
    """Where the dot of a curve is: x and y."""
    y, x = np.nonzero((image.astype(int) - (255, 190, 60)).__abs__().max(-1) < 40)
    return float(x.mean()), float(y.mean())


def test_the_dot_goes_along_the_curve() -> None:
    """To the right with the steps, down with the loss, by its logarithm; only the corner is drawn on."""
    values = [10.0**-n for n in range(5)]
    dots = []
    for position in range(5):
        image = np.full((200, 300, 3), 90, np.uint8)
        draw_curve(image, values, position, ("loss 1", "1/5"), 10)
        assert (image[:140] == 90).all()
        assert (image[:, :170] == 90).all()
        dots.append(dot_of(image))
    for axis in (0, 1):
        strides = np.diff([dot[axis] for dot in dots])
        assert strides.min() > 0
        assert strides.max() - strides.min() < 1.5


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0], [0.0, 1.0], [1e30, 1e-30]])
@pytest.mark.parametrize("size", [(16, 16), (40, 24), (300, 300)])
def test_any_curve_can_be_drawn_on_any_image(values: list[float], size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 200, np.uint8)
    draw_curve(image, values, len(values) - 1, ("loss 0.123", "1000/1000"), max(size) // 36)
    assert (image[:4] == 200).all()
    assert not (image == 200).all()
