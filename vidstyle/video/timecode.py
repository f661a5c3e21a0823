"""Timecodes: the numbers that cameras and cutting rooms give frames."""

import re
from fractions import Fraction


def timecode_after(timecode: str, frames: int, rate: Fraction) -> str:
    """The timecode (SMPTE ST 12-1) of a later frame.

    Args:
        timecode: such as `01:00:00:00`, or with `;` where it leaves out numbers to keep step with the clock.
        frames: how many frames later.
        rate: frames a second.

    Returns:
        It; nothing where `timecode` is none at that rate.
    """
    found, second = re.fullmatch(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)", timecode.strip()), round(rate)
    if not found or int(found[5]) >= second:
        return ""
    hours, minutes, seconds, frame = (int(found[place]) for place in (1, 2, 3, 5))
    number = ((hours * 60 + minutes) * 60 + seconds) * second + frame
    dropped = second // 15 if found[4] != ":" else 0  # numbers left out each minute but every tenth
    passed = hours * 60 + minutes
    number += frames - dropped * (passed - passed // 10)
    tens, rest = divmod(number, 600 * second - 9 * dropped)
    number += dropped * (9 * tens + max(0, rest - dropped) // (60 * second - dropped))
    fields = number // (3600 * second) % 24, number // (60 * second) % 60, number // second % 60
    return ":".join(f"{field:02}" for field in fields) + f"{found[4]}{number % second:02}"
