"""Images come in upright, in sRGB and with all their bits, and go out whole."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms
from torch import Tensor

from tests.clips import assert_colours, numbered_image, quarters
from tests.refusals import refused
from tests.tiffs import Layout, tiff_file
from vidstyle.core.pixels import to_array, to_tensor
from vidstyle.core.sizes import fit_size, resize
from vidstyle.errors import SourceError
from vidstyle.images import image_format, is_animated, load_image, read_image, save_image


def drawn(height: int = 96, width: int = 160) -> Tensor:
    return to_tensor(numbered_image(10, height, width))


@pytest.mark.parametrize("ending", ["png", "webp", "tif", "tiff", "bmp", "jpg", "jpeg"])
def test_round_trip(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    save_image(path, drawn())
    loaded = load_image(path)
    assert (loaded.bits, loaded.alpha) == (8, None)
    assert (loaded.rgb.dtype, tuple(loaded.rgb.shape)) == (torch.float32, (3, 96, 160))
    assert_colours(loaded.rgb, tolerance=2 if ending in ("jpg", "jpeg", "webp") else 0)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), bits=st.sampled_from([8, 16]), alpha=st.booleans())
def test_any_size_survives_png_exactly(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, bits: int, alpha: bool
) -> None:
    path = tmp_path_factory.mktemp("png") / "a.png"
    white = 2**bits - 1
    random = torch.Generator().manual_seed(height * 41 + width)
    values = torch.randint(0, white, (4, height, width), generator=random) / white
    values[3] = values[3] / 2 + 0.5  # so that all is seen
    values[3] = (values[3] * white).round() / white
    save_image(path, values[:3], values[3:] if alpha else None, bits)
    loaded = load_image(path)
    assert loaded.bits == bits
    assert torch.allclose(loaded.rgb, values[:3], atol=1e-6)
    assert (loaded.alpha is None) == (not alpha)
    if loaded.alpha is not None:
        assert torch.allclose(loaded.alpha, values[3:], atol=1e-6)


def test_jpeg_keeps_full_colour_resolution(tmp_path: Path) -> None:
    lines = torch.zeros(3, 32, 32)
    lines[0, :, ::2], lines[2, :, 1::2] = 1, 1
    save_image(tmp_path / "a.jpg", lines)
    assert (load_image(tmp_path / "a.jpg").rgb - lines).abs().mean() < 0.05


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png16", "tif16"])
def test_orientation_is_applied(tmp_path: Path, orientation: int, ending: str) -> None:
    """The file is stored turned the other way round, so that upright is the drawn image."""
    upright = numbered_image(10, 96, 160)
    undo = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
            5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, 1), 7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
            8: lambda a: np.rot90(a, -1)}[orientation]  # fmt: skip
    stored = np.ascontiguousarray(undo(upright))
    exif = Image.Exif()
    exif[0x0112] = orientation
    deep = cv2.cvtColor(stored.astype(np.uint16) * 257, cv2.COLOR_RGB2BGR)
    if ending == "jpg":
        path = tmp_path / "a.jpg"
        Image.fromarray(stored).save(path, exif=exif, quality=95)
    elif ending == "tif16":
        path = tmp_path / "a.tif"
        path.write_bytes(with_tiff_orientation(cv2.imencode(".tif", deep)[1].tobytes(), orientation))
    else:
        path = tmp_path / "a.png"
        data = cv2.imencode(".png", deep)[1].tobytes()
        path.write_bytes(with_png_exif(data, exif))
    loaded = load_image(path)
    assert tuple(loaded.rgb.shape) == (3, 96, 160)
    assert_colours(loaded.rgb, tolerance=3)


def with_tiff_orientation(data: bytes, orientation: int) -> bytes:
    """``data``, a TIFF file, with a new table at its end that has an orientation tag (0x0112) too."""
    table = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[table : table + 2], "little")
    entries = [data[table + 2 + 12 * n : table + 14 + 12 * n] for n in range(count)]
    entries.append(struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0))
    entries.sort(key=lambda entry: int.from_bytes(entry[:2], "little"))
    even = data + b"\0" * (len(data) % 2)
    new = struct.pack("<H", count + 1) + b"".join(entries) + bytes(4)
    return even[:4] + struct.pack("<I", len(even)) + even[8:] + new


def with_png_exif(data: bytes, exif: Image.Exif) -> bytes:
    """``data``, a PNG file, with orientation: Pillow writes the chunk, only its pixels have 8 bits."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG", exif=exif)
    other = buffer.getvalue()
    begin = other.index(b"eXIf") - 4
    chunk = other[begin : begin + 12 + int.from_bytes(other[begin : begin + 4], "big")]
    return data[:33] + chunk + data[33:]


