"""Live painting of a camera over HTTP."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cameras import camera_of, jpeg
from tests.images import clouds, random_filters
from tests.live.scenes import live, noisy, view
from tests.refusals import refused
from vidstyle.core.calibration import TYPICAL_SLOPE
from vidstyle.core.style_model import StyleModel
from vidstyle.live.painting import FADE, LiveImage, LivePainting, paint_live, settled_image
from vidstyle.live.scaling import Pace
from vidstyle.settings.presets import LIVE
from vidstyle.settings.settings import Settings
from vidstyle.video.camera import Camera, Snap


def moved(before: LiveImage, after: LiveImage) -> float:
    """Levels, mean, from one painting to the next."""
    return float(np.abs(after.pixels.astype(float) - before.pixels).mean())


def test_a_still_scene_gets_better_and_does_not_flicker() -> None:
    with live(noisy(view(40))) as painting:
        painting.pace = Pace((72, 80), 1e-3, 1e-6, fixed=True)  # one step an image, as on a slow machine
        images = list(itertools.islice(painting.paintings(), 40))
    losses = [float(image.painted.losses.total) for image in images]
    assert [image.opens for image in images] == [True] + [False] * 39
    assert losses[39] < losses[20] < losses[5] < losses[1]
    changes = [moved(*pair) for pair in itertools.pairwise(images)]
    assert np.mean(changes) < 0.5
    assert moved(images[1], images[39]) > 0.5  # it is not only held


def test_a_scene_that_moves_takes_its_paint_along() -> None:
    with live([jpeg(view(40))]) as painting:
        painting.painted(_snap(view(40), 0))
        first = painting.painted(_snap(view(40), 1))
        second = painting.painted(_snap(view(46), 2))
    assert not second.opens
    shifted = np.abs(second.pixels[20:-20, 20:-26].astype(float) - first.pixels[20:-20, 26:-20]).mean()
    stayed = np.abs(second.pixels[20:-20, 20:-26].astype(float) - first.pixels[20:-20, 20:-26]).mean()
    assert shifted < 0.5 * stayed


def test_another_scene_is_painted_anew() -> None:
    with live([jpeg(view(0))]) as painting:
        painting.painted(_snap(view(0), 0))
        other = painting.painted(_snap(255 - view(80), 1))
        alone = _alone(255 - view(80))
    assert other.opens
    assert np.array_equal(other.pixels, alone.pixels)


def test_another_size_goes_on_with_the_paint() -> None:
    with live([jpeg(view(40))]) as painting:
        before = painting.painted(_snap(view(40), 0))
        painting.pace = Pace((56, 64), 10.0, 1e-6, fixed=True)
        after = painting.painted(_snap(view(40), 1))
    assert not after.opens
    assert after.painted.image.shape == (3, 56, 64)
    assert after.pixels.shape == before.pixels.shape == (144, 160, 3)
    assert moved(before, after) < 0.6 * moved(before, _alone(view(40), (56, 64)))


def test_a_style_goes_over_into_another() -> None:
    with live([jpeg(view(40))]) as painting:
        painting.painted(_snap(view(40), 0))
        painting.style = 1
        shares = [painting.painted(_snap(view(40), n + 1)).look.shares for n in range(FADE + 2)]
    second = [share[1] for share in shares if share]
    assert second == sorted(second)
    assert 0.5 < second[0] <= 0.5 + 1.5 / FADE
    assert shares[-1] == (0.0, 1.0)
    assert all(sum(share) == pytest.approx(1) for share in shares if share)


def test_the_first_image_has_the_style_that_is_wished() -> None:
    with live([jpeg(view(40))]) as painting:
        painting.style = 1
        assert painting.painted(_snap(view(40), 0)).look.shares == (0.0, 1.0)


def test_strength_is_led_by_the_typical_slope() -> None:
    with live([jpeg(view(40))]) as painting:
        painting.strength = 0.7
        weak = painting.model.balance_for(painting.painted(_snap(view(40), 0)).look)
    assert np.log(weak / 0.3) == pytest.approx(-0.4 * 0.2 / TYPICAL_SLOPE)


def _alone(image: NDArray[np.uint8], size: tuple[int, int] = (72, 80)) -> LiveImage:
    with live([jpeg(image)], size) as painting:
        return painting.painted(_snap(image, 0))


def _snap(image: NDArray[np.uint8], number: int) -> Snap:
    return Snap(image, number, float(number))


def test_several_styles_are_blended_as_the_settings_say() -> None:
    """All count the same where nothing is said, as in films; a blend has a share for each."""
    styles = [clouds(32, 32, seed=seed) for seed in (1, 2)]
    for blend, shares in (("", (0.5, 0.5)), ("3,1", (0.75, 0.25))):
        model = StyleModel.of(styles, random_filters(), Settings(**LIVE).replace(style_blend=blend))
        painting = LivePainting(model, None, None)  # type: ignore[arg-type]
        assert painting._next_look().shares == shares
    with refused("VS242", "2", "1"):
        paint_live(None, styles[:1], Settings(**LIVE).replace(style_blend="1,1"))  # type: ignore[arg-type]


def test_a_camera_that_begins_in_the_dark_is_calibrated_on_what_it_shows_later() -> None:
    def shown(number: int) -> bytes:
        return jpeg((view(0) * min(1.0, number / 8)).astype(np.uint8))

    with camera_of(shown, rate=20) as server, Camera(server.url) as camera:
        snap = settled_image(camera)
    assert snap is not None
    assert snap.pixels.mean() > 0.8 * view(0).mean()
