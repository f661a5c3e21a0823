"""Pictures side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

GAP = 4  # pixels between pictures


def contact_sheet(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    """Rows of pictures (3, H, W) of one size as one picture (3, H', W'), on white."""
    lines = [torch.cat([F.pad(picture, (0, GAP, 0, GAP), value=1.0) for picture in row], -1) for row in rows]
    return F.pad(torch.cat(lines, -2), (GAP, 0, GAP, 0), value=1.0)