def swapped_profile() -> bytes:
    """An RGB profile whose red is green and whose green is red."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    places = {}
    for n in range(int.from_bytes(profile[128:132], "big")):
        at = 132 + 12 * n
        places[bytes(profile[at : at + 4])] = at
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


def test_colour_profile_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(numbered_image(0)).save(path, icc_profile=swapped_profile())
    found = quarters(load_image(path).rgb)
    assert np.abs(np.array(found[0]) - [30, 200, 30]).max() <= 3
    assert np.abs(np.array(found[1]) - [180, 30, 60]).max() <= 3


def test_colour_profile_of_16_bits(tmp_path: Path) -> None:
    """The same conversion, and steps finer than 8 bits are still there."""
    ramp = np.linspace(20_000, 22_000, 256).astype(np.uint16)
    pixels = np.stack([np.tile(ramp, (8, 1)), np.full((8, 256), 5000), np.full((8, 256), 30_000)], -1)
    data = cv2.imencode(".png", cv2.cvtColor(pixels.astype(np.uint16), cv2.COLOR_RGB2BGR))[1].tobytes()
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG", icc_profile=swapped_profile())
    other = buffer.getvalue()
    begin = other.index(b"iCCP") - 4
    chunk = other[begin : begin + 12 + int.from_bytes(other[begin : begin + 4], "big")]
    path = tmp_path / "a.png"
    path.write_bytes(data[:33] + chunk + data[33:])
    image = load_image(path).rgb
    assert (image[1, 0] - torch.from_numpy(ramp / 65535.0)).abs().max() < 2 / 255
    assert (image[0] - 5000 / 65535).abs().max() < 2 / 255
    assert len(image[1, 0].unique()) > 200


def linear_profile() -> bytes:
    """The colours of sRGB in linear light."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for n in range(int.from_bytes(profile[128:132], "big")):
        at = 132 + 12 * n
        if profile[at : at + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            begin = int.from_bytes(profile[at + 4 : at + 8], "big")
            profile[begin : begin + 14] = b"curv" + struct.pack(">IIH", 0, 1, 256)
    return bytes(profile)


@pytest.mark.parametrize(("bits", "is_float"), [(16, False), (32, True)])
def test_linear_light_by_a_profile(tmp_path: Path, bits: int, is_float: bool) -> None:
    """Dark steps are as fine as the light ones; by IEC 61966-2-1."""
    light = np.repeat(np.linspace(0, 1, 240).reshape(12, 20, 1) ** 2, 3, axis=2)
    samples = light if is_float else np.round(light * 65535)
    layout = Layout(bits, is_float, tags={34675: tuple(linear_profile())})
    (tmp_path / "a.tif").write_bytes(tiff_file(samples, "rgb", layout))
    wanted = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    found = load_image(tmp_path / "a.tif").rgb.permute(1, 2, 0).numpy()
    assert np.abs(found - wanted).max() * 255 <= 2


def test_cmyk_grey_and_palette(tmp_path: Path) -> None:
    Image.fromarray(numbered_image(0)).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert_colours(load_image(tmp_path / "cmyk.jpg").rgb, tolerance=4)
    Image.new("L", (8, 6), 77).save(tmp_path / "grey.png")
    assert (load_image(tmp_path / "grey.png").rgb * 255).round().unique().tolist() == [77]
    Image.fromarray(numbered_image(0)).quantize(8).save(tmp_path / "palette.png")
    assert_colours(load_image(tmp_path / "palette.png").rgb, tolerance=4)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_are_not_cut(tmp_path: Path, ending: str, channels: int) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (20, 30, channels)).astype(np.uint16)
    if channels == 4:
        values[..., 3] |= 0x8000  # so that all is seen
    path = tmp_path / f"a.{ending}"
    cv2.imwrite(str(path), values)
    loaded = load_image(path)
    assert loaded.bits == 16
    wanted = np.repeat(values, 3, 2) if channels == 1 else values[:, :, 2::-1]
    assert np.array_equal((loaded.rgb * 65535).round().permute(1, 2, 0).numpy(), wanted)
    assert (loaded.alpha is not None) == (channels == 4)


