"""Curves, drawn by matplotlib; it takes long to import, so only what draws does."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS = 144  # of an inch of a PNG
MARGIN = 0.015  # before the first point and after the last, of the way between them
MOST_NAMED = 8  # of the places where something begins: beyond, their names would lie on each other


@dataclass(frozen=True)
class Curve:
    """The points of a curve, what it is called and, as keywords of matplotlib's ``Axes.plot``, how it looks.

    It has a gap where x or y is nan; x is known somewhere.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    look: Mapping[str, Any] = field(default_factory=dict)


def plotted(curves: Sequence[Curve], size: tuple[float, float], begins: Mapping[float, str]) -> "Figure":
    """A figure with one pair of axes that shows all `curves`.

    Args:
        curves: At least one.
        size: Width and height in inches.
        begins: Places along x, within those of the curves, where something begins, marked by dashed lines, and what
            it is called, if anything; the names stand above the lines where there are few.
    """
    from matplotlib.figure import Figure

    figure = Figure(size, layout="constrained")
    axes = figure.add_subplot()
    for curve in curves:
        axes.plot(curve.x, curve.y, label=curve.label, **curve.look)
    places = [x for curve in curves for x in curve.x if not math.isnan(x)]
    first, last = min(places), max(places)
    axes.set_xlim(first - (margin := MARGIN * (last - first) or 0.5), last + margin)
    for place, name in begins.items():
        if place > first:
            axes.axvline(place, color="grey", linewidth=0.7, linestyle=(0, (4, 3)), zorder=0)
        if name and len(begins) <= MOST_NAMED:
            axes.text(place, 1.01, f" {name}", transform=axes.get_xaxis_transform(), fontsize=8, color="dimgrey")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def drawn(figure: "Figure", form: str) -> bytes:
    """The figure as a file of the `form` png or svg, the same for the same figure."""
    from matplotlib import rc_context

    file = io.BytesIO()
    with rc_context({"svg.hashsalt": "vidstyle"}):
        figure.savefig(file, format=form, dpi=DOTS, metadata={"Date": None} if form == "svg" else {})
    return file.getvalue()
