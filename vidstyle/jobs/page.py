"""A report as one HTML page: nothing is loaded from elsewhere, pictures and curves are inside."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
from jinja2 import Environment, PackageLoader
from torch import Tensor

from vidstyle.jobs.listener import FAR_OFF, far_off
from vidstyle.jobs.measures import FilmMeasures, FrameMeasures
from vidstyle.media.sizes import Size

if TYPE_CHECKING:
    from vidstyle.jobs.report import Report

COLOURS = ("#1f5fa8", "#c9522b", "#3a8f4d", "#7a4ba0", "#8a6d1f", "#0f8b8d")  # of the films' curves
WIDTH, HEIGHT, LEFT, BOTTOM = 760, 170, 56, 22  # of a curve's picture and its margins, in pixels

FIGURES = (  # key of the summary, what the reader sees, unit and digits
    ("frames", "frames", 1, "{:.0f}"),
    ("warp_error_over_energy", "warp error / gradient energy, next frame", 1, "{:.4f}"),
    ("long_warp_error_over_energy", "the same, 8 frames apart", 1, "{:.4f}"),
    ("warp_error", "warp error (mean square, values 0..1)", 1, "{:.6f}"),
    ("flicker", "flicker of still pixels (levels of 255)", 1, "{:.2f}"),
    ("drift", "drift of still pixels (levels of 255)", 1, "{:+.2f}"),
    ("flow_difference", "motion against the source's (tOF, pixels)", 1, "{:.3f}"),
    ("structure", "structure kept (1 = all)", 1, "{:.3f}"),
    ("content", "content error (relative)", 1, "{:.3f}"),
    ("far_off", f"frames whose content error is {FAR_OFF:g} times the usual", 1, "{:.0f}"),
    ("style_distance", "style distance (source = 100 %)", 100, "{:.2f} %"),
    ("held_out_style_distance", "style distance on layers that were not optimised", 100, "{:.2f} %"),
    ("steps", "steps per frame", 1, "{:.1f}"),
    ("full_steps", "steps per frame, in steps at full size", 1, "{:.2f}"),
    ("seconds", "seconds per frame", 1, "{:.2f}"),
    ("memory", "peak memory of the process (MB)", 1e-6, "{:.0f}"),
)


@dataclass(frozen=True)
class WorstPair:
    """A frame that follows badly: the painting before carried along, the painting, their difference times 4."""

    seconds: float
    warp_error: float
    pictures: tuple[Tensor, ...]  # (3, H, W) bytes


@dataclass(frozen=True)
class MeasuredFilm:
    """A measured film: its figures, frames of its strip, its row and column over time, its worst pairs (bytes)."""

    name: str
    size: Size
    measures: FilmMeasures
    strip: tuple[Tensor, ...]
    slices: tuple[Tensor, Tensor]
    worst: tuple[WorstPair, ...]


def page(report: Report, rows: Sequence[tuple[MeasuredFilm, dict[str, float]]]) -> str:
    """The page of a report; `rows` are its films with their summaries."""
    environment = Environment(loader=PackageLoader("vidstyle.jobs", "."), autoescape=True, trim_blocks=True)
    environment.filters["picture"] = _data_address
    table = [
        (label, [_number(figures[key] * scale, form) for _, figures in rows])
        for key, label, scale, form in FIGURES
        if any(not math.isnan(figures[key]) for _, figures in rows)
    ]
    return environment.get_template("report.html").render(
        report=report, table=table, curves=_curves(report), colours=COLOURS
    )


def _curves(report: Report) -> list[dict[str, Any]]:
    """One picture of curves for each measure that there is."""
    measures: list[tuple[str, Callable[[FrameMeasures], float]]] = [
        ("warp error / gradient energy, next frame", lambda f: f.warp_error / max(f.energy, 1e-12)),
        ("warp error / gradient energy, 8 frames apart", lambda f: f.long_warp_error / max(f.energy, 1e-12)),
        ("motion against the source's (tOF, pixels)", lambda f: f.flow_difference),
        ("structure kept", lambda f: f.structure),
        ("content error", lambda f: f.content),
        ("style distance, source = 1", lambda f: f.style_distance(report.optimised)),
    ]
    if report.held_out:
        measures.append(("style distance, layers not optimised", lambda f: f.style_distance(report.held_out)))
    measures += [(f"style error, {k}", lambda f, k=k: f.style[k]) for k in report.optimised]  # type: ignore[misc]
    if any(frame.work for film in report.films for frame in film.measures.frames):
        measures.append(("steps in steps at full size", lambda f: f.work.full_steps if f.work else math.nan))
        measures.append(("seconds per frame", lambda f: f.work.seconds if f.work else math.nan))
    return [_curve(title, value, report, marked=title == "content error") for title, value in measures]


def _curve(title: str, value: Callable[[FrameMeasures], float], report: Report, *, marked: bool) -> dict[str, Any]:
    """Where the lines of one measure run, time along x and from 0 up along y, in pixels of the picture.

    Where they are `marked`, points of each film's frames that are far off its usual value too.
    """
    films = [[(frame.seconds, value(frame)) for frame in film.measures.frames] for film in report.films]
    points = [point for film in films for point in film if not math.isnan(point[1])]
    first, last = min((x for film in films for x, _ in film), default=0.0), max(x for film in films for x, _ in film)
    top = 1.08 * max((y for _, y in points), default=1.0) or 1.0

    def place(x: float, y: float) -> str:
        across = LEFT + (WIDTH - LEFT - 8) * (x - first) / max(1e-9, last - first)
        return f"{across:.1f},{(HEIGHT - BOTTOM) * (1 - y / top):.1f}"

    lines = [" ".join(place(x, y) for x, y in film if not math.isnan(y)) for film in films]
    marks = [[place(*film[i]).split(",") for i in far_off([y for _, y in film])] if marked else [] for film in films]
    cuts = [place(f.seconds, 0).split(",")[0] for f in report.films[0].measures.frames if f.cut]
    ticks = [(f"{(HEIGHT - BOTTOM) * (1 - share):.1f}", f"{share * top:.3g}") for share in (0, 0.5, 0.92)]
    times = [(place(x, 0).split(",")[0], f"{x:.1f} s") for x in (first, (first + last) / 2, last)]
    return {"title": title, "lines": lines, "marks": marks, "cuts": cuts, "ticks": ticks, "times": times}


def _number(value: float, form: str) -> str:
    return "" if math.isnan(value) else form.format(value)


def _data_address(picture: Tensor) -> str:
    """A picture (3, H, W) of bytes as the text that a page holds it by."""
    pixels = picture.permute(1, 2, 0).contiguous().numpy()
    _, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