def test_alpha_is_kept_or_laid_on_white(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    alpha = torch.full((1, 96, 160), 0.5)
    for ending in ("png", "webp", "tif"):
        save_image(tmp_path / f"a.{ending}", drawn(), alpha)
        kept = load_image(tmp_path / f"a.{ending}").alpha
        assert kept is not None
        assert (kept - alpha).abs().max() < 0.01
    assert not caplog.records
    save_image(tmp_path / "a.jpg", drawn(), alpha)
    assert np.abs(np.array(quarters(load_image(tmp_path / "a.jpg").rgb)[0]) - [228, 143, 143]).max() <= 3
    assert "composited on white" in caplog.text


def deep_png(samples: NDArray[np.uint16], kind: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16 bits of `samples` (H, W, channels) and a colour type."""
    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    all_chunks = (head, *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    parts = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in all_chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("kind", [0, 2, 4, 6])
@pytest.mark.parametrize("one_hidden", [False, True])
def test_every_png_of_16_bits(tmp_path: Path, kind: int, one_hidden: bool) -> None:
    """Grey and RGB, with an alpha channel, or one colour that is not seen."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[kind]
    samples = np.random.default_rng(kind).integers(0x8000, 65536, (9, 7, channels)).astype(np.uint16)
    samples[4, 3] = samples[2, 1]
    key = samples[2, 1].astype(">u2").tobytes()
    chunks = [(b"tRNS", key)] if one_hidden and kind in (0, 2) else []
    (tmp_path / "a.png").write_bytes(deep_png(samples, kind, *chunks))
    image = load_image(tmp_path / "a.png")
    colours = samples[..., :3] if kind in (2, 6) else np.repeat(samples[..., :1], 3, axis=2)
    hidden = (samples == samples[2, 1]).all(axis=2) if chunks else np.zeros((9, 7), bool)
    assert image.bits == 16
    found = (image.rgb * 65535).round().permute(1, 2, 0).numpy()
    assert np.array_equal(found[~hidden], colours[~hidden])
    if not (chunks or kind in (4, 6)):
        assert image.alpha is None
        return
    assert image.alpha is not None
    alpha = samples[..., -1] if kind in (4, 6) else np.where(hidden, 0, 65535)
    assert np.array_equal((image.alpha[0] * 65535).round().numpy(), alpha)


@pytest.mark.parametrize("ending", ["png", "webp", "tif", "png16", "tif16"])
def test_hidden_colours_are_not_seen(tmp_path: Path, ending: str) -> None:
    """Two files that look the same are the same, bit for bit."""
    alpha = torch.zeros(4, 40, 60)
    alpha[:, 10:30, 15:50] = 1
    images = []
    for number, colour in enumerate(((0.0, 0.0, 0.0), (1.0, 0.0, 1.0))):
        hidden = torch.tensor(colour)[:, None, None]
        values = torch.cat([torch.where(alpha[:3] > 0, drawn(40, 60), hidden), alpha[:1]])
        path = tmp_path / f"{number}.{ending[:4].rstrip('1')}"
        if ending == "webp":
            Image.fromarray(to_array(values), "RGBA").save(path, lossless=True, exact=True)
        elif ending.endswith("16"):
            pixels = (values * 65535).round().permute(1, 2, 0).numpy().astype(np.uint16)
            cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))
        else:
            Image.fromarray(to_array(values), "RGBA").save(path)
        images.append(load_image(path))
    assert torch.equal(images[0].rgb, images[1].rgb)
    inside = (slice(None), slice(10, 30), slice(15, 50))
    assert torch.allclose(images[0].rgb[inside], drawn(40, 60)[inside], atol=1e-6)
    assert images[0].alpha is not None
    assert images[0].alpha.unique().tolist() == [0, 1]


