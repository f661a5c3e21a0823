"""From the times of pictures to one exact rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from vidstyle.media.streams import PacketTimes

_NTSC = (24, 30, 48, 60, 120)  # these are also used slowed down by 1000/1001
_WHOLE = (5, 6, 8, 10, 12, 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)
STANDARD_RATES = tuple(
    sorted([Fraction(25, 2), *(Fraction(n) for n in _WHOLE), *(Fraction(n * 1000, 1001) for n in _NTSC)])
)
HIGHEST_RATE = Fraction(60)  # of a file whose rate varies: more would only paint duplicates
JITTER = Fraction(1, 4)  # of a picture: times that wander less than this either way count as constant
_REORDERED = 16  # pictures: how far the order of decoding may differ from that of showing
_FALLBACK = Fraction(25)


@dataclass(frozen=True)
class Timing:
    """``rate`` in pictures per second; ``dropped``: pictures that share a place when the rate varies."""

    rate: Fraction
    constant: bool
    seconds: float
    dropped: int = 0


def fit(packets: PacketTimes, nominal: Fraction | None) -> Timing:
    """The exact rate of evenly spaced pictures, or a rate whose grid holds unevenly spaced ones."""
    times, tick = packets.times, packets.tick
    if len(times) < 2 or times[-1] == times[0]:
        rate = _nearest_standard(nominal or _FALLBACK)
        return Timing(rate, len(times) < 2, len(times) / float(rate))
    whole = packets.complete and not packets.complaint
    steady = times if whole else times[:-_REORDERED]  # the last ones may wait for pictures that are missing
    constant = _constant_rate(steady if len(steady) > 1 else times, tick, nominal)
    if constant is not None:
        return Timing(constant, True, len(times) / float(constant))
    rate = _grid_rate(times, tick)
    shown = float((times[-1] - times[0] + max(packets.last_duration, 0)) * tick)
    return Timing(rate, False, shown, _collisions(times, tick, rate))


def _constant_rate(times: tuple[int, ...], tick: Fraction, nominal: Fraction | None) -> Fraction | None:
    steps = {b - a for a, b in pairwise(times)}
    if len(steps) == 1 and tick < Fraction(1, 1000):
        return (1 / (steps.pop() * tick)).limit_denominator(100_000)
    # Clocks of whole milliseconds blur the rate: what the file says of itself decides where it fits.
    mean = (len(times) - 1) / ((times[-1] - times[0]) * tick)
    stated = [_nearest_standard(nominal)] if nominal else []
    candidates = [*stated, _nearest_standard(mean), mean.limit_denominator(1001)]
    return next((rate for rate in candidates if _wander(times, tick, rate) < 2 * JITTER), None)


def _wander(times: tuple[int, ...], tick: Fraction, rate: Fraction) -> float:
    """Distance between the earliest and the latest picture against an even grid, in pictures."""
    step = float(tick * rate)
    offsets = [(time - times[0]) * step - place for place, time in enumerate(times)]
    return max(offsets) - min(offsets)


def _nearest_standard(rate: Fraction) -> Fraction:
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard / rate - 1))
    return nearest if abs(nearest / rate - 1) < Fraction(1, 50) else rate.limit_denominator(1001)


def _grid_rate(times: tuple[int, ...], tick: Fraction) -> Fraction:
    steps = sorted(b - a for a, b in pairwise(times) if b > a)
    shortest = steps[len(steps) // 20]
    rate = min(HIGHEST_RATE, _nearest_standard(1 / (shortest * tick)))
    higher = [rate, *(standard for standard in STANDARD_RATES if rate < standard <= HIGHEST_RATE)]
    few = len(times) // 100
    return next((rate for rate in higher if _collisions(times, tick, rate) <= few), higher[-1])


def _collisions(times: tuple[int, ...], tick: Fraction, rate: Fraction) -> int:
    step = float(tick * rate)
    return len(times) - len({round((time - times[0]) * step) for time in times})
