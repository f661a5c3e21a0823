"""OpenEXR files: half floats come back to the bit, linear light is sRGB in memory, what cannot be is told."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vidstyle.errors import SourceError
from vidstyle.exr import exr_bytes, linear_of, read_exr, srgb_of
from vidstyle.images import image_format, load_image, read_image, save_image
from vidstyle.limits import LIMITS, Limits

HALVES = np.arange(0x3C01, dtype=np.uint16).view(np.float16)  # all from 0 to 1


def all_halves() -> NDArray[np.float32]:
    """An image (H, W, 3) of linear light with every half from 0 to 1, its sides not divisible by anything."""
    return np.resize(HALVES, (73, 71, 3)).astype(np.float32)


def test_halves_come_back_to_the_bit() -> None:
    data = exr_bytes(srgb_of(all_halves()))
    again = read_exr(data, "a.exr", LIMITS)
    assert (linear_of(again.rgb).astype(np.float16) == all_halves().astype(np.float16)).all()
    assert exr_bytes(again.rgb) == data
    assert again.alpha is None
    assert again.beyond is None


def test_floats_come_back_closer_than_halves() -> None:
    encoded = np.random.default_rng(0).random((9, 7, 3), np.float32)
    again = read_exr(exr_bytes(encoded, half=False), "a.exr", LIMITS).rgb
    assert np.abs(again - encoded).max() < 1e-6 < np.abs(read_exr(exr_bytes(encoded), "a", LIMITS).rgb - encoded).max()


def test_the_curve_is_that_of_srgb() -> None:
    """IEC 61966-2-1: the middle grey of 8 bits, 188, is half of the light."""
    assert srgb_of(np.float32([0, 0.5, 1])) * 255 == pytest.approx([0, 187.5, 255], abs=0.1)


def test_colours_are_multiplied_by_alpha_in_the_file_only(tmp_path: Path) -> None:
    red, alpha = torch.zeros(3, 8, 8), torch.full((1, 8, 8), 0.5)
    red[0] = 1
    save_image(tmp_path / "a.exr", red, alpha)
    found = read_image(tmp_path / "a.exr")
    assert torch.allclose(found.rgb, red)
    assert found.alpha is not None
    assert torch.equal(found.alpha, alpha)


def test_what_is_brighter_than_white_is_cut_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.exr").write_bytes(brighter(exr_bytes(np.ones((4, 4, 3), np.float32), half=False)))
    assert float(load_image(tmp_path / "a.exr").rgb.max()) == 1
    assert read_image(tmp_path / "a.exr").beyond == (1.0, 2.0)
    assert len(caplog.records) == 1


def brighter(data: bytes) -> bytes:
    """The same with one value of 2."""
    decoder = av.VideoCodecContext.create("exr", "r")
    frame = decoder.decode(av.Packet(data))[0]
    plane = np.frombuffer(memoryview(frame.planes[0]), np.float32).copy()
    plane[0] = 2
    frame.planes[0].update(plane.tobytes())
    encoder = av.VideoCodecContext.create("exr", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 4, 4, frame.format.name, Fraction(1)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


@pytest.mark.parametrize("cut", [4, 60, 300, -2000, -20])
def test_what_is_not_whole_is_refused(tmp_path: Path, cut: int) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "a.exr").write_bytes(exr_bytes(rng.random((40, 40, 3), np.float32))[:cut])
    with pytest.raises(SourceError) as caught:
        load_image(tmp_path / "a.exr")
    assert caught.value.code == "VS319"


def test_a_small_file_cannot_ask_for_any_size(tmp_path: Path) -> None:
    save_image(tmp_path / "a.exr", torch.zeros(3, 40, 40))
    with pytest.raises(SourceError) as caught:
        load_image(tmp_path / "a.exr", Limits(pixels=1500))
    assert caught.value.code == "VS325"


def test_the_kind_follows_from_the_content(tmp_path: Path) -> None:
    save_image(tmp_path / "a.exr", torch.zeros(3, 8, 8))
    assert image_format((tmp_path / "a.exr").rename(tmp_path / "a.png")) == "EXR"
