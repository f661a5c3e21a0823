"""TIFF files of any depth, layout and colour space show what their twins of 8 bits do, or are refused by name."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.tiffs import EXTRAS, PACKINGS, Layout, tiff_file
from vidstyle.errors import SourceError
from vidstyle.images import LoadedImage, image_format, load_image
from vidstyle.limits import NO_LIMITS, Limits

HEIGHT, WIDTH = 19, 23
DEPTHS = [(bits, False) for bits in (1, 2, 4, 8, 12, 16, 32)] + [(bits, True) for bits in (16, 32, 64)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiff") / "a.tif"


def loaded(path: Path, data: bytes) -> LoadedImage:
    path.write_bytes(data)
    return load_image(path)


def shown(image: LoadedImage) -> NDArray[Any]:
    """(H, W, 3), 0..255, as its twin of 8 bits would have it."""
    return (image.rgb * 255).permute(1, 2, 0).numpy()


def noise(channels: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random((HEIGHT, WIDTH, channels))


def as_numbers(values: NDArray[Any], bits: int, is_float: bool) -> NDArray[Any]:
    """Values 0..1 as a file of that depth has them."""
    return values.astype(f"f{bits // 8}") if is_float else np.round(values * (2**bits - 1)).astype(np.uint64)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    bits, is_float = draw(st.sampled_from(DEPTHS))
    predictors = [1, *([2] if bits in (8, 16, 32, 64) else []), *([3] if is_float else [])]
    return Layout(
        bits=bits,
        is_float=is_float,
        big_endian=draw(st.booleans()),
        big_tiff=draw(st.booleans()),
        planar=draw(st.booleans()),
        tile=draw(st.sampled_from([None, (16, 16), (32, 16)])),
        rows=draw(st.sampled_from([1, 7, HEIGHT])),
        predictor=draw(st.sampled_from(predictors)),
        packing=draw(st.sampled_from(sorted(PACKINGS))),
        bits_reversed=draw(st.booleans()),
    )


@settings(max_examples=80, deadline=None)
@given(
    layout=layouts(),
    colours=st.sampled_from(["white is zero", "grey", "rgb"]),
    extra=st.none() | st.sampled_from(sorted(EXTRAS)),
    seed=st.integers(0, 99),
)
def test_every_layout_shows_the_same(path: Path, layout: Layout, colours: str, extra: str | None, seed: int) -> None:
    channels = 3 if colours == "rgb" else 1
    values = noise(channels + 1, seed)
    alpha = 0.6 + 0.4 * values[..., channels:] if layout.bits > 1 else np.ones((HEIGHT, WIDTH, 1))
    kept = as_numbers(values[..., :channels], layout.bits, layout.is_float)
    white = 1 if layout.is_float else 2**layout.bits - 1
    wanted = kept / white
    opacity = as_numbers(alpha, layout.bits, layout.is_float)
    if extra == "associated":
        kept = as_numbers(wanted * (opacity / white), layout.bits, layout.is_float)
        wanted = np.minimum(1, (kept / white) / (opacity / white))
    if colours == "white is zero":
        kept = (white - kept).astype(kept.dtype)
    samples = kept if extra is None else np.concatenate([kept, opacity], axis=2)
    if colours == "white is zero" and extra == "associated":
        return  # nobody says what is multiplied then
    image = loaded(path, tiff_file(samples, colours, layout, extra))
    assert np.abs(shown(image) - 255 * wanted).max() <= 1, layout
    assert image.bits == (16 if layout.bits > 8 else 8)
    if extra in (None, "unspecified") or layout.bits == 1:
        assert image.alpha is None
    else:
        assert image.alpha is not None
        assert np.abs(255 * image.alpha[0].numpy() - 255 * opacity[..., 0] / white).max() <= 1


@settings(max_examples=20, deadline=None)
@given(layout=layouts(), colours=st.sampled_from(["grey", "rgb"]))
def test_another_reader_agrees(path: Path, layout: Layout, colours: str) -> None:
    """Where tifffile needs no other packages."""
    alone = Layout(layout.bits, layout.is_float, layout.big_endian, layout.big_tiff, layout.planar, layout.tile)
    if alone.bits in (2, 4, 12):
        return
    samples = as_numbers(noise(3 if colours == "rgb" else 1), alone.bits, alone.is_float)
    image = loaded(path, tiff_file(samples, colours, alone))
    theirs = tifffile.imread(path).astype(np.float64)
    theirs = np.moveaxis(theirs, 0, -1) if alone.planar and colours == "rgb" else theirs
    white = 1 if alone.is_float else 2**alone.bits - 1
    assert np.abs(shown(image) - 255 * theirs.reshape(HEIGHT, WIDTH, -1) / white).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("colours", ["cmyk", "lab", "ycbcr"])
def test_other_colour_spaces(path: Path, colours: str, planar: bool, bits: int) -> None:
    """As Pillow, of 8 bits."""
    mode = {"cmyk": "CMYK", "lab": "LAB", "ycbcr": "YCbCr"}[colours]
    twin = (255 * noise(4 if mode == "CMYK" else 3)).astype(np.uint8)
    samples = twin.astype(np.uint16) * (1 if bits == 8 else 257)
    if mode == "LAB" and bits == 16:
        samples[..., 1:] = twin[..., 1:].view(np.int8).astype(np.int16).view(np.uint16) * 256
    layout = Layout(bits, planar=planar, packing="none" if mode == "YCbCr" else "lzw", tags={530: (1, 1)})
    image = loaded(path, tiff_file(samples, colours, layout))
    wanted = Image.frombytes(mode, (WIDTH, HEIGHT), twin.tobytes()).convert("RGB")
    assert np.abs(shown(image) - np.asarray(wanted)).max() <= 1


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_palettes(path: Path, bits: int) -> None:
    table = np.random.default_rng(bits).integers(0, 256, (3, 2**bits))
    indices = np.random.default_rng(1).integers(0, 2**bits, (HEIGHT, WIDTH, 1))
    tags = {320: tuple(int(n) * 257 for n in table.ravel())}
    image = loaded(path, tiff_file(indices, "palette", Layout(bits, packing="lzw", tags=tags)))
    assert np.array_equal(np.round(shown(image)), table.T[indices[..., 0]])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_depth_is_turned_alike(path: Path, orientation: int) -> None:
    values = noise(3)
    images = [
        loaded(
            path,
            tiff_file(as_numbers(values, bits, is_float), "rgb", Layout(bits, is_float, tags={274: (orientation,)})),
        )
        for bits, is_float in ((8, False), (16, False), (32, True))
    ]
    path.write_bytes(tiff_file(as_numbers(values, 8, False), "rgb", Layout(tags={274: (orientation,)})))
    with Image.open(path) as file:
        wanted = np.asarray(file.convert("RGB"))
    for image in images:
        assert np.abs(shown(image) - wanted).max() <= 1


def test_a_fourth_sample_that_does_not_say_what_it_is(path: Path) -> None:
    """Of which there is no word it is alpha; where it is said to be nothing, it is none."""
    samples = as_numbers(np.concatenate([noise(3), np.full((HEIGHT, WIDTH, 1), 0.5)], axis=2), 16, False)
    assert loaded(path, tiff_file(samples, "rgb", Layout(16))).alpha is not None
    samples[..., 3] = 0
    assert loaded(path, tiff_file(samples, "rgb", Layout(16), "unspecified")).alpha is None


def test_what_is_beyond_white_is_cut_with_a_word(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    values = np.linspace(-0.5, 2.0, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH, 1)
    values[0, 0] = np.nan
    image = loaded(path, tiff_file(values, "grey", Layout(32, is_float=True)))
    assert bool(image.rgb.isfinite().all())
    assert (float(image.rgb.min()), float(image.rgb.max())) == (0.0, 1.0)
    assert len(caplog.records) == 1


REFUSED = {
    "signed": Layout(16, tags={339: (2,) * 3}),
    "complex": Layout(64, tags={339: (6,) * 3}),
    "of different depths": Layout(16, tags={258: (5, 6, 5)}),
    "of different formats": Layout(32, tags={339: (1, 3, 1)}),
    "JPEG 2000": Layout(8, tags={259: (34712,)}),
    "a camera's": Layout(16, tags={262: (32803,)}),
    "a mask": Layout(8, tags={262: (4,)}),
    "ICC L*a*b*": Layout(8, tags={262: (9,)}),
    "subsampled": Layout(8, tags={262: (6,)}),
    "of 24 bits": Layout(24, tags={339: (3,) * 3}),
    "too few samples": Layout(8, tags={262: (5,)}),
    "another predictor": Layout(8, tags={317: (34892,)}),
    "JPEG of floats": Layout(16, tags={259: (7,), 339: (3, 3, 3)}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_read_is_refused_by_name(path: Path, kind: str) -> None:
    path.write_bytes(tiff_file(as_numbers(noise(3), REFUSED[kind].bits, False), "rgb", REFUSED[kind]))
    with pytest.raises(SourceError) as caught:
        load_image(path)
    assert caught.value.code == "VS371"
    assert image_format(path) == "TIFF"


def test_no_more_is_unpacked_than_the_limits_allow(path: Path) -> None:
    """Tiles, samples and sides may each be of any size by the file."""
    layout = Layout(16, packing="deflate")
    for tags in ({322: (2**31,), 323: (2**31,), 324: (8,), 325: (9,)}, {277: (60,)}, {256: (2**20,), 257: (2**20,)}):
        path.write_bytes(tiff_file(as_numbers(noise(3), 16, False), "rgb", Layout(16, packing="deflate", tags=tags)))
        with pytest.raises(SourceError) as caught:
            load_image(path, Limits(bytes=50_000))
        assert caught.value.code in ("VS325", "VS329")
    path.write_bytes(tiff_file(as_numbers(noise(3), 16, False), "rgb", layout))
    assert load_image(path, NO_LIMITS).bits == 16


@settings(max_examples=150, deadline=None)
@given(layout=layouts(), place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.booleans())
def test_damaged_files_are_read_or_refused(path: Path, layout: Layout, place: int, value: int, cut: bool) -> None:
    data = bytearray(tiff_file(as_numbers(noise(3), layout.bits, layout.is_float), "rgb", layout))
    place %= len(data)
    if cut:
        del data[place:]
    else:
        data[place] = value
    path.write_bytes(bytes(data) or b"I")
    with contextlib.suppress(SourceError):
        assert bool(torch.isfinite(load_image(path, Limits(pixels=1e6, bytes=1e7)).rgb).all())


def test_images_that_libtiff_alone_unpacks(path: Path) -> None:
    """JPEG in TIFF."""
    smooth = np.linspace(0, 255, HEIGHT * WIDTH * 3).reshape(HEIGHT, WIDTH, 3).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(smooth).save(stream, "TIFF", compression="jpeg", quality=95)
    assert np.abs(shown(loaded(path, stream.getvalue())) - smooth).mean() < 4
    stream = io.BytesIO()
    Image.fromarray(smooth[..., 0] > 100).save(stream, "TIFF", compression="group4")
    assert np.array_equal(shown(loaded(path, stream.getvalue()))[..., 0] > 0, smooth[..., 0] > 100)


@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_libtiff_says_nothing_of_damage(tmp_path: Path, capfd: pytest.CaptureFixture[str], packing: str) -> None:
    """It would print to the terminal, past everything that could stop it."""
    path, codes = tmp_path / "a.tif", []
    Image.fromarray(np.random.default_rng(5).integers(0, 256, (40, 60, 3), np.uint8)).save(path, compression=packing)
    whole = path.read_bytes()
    for place in range(40, 400, 40):
        path.write_bytes(whole[:place] + b"\xff\0\xff\0\xff\0" + whole[place + 6 :])
        try:
            load_image(path)
        except SourceError as error:
            codes.append(error.code)
    assert capfd.readouterr() == ("", "")
    assert "VS319" in codes or packing == "jpeg"
