"""Segments of image sequences: whole wherever a stop comes."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest

from tests.video.test_encoder import image_tensor
from vidstyle.images import load_image
from vidstyle.video.image_sequence import ImageArchive, ImageSequence, unpack_archives


class Stopping:
    """A file in which Ctrl-C comes after so many more bytes."""

    def __init__(self, file: IO[bytes], left: int) -> None:
        self.file, self.left = file, left

    def write(self, data: bytes) -> int:
        written = self.file.write(data[: max(0, self.left)])
        self.left -= len(data)
        if self.left <= 0:
            self.left = 10**9
            raise KeyboardInterrupt
        return written

    def __getattr__(self, name: str) -> object:
        return getattr(self.file, name)


@pytest.mark.parametrize("left", [1, 20, 60, 300])
def test_a_stop_while_an_image_is_written_leaves_a_whole_segment(tmp_path: Path, left: int) -> None:
    film = ImageSequence(tmp_path / "out", (96, 160), lambda position: position + 1)
    with ImageArchive(tmp_path / "segment.zip", film) as segment:
        for n in range(2):
            segment.write(image_tensor(n))
        file = segment._file.fp
        segment._file.fp = Stopping(file, left)  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            segment.write(image_tensor(2))
        segment._file.fp = file
        path = segment.finish()
    unpack_archives([path], film, segment.frame_count, scratch=tmp_path)
    assert segment.frame_count == 2
    assert sorted(image.name for image in film.path.iterdir()) == ["frame_0001.png", "frame_0002.png"]
    for n in range(2):
        found = load_image(film.path / f"frame_000{n + 1}.png").rgb
        assert (found - image_tensor(n)).abs().max() <= 0.5 / 255
