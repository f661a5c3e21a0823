"""How long a job still takes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.cli.test_messages import OUTLINE
from tests.images import clouds
from vidstyle.core.frame_style import Frame
from vidstyle.core.losses import Losses
from vidstyle.core.stylize_image import Painted, Step
from vidstyle.core.temporal import PaintedFrame
from vidstyle.core.weights import load_filters
from vidstyle.jobs.eta import LEARNING, RemainingTime, learning_seconds
from vidstyle.jobs.events import ClusterProgress, Outline
from vidstyle.settings.settings import Settings

LOSSES = Losses({"conv4_2": 0.1}, {"conv1_1": 0.2}, 0.01)
IMAGE = torch.zeros(3, 2, 2)
OPENER, FOLLOWER = 50.0, 4.0  # seconds


def step(number: int, count: int, progress: float) -> Step:
    return Step(number, count, progress, IMAGE, LOSSES)


def painted(index: int, cut: bool = False, steps: int = 4) -> PaintedFrame:
    image = Painted(IMAGE, LOSSES, steps, 1.0)
    return PaintedFrame(Frame(index, 0.0, IMAGE, cut), image)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def film(outline: Outline = OUTLINE, cuts: tuple[int, ...] = (100, 200)) -> tuple[RemainingTime, Clock, list[float]]:
    """A pace, its clock, and the true seconds of each frame."""
    clock = Clock()
    took = [OPENER if n in (0, *cuts) else FOLLOWER for n in range(outline.frames)]
    return RemainingTime(outline, now=clock), clock, took


def test_at_first_the_estimate_holds() -> None:
    pace, _, _ = film()
    assert pace.left() == pytest.approx(OUTLINE.estimate.seconds)


def test_from_the_second_frame_on_the_time_left_is_nearly_true() -> None:
    pace, clock, took = film()
    for index, seconds in enumerate(took):
        cut = index in (100, 200)
        pace.step(step(1, 151 if seconds == OPENER else 4, 0.25))
        clock.now += seconds
        pace.frame(painted(index, cut))
        if index:
            assert pace.left() == pytest.approx(sum(took[index + 1 :]), rel=0.02, abs=1e-6)
    assert pace.left() == 0


def test_a_frame_that_is_slower_than_expected_corrects_itself() -> None:
    outline = replace(OUTLINE, frames=1, shots=1, estimate=replace(OUTLINE.estimate, seconds=10.0))
    pace, clock, _ = film(outline)
    for number in range(1, 101):
        clock.now += 1.0
        pace.step(step(number, 100, number / 100))
    assert pace.left() == 0
    pace.step(step(90, 100, 0.9))
    assert pace.left() == pytest.approx(10, rel=0.2)


def test_time_beside_painting_does_not_count() -> None:
    pace, clock, _ = film()
    clock.now += 1000
    pace.restart()
    clock.now += OPENER
    pace.frame(painted(0))
    assert pace.seconds_per_frame == OPENER


def test_the_shot_is_that_of_the_current_frame() -> None:
    pace, _, _ = film()
    pace.step(step(1, 151, 0.01))
    assert (pace.shot, pace.current) == (1, 1)
    pace.frame(painted(0))
    pace.step(step(1, 3, 0.25))
    assert (pace.shot, pace.current) == (1, 2)
    pace.frame(painted(1))
    pace.step(step(1, 151, 0.01))
    assert (pace.shot, pace.current) == (2, 3)
    pace.frame(painted(2, cut=True))
    assert pace.shot == 2


def test_images_and_previews_are_all_openers() -> None:
    for pace in (
        RemainingTime(replace(OUTLINE, rate=None, frames=4, shots=4), now=Clock()),
        RemainingTime(OUTLINE, 4, Clock()),
    ):
        pace.frame(painted(0))
        assert (pace.frames, pace.shots, pace.shot) == (4, 4, 2)


def test_a_film_of_more_frames_than_expected_is_no_fault() -> None:
    pace, _, _ = film(replace(OUTLINE, frames=1, shots=1))
    for index in range(3):
        pace.frame(painted(index))
    assert (pace.left(), pace.current) == (0, 1)


def test_two_passes_count_every_frame_twice() -> None:
    settings = OUTLINE.job.settings.replace(passes=2)
    pace, _, _ = film(replace(OUTLINE, job=replace(OUTLINE.job, settings=settings)))
    assert pace.frames == 2 * OUTLINE.frames
    assert film(OUTLINE)[0].frames == OUTLINE.frames


def test_on_a_cluster_the_time_left_is_that_of_all_machines() -> None:
    pace, clock, _ = film()
    pace.skip(60, 1)
    pace.together(ClusterProgress(0, 8, None))
    assert pace.left() == OUTLINE.estimate.seconds
    assert pace.seconds_per_frame is None
    clock.now += 30
    pace.together(ClusterProgress(60, 8, 0.2))
    assert (pace.frames_done, pace.loss, pace.seconds_per_frame) == (120, 0.2, 0.5)
    assert pace.left() == pytest.approx(0.5 * (OUTLINE.frames - 120))
    pace.together(ClusterProgress(61, 8, None))
    assert pace.loss == 0.2


def test_learning_counts_until_the_weights_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDSTYLE_CACHE", str(tmp_path))
    settings = Settings(weights="selftaught", style_layers="conv1_1", content_layers="conv1_1")
    teachers, cpu = [clouds(32, 32), clouds(32, 32, seed=1)], torch.device("cpu")
    assert learning_seconds(settings, teachers, cpu, 1e-6) == pytest.approx(LEARNING * 1e-6)
    load_filters("selftaught", settings.layers, teachers=lambda: teachers)
    assert learning_seconds(settings, teachers, cpu, 1e-6) == 0
    assert learning_seconds(settings.replace(weights="auto"), teachers, cpu, 1e-6) == 0
    assert learning_seconds(settings, teachers[:1], cpu, 1e-6) > 0
    for choice in ("imagenet", str(tmp_path / "own.pth")):
        assert learning_seconds(settings.replace(weights=choice), teachers[:1], cpu, 1e-6) == 0
