from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.images import clouds
from vidstyle.core.cuts import SHORTEST_SHOT, find_cuts, mark_cuts
from vidstyle.core.frame_style import Frame

RATE = Fraction(24000, 1001)


def film(*lengths: int, pan: int = 1) -> list[Frame]:
    """Shots of the given lengths, each another image under a moving camera."""
    images = [
        torch.roll(clouds(60, 80, seed=shot, grain=20), pan * i, 2) for shot, n in enumerate(lengths) for i in range(n)
    ]
    return [Frame(i, i / float(RATE), image) for i, image in enumerate(images)]


@pytest.mark.parametrize("lengths", [(20, 15, 30), (12, 12), (30,)])
def test_cuts_are_found_where_they_are(lengths: tuple[int, ...]) -> None:
    expected, position = [], 0
    for length in lengths[:-1]:
        position += length
        expected.append(position)
    assert find_cuts(film(*lengths), RATE) == tuple(expected)


def test_camera_motion_is_no_cut() -> None:
    assert find_cuts(film(40, pan=5), RATE) == ()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_films_of_hardly_any_frames_have_no_cut(count: int) -> None:
    assert find_cuts(film(count), RATE) == ()


def test_short_shots_are_believed() -> None:
    assert SHORTEST_SHOT <= 5
    assert find_cuts(film(20, 6, 20), RATE) == (20, 26)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.sets(st.integers(0, 40)))
def test_marking_changes_nothing_but_the_marks(count: int, cuts: set[int]) -> None:
    frames = film(count)
    marked = list(mark_cuts(frames, cuts))
    assert [frame.cut for frame in marked] == [position in cuts for position in range(count)]
    assert [frame.index for frame in marked] == list(range(count))
    assert all(a.image is b.image for a, b in zip(frames, marked, strict=True))
