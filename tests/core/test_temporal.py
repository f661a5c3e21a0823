import itertools
import threading
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.images import clouds, random_filters
from vidstyle.core.flow import Flow, Motion, Tracked, dis, optical_flow, tracked, warp
from vidstyle.core.frame_style import Frame
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import Step, coarse_to_fine, sketch, stylize_image
from vidstyle.core.stylize_video import paint_frames, stylize_next
from vidstyle.core.temporal import (
    SETTLING,
    PaintedFrame,
    ShotState,
    WarpedPaint,
    bare_places,
    staleness,
    uncovered_filled,
)
from vidstyle.settings.settings import Settings

SETTINGS = Settings(
    style_layers="conv1_1,conv2_1", content_layers="conv2_2", steps=6, frame_steps=2, every=1, scales=1, pooling="avg"
)
MODEL = StyleModel.of([clouds(64, 64, seed=1, grain=3).round()], random_filters("conv2_2"), SETTINGS, balance=0.3)
SCENE = clouds(72, 120, grain=6)


def pan(count: int, step: int = 3) -> list[Frame]:
    return [Frame(i, i / 24, SCENE[:, :, step * i : step * i + 80].clone()) for i in range(count)]


def painted(frames: list[Frame]) -> list[PaintedFrame]:
    return list(paint_frames(MODEL, frames))


def test_every_frame_is_painted_in_order() -> None:
    frames = pan(4)
    results = painted(frames)
    assert [result.frame for result in results] == frames
    assert [result.painted.steps for result in results] == [6, 2, 2, 2]  # all steps: the pan uncovers


def test_the_paint_moves_with_the_image() -> None:
    first, second = painted(pan(2))
    still = (first.painted.image[:, 10:-10, 10:-10] - second.painted.image[:, 10:-10, 10:-10]).square().mean()
    moved = (first.painted.image[:, 10:-10, 13:-10] - second.painted.image[:, 10:-10, 10:-13]).square().mean()
    assert moved < 0.35 * still


def test_a_cut_clears_the_chain() -> None:
    """Nothing of the shot before is in the first frame of the next, bit for bit."""
    other = Frame(2, 2 / 24, clouds(72, 80, seed=8), cut=True)
    after = painted([*pan(2), other])[-1]
    alone = painted([other])[0]
    assert torch.equal(after.painted.image, alone.painted.image)
    assert after.painted.steps == 6


def test_a_frame_that_did_not_change_keeps_its_paint_bit_for_bit() -> None:
    frame = pan(1)[0]
    again = replace(frame, index=1, image=frame.image.clone())
    first, second = painted([frame, again])
    assert torch.equal(first.painted.image, second.painted.image)
    assert second.painted.steps == 0


