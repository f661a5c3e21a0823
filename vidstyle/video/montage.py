"""Images put together: sheets with names, others in a column beside one, and a curve in a corner.

Images are `Pixels` where nothing else is said; what is drawn on them is drawn in place.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from vidstyle.core.pixels import Pixels, to_array, to_tensor
from vidstyle.core.sizes import Size, size_of

GAP, WHITE = 4, 255  # pixels between images, and their level
SHADE = 0.65  # how dark the ground of writing is
LETTERS, SMALLEST_LETTERS = 32, 9  # a letter is so much of the image's long side, in pixels at least so large
INK, FAINT, DOT = (255, 255, 255), (140, 140, 140), (255, 190, 60)
CURVE = (0.22, 0.38)  # height and width of the curve's ground, of the image's
_FIXED = 4  # binary digits of OpenCV's fractions of pixels


def column_width(height: int, others: Sequence[Size]) -> int:
    """How wide images of these sizes are when a column of them, equally wide, is `height` high."""
    return max(1, round((height - GAP * (len(others) - 1)) / _rows(others)))


def main_size(width: int, main: Size, others: Sequence[Size] = ()) -> Size:
    """The size of an image in a montage `width` wide with a column of `others` beside it, all in their shapes."""
    tall = main[0] / main[1]
    if not others:
        return max(1, round(width * tall)), width
    wide = (width - GAP + GAP * (len(others) - 1) / _rows(others)) / (1 + tall / _rows(others))
    return max(1, round(wide * tall)), max(1, min(width - GAP - 1, round(wide)))


def column(images: Sequence[Pixels], size: Size) -> Pixels:
    """`images` above each other, stretched by a pixel where that fills `size`."""
    height, width = size
    shapes = [image.shape[:2] for image in images]
    ends = np.cumsum([0.0, *(h / w for h, w in shapes)]) / _rows(shapes) * (height - GAP * (len(images) - 1))
    edges = np.rint(ends).astype(int)
    drawn = np.full((height, width, 3), WHITE, np.uint8)
    for number, image in enumerate(images):
        top, tall = edges[number] + GAP * number, max(1, edges[number + 1] - edges[number])
        drawn[top : top + tall] = resized(image, (tall, width))
    return drawn


def beside(main: Pixels, other: Pixels) -> Pixels:
    """Two images of one height."""
    return np.hstack([main, np.full((main.shape[0], GAP, 3), WHITE, np.uint8), other])


def _rows(sizes: Sequence[Size]) -> float:
    """How high a column of images of `sizes` is that is 1 wide."""
    return sum(height / width for height, width in sizes)


def resized(image: Pixels, size: Size) -> Pixels:
    """`image` at `size`, smooth both ways."""
    if image.shape[:2] == size:
        return image
    shrinks = size[0] * size[1] < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=method), np.uint8)


def draw_curve(image: Pixels, values: Sequence[float], position: int, words: tuple[str, str], letters: int) -> None:
    """Draws `values` as a curve of their logarithms in the lower right corner, with a dot at `position`.

    What comes after the dot is faint. Above stand `words`, left and right, in letters so high, where there is room.
    """
    height, width = (max(8, round(share * side)) for share, side in zip(CURVE, image.shape[:2], strict=True))
    rim, margin = max(2, letters // 3), max(2, letters // 2)
    ground = image[-height - margin : -margin, -width - margin : -margin]
    _shade(ground)
    written = letters >= SMALLEST_LETTERS and _font(letters).getlength("  ".join(words)) + 2 * rim <= width
    if written:
        _write(ground[: letters + 2 * rim], words[0], letters)
        _write(ground[: letters + 2 * rim], words[1], letters, right=True)
    top = rim + (letters + rim if written else 0)
    points = _points(values, (top, height - rim - 2), (rim, width - rim - 2))
    thickness = max(1, letters // 9)
    _line(ground, points, FAINT, thickness)
    _line(ground, points[: position + 1], INK, thickness)
    centre = (int(points[position, 0]), int(points[position, 1]))
    cv2.circle(ground, centre, round(2 ** (_FIXED - 1) * letters / 3), DOT, -1, cv2.LINE_AA, _FIXED)


def write_lines(image: Pixels, lines: Sequence[str], letters: int) -> None:
    """Writes `lines` into the upper left corner, in letters so high, on a darker ground."""
    rim = max(2, letters // 3)
    width = round(max(_font(letters).getlength(line) for line in lines)) + 2 * rim
    tall = letters + rim
    _shade(image[: tall * len(lines) + rim, :width])
    for number, line in enumerate(lines):
        _write(image[number * tall + rim // 2 : (number + 1) * tall + rim // 2, :width], line, letters)


def _points(values: Sequence[float], down: tuple[int, int], across: tuple[int, int]) -> NDArray[np.int32]:
    """Where a curve's points lie, (N, 2) as x and y in OpenCV's fractions of pixels."""
    logs = np.log(np.maximum(np.asarray(values, np.float64), 1e-12))
    low, high = float(logs.min()), float(logs.max())
    y = down[0] + (high - logs) / max(high - low, 1e-9) * (down[1] - down[0])
    x = np.linspace(*across, len(logs)) if len(logs) > 1 else np.array([across[0]], np.float64)
    points: NDArray[np.int32] = np.rint(np.stack([x, y], -1) * 2**_FIXED).astype(np.int32)
    return points


def _line(image: Pixels, points: NDArray[np.int32], colour: tuple[int, int, int], thickness: int) -> None:
    cv2.polylines(image, [points[:, None]], False, colour, thickness, cv2.LINE_AA, _FIXED)


def _shade(ground: Pixels) -> None:
    ground[:] = np.rint(ground * (1 - SHADE)).astype(np.uint8)


def _write(ground: Pixels, text: str, letters: int, right: bool = False) -> None:
    """Writes a line into `ground`, in its middle, from its left or to its right."""
    drawn, rim = Image.fromarray(ground), max(2, letters // 3)
    place, anchor = (ground.shape[1] - rim, "rm") if right else (rim, "lm")
    ImageDraw.Draw(drawn).text((place, ground.shape[0] / 2), text, fill=INK, font=_font(letters), anchor=anchor)
    ground[:] = np.asarray(drawn)


@lru_cache
def _font(letters: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font."""
    return ImageFont.load_default(letters)  # type: ignore[return-value]


