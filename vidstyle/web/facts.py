"""What was chosen to be painted: its first image, its facts, and about how long it takes."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import imageio.v3 as iio
from torch import Tensor

from vidstyle.cli.messages import roughly, some
from vidstyle.core.device import select_device
from vidstyle.core.pixels import to_array
from vidstyle.core.sizes import Size, fit_size, resize, size_of
from vidstyle.images import load_image
from vidstyle.jobs.eta import estimate, learning_seconds, seconds_per_pixel
from vidstyle.jobs.kinds import kind_of
from vidstyle.jobs.prescan import painting_size
from vidstyle.settings.settings import Settings
from vidstyle.video.probe import probe
from vidstyle.web.job_folder import first_image

THUMBNAIL = 320  # pixels of its long side
STARTING = 4.0  # seconds, until the process that paints has loaded its libraries and looked at the file


@dataclass(frozen=True)
class Facts:
    """What people see of a file: its `name`, an `image` as a data URL or nothing, and `lines` of text."""

    name: str
    image: str
    lines: tuple[str, ...]


def chosen_facts(
    source: Path,
    styles: Sequence[Path],
    settings: Settings,
    device: str,
    start: float = 0.0,
    end: float | None = None,
) -> Facts:
    """What the page says of a file before it is painted.

    Args:
        source: A video, animation or image.
        styles: The style images; none where they are not chosen yet.
        settings: How it would be painted.
        device: What would paint: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        start: Seconds from which on a video would be painted.
        end: Seconds up to which; None for its end.

    Raises:
        SourceError: Where the file cannot be painted.
    """
    image = first_image(source)
    if kind_of(source) == "image":
        assert image is not None
        size, frames, length, contents = size_of(image), 1, [], [image]
    else:
        info = probe(source)
        part = max(0.0, min(info.seconds, info.seconds if end is None else end) - start)
        size, frames, contents = info.size, max(1, round(part * info.rate)), []  # its samples are not known yet
        length = [f"{info.seconds:.1f} s, {float(info.rate):g} frames a second, {some(frames, 'frame')} to paint"]
    painted = painting_size(size, settings, select_device(device))
    pace = _pace(settings.replace(size="auto"), device)
    teachers = [*(load_image(style).rgb for style in styles), *contents]
    learning = learning_seconds(settings, teachers, select_device(device), pace)
    takes = STARTING + learning + estimate(settings, painted, 1, frames, pace).seconds
    first = f", with {_unbroken(roughly(learning))} to learn weights first" if learning else ""
    how_long = f"Painted at {painted[1]} x {painted[0]} pixels in {_unbroken(roughly(takes))}{first}"
    return Facts(source.name, _data_url(image), (f"{size[1]} x {size[0]} pixels", *length, how_long))


def length_of(source: Path) -> float:
    """Seconds of a video or animation, 0 for an image; SourceError where it cannot be read."""
    return 0.0 if kind_of(source) == "image" else probe(source).seconds


def _unbroken(time: str) -> str:
    return time.replace(" ", "\N{NO-BREAK SPACE}")


@lru_cache(16)
def _pace(settings: Settings, device: str) -> float:
    return seconds_per_pixel(settings, select_device(device))


def _data_url(image: Tensor | None) -> str:
    if image is None:
        return ""
    small: Size = fit_size(size_of(image), THUMBNAIL)
    data = iio.imwrite("<bytes>", to_array(resize(image, small)), plugin="pillow", extension=".jpg")
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