@pytest.mark.parametrize("age", [SETTLING, SETTLING // 2])
def test_still_pixels_are_painted_on_by_single_steps_that_do_not_swing(age: int) -> None:
    frame, model = pan(1)[0], MODEL.changed(settings=SETTINGS.replace(frame_steps=1))
    state = ShotState.of_opener(frame, coarse_to_fine(MODEL, frame.image))
    motion = Motion.between(frame.image, frame.image)
    before, losses = state.last.image, []
    for _ in range(20):
        state = replace(state, age=torch.full_like(state.age, age))
        warped = WarpedPaint.of(state.paintings, {1: motion})
        state = stylize_next(model, Tracked(frame, {1: motion}), state, warped, None, repaint_still=True)
        losses.append(float(state.last.losses.spatial))
        assert 0 < float((state.last.image - before).square().mean().sqrt()) * 255 < 3
        before = state.last.image
    assert losses == sorted(losses, reverse=True)


def test_a_memory_goes_over_to_another_size() -> None:
    frame = pan(1)[0]
    state = ShotState.of_opener(frame, coarse_to_fine(MODEL, frame.image)).resized((36, 40))
    small = Frame(1, 0.1, F.interpolate(frame.image[None], (36, 40), mode="bicubic", antialias=True)[0].clamp(0, 1))
    motion = Motion.between(small.image, state.contents[0])
    warped = WarpedPaint.of(state.paintings, {1: motion})
    after = stylize_next(MODEL, Tracked(small, {1: motion}), state, warped, None)
    assert after.last.image.shape == (3, 36, 40)
    assert float((after.last.image - state.last.image).abs().mean()) < 0.02


def test_a_frame_of_another_size_opens_a_shot() -> None:
    assert [r.painted.steps for r in painted([*pan(1), Frame(1, 0.1, clouds(60, 70))])] == [6, 6]


def test_the_loss_of_followers_stays_as_low_as_the_first_frames() -> None:
    losses = [float(result.painted.losses.total) for result in painted(pan(6))]
    assert max(losses[1:]) < 1.2 * losses[0]


def test_steps_are_told_for_every_frame() -> None:
    seen: list[Step] = []
    list(paint_frames(MODEL, pan(3), seen.append))
    assert [step.number for step in seen] == [1, 2, 3, 4, 5, 6, 1, 2, 1, 2]


@pytest.mark.parametrize("every", [1, 2, 3])
def test_frames_between_every_nth_are_the_painting_moved_along(every: int) -> None:
    """They take no steps, and where they show what the frame before did, they show its painting."""
    frames = pan(7, step=1)
    results = list(paint_frames(MODEL.changed(settings=SETTINGS.replace(every=every)), frames))
    assert [bool(result.painted.steps) for result in results] == [not i % every for i in range(7)]
    for before, after in itertools.pairwise(results):
        if not after.painted.steps:
            moved = warp(before.painted.image, optical_flow(after.frame.image, before.frame.image))
            assert float((moved - after.painted.image)[:, 6:-6, 6:-6].abs().mean()) < 1 / 255
    assert not torch.equal(results[every].painted.image, results[every - 1].painted.image)


def test_frames_that_show_much_that_is_new_are_always_optimised() -> None:
    model = MODEL.changed(settings=SETTINGS.replace(every=9))
    assert all(result.painted.steps for result in list(paint_frames(model, pan(6, step=8)))[3:])
    changing = [Frame(i, i / 24, torch.lerp(SCENE[:, :, :80], 1 - SCENE[:, :, :80], i / 6)) for i in range(6)]
    assert sum(result.painted.steps > 0 for result in paint_frames(model, changing)) > 2


def test_what_changes_while_frames_wait_is_painted_afterwards() -> None:
    """A square that moves in a frame without steps, and then stands, is not forgotten."""
    model = MODEL.changed(settings=SETTINGS.replace(every=2, look_back="1"))
    views = [moved_square(offset) for offset in (0, 12, 12, 12)]
    results = list(paint_frames(model, [Frame(i, i / 24, view) for i, view in enumerate(views)]))
    assert [bool(result.painted.steps) for result in results][:3] == [True, False, True]


def test_uncovered_pixels_take_the_contents_shapes_in_the_paintings_colours() -> None:
    content = clouds(40, 50)
    painting = 1 - content  # an affine map of the content's colours, so that the fit can be exact
    visible = torch.ones(40, 50, dtype=torch.bool)
    visible[10:20, 10:30] = False
    warped = painting.clone()
    warped[:, ~visible] = 0.123
    filled = uncovered_filled(warped, content, visible)
    assert torch.allclose(filled[:, ~visible], painting[:, ~visible], atol=0.02)
    assert torch.equal(filled[:, visible], warped[:, visible])


@pytest.mark.parametrize("shown", [0, 5, 2000])
def test_with_hardly_anything_visible_the_content_itself_is_taken(shown: int) -> None:
    visible = torch.zeros(2000, dtype=torch.bool)
    visible[:shown] = True
    visible = visible.view(40, 50)
    warped, content = clouds(40, 50), clouds(40, 50, seed=1)
    assert torch.equal(uncovered_filled(warped, content, visible), torch.where(visible, warped, content))


def moved_square(offset: int) -> Tensor:
    """A still background with a square in front of it, `offset` pixels to the right."""
    scene = SCENE[:, :, :80].clone()
    scene[:, 20:44, 10 + offset : 34 + offset] = clouds(24, 24, seed=5, grain=4)
    return scene


def test_what_lies_still_keeps_its_paint_bit_for_bit_beside_what_moves() -> None:
    frames = [Frame(i, i / 24, moved_square(4 * i)) for i in range(4)]
    results = painted(frames)
    for before, after in itertools.pairwise(results):
        assert torch.equal(after.painted.image[:, :, 60:], before.painted.image[:, :, 60:])
    assert not torch.equal(results[1].painted.image, results[0].painted.image)


def test_a_frame_that_is_mostly_held_takes_fewer_steps() -> None:
    model = MODEL.changed(settings=SETTINGS.replace(frame_steps=6))
    frames = [Frame(i, i / 24, moved_square(4 * i)) for i in range(3)]
    steps = [result.painted.steps for result in paint_frames(model, frames)]
    assert 1 <= max(steps[1:]) < 6
    panned = [result.painted.steps for result in paint_frames(model, pan(3))][1:]
    assert all(6 <= count <= 12 for count in panned)


def test_uncovered_pixels_are_painted_and_not_left_as_the_content() -> None:
    """What comes into sight gets paint over the next frames: it leaves what it was filled with."""
    frames = [Frame(i, i / 24, moved_square(24 if i else 0)) for i in range(8)]
    second, last = (painted(frames)[i].painted.image[:, 22:42, 12:32] for i in (1, -1))
    assert float((last - second).abs().mean()) > 0.02


def test_bare_places_are_large_new_areas_and_no_edges_of_moving_things() -> None:
    fresh = torch.zeros(1, 60, 100)
    fresh[:, :, 90:] = 1  # what a pan brings into sight
    fresh[:, 10:50, 40:42] = 1  # beside a thing that moves
    bare = bare_places(fresh)
    assert bool((bare[:, :, 94:] == 1).all())
    assert bool((bare[:, :, :80] == 0).all())


def test_coarse_strokes_change_new_places_alone() -> None:
    model = MODEL.changed(settings=SETTINGS.replace(scales=2))
    content, start, new = clouds(72, 80, grain=6), clouds(72, 80, seed=4), torch.zeros(1, 72, 80)
    new[:, :, 60:] = 1
    sketched = sketch(model, content, start, new)
    assert torch.equal(sketched[:, :, :60], start[:, :, :60])
    losses = [float(model.objective(model.coloured(content))(image).total) for image in (start, sketched)]
    assert losses[1] < losses[0]


def test_a_frame_whose_content_is_far_off_gives_the_next_one_more_steps() -> None:
    frames = pan(2)
    first = painted(frames[:1])[0]
    state = ShotState.of_opener(first.frame, first.painted)
    *_, one = tracked(frames, (1,), dis)
    warped = WarpedPaint.of(state.paintings, one.motions)
    steps = [
        stylize_next(MODEL, one, replace(state, content=share * state.content), warped, None).last.steps
        for share in (1, 0.5)
    ]
    assert steps == [2, 5]


def test_paint_that_was_hidden_for_a_frame_comes_back() -> None:
    paintings = (torch.full((3, 8, 8), 0.2), torch.full((3, 8, 8), 0.8))
    still, all_seen = torch.zeros(8, 8, 2), torch.ones(8, 8, dtype=torch.bool)
    left = all_seen.clone()
    left[:, 4:] = False
    one, two = Motion(still, left, left.float()), Motion(still, all_seen, 0.5 * all_seen)
    found = WarpedPaint.of(paintings, {2: two, 1: one})
    assert torch.equal(found.paint[:, :, :4], paintings[0][:, :, :4])  # the closest first
    assert torch.equal(found.paint[:, :, 4:], paintings[1][:, :, 4:])
    assert found.known.all()
    assert (found.confidence == torch.where(left, 1.0, 0.5)).all()


CHANGES = {"flow": "none", "stability": 200.0, "look_back": "1"}


@pytest.mark.parametrize("option", CHANGES)
def test_every_option_of_motion_changes_following_frames(option: str) -> None:
    """A square that passes hides the background for two frames, so that looking back further matters."""
    views = [moved_square(offset) for offset in (0, 14, 28, 40)]
    frames = pan(4) if option == "stability" else [Frame(i, i / 24, view) for i, view in enumerate(views)]
    changed = replace(MODEL, settings=SETTINGS.replace(**{option: CHANGES[option]}))
    assert not torch.equal(list(paint_frames(changed, frames))[-1].painted.image, painted(frames)[-1].painted.image)


def test_a_still_background_does_not_drift_over_150_frames() -> None:
    """With noise as of a camera, all of it under the threshold of a change or all of it over.

    After 50 frames: a first frame goes on to settle, and takes its own noise for shapes, which is no drift.
    """
    model = MODEL.changed(settings=SETTINGS.replace(steps=60))
    generator = torch.Generator().manual_seed(3)
    for noise in (0.004, 0.03):
        views = (SCENE[:, :40, :48] + noise * torch.randn(3, 40, 48, generator=generator) for _ in range(200))
        frames = (Frame(i, i / 24, view.clamp(0, 1)) for i, view in enumerate(views))
        *_, last = paintings = [result.painted.image for result in paint_frames(model, frames)]
        assert abs(float((last - paintings[50]).mean())) * 255 < 1


def test_a_frame_that_shows_nothing_known_is_painted_like_a_first_one() -> None:
    """A flash of light: the photograph itself must not show."""
    flash = Frame(2, 2 / 24, (SCENE[:, :, 6:86] + 0.6).clamp(0, 1))
    results = painted([*pan(2), flash, Frame(3, 3 / 24, SCENE[:, :, 9:89].clone())])
    assert [result.painted.steps for result in results][2:] == [6, 6]


def test_settled_paint_stays_settled_under_a_pan_by_parts_of_a_pixel() -> None:
    wide = F.interpolate(SCENE[None], scale_factor=4, mode="bicubic")[0].clamp(0, 1)
    frames = [Frame(i, i / 24, F.avg_pool2d(wide[:, :, 2 * i : 2 * i + 320], 4)) for i in range(3)]
    one, state = (
        list(tracked(frames, (1,), dis))[1],
        ShotState.of_opener(frames[0], stylize_image(MODEL, frames[0].image)),
    )
    after = stylize_next(MODEL, one, state, WarpedPaint.of(state.paintings, one.motions), None)
    assert (after.age[:, :, :-4] == SETTLING).float().mean() > 0.97


def test_stopping_early_ends_the_thread() -> None:
    frames = paint_frames(MODEL, pan(6))
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "vidstyle-read-ahead"]


def test_pixels_from_outside_of_the_last_frame_are_not_drawn_to_black() -> None:
    """Where a warp reads beyond the frame others see black, and their temporal loss holds the paint to it."""
    white = [Frame(i, i / 24, (0.7 + 0.3 * SCENE)[:, :, 6 * i : 6 * i + 80].clone()) for i in range(3)]
    model = MODEL.changed(balance=30.0)
    *_, last = paint_frames(model, white)
    new = last.painted.image[:, :, -6:].mean()
    assert float(new) > 0.8 * float(last.painted.image[:, :, 20:-20].mean())


def test_the_flow_is_looked_for_once_a_frame_and_not_once_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Tensor] = []

    def counted(image: Tensor, earlier: Tensor) -> Flow:
        asked.append(image)
        return dis(image, earlier)

    monkeypatch.setattr("vidstyle.core.stylize_video.flow_estimator", lambda *_: counted)
    model = MODEL.changed(settings=SETTINGS.replace(look_back="1", frame_steps=5))
    list(paint_frames(model, pan(4)))
    assert len(asked) == 2 * 3  # both ways, for each frame after the first


