"""Videos in real time of images that come when they come."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.refusals import refused
from vidstyle.core.frame_style import PLAIN
from vidstyle.core.losses import Losses
from vidstyle.core.pixels import to_tensor
from vidstyle.core.stylize_image import Painted
from vidstyle.live.painting import LiveImage
from vidstyle.live.recording import Recording
from vidstyle.live.scaling import FrameBudget
from vidstyle.video.camera import Snap
from vidstyle.video.reader import open_video


def image(level: int, size: tuple[int, int] = (48, 64)) -> LiveImage:
    pixels = np.full((*size, 3), level, np.uint8)
    image = to_tensor(pixels)
    painted = Painted(image, Losses(), 1, 0.1)
    return LiveImage(Snap(pixels, 0, 0.0), pixels, PLAIN, painted, FrameBudget(size, 1), 0.1, 0.1, False)


def levels(file: Path) -> list[int]:
    with open_video(file) as source:
        return [round(float(frame.image.mean()) * 255) for frame in source]


def test_each_image_is_shown_until_the_next(tmp_path: Path) -> None:
    with Recording(tmp_path / "live.mp4", rate=10) as recording:
        for level, now in ((40, 100.0), (120, 100.5), (200, 100.8)):
            recording.add(image(level), now)
        assert recording.seconds == 0.8
        file = recording.finish(101.0)
    assert file == tmp_path / "live.mp4"
    shown = levels(file)
    assert len(shown) == 10
    assert [min((40, 120, 200), key=lambda level: abs(level - x)) for x in shown] == [40] * 5 + [120] * 3 + [200] * 2


@settings(max_examples=10, deadline=None)
@given(gaps=st.lists(st.floats(0.001, 0.7), min_size=1, max_size=8))
def test_a_recording_lasts_as_long_as_what_it_shows(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[float]
) -> None:
    file = tmp_path_factory.mktemp("live") / "live.mp4"
    with Recording(file, rate=15) as recording:
        now = 5.0
        for gap in gaps:
            recording.add(image(100), now)
            now += gap
        recording.finish(now)
    assert abs(len(levels(file)) / 15 - max(sum(gaps), 1 / 15)) <= 1.01 / 15


def test_a_camera_that_changes_its_size_is_fitted(tmp_path: Path) -> None:
    with Recording(tmp_path / "live.mp4", rate=10) as recording:
        recording.add(image(40), 0.0)
        recording.add(image(200, (96, 128)), 0.3)
        file = recording.finish(0.6)
    assert file
    assert len(levels(file)) == 6


def test_nothing_follows_an_image_that_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it may be with the encoder: more would be shifted."""
    with Recording(tmp_path / "live.mp4", rate=10) as recording:
        recording.add(image(40), 0.0)
        recording.add(image(120), 1.0)
        sink = recording._sink
        assert sink

        def interrupted(pixels: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(sink, "write_pixels", interrupted)
        with pytest.raises(KeyboardInterrupt):
            recording.add(image(200), 1.5)
        assert recording.finish(3.0)
    assert len(levels(tmp_path / "live.mp4")) == 10


def test_nothing_recorded_is_no_file(tmp_path: Path) -> None:
    with Recording(tmp_path / "live.mp4") as recording:
        assert recording.finish(1.0) is None
    assert not list(tmp_path.iterdir())


def test_what_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with Recording(tmp_path / "live.mp4") as recording:
        recording.add(image(40), 0.0)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with Recording(tmp_path / "no" / "live.mp4") as recording, refused("VS417"):
        recording.add(image(40), 0.0)
