"""Small paintings at the size of their images."""

import cv2
import numpy as np

from tests.images import clouds
from vidstyle.images import to_array
from vidstyle.live.painting import sharpened

EDGE = np.full((120, 160, 3), 40, np.uint8)
EDGE[:, 83:] = 200
SMALL = np.asarray(cv2.resize(EDGE, (40, 30), interpolation=cv2.INTER_AREA), np.float32) / 255


def enlarged(painting: np.ndarray) -> np.ndarray:
    return np.clip(cv2.resize(painting, (160, 120), interpolation=cv2.INTER_CUBIC) * 255, 0, 255)


def test_edges_of_the_image_come_back() -> None:
    """A painting that is the image itself, at a quarter of its size, comes out sharp."""
    lost = np.abs(enlarged(SMALL) - EDGE).mean()
    assert np.abs(sharpened(SMALL, EDGE).astype(float) - EDGE).mean() < lost / 3


def test_edges_turn_round_where_the_painting_does() -> None:
    lost = np.abs(enlarged(1 - SMALL) - (255 - EDGE)).mean()
    assert np.abs(sharpened(1 - SMALL, EDGE).astype(float) - (255 - EDGE)).mean() < lost / 3


def test_strokes_that_the_image_knows_nothing_of_stay() -> None:
    flat = np.full((120, 160, 3), 128, np.uint8)
    strokes = clouds(30, 40, grain=3).permute(1, 2, 0).numpy()
    assert np.abs(sharpened(strokes, flat) - enlarged(strokes)).max() <= 1


def test_noise_of_a_camera_is_no_detail() -> None:
    noise = np.random.default_rng(0).normal(0, 1, EDGE.shape)
    noisy = np.clip(EDGE + noise, 0, 255).astype(np.uint8)
    assert np.abs(sharpened(SMALL, noisy).astype(float) - sharpened(SMALL, EDGE)).mean() < 0.3


def test_a_painting_of_full_size_stays() -> None:
    image = clouds(40, 48)
    assert np.array_equal(sharpened(image.permute(1, 2, 0).numpy(), np.zeros((40, 48, 3), np.uint8)), to_array(image))
