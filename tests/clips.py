"""Small real video files, made with ffmpeg, whose right content is known.

Every image has four quarters: red, green above, blue and a grey below. The grey of image n is
``GREY + STEP * n``, so that a decoded image tells which one it is.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 60), (40, 50, 200)
GREY, STEP = 40, 3


def ffmpeg(*arguments: object, data: bytes | None = None) -> bytes:
    """Run ffmpeg, which must succeed, and return its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-v", "error", "-y", "-threads", "1"]
    done = subprocess.run([*command, *map(str, arguments)], input=data or b"", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def numbered_image(index: int, height: int = 96, width: int = 160) -> NDArray[np.uint8]:
    pixels = np.empty((height, width, 3), np.uint8)
    y, x = height // 2, width // 2
    pixels[:y, :x], pixels[:y, x:], pixels[y:, :x] = RED, GREEN, BLUE
    pixels[y:, x:] = GREY + STEP * index
    return pixels


def clip(
    path: Path,
    *options: object,
    count: int = 12,
    rate: str = "25",
    size: tuple[int, int] = (96, 160),
    sound: tuple[object, ...] = (),
    filters: str = "",
) -> Path:
    """Encode ``count`` images into ``path``; ``options`` default to H.264 with BT.709 tags."""
    frames = b"".join(numbered_image(n, *size).tobytes() for n in range(count))
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[1]}x{size[0]}", "-r", rate, "-i", "-"]
    colours = "scale=out_color_matrix=bt709:out_range=tv,format={},setparams=range=tv:colorspace=bt709:"
    colours += "color_primaries=bt709:color_trc=bt709"
    odd = size[0] % 2 or size[1] % 2
    chosen = filters or colours.format("yuv444p" if odd else "yuv420p")
    encoder = options or ("-c:v", "libx264", "-preset", "ultrafast", "-crf", 8, "-g", 15)
    ffmpeg(*raw, *sound, "-vf", chosen, *encoder, path, data=frames)
    return path


def tone(seconds: float = 1.0, frequency: int = 440) -> tuple[str, ...]:
    """Arguments for one more input: a tone."""
    return ("-f", "lavfi", "-i", f"sine=frequency={frequency}:duration={seconds}")


def with_sound(path: Path, silent: Path, *options: object, seconds: float = 1.0, offset: float = 0.0) -> Path:
    """``silent`` with a tone; ``offset`` seconds before the images start."""
    ffmpeg(
        "-itsoffset",
        offset,
        "-i",
        silent,
        *tone(seconds),
        *(options or ("-c:a", "aac")),
        "-c:v",
        "copy",
        path,
    )
    return path


def quarters(image: Tensor) -> tuple[tuple[int, int, int], ...]:
    """Mean colours, 0..255, well inside the four quarters of an image (3, H, W)."""
    _, height, width = image.shape
    rows = slice(height // 8, height * 3 // 8), slice(height * 5 // 8, height * 7 // 8)
    columns = slice(width // 8, width * 3 // 8), slice(width * 5 // 8, width * 7 // 8)
    means = [(image[:, y, x].mean((1, 2)) * 255).round().int().tolist() for y in rows for x in columns]
    return tuple((r, g, b) for r, g, b in means)


def number(image: Tensor) -> int:
    """Which image of a clip this is."""
    return round((quarters(image)[3][1] - GREY) / STEP)


def assert_colours(image: Tensor, tolerance: int = 6) -> None:
    """The three coloured quarters are where and what they should be."""
    found = np.array(quarters(image)[:3])
    assert np.abs(found - np.array([RED, GREEN, BLUE])).max() <= tolerance, found


def stream_hashes(path: Path, kind: str = "") -> list[str]:
    """MD5 of the packets of each stream, or of those of a ``kind``: ``v`` or ``a``."""
    text = ffmpeg(
        "-i", path, "-map", f"0:{kind}" if kind else "0", "-c", "copy", "-f", "streamhash", "-hash", "md5", "-"
    ).decode()
    return re.findall(r"MD5=(\w+)", text)


def header(path: Path) -> str:
    """What ``ffmpeg -i`` prints about a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-i", str(path)]
    return subprocess.run(command, capture_output=True, check=False).stderr.decode("utf-8", "replace")


def first_times(path: Path) -> dict[str, float]:
    """First presentation time, in seconds, of each stream, by its number."""
    text = ffmpeg("-copyts", "-i", path, "-map", "0", "-c", "copy", "-f", "framecrc", "-").decode()
    ticks = {k: int(n) / int(d) for k, n, d in re.findall(r"^#tb (\d): (\d+)/(\d+)", text, re.MULTILINE)}
    times: dict[str, float] = {}
    for stream, _, pts in re.findall(r"^(\d), *(-?\d+), *(-?\d+)", text, re.MULTILINE):
        times[stream] = min(times.get(stream, 1e9), int(pts) * ticks[stream])
    return times
