"""Makes ``docs/strip.jpg``: frames of the sample clip above their paintings.

python scripts/strip.py samples/clip.mp4 samples/clip_monet.mp4
"""

import sys
from pathlib import Path

import torch

from vidstyle import open_video, save_image
from vidstyle.video.montage import contact_sheet

FRAMES = (2, 20, 36)
TARGET = Path(__file__).parents[1] / "docs" / "strip.jpg"


def frames(path: str) -> list[torch.Tensor]:
    with open_video(path) as film:
        return [frame.image for frame in film if frame.index in FRAMES]


def main() -> None:
    save_image(TARGET, contact_sheet([frames(path) for path in sys.argv[1:3]]))
    print(TARGET)


if __name__ == "__main__":
    main()
