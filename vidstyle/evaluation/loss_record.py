"""What becomes of the losses while an image or a video is painted, as a table and as a plot."""

import csv
import io
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidstyle.core.losses import Losses
from vidstyle.core.sizes import size_of
from vidstyle.core.stylize_image import Step
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import SinkError
from vidstyle.evaluation.plots import Curve, drawn, plotted
from vidstyle.files import check_target, write_target
from vidstyle.jobs.events import Listener
from vidstyle.settings.layers import LAYERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE_ENDINGS, PLOT_ENDINGS = (".csv", ".json"), (".png", ".svg")

WIDTH, HEIGHT, NAME_HEIGHT = 10.0, 5.6, 0.23  # inches, at least; of a curve's name
STYLE_COLOURS, CONTENT_COLOURS = ("viridis", 0.0, 0.85), ("autumn", 0.0, 0.65)  # from shallow layers to deep ones
FEW = 30  # entries, of which each is marked by a dot
PARTS = ("total", "content", "style", "variation", "temporal")


@dataclass(frozen=True)
class Entry:
    """The losses at one place of a painting, as numbers; the place's first fact is its number.

    `begins` names what begins there: a scale by its size, a shot as a cut; else it is empty.
    """

    place: Mapping[str, float]
    losses: Losses
    begins: str = ""

    @property
    def number(self) -> float:
        return next(iter(self.place.values()))

    def row(self) -> dict[str, float]:
        """All of it by name: the place, the total, its four parts, and each layer's."""
        losses = self.losses
        parts = {name: float(getattr(losses, name)) for name in PARTS}
        content = {f"content_{layer}": float(part) for layer, part in losses.content_layers.items()}
        style = {f"style_{layer}": float(part) for layer, part in losses.style_layers.items()}
        return {**self.place, **parts, **content, **style}


class LossRecord(Listener):
    """Keeps the losses that it is told of: StepLosses for an image, FrameLosses for a video.

    All are weighted as they were minimised, so that the layers, the total variation and the temporal loss sum to the
    total. `earlier`: so many frames were painted before, by another run, and are missing.
    """

    place = ""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.earlier = 0

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Writes the table to a .csv or .json file, a row for each entry. SinkError where that cannot be done."""
        file = Path(path)
        text = self.to_json() if file.suffix.lower() == ".json" else self.to_csv()
        write_target(file, text.encode(), TABLE_ENDINGS, overwrite=overwrite)

    def plot(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Draws the total and each layer as curves to a .png or .svg file. SinkError where that cannot be done."""
        file = Path(path)
        check_target(file, PLOT_ENDINGS, overwrite=overwrite)
        if not self.entries:
            raise SinkError("VS412", file=file)
        write_target(file, drawn(figure_of(self), file.suffix.lower()[1:]), PLOT_ENDINGS, overwrite=overwrite)

    def to_csv(self) -> str:
        rows = [entry.row() for entry in self.entries]
        text = io.StringIO()
        table = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        return text.getvalue()

    def to_json(self) -> str:
        """``{"earlier": 0, "steps": [{"step": 1, ...}, ...]}``; what is no number is null."""
        rows = [
            {name: value if math.isfinite(value) else None for name, value in entry.row().items()}
            for entry in self.entries
        ]
        return json.dumps({"earlier": self.earlier, f"{self.place}s": rows}, indent=1) + "\n"


class StepLosses(LossRecord):
    """The losses of each step of an image, before it, and the size that it was painted at."""

    place = "step"

    def step(self, step: Step) -> None:
        height, width = size_of(step.image)
        size = {"width": width, "height": height}
        goes_on = self.entries and size.items() <= self.entries[-1].place.items()
        begins = "" if goes_on else f"{width}x{height}"
        self.entries.append(Entry({self.place: step.number, **size}, step.losses.numbers(), begins))


class FrameLosses(LossRecord):
    """The losses of each frame of a video, before its last step, with the steps it took and its time in seconds.

    Frames that stay as the one before, with no step, have that one's losses.
    """

    place = "frame"

    def frame(self, painted: PaintedFrame) -> None:
        frame, painting = painted.frame, painted.painted
        place = {self.place: frame.index, "seconds": frame.seconds, "steps": painting.steps, "cut": int(frame.cut)}
        self.entries.append(Entry(place, painting.losses.numbers(), "cut" if frame.cut else ""))

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        self.earlier = frames


def figure_of(record: LossRecord) -> "Figure":
    """The loss of each layer, and the total, against steps or frames; the record has at least one entry."""
    from matplotlib.ticker import MaxNLocator

    curves = list(_curves(record.entries))
    begins = {entry.number: entry.begins for entry in record.entries if entry.begins}
    figure = plotted(curves, (WIDTH, max(HEIGHT, NAME_HEIGHT * len(curves))), begins)
    (axes,) = figure.axes
    if any(0 < float(entry.losses.total) < math.inf for entry in record.entries):
        axes.set_yscale("log", nonpositive="mask")
    axes.set_xlabel(f"{record.place} ({record.earlier} painted by an earlier run)" if record.earlier else record.place)
    axes.set_ylabel("weighted loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def _curves(entries: Sequence[Entry]) -> Iterator[Curve]:
    """One for each part of the loss that there is, with a gap where a scale or shot begins: no descent leads there."""
    rows, numbers = [entry.row() for entry in entries], _broken([entry.number for entry in entries], entries)
    every = {"linewidth": 1.4, "marker": "." if len(entries) <= FEW else ""}
    for name, look in _looks({name for row in rows for name in row}).items():
        values = [row.get(name, math.nan) for row in rows]
        if any(values) or name not in ("variation", "temporal"):
            yield Curve(name.replace("_", " ", 1), numbers, _broken(values, entries), {**every, **look})


def _looks(names: Set[str]) -> dict[str, dict[str, Any]]:
    """How the curve of each loss looks: the total first, style and content from shallow layers to deep ones."""
    from matplotlib import colormaps

    looks: dict[str, dict[str, Any]] = {"total": {"color": "black", "linewidth": 2}}
    for kind, (colours, first, last), line in (("style", STYLE_COLOURS, "-"), ("content", CONTENT_COLOURS, "--")):
        layers = [f"{kind}_{layer}" for layer in LAYERS if f"{kind}_{layer}" in names]
        for place, layer in enumerate(layers):
            colour = colormaps[colours](first + (last - first) * place / max(1, len(layers) - 1))
            looks[layer] = {"color": colour, "linestyle": line}
    return looks | {
        name: {"color": "grey", "linestyle": line} for name, line in (("variation", ":"), ("temporal", "-."))
    }


def _broken(values: Sequence[float], entries: Sequence[Entry]) -> list[float]:
    """The values with nan before each entry where something begins."""
    pairs = zip(values, entries, strict=True)
    return [part for value, entry in pairs for part in ((math.nan, value) if entry.begins else (value,))]
