"""Media files made at random, each read by the product and by independent readers.

A `Trial` makes one file of a kind from a seed and compares. It ends right, with one true line (an error with a code, or
a warning where the file was damaged on purpose), or wrong. ``benchmarks/media.py`` runs thousands.
"""

import contextlib
import logging
import random
import re
import subprocess
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from tests.fuzzing import limited
from vidstyle.errors import VidstyleError

Floats = NDArray[np.float64]  # (H, W, 4), RGB and opacity, 0..255

RIGHT, TOLD, WRONG = "right", "told", "wrong"
LEVELS = 2.0  # of 255, by which values may differ
OPAQUE_ENOUGH = 0.6  # more transparent pixels are mixed with what surrounds them


class DifferenceError(Exception):
    """What was read is not what is in the file."""


@dataclass
class Trial:
    """One file.

    Attributes:
        random: what it is made by.
        folder: where it is put.
        what: what kind of file it is, in words.
        damaged: whether a warning may excuse that it is not read whole.
        said: the warnings.
        reader: the independent reader that agreed.
    """

    random: random.Random
    folder: Path
    what: str = ""
    damaged: bool = False
    said: list[str] = field(default_factory=list)
    reader: str = ""

    @property
    def noise(self) -> np.random.Generator:
        """For pixels."""
        return np.random.default_rng(self.random.randrange(2**32))

    def pick(self, *choices: Any) -> Any:
        """One of them."""
        return self.random.choice(choices)

    def check(self, holds: bool, text: str) -> None:
        """DifferenceError unless it holds."""
        if not holds:
            raise DifferenceError(text)


@dataclass(frozen=True)
class Outcome:
    """How a trial ended."""

    kind: str
    seed: int
    what: str
    verdict: str
    reason: str
    reader: str


def judged(kind: str, seed: int, run: Any) -> Outcome:
    """Runs one trial of a kind to its end."""
    with tempfile.TemporaryDirectory(prefix="media-") as folder:
        trial = Trial(random.Random(f"{kind} {seed}"), Path(folder))
        with heard(trial.said):
            verdict, reason = _verdict(trial, run)
    return Outcome(kind, seed, trial.what, verdict, reason, trial.reader)


def _verdict(trial: Trial, run: Any) -> tuple[str, str]:
    try:
        with limited():
            run(trial)
    except VidstyleError as error:
        return TOLD, f"{error.code} {error}"
    except DifferenceError as error:
        return (TOLD if trial.damaged and trial.said else WRONG), f"{error} {trial.said or ''}"
    except Exception:
        return WRONG, traceback.format_exc()[-600:]
    return RIGHT, "; ".join(trial.said)


@contextlib.contextmanager
def heard(said: list[str]) -> Iterator[None]:
    """Meanwhile the product's warnings are put in a list."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    ear, log = Ear(logging.WARNING), logging.getLogger("vidstyle")
    log.addHandler(ear)
    log.propagate, before = False, log.propagate
    try:
        yield
    finally:
        log.removeHandler(ear)
        log.propagate = before


def on_white(pixels: Floats) -> Floats:
    """(H, W, 3)."""
    return pixels[..., :3] * pixels[..., 3:] / 255 + 255 - pixels[..., 3:]


def difference(one: Floats, other: Floats, lossless: bool) -> float:
    """Between what two images show, on white and of their opacity: the largest, or the mean for lossy ones."""
    if one.shape != other.shape:
        return 999.0
    pairs = ((on_white(one), on_white(other)), (one[..., 3], other[..., 3]))
    return max(float(np.abs(a - b).max() if lossless else np.abs(a - b).mean()) for a, b in pairs)


def smooth(noise: np.random.Generator, height: int, width: int, channels: int, waves: int = 2) -> Floats:
    """(H, W, channels), 0..1, of few waves."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        sum(np.cos(a * y / height + b * x / width + c) for a, b, c in noise.uniform(0, 3, (waves, 3))) / waves
        for _ in range(channels)
    ]
    return 0.5 + 0.45 * np.stack(planes, axis=2)


# What ffmpeg finds ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """The frames (N, H, W, 4) of a film, 0..255, upright, and the times of each in seconds after the first."""

    frames: Floats
    times: list[float]


def ffmpeg_log(*arguments: object) -> tuple[bytes, str]:
    """Standard output and log of a run of ffmpeg, however it ends."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-y", "-threads", "1", *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout, done.stderr.decode("utf-8", "replace")


def seen_by_ffmpeg(path: Path, filters: str = "", options: tuple[object, ...] = ()) -> Seen:
    """All frames as ffmpeg decodes them, none left out or repeated, with the times they have in the file."""
    flags = "scale=flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp,format=rgba64le"
    chain = ",".join(filter(None, (filters, flags, "showinfo")))
    how = ("-map", "0:V:0", "-vf", chain, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    data, log = ffmpeg_log(*options, "-i", path, *how)
    found = re.findall(r"pts_time:\s*(-?[\d.]+|NOPTS).*? s:(\d+)x(\d+)", log)
    if not found:
        raise DifferenceError(f"ffmpeg shows nothing: {log[-200:]}")
    width, height = map(int, found[0][1:])
    frames = np.frombuffer(data, np.uint16)
    frames = frames[: len(frames) // (height * width * 4) * height * width * 4].reshape(-1, height, width, 4) / 257
    times = [float(time) if time != "NOPTS" else 0.0 for time, *_ in found][: len(frames)]
    return Seen(frames, [time - times[0] for time in times])


def packet_rate(times: list[float]) -> Fraction:
    """Frames a second by the times of the first and the last."""
    return Fraction(len(times) - 1) / Fraction(times[-1] - times[0]) if len(times) > 1 else Fraction(0)
