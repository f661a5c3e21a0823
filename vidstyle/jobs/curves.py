"""The curves of a loss record, drawn by matplotlib, which is imported with this module."""

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vidstyle.features.layers import LAYERS
from vidstyle.jobs.losses import Entry, LossRecord

WIDTH, HEIGHT, NAME_HEIGHT, DOTS = 10.0, 5.6, 0.23, 144  # inches, at least; of a curve's name; dots an inch
STYLE_COLOURS, CONTENT_COLOURS = ("viridis", 0.0, 0.85), ("autumn", 0.0, 0.65)  # from shallow layers to deep ones
MOST_NAMED = 8  # of the places where something begins: beyond, their names would lie on each other
FEW = 30  # entries, of which each is marked by a dot


def drawn(record: LossRecord, form: str) -> bytes:
    """The plot as a file of the `form` png or svg."""
    figure, file = figure_of(record), io.BytesIO()
    figure.savefig(file, format=form, dpi=DOTS, metadata={"Date": None} if form == "svg" else {})
    return file.getvalue()


def figure_of(record: LossRecord) -> Figure:
    """The loss of each layer, and the total, against steps or frames."""
    curves = list(_curves(record.entries))
    figure = Figure((WIDTH, max(HEIGHT, NAME_HEIGHT * len(curves))), layout="constrained")
    axes = figure.add_subplot()
    dots = "." if len(record.entries) <= FEW else ""
    numbers = _broken([entry.number for entry in record.entries], record.entries)
    for label, values, look in curves:
        axes.plot(numbers, _broken(values, record.entries), label=label, marker=dots, **look)
    if any(float(entry.losses.total) > 0 for entry in record.entries):
        axes.set_yscale("log", nonpositive="mask")
    axes.set_xlabel(f"{record.place} ({record.earlier} painted by an earlier run)" if record.earlier else record.place)
    axes.set_ylabel("weighted loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.25)
    axes.set_xlim(record.entries[0].number - 0.5, record.entries[-1].number + 0.5)
    axes.spines[["top", "right"]].set_visible(False)
    _mark(axes, record.entries)
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def _curves(entries: Sequence[Entry]) -> Iterator[tuple[str, list[float], dict[str, Any]]]:
    """Label, values and look of each curve, the total first and shallow layers before deep ones."""
    yield "total", [float(entry.losses.total) for entry in entries], {"color": "black", "linewidth": 2}
    kinds = (("style", STYLE_COLOURS, "-"), ("content", CONTENT_COLOURS, "--"))
    for kind, (colours, first, last), line in kinds:
        parts = [getattr(entry.losses, f"{kind}_layers") for entry in entries]
        layers = sorted({layer for part in parts for layer in part}, key=LAYERS.index)
        for place, layer in enumerate(layers):
            colour = colormaps[colours](first + (last - first) * place / max(1, len(layers) - 1))
            values = [float(part.get(layer, "nan")) for part in parts]
            yield f"{kind} {layer}", values, {"color": colour, "linestyle": line, "linewidth": 1.4}
    for kind, line in (("variation", ":"), ("temporal", "-.")):
        values = [float(getattr(entry.losses, kind)) for entry in entries]
        if any(values):
            yield kind, values, {"color": "grey", "linestyle": line, "linewidth": 1.4}


def _broken(values: Sequence[float], entries: Sequence[Entry]) -> list[float]:
    """The values with a gap wherever a scale or shot begins: no descent leads from the one before to it."""
    pairs = zip(values, entries, strict=True)
    return [part for value, entry in pairs for part in ((math.nan, value) if entry.begins else (value,))]


def _mark(axes: Axes, entries: Sequence[Entry]) -> None:
    """Thin lines where scales or shots begin, with their names above where there is room."""
    begins = [entry for entry in entries if entry.begins]
    for entry in begins:
        if entry is not entries[0]:
            axes.axvline(entry.number, color="grey", linewidth=0.6, zorder=0)
        if len(begins) <= MOST_NAMED:
            above = axes.get_xaxis_transform()  # numbers along, 0 ... 1 up
            axes.text(entry.number, 1.01, f" {entry.begins}", transform=above, fontsize=8, color="dimgrey")
