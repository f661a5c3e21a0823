"""How far a job of the page is, over all that it does: one share that never falls, and the time left in words."""

import math
import time
from collections.abc import Callable
from enum import IntEnum

from vidstyle.core.stylize_image import scale_plan
from vidstyle.jobs.eta import RemainingTime, following_cost, search_work
from vidstyle.jobs.events import Outline

MEASURING, FINISHING = 0.15, 0.05  # of the time of painting: the report; joining, comparison and animation
BELIEF = 0.15  # of the search, that the expectation counts as much as: its first step takes longer than others
HOLD = 10.0  # seconds that a longer estimate lasts before it is shown
LONGER = 1.25  # times what is shown: less is not worth a change
LAST = 0.99  # the share is no more before all is done


class Phase(IntEnum):
    """What a job does, in order."""

    LOOK = 0
    WEIGHTS = 1
    BALANCE = 2
    PAINT = 3
    REPORT = 4
    FINISH = 5


class JobProgress:
    """The share of a job that is done, 0..1, and the seconds left.

    Args:
        report: Whether the job ends with a report.
        share: What was shown before, where the job resumes.
        now: The time in seconds.
    """

    def __init__(self, report: bool, share: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self.share, self._report, self._now = share, report, now
        self._phase, self._part = Phase.LOOK, 0.0
        self._began = self._last = now()  # the phase, and when it was last heard of
        self._speed = 1.0  # seconds for each second that was expected
        self._expected: dict[Phase, float] = {}
        self._costs = 1.0, 1.0  # of the first frame of a shot, and of one that follows
        self._countdown = Countdown(now)
        self.pace: RemainingTime | None = None

    def started(self, outline: Outline) -> None:
        """From now on it is known what there is to do."""
        settings, size = outline.job.settings, outline.size
        self.pace = RemainingTime(outline, now=self._now)
        opener = sum(steps * height * width for (height, width), steps in scale_plan(size, settings))
        self._costs = float(opener), following_cost(settings, size)
        search, work = search_work(settings, size), self._work(self.pace.shots, self.pace.frames)
        unit = outline.estimate.seconds / (search + work)
        self._expected = {
            Phase.LOOK: self._now() - self._began,
            Phase.WEIGHTS: outline.estimate.learning,
            Phase.BALANCE: search * unit,
            Phase.PAINT: work * unit,
            Phase.REPORT: MEASURING * work * unit if self._report else 0.0,
            Phase.FINISH: FINISHING * work * unit,
        }
        self.at(Phase.WEIGHTS, 0.0)

    def at(self, phase: Phase, part: float) -> None:
        """So much of a phase, 0..1, is done; an earlier one than before counts for nothing."""
        if phase < self._phase:
            return
        if phase > self._phase:
            self._phase, self._began = phase, self._last
        self._part, self._last = min(1.0, part), self._now()
        if phase == Phase.BALANCE and part and self._expected[phase]:
            shares = (self._now() - self._began) / self._expected[phase] + BELIEF, part + BELIEF
            self._speed = min(10.0, max(0.1, shares[0] / shares[1]))
        self._raise_share()

    def painted(self) -> None:
        """`pace` was told of a step or a frame."""
        if self.pace:
            openers = self.pace.shot - self.pace.opening
            current = self._costs[not self.pace.opening] * self.pace.progress
            done = self._work(openers, self.pace.frames_done) + current
            self.at(Phase.PAINT, done / self._work(self.pace.shots, self.pace.frames))

    def left(self) -> float | None:
        """Seconds until all is done, at least 1, as they are shown; None before they can be known."""
        return self._countdown.shown(self._estimate()) if self._expected else None

    def _raise_share(self) -> None:
        if total := sum(self._expected.values()):
            before = sum(seconds for phase, seconds in self._expected.items() if phase < self._phase)
            share = (before + self._part * self._expected[self._phase]) / total
            self.share = max(self.share, min(LAST, share))

    def _estimate(self) -> float:
        later = sum(seconds for phase, seconds in self._expected.items() if phase > self._phase)
        rest = (1 - self._part) * self._expected[self._phase]
        if self._phase == Phase.PAINT and self.pace:
            first = self._left_from_first(self.pace.progress)
            return (self.pace.left() if self.pace.frames_done else first) + later * self._speed
        if self._phase == Phase.WEIGHTS and self._part:  # a download has its own speed
            return (self._now() - self._began) * (1 - self._part) / self._part + later
        return (rest + later) * self._speed

    def _left_from_first(self, done: float) -> float:
        """Seconds of painting while the first frame is painted, of which so much is `done`: more and more by its own
        speed."""
        expected = self._expected[Phase.PAINT]
        own = (self._now() - self._began) / (self._part * expected) if self._part else 0.0
        return (1 - self._part) * expected * ((1 - done) * self._speed + done * own)

    def _work(self, openers: int, frames: int) -> float:
        """Steps times pixels of so many frames, `openers` of them the first of a shot."""
        return openers * self._costs[0] + max(0, frames - openers) * self._costs[1]


class Countdown:
    """The time left as people see it: it runs with the clock, falls with the estimate, and stands still where that
    is clearly longer; it rises where that lasts."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._left, self._at = math.inf, now()
        self._longer_since: float | None = None

    def shown(self, estimate: float) -> float:
        """Seconds, at least 1, after an `estimate` of now."""
        now = self._now()
        counted = self._left - (now - self._at)
        if estimate <= LONGER * max(1.0, counted):
            self._longer_since = None
        elif self._longer_since is None:
            self._longer_since = now
        if self._longer_since is None:
            self._left = max(1.0, min(counted, estimate))
        elif now - self._longer_since >= HOLD:
            self._left, self._longer_since = estimate, None
        self._at = now
        return self._left


def left_in_words(seconds: float) -> str:
    """``a few seconds left``, ``about 40 s left``, ``about 12 min left``, ``about 3.5 h left``."""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {10 * math.ceil(seconds / 10)} s left"
    return f"about {math.ceil(seconds / 60)} min left" if seconds < 5400 else f"about {seconds / 3600:.1f} h left"
