"""Tables of colours (3D LUTs) that make what people see of log footage."""

from __future__ import annotations

import math
import re
from pathlib import Path

from vidstyle.errors import SourceError
from vidstyle.files import printable, require_file

_MOST_BYTES = 64_000_000
_LARGEST = 129  # steps of each channel
_SIZE = re.compile(r"^\s*LUT_3D_SIZE\s+(\d{1,3})\s*$", re.MULTILINE)
_WORDS = re.compile(r"^\s*[A-Za-z#]")  # begin the lines that hold no colours


def check_lut(path: Path) -> None:
    """SourceError VS373 for anything but a whole 3D LUT of the format of IRIDAS and Adobe (.cube, 2013)."""
    require_file(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        _check_text(path.read_text("utf-8", "replace"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError("VS373", name=printable(path.name), reason=printable(reason)) from error


def _check_text(text: str) -> None:
    found = _SIZE.search(text)
    if not found:
        raise ValueError("it has no LUT_3D_SIZE")
    size = int(found[1])
    if not 2 <= size <= _LARGEST:
        raise ValueError(f"its LUT_3D_SIZE is not 2 to {_LARGEST}")
    rows = [line.split() for line in text.splitlines() if line.strip() and not _WORDS.match(line)]
    if len(rows) != size**3:
        raise ValueError(f"it holds {len(rows)} of {size**3} colours")
    if not all(len(row) == 3 and all(map(math.isfinite, map(float, row))) for row in rows):
        raise ValueError("not all of its colours are three numbers")


def lut_filter(path: Path) -> str:
    """The ffmpeg filter that puts RGB through a LUT; any name is escaped, once as a value and once in the graph."""
    value = re.sub(r"([\\':])", r"\\\1", str(path.absolute()))
    return "lut3d=file=" + re.sub(r"([\\'\[\],;])", r"\\\1", value)
