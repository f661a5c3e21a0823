"""Exposures, scenes and bars: what was done to a film is found again."""

import dataclasses
import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.images import clouds
from vidstyle.core.color_transfer import contrast, luminance_of
from vidstyle.core.exposure import FAINTEST, Scenes, find_bars, find_scenes, scenes_of_image, thumbnail
from vidstyle.core.frame_style import EVEN, Exposure, Frame

A, B = clouds(72, 120, grain=24), clouds(72, 120, grain=24, seed=9).flip(2)


def scenes_of(images: Sequence[Tensor], cuts: Sequence[int] = ()) -> Scenes:
    return find_scenes([thumbnail(image) for image in images], [contrast(image) for image in images], cuts)


def pan(count: int, scene: Tensor = A) -> list[Tensor]:
    return [scene[:, :64, i : i + 80] for i in range(count)]


def evened(images: Sequence[Tensor], scenes: Scenes) -> list[Tensor]:
    frames = [Frame(i, i / 24, image) for i, image in enumerate(images)]
    return [frame.content for frame in scenes.evened(frames, lambda at: images[at])]


def test_a_film_without_changes_of_light_is_left_alone() -> None:
    found = scenes_of(pan(12))
    assert (found.exposures, found.shows, found.cuts) == ({}, {}, ())


def test_a_fade_from_black_is_found_and_every_frame_shows_the_scene() -> None:
    images = [min(1.0, i / 10) * image for i, image in enumerate(pan(16))]
    found = scenes_of(images)
    for i in range(2, 9):
        assert found.exposures[i].gain == pytest.approx((i / 10,) * 3, abs=0.04)
    assert 0 in found.shows
    for image, plain in zip(evened(images, found), pan(16), strict=True):
        assert float((image - plain).abs().mean()) < 0.06


@given(
    gain=st.tuples(*[st.floats(0.4, 1.0)] * 3).filter(lambda gain: min(gain) < 0.85),
    offset=st.floats(0.0, 0.3),
)
@settings(max_examples=30, deadline=None)
def test_a_gain_and_an_offset_of_each_channel_are_found(gain: tuple[float, float, float], offset: float) -> None:
    changed = (A * torch.tensor(gain).view(3, 1, 1) * (1 - offset) + offset).clamp(0, 1)
    even = scenes_of([A, A, changed]).exposures[2].evened(changed)
    assert float((even - A).abs().mean()) < 0.03


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_flash_is_no_cut_and_shows_its_neighbours_scene(value: float) -> None:
    images = [image if i % 4 else torch.full_like(image, value) for i, image in enumerate(pan(12))]
    found = scenes_of(images, cuts=[4, 5, 9])
    assert found.cuts == ()
    assert set(found.shows) == {0, 4, 8}
    assert found.exposures[4].applied(A, 0.5) == pytest.approx(torch.full_like(A, value))


def test_black_between_two_scenes_holds_the_cut_between_them() -> None:
    def dark(image: Tensor, share: float) -> Tensor:
        return share * image

    first = [dark(image, share) for image, share in zip(pan(6), (1, 1, 1, 0.6, 0.3, 0), strict=True)]
    second = [dark(image, share) for image, share in zip(pan(6, B), (0, 0.3, 0.6, 1, 1, 1), strict=True)]
    found = scenes_of([*first, *second])
    assert len(found.cuts) == 1
    assert 4 < found.cuts[0] < 8
    assert all((at < found.cuts[0]) == (other < found.cuts[0]) for at, other in found.shows.items())


def test_a_cut_to_another_scene_stays() -> None:
    assert scenes_of([*pan(6), *pan(6, B)], cuts=[6]).cuts == (6,)


def test_what_enters_or_leaves_is_no_exposure() -> None:
    wall = torch.tensor([0.6, 0.5, 0.4]).view(3, 1, 1).expand(3, 64, 80)
    wide = torch.cat([A[:, :64, :80], wall, A[:, :64, :80]], 2)
    found = scenes_of([wide[:, :, 4 * i : 4 * i + 80] for i in range(40)])
    assert not [at for at in found.shows if not 15 < at < 25]
    assert min((min(one.gain) for at, one in found.exposures.items() if at not in found.shows), default=1) > FAINTEST


def test_a_dark_scene_is_lifted_and_its_painting_has_its_brightness() -> None:
    found = scenes_of_image(0.08 * A).exposures[0]
    assert float(found.evened(0.08 * A).mean()) > 0.2
    painting = clouds(64, 80, seed=4)
    shown = found.applied(painting, float(luminance_of(painting).mean()))
    assert float(luminance_of(shown).mean()) == pytest.approx(float(luminance_of(0.08 * A).mean()), rel=0.3)
    assert scenes_of_image(A).exposures == {}


def test_a_share_of_an_exposure_lies_between_none_and_all() -> None:
    exposure = Exposure((0.5, 0.4, 0.6), (0.1, 0.0, 0.0))
    assert torch.equal(exposure.applied(A, 0.5, 0.0), A)
    half, whole = exposure.applied(A, 0.5, 0.5), exposure.applied(A, 0.5)
    assert torch.allclose(half, (A + whole) / 2, atol=1e-6)


@pytest.mark.parametrize("transposed", [False, True])
def test_bars_are_found_where_they_are(transposed: bool) -> None:
    light = luminance_of(0.3 + 0.7 * A)
    light[:9] = light[-10:] = 0.01
    found = find_bars(light.T if transposed else light)
    assert found == ((0, 0, 9, 10) if transposed else (9, 10, 0, 0))


def test_dark_places_of_an_image_are_no_bars() -> None:
    night = torch.zeros(72, 120)
    night[30:40, 50:70] = 1
    ground = torch.full((72, 120), 0.5)
    ground[:12] = 0
    assert find_bars(night) == find_bars(ground) == find_bars(torch.zeros(72, 120)) == (0, 0, 0, 0)


def test_scenes_outlive_the_process() -> None:
    found = scenes_of([0.0 * A, 0.5 * A, A, 0.4 * B, B], cuts=[3])
    again = Scenes.of_json(json.loads(json.dumps(dataclasses.asdict(found))), 5, (72, 120))
    assert again == found


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.update(cuts=[3, 2]),
        lambda facts: facts.update(shows={"9": 1}),
        lambda facts: facts.update(bars=[40, 40, 0, 0]),
        lambda facts: facts["exposures"].update({"1": {**dataclasses.asdict(EVEN), "gain": [0, 0, 0]}}),
        lambda facts: facts["exposures"].update({"1": {**dataclasses.asdict(EVEN), "lift": float("nan")}}),
    ],
)
def test_scenes_that_cannot_be_are_refused(change: Callable[[dict[str, object]], None]) -> None:
    facts = json.loads(json.dumps(dataclasses.asdict(Scenes((2,)))))
    change(facts)
    with pytest.raises(ValueError, match="that cannot be"):
        Scenes.of_json(facts, 5, (64, 80))


def test_thumbnails_are_means_of_pixels() -> None:
    small = thumbnail(A)
    assert small.shape[1] == 24
    assert np.allclose(small.mean((0, 1)), A.mean((1, 2)).numpy(), atol=0.01)
