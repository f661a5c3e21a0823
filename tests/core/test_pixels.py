"""Bytes to tensors and back, with nothing lost and one rule of rounding."""

import numpy as np
import pytest
import torch

from vidstyle.core.pixels import to_array, to_tensor


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_level_survives(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 11, channels), np.uint8)
    image = to_tensor(pixels)
    assert (image.dtype, tuple(image.shape)) == (torch.float32, (channels, 7, 11))
    assert np.array_equal(to_array(image), pixels)
    assert torch.equal(image, torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255)


def test_16_bits_are_as_bright_as_8() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert torch.allclose(to_tensor(pixels.astype(np.uint16) * 257), to_tensor(pixels), atol=1e-7)


def test_arrays_that_may_not_be_written_or_run_backwards_are_read() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    pixels.flags.writeable = False
    assert torch.equal(to_tensor(pixels[..., ::-1]), to_tensor(pixels).flip(0))


def test_levels_are_rounded_and_clamped() -> None:
    image = torch.tensor([-1.0, 0.49 / 255, 0.51 / 255, 254.6 / 255, 2.0]).view(1, 1, 5)
    assert to_array(image).ravel().tolist() == [0, 0, 1, 255, 255]
