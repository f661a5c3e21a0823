"""What people are told: numbers and results as sentences, and the one way to say them. Nothing heavy is imported."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from vidstyle.files import printable

if TYPE_CHECKING:
    from vidstyle.core.sizes import Size
    from vidstyle.jobs.events import Outline, Summary
    from vidstyle.jobs.spec import JobSpec
    from vidstyle.video.flipbook import Flipbook

HASH_DIGITS = 8
GRADE_WORDS = {".gif": "{} colours", ".webp": "quality {}", ".mp4": "CRF {}"}


def say(console: Console, line: str) -> None:
    """One line, nothing in it taken for markup: wrapped between words on a terminal, elsewhere as it is."""
    if console.is_terminal:
        line = textwrap.fill(line, console.width, break_long_words=False, break_on_hyphens=False)
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
    """What a job is about to do: first what, how much and how long; then the rest, and the reason of the size."""
    estimate = outline.estimate
    learned = f" after {roughly(estimate.learning)} of learning weights" if estimate.learning else ""
    return [
        f"{_task(outline)}, {roughly(estimate.seconds)} of painting{learned}",
        f"{_kind(outline)}; about {memory(estimate.memory)} of memory; to {printable(outline.job.out)}",
        *_size_and_reason(outline, device),
    ]


def preview_lines(outline: Outline, device: str, count: int, seconds: float) -> list[str]:
    """What a preview of `count` frames is about to do, and how long the whole would take."""
    whole = roughly(outline.estimate.total)
    return [
        f"{_task(outline)}; {some(count, 'preview')}, {roughly(seconds)}",
        f"{_kind(outline)}; all of it would take {whole}",
        *_size_and_reason(outline, device),
    ]


def next_lines(job: JobSpec, given: Mapping[str, Any]) -> list[str]:
    """What may be tried after a job whose options `given` are: a stronger style, a finer painting, a report."""
    settings = job.settings
    found = {}
    balanced = settings.loss != "sums" and settings.content_weight and settings.style_weight
    if balanced and settings.strength < 1 and not settings.strength_keys:
        found["stronger"] = f"the same command with --strength {min(1.0, settings.strength + 0.2):g} --overwrite"
    if not {"preset", "steps"} & {*given}:
        found["finer"] = "the same command with --preset fine --overwrite"
    if job.kind == "video" and job.out.is_file() and not job.report:
        styles = [word for style in job.styles for word in ("--style", str(style))]
        times = [word for name, at in (("--from", job.start), ("--to", job.end)) if at for word in (name, f"{at:g}")]
        words = ["vidstyle", "report", str(job.out), "--source", str(job.source), *styles, *times]
        found["report"] = printable(shlex.join(words))
    return ["try next:", *(f"  {name:<8}  {command}" for name, command in found.items())] if found else []


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


def _task(outline: Outline) -> str:
    """``clip.mp4 in the style of monet.jpg: 300 frames at 640x360``."""
    job, largest = outline.job, "up to " if outline.job.kind == "images" else ""
    names = [printable(style.name) for style in job.styles]
    styles = " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} others"
    what = some(outline.frames, "frame" if outline.rate else "image")
    return f"{printable(job.source.name)} in the style of {styles}: {what} at {largest}{dimensions(outline.size)}"


def _kind(outline: Outline) -> str:
    """``video, 12.0 s at 25 fps, 3 shots``."""
    if outline.rate is None:
        return outline.job.kind
    length = f"{outline.frames / outline.rate:.1f} s at {outline.rate:.4g} fps"
    return f"{outline.job.kind}, {length}, {some(outline.shots, 'shot')}"


def _size_and_reason(outline: Outline, device: str) -> list[str]:
    """Why it is painted at another size than wished or than the source's, if it is."""
    wish, here, there = outline.job.settings.size, dimensions(outline.size), dimensions(outline.source_size)
    if outline.size == outline.source_size:
        larger = wish.isdigit() and int(wish) > max(outline.size)
        return [f"{here} is the size of the source; --size {wish} does not enlarge it"] if larger else []
    reason = f"the limit of --size auto on a {device.upper()}" if wish == "auto" else f"as --size {wish} requests"
    full = roughly(outline.full_estimate.total)
    return [f"{here}, {reason} (source: {there}); --size full would take {full}"]


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"


def fault_text(error: Exception) -> str:
    """An error that the library does not explain: full memory and disks, and what is really a fault."""
    from vidstyle.core.device import is_full

    if is_full(error):
        return "not enough memory; use a smaller --size"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = f"{type(error).__name__}: {error}"
    return f"{text} (this is a fault of vidstyle; run again with --log-file FILE and report it)"
