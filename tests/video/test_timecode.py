"""Timecodes: the number of a later frame, against a count of all numbers."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidstyle.video.timecode import timecode_after


def counted(second: int, dropped: int) -> list[str]:
    """The timecodes of an hour, one after the other, without the numbers that drop frames leave out (ST 12-1)."""
    mark = ";" if dropped else ":"
    return [
        f"00:{minute:02}:{s:02}{mark}{frame:02}"
        for minute in range(60)
        for s in range(60)
        for frame in range(second)
        if not (dropped and s == 0 and frame < dropped and minute % 10)
    ]


HOURS = {
    Fraction(25): counted(25, 0),
    Fraction(24000, 1001): counted(24, 0),
    Fraction(30000, 1001): counted(30, 2),
    Fraction(60000, 1001): counted(60, 4),
}


@settings(max_examples=60)
@given(rate=st.sampled_from(list(HOURS)), start=st.floats(0, 1), stop=st.floats(0, 1))
def test_as_counted(rate: Fraction, start: float, stop: float) -> None:
    codes = HOURS[rate]
    first, last = sorted(round(share * (len(codes) - 1)) for share in (start, stop))
    assert timecode_after(codes[first], last - first, rate) == codes[last]


def test_days_begin_anew() -> None:
    assert timecode_after("23:59:59:24", 1, Fraction(25)) == "00:00:00:00"


@pytest.mark.parametrize("text", ["", "01:00:00:25", "1:2:3", "01:00:00:00 and more", "aa:bb:cc:dd"])
def test_what_is_no_timecode(text: str) -> None:
    assert timecode_after(text, 3, Fraction(25)) == ""