def test_an_image_of_which_nothing_is_seen_is_refused(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 6), (200, 0, 0, 0)).save(tmp_path / "a.png")
    with pytest.raises(SourceError) as caught:
        load_image(tmp_path / "a.png")
    assert caught.value.code == "VS372"


def test_a_profile_leaves_the_hidden_colour_hidden(tmp_path: Path) -> None:
    pixels = numbered_image(0)
    key = tuple(map(int, pixels[0, 0]))
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=swapped_profile(), transparency=key)
    alpha = load_image(tmp_path / "a.png").alpha
    assert alpha is not None
    assert np.array_equal(alpha[0].numpy() == 0, (pixels == pixels[0, 0]).all(axis=2))


def test_opaque_alpha_is_no_alpha(tmp_path: Path) -> None:
    Image.fromarray(numbered_image(0)).convert("RGBA").save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png").alpha is None


def bad_image(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / f"{kind}.png"
    save_image(tmp_path / "good.png", torch.rand(3, 90, 90))
    save_image(tmp_path / "deep.png", torch.rand(3, 90, 90), bits=16)
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not an image")
    elif kind == "cut":
        path.write_bytes((tmp_path / "good.png").read_bytes()[:9000])
    elif kind == "cut16":
        path.write_bytes((tmp_path / "deep.png").read_bytes()[:9000])
    elif kind == "bomb":
        Image.new("1", (15_001, 10_000)).save(path)
    return path


@pytest.mark.parametrize(
    ("kind", "code"),
    [("missing", "VS312"), ("folder", "VS311"), ("empty", "VS314"), ("text", "VS317"), ("cut", "VS319"),
     ("cut16", "VS319"), ("bomb", "VS325")],
)  # fmt: skip
def test_refused_in_one_sentence(tmp_path: Path, kind: str, code: str) -> None:
    path = bad_image(tmp_path, kind)
    with refused(code) as caught:
        load_image(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_unwritable_places(tmp_path: Path) -> None:
    with refused("VS420", "jpg"):
        save_image(tmp_path / "a.xyz", drawn())
    with refused("VS421"):
        save_image(tmp_path / "missing" / "a.png", drawn())
    (tmp_path / "folder.png").mkdir()
    with refused("VS421"):
        save_image(tmp_path / "folder.png", drawn())
    assert [p.name for p in tmp_path.iterdir()] == ["folder.png"]


def test_is_animated(tmp_path: Path) -> None:
    images = [Image.fromarray(numbered_image(n * 5)) for n in range(3)]
    for ending in ("gif", "webp", "png"):
        images[0].save(tmp_path / f"many.{ending}", save_all=True, append_images=images[1:], duration=50)
        images[0].save(tmp_path / f"one.{ending}")
        assert is_animated(tmp_path / f"many.{ending}")
        assert not is_animated(tmp_path / f"one.{ending}")
    assert not is_animated(tmp_path / "missing.gif")


def test_large_image_gives_no_warning(tmp_path: Path) -> None:
    Image.new("1", (10_000, 9_500)).save(tmp_path / "large.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not is_animated(tmp_path / "large.png")


@given(height=st.integers(1, 5000), width=st.integers(1, 5000), long_side=st.none() | st.integers(1, 6000))
def test_fit_size(height: int, width: int, long_side: int | None) -> None:
    fitted = fit_size((height, width), long_side)
    assert min(fitted) >= 1
    assert fitted[0] <= height
    assert fitted[1] <= width
    if long_side is None or long_side >= max(height, width):
        assert fitted == (height, width)
    else:
        assert max(fitted) == long_side
        exact = min(height, width) * long_side / max(height, width)
        assert abs(min(fitted) - exact) <= max(0.5, 1 - exact)


def test_resize_averages_fine_lines_and_stays_in_range() -> None:
    lines = torch.zeros(3, 64, 64)
    lines[:, :, ::2] = 1
    smaller = resize(lines, (16, 16))
    assert tuple(smaller.shape) == (3, 16, 16)
    assert (smaller[:, 2:-2, 2:-2] - 0.5).abs().max() < 0.1
    edge = torch.zeros(1, 9, 9)
    edge[:, :, 4:] = 1
    larger = resize(edge, (90, 90))
    assert larger.min() >= 0
    assert larger.max() <= 1
    assert resize(edge, (9, 9)) is edge


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize(
    ("masks", "bits"),
    [((0xF00, 0xF0, 0xF, 0xF000), 16), ((0xF00, 0xF0, 0xF, 0), 16), ((0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000), 32)],
)
def test_bmp_of_masks_that_pillow_does_not_know(
    tmp_path: Path, masks: tuple[int, int, int, int], bits: int, upright: bool
) -> None:
    """Black is 0 and white 1 in each number of bits; the lowest line comes first unless the height is negative."""
    shares = np.random.default_rng(3).random((5, 3, 4))
    shares[0, 0], shares[1, 1] = 1, (0, 0, 0, 1)
    tops = [mask // (mask & -mask) if mask else 0 for mask in masks]
    values = [np.round(shares[..., n] * top).astype(np.int64) for n, top in enumerate(tops)]
    packed = sum(value * (mask & -mask) for value, mask in zip(values, masks, strict=True))
    lines = np.zeros((5, -(-3 * bits // 32) * 32 // bits), f"<u{bits // 8}")
    lines[:, :3] = packed
    header = struct.pack("<IiiHHIIiiII4I", 56, 3, -5 if upright else 5, 1, bits, 3, 0, 0, 0, 0, 0, *masks)
    data = header + (lines if upright else lines[::-1]).tobytes()
    path = tmp_path / "a.bmp"
    path.write_bytes(b"BM" + struct.pack("<IHHI", 14 + len(data), 0, 0, 14 + len(header)) + data)
    found, alpha = read_image(path).rgb.numpy(), read_image(path).alpha
    for n in range(3):
        np.testing.assert_allclose(found[n], values[n] / tops[n], atol=0.5 / 255)
    assert (alpha is None) == (not masks[3])
    if alpha is not None:
        np.testing.assert_allclose(alpha[0], values[3] / tops[3], atol=0.5 / 255)
    assert image_format(path) == "BMP"
    path.write_bytes(path.read_bytes()[:-4])
    with refused("VS319", "a.bmp"):
        load_image(path)


def test_of_an_animation_the_first_image_that_browsers_show_is_read(tmp_path: Path) -> None:
    red, *others = (Image.new("RGB", (8, 6), colour) for colour in ("red", "blue", "green"))
    red.save(tmp_path / "a.png", save_all=True, append_images=others, default_image=True)
    assert load_image(tmp_path / "a.png").rgb.mean((1, 2)).tolist() == [0, 0, 1]
    red.save(tmp_path / "b.png", save_all=True, append_images=others)
    assert load_image(tmp_path / "b.png").rgb.mean((1, 2)).tolist() == [1, 0, 0]
