"""What people are told: numbers and results as sentences, and the one way to say them. Nothing heavy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from vidstyle.files import printable

if TYPE_CHECKING:
    from vidstyle.core.sizes import Size
    from vidstyle.jobs.events import Outline, Summary
    from vidstyle.video.flipbook import Flipbook

HASH_DIGITS = 8
GRADE_WORDS = {".gif": "{} colours", ".webp": "quality {}", ".mp4": "CRF {}"}


def say(console: Console, line: str) -> None:
    """One line as it is: not wrapped, not coloured, nothing in it taken for markup."""
    console.print(Text(line), soft_wrap=True)


def clock(seconds: float) -> str:
    """``0:05``, ``20:10``, ``3:05:10``."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def roughly(seconds: float) -> str:
    """``about 40 s``, ``about 20 min``, ``about 3 h``, ``about 2 days``."""
    for unit, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 1.5 * unit:
            return f"about {_short(seconds / unit)} {name}"
    return f"about {max(1, round(seconds))} s"


def seconds_each(seconds: float) -> str:
    """``0.21 s``, ``4.2 s``, ``42 s``."""
    return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"


def memory(size: float) -> str:
    """Bytes as ``548 MB`` or ``1.5 GB``."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{_short(size / unit)} {name}"
    return f"{size:.0f} bytes"


def loss_number(loss: float) -> str:
    """``0.310``; ``3.1e+04`` where three decimals do not fit."""
    return f"{loss:.3f}" if 0.001 <= abs(loss) < 1000 else f"{loss:.2g}"


def dimensions(size: Size) -> str:
    """(height, width) as ``640x360``."""
    return f"{size[1]}x{size[0]}"


def some(count: int, noun: str) -> str:
    """``1 frame``, ``2 frames``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def outline_lines(outline: Outline, device: str) -> list[str]:
    """What a job is about to do: source and output, size and its reason, time and memory."""
    estimate = outline.estimate
    return [
        f"{_source(outline)}; to {printable(outline.job.out)}",
        f"painted at {_size_and_reason(outline, device)}",
        f"{roughly(estimate.seconds)} of painting and about {memory(estimate.memory)} of memory",
    ]


def preview_lines(outline: Outline, device: str, count: int, seconds: float) -> list[str]:
    """What a preview of `count` frames is about to do, and how long the whole would take."""
    whole = roughly(outline.estimate.seconds)
    return [
        _source(outline),
        f"painted at {_size_and_reason(outline, device)}",
        f"{roughly(seconds)} for {some(count, 'preview')}; the whole would take {whole}",
    ]


def summary_line(summary: Summary, noun: str) -> str:
    """What a job did: how many frames, how long all of it and the painting of one took, and by which filters."""
    filters = f"{printable(summary.filters)} {summary.filters_sha256[:HASH_DIGITS]}".strip()
    each = f" (painting: {seconds_each(summary.seconds_per_frame)} per {noun})" if summary.frames > 1 else ""
    return f"painted {some(summary.frames, noun)} in {clock(summary.elapsed)}{each}; weights: {filters}"


def flipbook_line(flipbook: Flipbook) -> str:
    """How an animation was written, and what was lowered to keep it small."""
    full, kept = flipbook.full, flipbook.kept
    coarser, finest = kept.grade != full.grade, GRADE_WORDS[flipbook.path.suffix.lower()]
    parts = [
        _of(kept.frames, full.frames, "frames"),
        _of(kept.width, full.width, "pixels across"),
        finest.format(kept.grade) + (f" instead of {full.grade}" if coarser else ""),
    ]
    bound = f", to stay under {memory(flipbook.max_bytes)}" if flipbook.max_bytes and kept != full else ""
    return f"{printable(flipbook.path.name)}: {memory(flipbook.bytes)}: {', '.join(parts)}{bound}"


def _of(kept: int, full: int, noun: str) -> str:
    return f"{kept} {noun}" if kept == full else f"{kept} of {full} {noun}"


def _source(outline: Outline) -> str:
    return f"{printable(outline.job.source.name)}: {_contents(outline)}"


def _contents(outline: Outline) -> str:
    if outline.job.kind == "image":
        return "an image"
    if outline.rate is None:
        return some(outline.frames, "image")
    length = f"{outline.frames / outline.rate:.1f} s at {outline.rate:.4g} fps"
    return f"{outline.job.kind}, {some(outline.frames, 'frame')} in {some(outline.shots, 'shot')}, {length}"


def _size_and_reason(outline: Outline, device: str) -> str:
    wish, here, there = outline.job.settings.size, dimensions(outline.size), dimensions(outline.source_size)
    if outline.size == outline.source_size:
        larger = wish.isdigit() and int(wish) > max(outline.size)
        return f"{here}, the source's size" + (f", because --size {wish} is larger" if larger else "")
    reason = f"because the {device.upper()} paints" if wish == "auto" else f"as --size {wish} says"
    full = roughly(outline.full_estimate.seconds)
    return f"{here} of {there}, {reason}; full size would take {full} (--size full)"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"
