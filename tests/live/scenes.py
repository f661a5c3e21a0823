"""What cameras of the tests see, and models that paint it in milliseconds."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from tests.cameras import camera_of, jpeg
from tests.images import clouds, random_filters
from vidstyle.core.pixels import to_array
from vidstyle.core.style_model import StyleModel
from vidstyle.live.painting import LivePainting, steerable
from vidstyle.live.scaling import Pace
from vidstyle.settings.settings import Settings
from vidstyle.video.camera import Camera

WORLD = to_array(clouds(144, 240, grain=12))
SETTINGS = Settings(
    style_layers="conv1_1,conv2_1", content_layers="conv2_2", steps=6, scales=1, look_back="1", pooling="avg"
)
STYLES = [clouds(64, 64, seed=1, grain=3).round(), clouds(64, 64, seed=2, grain=9)]


def view(left: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(WORLD[:, left : left + 160])


@contextmanager
def live(scene: list[bytes], size: tuple[int, int] = (72, 80)) -> Iterator[LivePainting]:
    """Live painting of the images of `scene`, over and over."""
    model = steerable(StyleModel.of(STYLES, random_filters("conv2_2"), SETTINGS, balance=0.3))
    with camera_of(lambda number: scene[number % len(scene)], rate=30) as server, Camera(server.url) as camera:
        yield LivePainting(model, camera, Pace(size, 10.0, 1e-6, fixed=True))


def noisy(image: NDArray[np.uint8], count: int = 12, level: float = 1.5) -> list[bytes]:
    """The same image as a camera sees it again and again."""
    rng = np.random.default_rng(0)
    return [jpeg(np.clip(image + rng.normal(0, level, image.shape), 0, 255).astype(np.uint8)) for _ in range(count)]
