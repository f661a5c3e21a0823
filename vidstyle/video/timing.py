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
USUAL_RATE = Fraction(60)  # of a file whose rate varies: more mostly paints duplicates
HIGHEST_RATE = Fraction(240)  # where frames would be left out else
JITTER = 0.25  # of a frame: times that wander less than this either way count as constant
_REORDERED = 16  # frames: how far the order of decoding may differ from that of showing
_FALLBACK = Fraction(25)

_Times = NDArray[np.float64]  # ticks since the first frame: whole numbers, however large


@dataclass(frozen=True)
class Timing:
    """How the frames of a file lie in time.

    Attributes:
        rate: frames a second, exact.
        constant: whether they are evenly spaced.
        seconds: from the first frame to the end of the last.
        dropped: how many share a place with another at that rate, where it varies.
    """

    rate: Fraction
    constant: bool
    seconds: float
    dropped: int = 0


def fit(packets: PacketTimes, nominal: Fraction | None) -> Timing:
    """The exact rate of evenly spaced frames, or a rate whose grid holds unevenly spaced ones.

    Args:
        packets: when the frames are shown.
        nominal: frames a second, rounded, as the file says; None where it does not.
    """
    times, tick = np.array([time - packets.times[0] for time in packets.times], float), packets.tick
    if len(times) < 2 or not times[-1]:
        rate = _nearest_standard(nominal or _FALLBACK)
        return Timing(rate, len(times) < 2, len(times) / float(rate))
    whole = packets.complete and not packets.damaged and packets.announced <= len(times)
    steady = times if whole else times[:-_REORDERED]  # the last ones may wait for frames that are missing
    constant = _constant_rate(steady if steady.any() else times, tick, nominal)
    if constant is not None:
        return Timing(constant, True, len(times) / float(constant))
    rate = _grid_rate(times, tick)
    shown = float((int(times[-1]) + max(packets.last_duration, 0)) * tick)
    return Timing(rate, False, shown, _collisions(times, tick, rate))


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


def _grid_rate(times: _Times, tick: Fraction) -> Fraction:
    steps = np.diff(times)
    steps = np.sort(steps[steps > 0])
    rate = min(USUAL_RATE, _nearest_standard(1 / (int(steps[len(steps) // 20]) * tick)))
    higher = [rate, *(standard for standard in STANDARD_RATES if rate < standard <= HIGHEST_RATE)]
    few = len(times) // 100
    return next((rate for rate in higher if _collisions(times, tick, rate) <= few), higher[-1])


def _collisions(times: _Times, tick: Fraction, rate: Fraction) -> int:
    """How many frames share a place on an even grid with another."""
    return len(times) - len(np.unique(np.rint(times * float(tick * rate))))
