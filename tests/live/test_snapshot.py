"""Images taken by a camera and painted."""

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from tests.cameras import camera_of, jpeg
from tests.clips import clip
from tests.images import random_tensors, stripes
from tests.live.scenes import view
from tests.refusals import refused
from vidstyle.api import stylize
from vidstyle.core.pixels import to_tensor
from vidstyle.core.weights import save_filters
from vidstyle.images import load_image, save_image
from vidstyle.live.recording import EXPOSURE_TIME, paint_snaps, take
from vidstyle.settings.settings import Settings
from vidstyle.video.camera import Camera, Snap


@pytest.fixture
def style(tmp_path: Path) -> Path:
    save_image(tmp_path / "stripes.png", stripes(48, 64))
    return tmp_path / "stripes.png"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    save_filters(random_tensors("conv2_1"), tmp_path / "random.safetensors")
    weights = str(tmp_path / "random.safetensors")
    return Settings(
        steps=2, scales=1, loss="sums", style_layers="conv1_1", content_layers="conv2_1", weights=weights, size="48"
    )


def brightening(number: int) -> bytes:
    return jpeg(np.full((48, 64, 3), min(250, 20 + 2 * number), np.uint8))


def test_cameras_warm_up_first() -> None:
    with camera_of(brightening, rate=30) as server, Camera(server.url) as camera:
        began = time.monotonic()
        (snap,) = take(camera)
    assert snap.taken >= began + EXPOSURE_TIME
    assert snap.number > 5


def test_several_are_taken_in_time() -> None:
    taken: list[tuple[int, int]] = []
    with camera_of(brightening, rate=30) as server, Camera(server.url) as camera:
        snaps = take(camera, 3, every=0.4, on_taken=lambda done, count: taken.append((done, count)))
    gaps = [b.taken - a.taken for a, b in itertools.pairwise(snaps)]
    assert all(0.3 < gap < 2.0 for gap in gaps)
    assert taken == [(1, 3), (2, 3), (3, 3)]


def test_the_countdown_is_told() -> None:
    left: list[float] = []
    with camera_of(brightening, rate=30) as server, Camera(server.url) as camera:
        began = time.monotonic()
        (snap,) = take(camera, countdown=1.5, on_wait=left.append)
    assert snap.taken >= began + 1.5
    assert left == sorted(left, reverse=True)
    assert left[0] > 1.0
    assert left[-1] < 0.2


def test_a_video_that_ends_too_soon_is_an_error(tmp_path: Path) -> None:
    with Camera(str(clip(tmp_path / "clip.mp4", count=5))) as camera, refused("VS331"):
        take(camera, 2, every=60)


def test_a_snapshot_is_painted_as_an_image_file_is(tmp_path: Path, style: Path, settings: Settings) -> None:
    pixels = view(40)
    save_image(tmp_path / "photo.png", to_tensor(pixels))
    stylize(tmp_path / "photo.png", [style], tmp_path / "photo_out.png", settings)
    paint_snaps([Snap(pixels, 0, 0.0)], [style], [tmp_path / "snap.png"], settings)
    assert (tmp_path / "snap.png").read_bytes() == (tmp_path / "photo_out.png").read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_several_are_painted_to_files_beside_each_other(tmp_path: Path, style: Path, settings: Settings) -> None:
    out = tmp_path / "out"
    out.mkdir()
    files = [out / "s_001.jpg", out / "s_002.jpg"]
    summary = paint_snaps([Snap(view(0), 0, 0.0), Snap(view(80), 1, 1.0)], [style], files, settings)
    assert summary.frames == 2
    assert sorted(out.iterdir()) == files
    first, second = (load_image(file).rgb for file in files)
    assert first.shape == (3, 43, 48)
    assert float((first - second).abs().mean()) > 0.02
