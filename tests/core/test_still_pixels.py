import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.images import clouds
from vidstyle.core.temporal import SLEEPS, WAKES, Stillness

SCENE = 0.2 + 0.6 * clouds(40, 60)
SETTLED = torch.zeros(40, 60, dtype=torch.bool)


def watched(*images: torch.Tensor) -> list[torch.Tensor]:
    """Which pixels of each image after the first are free."""
    stillness, found = Stillness.at(images[0]), []
    for image in images[1:]:
        stillness, free = stillness.after(image, SETTLED)
        found.append(free)
    return found


def test_what_did_not_change_is_held_everywhere() -> None:
    assert not any(free.any() for free in watched(SCENE, SCENE, SCENE))


def test_a_change_frees_itself_and_nothing_far_from_it() -> None:
    changed = SCENE.clone()
    changed[:, 15:25, 20:30] += 0.2
    (free,) = watched(SCENE, changed)
    assert free[15:25, 20:30].all()
    far = 20 - 6  # the blur spreads a change by some pixels
    assert not free[:, :far].any()


def test_faint_noise_is_no_change() -> None:
    noise = 0.004 * torch.randn(3, 40, 60, generator=torch.Generator().manual_seed(0))
    (free,) = watched(SCENE, SCENE, SCENE + noise)[1:]
    assert not free.any()


def test_a_slow_fade_is_seen_when_it_has_added_up() -> None:
    slow = WAKES / 5
    free = watched(*(SCENE + i * slow for i in range(12)))
    assert not any(f.any() for f in free[1:4])
    assert torch.stack(free[4:7]).any(0).all()  # a pixel wakes where its own change is large enough


def test_what_moves_stays_free_at_a_slower_pace_than_wakes_it() -> None:
    slow = (SLEEPS + WAKES) / 2
    awake = watched(SCENE, SCENE + 2 * WAKES, SCENE + 2 * WAKES + slow)
    asleep = watched(SCENE, SCENE, SCENE, SCENE + slow)
    assert awake[-1].all()
    assert not asleep[-1].any()


@settings(max_examples=40)
@given(st.integers(0, 39), st.integers(0, 59))
def test_unsettled_pixels_are_free_though_they_lie_still(y: int, x: int) -> None:
    unsettled = SETTLED.clone()
    unsettled[y, x] = True
    _, free = Stillness.at(SCENE).after(SCENE, SETTLED)[0].after(SCENE, unsettled)
    assert free[y, x]
    assert free.sum() == 1