def test_frames_stop_at_the_loss_of_the_shots_first() -> None:
    """With the noise of a camera all pixels stay free, but the paint is as good as it was."""
    generator = torch.Generator().manual_seed(3)
    views = [(SCENE[:, :, :80] + 0.03 * torch.randn(3, 72, 80, generator=generator)).clamp(0, 1) for _ in range(12)]
    model = MODEL.changed(settings=SETTINGS.replace(frame_steps=6))
    results = list(paint_frames(model, [Frame(i, i / 24, view) for i, view in enumerate(views)]))
    level = float(results[0].painted.losses.spatial)
    early = [one.painted for one in results[1:] if one.painted.steps < 6]
    assert early
    assert all(float(painted.losses.spatial) <= level for painted in early)


def test_paint_is_out_of_date_by_how_much_its_place_has_changed() -> None:
    frames, content = pan(2), SCENE[:, :, :80]
    change, stale = staleness(content, content)
    assert not change.any()
    assert not stale.any()
    assert float(staleness(frames[0].image, frames[1].image)[1].max()) > 0.5
    change, stale = staleness(content, content + 0.05)
    assert float(change.median()) == pytest.approx(0.05, abs=1e-4)
    assert float(stale.median()) == pytest.approx(0.5, abs=0.01)


def test_what_a_scene_dissolves_into_is_painted_and_nothing_of_the_first_stays() -> None:
    """Each frame changes too little for its motion to tell; the second scene has the first one's colours."""
    a, b = SCENE[:, :64, :80], SCENE[:, 8:, 40:].flip(1).flip(2)
    shares = [min(1.0, i / 12) for i in range(20)]
    frames = [Frame(i, i / 24, torch.lerp(a, b, share)) for i, share in enumerate(shares)]
    last = painted(frames)[-1].painted.image
    alone = coarse_to_fine(MODEL, b).image

    def like(image: torch.Tensor, scene: torch.Tensor) -> float:
        pair = torch.stack([image.mean(0).flatten(), scene.mean(0).flatten()])
        return float(torch.corrcoef(pair)[0, 1])

    assert like(last, a) < like(alone, a) + 0.1
    assert like(last, b) > 0.8 * like(alone, b)


