"""Images from any one on: a seek gives the very same ones, or none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import clips
from vidstyle.video import decoding
from vidstyle.video.decoding import NEAR, decoded, open_capture

COUNT = 150


@pytest.fixture(scope="module", params=["h264", "frames between", "mjpeg", "still"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key frames every 30 images with frames that look ahead; one only; all; and images that are all the same."""
    path = tmp_path_factory.mktemp("film") / ("film.avi" if request.param == "mjpeg" else "film.mp4")
    codec = {
        "h264": ["-c:v", "libx264", "-bf", "3", "-g", "30"],
        "frames between": ["-c:v", "libx264", "-bf", "3", "-g", "1000", "-sc_threshold", "0"],
        "mjpeg": ["-c:v", "mjpeg"],
        "still": ["-c:v", "libx264", "-g", "30"],
    }[request.param]
    pattern = "color=gray:" if request.param == "still" else "testsrc="
    seconds = COUNT * 1001 / 24000
    clips.ffmpeg("-f", "lavfi", "-i", f"{pattern}s=64x48:r=24000/1001:d={seconds}", "-pix_fmt", "yuv420p", *codec, path)
    return path


@settings(max_examples=15, deadline=None)
@given(first=st.integers(0, COUNT - 1))
def test_a_seek_by_a_mark_gives_what_decoding_gives(film: Path, first: int) -> None:
    straight = list(decoded(film, 0))
    assert len(straight) == COUNT
    assert len({mark for _, mark in straight}) == COUNT
    sought = list(decoded(film, first, straight[first][1]))
    assert [mark for _, mark in sought] == [mark for _, mark in straight[first:]]
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(sought, straight[first:], strict=True))


def test_a_seek_that_lands_elsewhere_is_not_believed(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = list(decoded(film, 0))
    monkeypatch.setattr(decoding, "AROUND", 0)  # so that the image is not among those that are looked at
    first = NEAR + 10
    sought = list(decoded(film, first, straight[first][1]))
    assert [mark for _, mark in sought] == [mark for _, mark in straight[first:]]


def test_a_mark_of_another_film_is_not_found(film: Path) -> None:
    straight = list(decoded(film, 0))
    assert [mark for _, mark in decoded(film, 100, "1.000:00000000")] == [mark for _, mark in straight[100:]]


def test_what_lies_before_is_not_decoded(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = list(decoded(film, 0))[140][1]
    opened: list[Any] = []

    class Counts:
        """A capture that counts the images that are passed over."""

        def __init__(self, path: Path) -> None:
            self._capture, self.grabbed = open_capture(path), 0
            opened.append(self)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._capture, name)

        def grab(self) -> bool:
            self.grabbed += 1
            return self._capture.grab()

    monkeypatch.setattr(decoding, "open_capture", Counts)
    assert len(list(decoded(film, 140, mark))) == COUNT - 140
    assert [capture.grabbed for capture in opened] == [0]


def test_theora_is_decoded_the_same_each_time(tmp_path: Path) -> None:
    """FFmpeg's threads, at which OpenCV leaves it, damage it: about 1 of 15 of these."""
    path = tmp_path / "film.ogv"
    source = ("-f", "lavfi", "-i", "life=s=64x64:mold=10:r=25", "-t", "2", "-pix_fmt", "yuv420p")
    clips.ffmpeg(*source, "-c:v", "libtheora", "-q:v", "10", path)
    found = {b"".join(pixels.tobytes() for pixels, _ in decoded(path, 0)) for _ in range(80)}
    assert len(found) == 1
    assert len(found.pop()) == 50 * 64 * 64 * 3
