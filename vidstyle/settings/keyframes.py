"""What changes over a video: values at moments, written like ``0s=A, 4s=B, 8s=0.5A+0.5B``, and lines between them."""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vidstyle.errors import SettingsError

_TERM = re.compile(r"(\d*\.?\d*)\s*\*?\s*(SOURCE|[A-Z])")
_SOURCE = -1  # in place of the number of a style


@dataclass(frozen=True)
class Key:
    """Values at a moment of a video, in seconds."""

    seconds: float
    values: tuple[float, ...]


def to_seconds(text: str) -> float:
    """Seconds from ``12.5``, ``12.5s``, ``1:30`` or ``1:02:03.5``; ValueError for anything else."""
    try:
        parts = [float(part) for part in text.strip().removesuffix("s").split(":")]
    except ValueError:
        parts = []
    later_fit = all(0 <= part < 60 for part in parts[1:]) and all(part.is_integer() for part in parts[:-1])
    if not 1 <= len(parts) <= 3 or not all(map(math.isfinite, parts)) or parts[0] < 0 or not later_fit:
        raise ValueError(f"{text!r} is not a time; use seconds such as 12.5 or 12.5s, or minutes such as 1:30")
    return math.fsum(part * 60.0**power for power, part in enumerate(reversed(parts)))


def between(keys: Sequence[Key], seconds: float) -> tuple[float, ...]:
    """The values at a moment of a video: on the line between two keys, or those of the first or last key.

    Args:
        keys: One or more, their times rising.
        seconds: The moment.
    """
    if seconds <= keys[0].seconds:
        return keys[0].values
    for before, after in itertools.pairwise(keys):
        if seconds < after.seconds:
            share = (seconds - before.seconds) / (after.seconds - before.seconds)
            return tuple(a + share * (b - a) for a, b in zip(before.values, after.values, strict=True))
    return keys[-1].values


def parse_number_keys(text: str) -> tuple[Key, ...]:
    """Keys of one number, 0..1, each, from ``0s=0.2, 4s=0.8``; SettingsError for anything else."""
    keys = []
    for moment, value in _pairs(text):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 <= number <= 1:
            raise SettingsError("VS230", value=value, text=text)
        keys.append(Key(moment, (number,)))
    return _in_order(keys, text)


def parse_style_keys(text: str) -> tuple[Key, ...]:
    """Keys of shares of the styles A, B ..., in their order, from ``0s=source, 4s=B, 8s=0.5A+0.5B``.

    They sum to 1, less by the share of the source. SettingsError for anything else.
    """
    mixes = [(moment, _mix(value, text)) for moment, value in _pairs(text)]
    count = 1 + max((style for _, mix in mixes for style in mix), default=0)
    if not count:
        raise SettingsError("VS225", text=text)
    keys = [Key(moment, tuple(mix.get(style, 0.0) for style in range(count))) for moment, mix in mixes]
    return _in_order(keys, text)


def parse_shares(text: str) -> tuple[float, ...]:
    """Shares that sum to 1 from numbers from 0, like ``0.7,0.3``; SettingsError for anything else."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(0 <= n < math.inf for n in numbers) or not sum(numbers):
        raise SettingsError("VS226", text=text)
    return tuple(number / sum(numbers) for number in numbers)


def _pairs(text: str) -> list[tuple[float, str]]:
    pairs = []
    for part in filter(None, (word.strip() for word in text.split(","))):
        moment, equals, value = part.partition("=")
        try:
            if not equals:
                raise ValueError(f"{part!r} is no key")
            pairs.append((to_seconds(moment), value.strip()))
        except ValueError as error:
            raise SettingsError("VS232", error=error, text=text) from None
    if not pairs:
        raise SettingsError("VS227", text=text)
    return pairs


def _in_order(keys: Sequence[Key], text: str) -> tuple[Key, ...]:
    if any(after.seconds <= before.seconds for before, after in itertools.pairwise(keys)):
        raise SettingsError("VS228", text=text)
    return tuple(keys)


def _mix(value: str, text: str) -> dict[int, float]:
    """Shares by the number of the style, from ``0.5A+0.5B``."""
    mix: dict[int, float] = {}
    for term in value.split("+"):
        found = _TERM.fullmatch(term.strip().upper())
        if not found:
            raise SettingsError("VS231", term=term, text=text)
        share, letter = found.groups()
        style = _SOURCE if letter == "SOURCE" else ord(letter) - ord("A")
        mix[style] = mix.get(style, 0.0) + float(share or 1)
    total = sum(mix.values())
    if not total:
        raise SettingsError("VS229", value=value, text=text)
    return {style: share / total for style, share in mix.items()}