def test_new_paint_goes_further_in_the_first_step_than_settled_paint() -> None:
    """Of one frame, its first half uncovered just now; no temporal loss acts before the second step."""
    moved = _moved_by_age(SETTINGS.replace(frame_steps=1))
    assert float(moved[:35].mean()) > 1.4 * float(moved[45:].mean())


def test_settled_paint_moves_less_than_new_paint() -> None:
    """Of one frame: its first half was uncovered just now, the other has been in sight for long and is held stiffly."""
    moved = _moved_by_age(SETTINGS.replace(frame_steps=6, stability=0.2))
    assert float(moved[45:].mean()) < 0.5 * float(moved[:35].mean())


def _moved_by_age(settings: Settings) -> Tensor:
    """How far the paint of each column of a frame moves, (W,); the first 40 were uncovered just now."""
    before, other = clouds(72, 80, grain=6), clouds(72, 80, seed=1, grain=6)
    frames = [replace(f, image=image) for f, image in zip(pan(2), (before, before.lerp(other, 0.1)), strict=True)]
    opener = ShotState.of_opener(frames[0], stylize_image(MODEL, frames[0].image))
    age = opener.age.clone()
    age[:, :, :40] = 0
    still = Motion.between(frames[0].image, frames[0].image.clone())
    one = Tracked(frames[1], {1: still})
    model = MODEL.changed(settings=settings)
    after = stylize_next(model, one, replace(opener, age=age), WarpedPaint.of(opener.paintings, one.motions), None)
    return (after.last.image - opener.last.image).abs().mean((0, 1))
