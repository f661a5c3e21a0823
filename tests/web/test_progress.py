"""How far a job is: a share that never falls, and a time left that people can trust."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from vidstyle.core.losses import Losses
from vidstyle.core.stylize_image import Step
from vidstyle.jobs.eta import estimate
from vidstyle.jobs.events import Outline
from vidstyle.jobs.spec import JobSpec
from vidstyle.settings.settings import Settings
from vidstyle.web.progress import HOLD, Countdown, JobProgress, Phase, left_in_words

SIZE = (144, 256)
UNIT = 2e-5  # seconds of a step by a pixel
SPANS = {Phase.WEIGHTS: 24, Phase.BALANCE: 15, Phase.PAINT: 19, Phase.FINISH: 1}  # seconds that these take by that


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outline(photo, style) -> Outline:  # type: ignore[no-untyped-def]
    job = JobSpec.of(photo, [style], photo.with_name("out.png"), Settings())
    takes = replace(estimate(job.settings, SIZE, 1, 1, UNIT), learning=SPANS[Phase.WEIGHTS])
    return Outline(job, SIZE, SIZE, 1, 1, None, takes, takes)


def shown(progress: JobProgress, clock: Clock, slower: float) -> Iterator[tuple[float, float]]:
    """The share and the time left, each second of a job that takes so many times what was expected."""
    for phase, expected in SPANS.items():
        span = expected * slower
        for second in range(round(span)):
            clock.seconds += 1
            if phase == Phase.PAINT and progress.pace:
                progress.pace.step(_step((second + 1) / span))
                progress.painted()
            else:
                progress.at(phase, (second + 1) / span)
            yield progress.share, progress.left() or 0.0


def _step(done: float) -> Step:
    return Step(1, 60, done, torch.zeros(3, 8, 8), Losses())


@pytest.mark.parametrize("slower", [1.0, 3.0, 0.5])
def test_all_phases_count_and_the_share_never_falls(clock: Clock, outline: Outline, slower: float) -> None:
    progress = JobProgress(report=False, now=clock)
    assert progress.left() is None
    progress.started(outline)
    told = list(shown(progress, clock, slower))
    shares, lefts = zip(*told, strict=True)
    assert list(shares) == sorted(shares)
    assert 0 < shares[0] < 0.1
    assert 0.9 < shares[-1] < 1
    assert min(lefts) >= 1
    rises = sum(after > before + 0.01 for before, after in itertools.pairwise(lefts))
    assert rises <= (0 if slower <= 1 else 3)
    assert lefts[0] == pytest.approx(sum(SPANS.values()), rel=0.1) or slower != 1


def test_weights_that_are_kept_take_no_part_of_the_bar(clock: Clock, outline: Outline) -> None:
    kept = replace(outline, estimate=replace(outline.estimate, learning=0.0))
    lefts = []
    for one in (outline, kept):
        progress = JobProgress(report=False, now=clock)
        progress.started(one)
        lefts.append(progress.left() or 0.0)
        progress.at(Phase.WEIGHTS, 1.0)
        assert (progress.share > 0.1) == (one is outline)
    assert lefts[0] - lefts[1] == pytest.approx(SPANS[Phase.WEIGHTS])


def test_a_phase_that_is_over_does_not_come_back(clock: Clock, outline: Outline) -> None:
    progress = JobProgress(report=False, now=clock)
    progress.started(outline)
    progress.at(Phase.BALANCE, 0.5)
    share = progress.share
    progress.at(Phase.WEIGHTS, 0.1)
    assert progress.share == share
    assert JobProgress(report=False, share=0.7, now=clock).share == 0.7


def test_the_time_left_rises_only_where_it_lasts(clock: Clock) -> None:
    countdown = Countdown(clock)
    assert countdown.shown(100) == 100
    clock.seconds = 10
    assert countdown.shown(95) == 90
    clock.seconds = 11
    assert countdown.shown(300) == 90
    clock.seconds = 12
    assert countdown.shown(80) == 80
    for clock.seconds in range(13, 13 + int(HOLD)):
        assert countdown.shown(300) == 80
    clock.seconds += 1
    assert countdown.shown(300) == 300
    clock.seconds += 1000
    assert countdown.shown(0) == 1


def test_the_time_left_in_words() -> None:
    assert [left_in_words(seconds) for seconds in (1, 34, 95, 3000, 9000)] == [
        "a few seconds left",
        "about 40 s left",
        "about 2 min left",
        "about 50 min left",
        "about 2.5 h left",
    ]
