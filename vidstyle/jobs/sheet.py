"""Pictures side by side, with names where they need some."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

SHEET_GAP = 4  # pixels between pictures
MARGIN = 8  # around names
NAME_INK = (40, 40, 40)


def contact_sheet(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    """Rows of pictures (3, H, W) of one size as one picture (3, H', W'), on white."""
    lines = [
        torch.cat([F.pad(picture, (0, SHEET_GAP, 0, SHEET_GAP), value=1.0) for picture in row], -1) for row in rows
    ]
    return F.pad(torch.cat(lines, -2), (SHEET_GAP, 0, SHEET_GAP, 0), value=1.0)


def labelled_sheet(
    rows: Sequence[Sequence[Tensor]], row_names: Sequence[Sequence[str] | str], column_names: Sequence[str] = ()
) -> Tensor:
    """Rows of pictures (3, h, w) of any sizes, each in the middle of its cell, as one picture (3, H, W) on white.

    Names of a row stand at its left; a sequence of them, one for each picture, below the pictures. Names of columns
    stand above them.
    """
    height, width = (max(int(picture.shape[axis]) for row in rows for picture in row) for axis in (-2, -1))
    font = ImageFont.load_default(size=max(11, round(height / 14)))
    line = round(font.getbbox("Ag")[3]) + MARGIN
    left = max([0, *(round(font.getlength(name)) + 2 * MARGIN for name in row_names if isinstance(name, str))])
    below = [0 if isinstance(names, str) else line for names in row_names]
    above = line if any(column_names) else 0
    tops = [above + sum(below[:row]) + row * (height + SHEET_GAP) for row in range(len(rows) + 1)]
    sheet = Image.new(
        "RGB", (left + max(map(len, rows)) * (width + SHEET_GAP) + SHEET_GAP, tops[-1] + SHEET_GAP), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for top, row, names in zip(tops, rows, row_names, strict=False):
        for column, picture in enumerate(row):
            x, y = left + SHEET_GAP + column * (width + SHEET_GAP), top + SHEET_GAP
            h, w = picture.shape[-2:]
            sheet.paste(_image(picture), (x + (width - w) // 2, y + (height - h) // 2))
            if not isinstance(names, str):
                draw.text((x + width / 2, y + height + line / 2), names[column], NAME_INK, font, anchor="mm")
        if isinstance(names, str):
            draw.text((left - MARGIN, top + SHEET_GAP + height / 2), names, NAME_INK, font, anchor="rm")
    for column, name in enumerate(column_names):
        draw.text(
            (left + SHEET_GAP + column * (width + SHEET_GAP) + width / 2, line / 2), name, NAME_INK, font, anchor="mm"
        )
    return torch.from_numpy(np.array(sheet)).permute(2, 0, 1).float() / 255


def _image(picture: Tensor) -> Image.Image:
    pixels = picture.detach().cpu().clamp(0, 1).mul(255).round().byte()
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
