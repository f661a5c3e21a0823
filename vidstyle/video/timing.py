"""The one exact rate of frames from the times at which they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vidstyle.video.packets import PacketTimes

_NTSC = (24, 30, 48, 60, 120)  # these are also used slowed down by 1000/1001
_WHOLE = (5, 6, 8, 10, 12, 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)
STANDARD_RATES = tuple(
    sorted([Fraction(25, 2), *(Fraction(n) for n in _WHOLE), *(Fraction(n * 1000, 1001) for n in _NTSC)])
)
TICK = Fraction(1, 90_000)  # seconds: the unit of the times of frames that are unevenly spaced
JITTER = 0.25  # of a frame: times that wander less than this either way count as constant
_HELD = 2  # frames: a last frame that is shown for longer has a time of its own
_REORDERED = 16  # frames: how far the order of decoding may differ from that of showing
_FALLBACK = Fraction(25)

_Times = NDArray[np.float64]  # ticks since the first frame: whole numbers, however large


@dataclass(frozen=True)
class Timing:
    """How the frames of a file lie in time.

    Attributes:
        rate: frames a second, exact; on average where they are not evenly spaced.
        constant: whether they are, and the last one is not held.
        seconds: from the first frame to the end of the last.
    """

    rate: Fraction
    constant: bool
    seconds: float


def fit(packets: PacketTimes, nominal: Fraction | None) -> Timing:
    """The exact rate of evenly spaced frames, or the mean rate of others.

    Args:
        packets: when the frames are shown.
        nominal: frames a second, rounded, as the file says; None where it does not.
    """
    times, tick = np.array([time - packets.times[0] for time in packets.times], float), packets.tick
    last = packets.last_duration
    if len(times) < 2 or not times[-1]:
        rate = _nearest_standard(nominal or _FALLBACK)
        held = len(times) == 1 and last * tick * rate > _HELD
        return Timing(rate, len(times) < 2 and not held, float(last * tick) if held else len(times) / float(rate))
    whole = packets.complete and not packets.damaged and packets.announced <= len(times)
    steady = times if whole else times[:-_REORDERED]  # the last ones may wait for frames that are missing
    constant = _constant_rate(steady if steady.any() else times, tick, nominal)
    shown = float((times[-1] + (last if last > 0 else times[-1] / (len(times) - 1))) * float(tick))
    if constant is not None:
        held = packets.complete and last * tick * constant > _HELD
        return Timing(constant, not held, shown if held else len(times) / float(constant))
    rate = Fraction(len(times) / shown).limit_denominator(100_000)
    return Timing(max(rate, Fraction(1, 100_000)), False, shown)


def _constant_rate(times: _Times, tick: Fraction, nominal: Fraction | None) -> Fraction | None:
    steps = np.unique(np.diff(times))
    if len(steps) == 1 and tick < Fraction(1, 1000):
        return (1 / (int(steps[0]) * tick)).limit_denominator(100_000)
    # Clocks of whole milliseconds blur the rate: what the file says of itself decides where it fits.
    mean = (len(times) - 1) / (int(times[-1]) * tick)
    stated = [_nearest_standard(nominal)] if nominal else []
    candidates = [*stated, _nearest_standard(mean), mean.limit_denominator(1001)]
    return next((rate for rate in candidates if _wander(times, tick, rate) < 2 * JITTER), None)


def _wander(times: _Times, tick: Fraction, rate: Fraction) -> float:
    """Distance between the earliest and the latest frame against an even grid, in frames."""
    return float(np.ptp(times * float(tick * rate) - np.arange(len(times))))


def _nearest_standard(rate: Fraction) -> Fraction:
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard / rate - 1))
    return nearest if abs(nearest / rate - 1) < Fraction(1, 50) else rate.limit_denominator(1001)
