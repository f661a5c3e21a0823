"""Makes ``docs/strip.jpg``: frames of a video above the same frames of its paintings, one painting for each frame.

python scripts/strip.py samples/clip.mp4 PAINTED PAINTED PAINTED
"""

import sys
from pathlib import Path

import torch

from vidstyle import open_video, save_image
from vidstyle.video.montage import contact_sheet

FRAMES = (2, 20, 29)
TARGET = Path(__file__).parents[1] / "docs" / "strip.jpg"


def frame(path: str, wanted: int) -> torch.Tensor:
    with open_video(path) as video:
        return next(frame.image for frame in video if frame.index == wanted)


def main() -> None:
    source, *paintings = sys.argv[1:]
    rows = [[source] * len(FRAMES), paintings]
    save_image(TARGET, contact_sheet([list(map(frame, row, FRAMES)) for row in rows]))
    print(TARGET)


if __name__ == "__main__":
    main()
