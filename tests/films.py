"""Films for jobs, and listeners that remember what they are told."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from tests import clips
from tests.images import clouds
from vidstyle.core.pixels import to_array
from vidstyle.core.temporal import PaintedFrame
from vidstyle.jobs.events import Listener, Outline


class Ear(Listener):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.outlines: list[Outline] = []
        self.frames: list[PaintedFrame] = []
        self.stages: list[str] = []
        self.turns = 0
        self.partial: tuple[Path | None, int] | None = None
        self.kept = 0

    def started(self, outline: Outline) -> None:
        self.outlines.append(outline)

    def working(self, what: str, done: float, count: float) -> None:
        self.stages.append(what)

    def turn(self, painted: PaintedFrame) -> None:
        self.turns += 1

    def frame(self, painted: PaintedFrame) -> None:
        self.frames.append(painted)

    def interrupted(self, partial: Path | None, frames: int, kept: int) -> None:
        self.partial, self.kept = (partial, frames), kept


class StopsAfter(Ear):
    def __init__(self, frames: int) -> None:
        super().__init__()
        self.limit = frames

    def frame(self, painted: PaintedFrame) -> None:
        super().frame(painted)
        if len(self.frames) == self.limit:
            raise KeyboardInterrupt


def leftovers(folder: Path, known: Sequence[Path]) -> list[Path]:
    return sorted(set(folder.iterdir()) - set(known))


def two_shots(path: Path, *options: object, rate: str = "24000/1001", count: int = 24) -> Path:
    """A clip with a cut in the middle and a tone."""
    return many_shots(path, *options, rate=rate, count=count, shots=2)


def film_of(path: Path, images: Sequence[Tensor], rate: int = 24) -> Path:
    """A silent clip of images (3, H, W), 0..1."""
    frames = np.stack([to_array(image) for image in images])
    height, width = frames.shape[1:3]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", rate, "-i", "-"]
    clips.ffmpeg(*raw, "-c:v", "libx264", "-crf", "6", path, data=frames.tobytes())
    return path


def many_shots(
    path: Path,
    *options: object,
    rate: str = "24000/1001",
    count: int = 48,
    shots: int = 6,
    size: tuple[int, int] = (32, 40),
) -> Path:
    """A clip of `count` frames in `shots` equal shots, with a tone of a second."""
    height, width = size
    places = [np.uint8(clouds(height, width, seed=1 + s, grain=16).permute(1, 2, 0) * 255) for s in range(shots)]
    images = [np.roll(places[i * shots // count], i, 1) for i in range(count)]
    clips.ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", rate, "-i", "-"),
        *("-f", "lavfi", "-i", "sine=frequency=440:duration=1"),
        *("-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-crf", "10", "-c:a", "aac", *options, path),
        data=np.stack(images).tobytes(),
    )
    return path
