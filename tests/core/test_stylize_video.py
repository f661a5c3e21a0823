import itertools
import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.test_temporal import MODEL, SCENE, SETTINGS, pan
from tests.images import clouds
from tests.refusals import refused
from vidstyle.core.flow import Motion
from vidstyle.core.frame_style import Frame
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_video import paint_frames, stylize_shots
from vidstyle.core.temporal import PaintedFrame
from vidstyle.evaluation.metrics import warp_error

TWICE = MODEL.changed(settings=SETTINGS.replace(passes=2))
LOOP = MODEL.changed(settings=SETTINGS.replace(loop=True))


def painted(model: StyleModel, frames: list[Frame]) -> list[PaintedFrame]:
    return list(paint_frames(model, frames))


def error(later: PaintedFrame, before: PaintedFrame) -> float:
    motion = Motion.between(later.frame.image, before.frame.image)
    return warp_error(later.painted.image, before.painted.image, motion)


def turning(count: int) -> list[Frame]:
    """A camera that goes to the right and back, and would begin again."""
    places = [round(6 - 6 * torch.cos(torch.tensor(2 * torch.pi * i / count)).item()) for i in range(count)]
    return [Frame(i, i / 24, SCENE[:, :, x : x + 80].clone()) for i, x in enumerate(places)]


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_all_frames_come_out_in_order_whatever_the_shots(lengths: list[int]) -> None:
    starts = list(itertools.accumulate(lengths[:-1]))
    frames = [replace(frame, cut=frame.index in starts) for frame in pan(sum(lengths))]
    results = painted(TWICE, frames)
    assert [(r.frame.index, r.frame.seconds, r.frame.cut) for r in results] == [
        (f.index, f.seconds, f.cut) for f in frames
    ]
    for result, frame in zip(results, frames, strict=True):
        assert torch.allclose(result.frame.image, frame.image, atol=1e-3)
        assert result.painted.image.shape == frame.image.shape


def test_the_last_painting_stays_and_the_others_are_painted_again() -> None:
    once, twice = painted(MODEL, pan(4)), painted(TWICE, pan(4))
    assert torch.allclose(twice[-1].painted.image, once[-1].painted.image, atol=1e-3)
    for before, after in zip(once[:-1], twice[:-1], strict=True):
        assert not torch.allclose(after.painted.image, before.painted.image, atol=0.01)
        assert after.painted.steps > before.painted.steps


def test_what_stays_in_sight_looks_early_as_it_does_late() -> None:
    """A part that is uncovered in the second frame is bare at first; the way back brings what it became."""
    covered = SCENE[:, :, :80].clone()
    covered[:, 20:50, 20:60] = 0.5
    frames = [Frame(i, i / 24, covered if i == 0 else SCENE[:, :, :80].clone()) for i in range(8)]
    once, twice = painted(MODEL, frames), painted(TWICE, frames)

    def gap(results: list[PaintedFrame]) -> float:
        early, late = (results[i].painted.image[:, 24:46, 24:56] for i in (1, -1))
        return float((early - late).abs().mean())

    assert gap(twice) < 0.7 * gap(once)


def test_shots_do_not_mix() -> None:
    other = [Frame(3 + i, (3 + i) / 24, clouds(72, 80, seed=8), cut=i == 0) for i in range(2)]
    together, alone = painted(TWICE, [*pan(3), *other]), painted(TWICE, pan(3))
    for a, b in zip(together, alone, strict=False):
        assert torch.equal(a.painted.image, b.painted.image)


def test_the_end_of_a_loop_meets_its_start() -> None:
    frames = turning(12)
    once, loop = painted(MODEL, frames), painted(LOOP, frames)
    seam = [error(results[0], results[-1]) for results in (once, loop)]
    inside = sorted(error(b, a) for a, b in itertools.pairwise(loop))
    assert seam[1] < 0.5 * seam[0]
    assert seam[1] < 3 * inside[-1]
    assert torch.allclose(loop[0].painted.image, once[0].painted.image, atol=1e-3)


def test_a_loop_whose_end_shows_something_else_is_told(caplog: pytest.LogCaptureFixture) -> None:
    frames = [*pan(2), Frame(2, 2 / 24, clouds(72, 80, seed=8), cut=True)]
    with caplog.at_level(logging.WARNING):
        assert len(painted(LOOP, frames)) == 3
    assert "the loop has a cut" in caplog.text


@pytest.mark.parametrize("still", [False, True])
def test_a_chain_goes_over_to_the_next_chunk_without_a_jump(still: bool) -> None:
    frames = [replace(pan(1)[0], index=i, cut=False) for i in range(24)] if still else pan(24, step=1)
    links = list(stylize_shots(MODEL, frames))
    begun = MODEL.changed(settings=SETTINGS.replace(seed=1))
    ahead = [link.state.last.image for link in stylize_shots(begun, frames[8:])]
    chain = list(stylize_shots(MODEL, frames[8:], state=links[7].state, next_chunk=ahead))
    far = [float((link.state.last.image - image).square().mean()) for link, image in zip(chain, ahead, strict=True)]
    assert far[-1] == 0 < far[12] < far[0] / 2
    images = [link.state.last.image for link in (*links[:8], *chain)]
    jumps = [
        warp_error(images[i], images[i - 1], Motion.between(frames[i].image, frames[i - 1].image)) for i in range(8, 24)
    ]
    assert max(jumps) < far[0] / 4


def test_every_painting_of_each_way_is_told() -> None:
    told: list[int] = []
    list(paint_frames(TWICE, pan(3), on_turn=lambda one: told.append(one.frame.index)))
    assert told == [0, 1, 2, 1, 0, 2]  # the last painting is the same both ways


def test_temporary_files_are_gone_also_when_the_reader_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    results = paint_frames(TWICE, pan(3))
    next(results)
    assert list(tmp_path.iterdir())
    results.close()  # type: ignore[attr-defined]
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with refused("VS411", "No space left on device"):
        painted(TWICE, pan(2))