MARGIN = 8  # around names
NAME_INK = (40, 40, 40)


def contact_sheet(
    rows: Sequence[Sequence[Tensor]], row_names: Sequence[Sequence[str] | str] = (), column_names: Sequence[str] = ()
) -> Tensor:
    """Rows of images as one image (3, H, W), 0..1, on white.

    Args:
        rows: Images (3, h, w), 0..1, of any sizes, each shown in the middle of its cell; at least one.
        row_names: For each row a name at its left, or names below its images; none for no names.
        column_names: They stand above the columns.
    """
    height, width = (max(int(image.shape[axis]) for row in rows for image in row) for axis in (-2, -1))
    font, names = _font(max(11, round(height / 14))), row_names or [""] * len(rows)
    line = round(font.getbbox("Ag")[3]) + MARGIN
    left = max(round(font.getlength(name)) + 2 * MARGIN if isinstance(name, str) and name else 0 for name in names)
    xs = [left + GAP + column * (width + GAP) for column in range(max(map(len, rows)) + 1)]
    heights = (height + GAP + (0 if isinstance(name, str) else line) for name in names)
    tops = list(itertools.accumulate(heights, initial=GAP + (line if any(column_names) else 0)))
    sheet = Image.new("RGB", (xs[-1], tops[-1]), "white")

    def write(text: str, x: float, y: float, anchor: str = "mm") -> None:
        ImageDraw.Draw(sheet).text((x, y), text, NAME_INK, font, anchor=anchor)

    for top, row, name in zip(tops, rows, names, strict=False):
        for x, image in zip(xs, row, strict=False):
            h, w = size_of(image)
            sheet.paste(Image.fromarray(to_array(image)), (x + (width - w) // 2, top + (height - h) // 2))
        if isinstance(name, str):
            write(name, left - MARGIN, top + height / 2, "rm")
        for x, text in zip(xs, () if isinstance(name, str) else name, strict=False):
            write(text, x + width / 2, top + height + line / 2)
    for x, text in zip(xs, column_names, strict=False):
        write(text, x + width / 2, line / 2)
    return to_tensor(np.asarray(sheet))
