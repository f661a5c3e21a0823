from dataclasses import replace

import pytest
import torch

from tests.pictures import clouds, random_filters
from vidstyle.media.source import Frame
from vidstyle.motion.chain import PaintedFrame, paint_frames, uncovered_filled
from vidstyle.painting.painter import Painter, Step
from vidstyle.settings import Settings

SETTINGS = Settings(
    style_layers="conv1_1,conv2_1", content_layers="conv2_2", steps=6, frame_steps=2, scales=1, pooling="avg"
)
PAINTER = Painter([clouds(64, 64, seed=1, grain=3).round()], random_filters("conv2_2"), SETTINGS, balance=0.3)
SCENE = clouds(72, 120, grain=6)


def pan(count: int, step: int = 3) -> list[Frame]:
    return [Frame(i, i / 24, SCENE[:, :, step * i : step * i + 80].clone()) for i in range(count)]


def painted(frames: list[Frame]) -> list[PaintedFrame]:
    return list(paint_frames(PAINTER, frames))


def test_every_frame_is_painted_in_order() -> None:
    frames = pan(4)
    results = painted(frames)
    assert [result.frame for result in results] == frames
    assert [result.painted.steps for result in results] == [6, 2, 2, 2]


def test_the_paint_moves_with_the_picture() -> None:
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


def test_a_frame_of_another_size_opens_a_shot() -> None:
    assert [r.painted.steps for r in painted([*pan(1), Frame(1, 0.1, clouds(60, 70))])] == [6, 6]


def test_the_loss_of_followers_stays_as_low_as_the_first_frames() -> None:
    losses = [float(result.painted.losses.total) for result in painted(pan(6))]
    assert max(losses[1:]) < 1.2 * losses[0]


def test_steps_are_told_for_every_frame() -> None:
    seen: list[Step] = []
    list(paint_frames(PAINTER, pan(3), seen.append))
    assert [step.number for step in seen] == [1, 2, 3, 4, 5, 6, 1, 2, 1, 2]


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
def test_with_all_or_nothing_visible_the_warped_picture_stays(shown: int) -> None:
    visible = torch.zeros(2000, dtype=torch.bool)
    visible[:shown] = True
    warped = clouds(40, 50)
    assert torch.equal(uncovered_filled(warped, clouds(40, 50, seed=1), visible.view(40, 50)), warped)
