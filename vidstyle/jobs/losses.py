"""What becomes of the losses while a picture or a film is painted, as a table and as a plot."""

import csv
import io
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vidstyle.errors import SinkError
from vidstyle.files import check_target, write_target
from vidstyle.jobs.listener import Listener
from vidstyle.media.sizes import size_of
from vidstyle.motion.chain import PaintedFrame
from vidstyle.painting.painter import Step
from vidstyle.painting.targets import Losses

TABLE_ENDINGS, PLOT_ENDINGS = (".csv", ".json"), (".png", ".svg")

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
    """Keeps the losses that it is told of: StepLosses for a picture, FrameLosses for a film.

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
        from vidstyle.jobs.curves import drawn  # matplotlib takes a while

        file = Path(path)
        check_target(file, PLOT_ENDINGS, overwrite=overwrite)
        if not self.entries:
            raise SinkError(f"{file}: nothing was painted, so there is nothing to draw; paint first")
        write_target(file, drawn(self, file.suffix.lower()[1:]), PLOT_ENDINGS, overwrite=overwrite)

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
    """The losses of each step of a picture, before it, and the size that it was painted at."""

    place = "step"

    def step(self, step: Step) -> None:
        height, width = size_of(step.image)
        size = {"width": width, "height": height}
        goes_on = self.entries and size.items() <= self.entries[-1].place.items()
        begins = "" if goes_on else f"{width}x{height}"
        self.entries.append(Entry({self.place: step.number, **size}, step.losses.numbers(), begins))


class FrameLosses(LossRecord):
    """The losses of each frame of a film, before its last step, with the steps it took and its time in seconds.

    Frames that stay as the one before, with no step, have that one's losses.
    """

    place = "frame"

    def frame(self, painted: PaintedFrame) -> None:
        frame, picture = painted.frame, painted.painted
        place = {self.place: frame.index, "seconds": frame.seconds, "steps": picture.steps, "cut": int(frame.cut)}
        self.entries.append(Entry(place, picture.losses.numbers(), "cut" if frame.cut else ""))

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        self.earlier = frames
