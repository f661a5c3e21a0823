"""Images of any format, depth, layout and orientation: random ones, beside independent readers."""

import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.clips import ffmpeg
from tests.media import LEVELS, DifferenceError, Floats, Trial, difference, seen_by_ffmpeg, smooth
from tests.tiffs import EXTRAS, PACKINGS, Layout, tiff_file
from vidstyle.images import LoadedImage, load_image, passing_over_metadata, read_image

Known = Floats | None  # what a file shows, stored orientation, where it is lossless

# Independent readers -------------------------------------------------------------------------------------------------


def by_imagemagick(path: Path, size: tuple[int, int]) -> Floats:
    command = ["convert", f"{path}[0]", "-auto-orient", "-colorspace", "sRGB", "-depth", "16", "rgba:-"]
    data = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    return np.frombuffer(data, "<u2").reshape(*size, 4) / 257.0


def by_pillow(path: Path, size: tuple[int, int]) -> Floats:
    with passing_over_metadata(), Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
        if image.mode.startswith("I"):
            grey = np.asarray(image).astype(np.float64) / 257
            return np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=2)
        return np.asarray(image.convert("RGBA")).astype(np.float64)


def by_ffmpeg(path: Path, size: tuple[int, int]) -> Floats:
    return seen_by_ffmpeg(path).frames[0]


READERS = {"ImageMagick": by_imagemagick, "ffmpeg": by_ffmpeg, "Pillow": by_pillow}


def of_loaded(image: LoadedImage) -> Floats:
    rgb = image.rgb.permute(1, 2, 0).numpy().astype(np.float64)
    alpha = np.ones_like(rgb[..., :1]) if image.alpha is None else image.alpha[0].numpy()[..., None]
    return 255 * np.concatenate([rgb, alpha], axis=2)


def compare(trial: Trial, path: Path, lossless: bool, known: Known = None) -> None:
    """The image is right where one independent reader shows the same, or that is known which was written."""
    load_image(path)
    found = of_loaded(read_image(path))
    distances = {}
    for name, read in READERS.items():
        try:
            distances[name] = difference(found, read(path, found.shape[:2]), lossless)
        except (OSError, ValueError, SyntaxError, IndexError, subprocess.SubprocessError, DifferenceError):
            continue
        if distances[name] <= LEVELS:
            trial.reader = name
            return
    if known is not None:
        distances["what was written"] = difference(found, known, lossless)
        trial.reader = "what was written"
    trial.check(min(distances.values(), default=0) <= LEVELS, f"image differs {distances}")
    trial.check(bool(distances), "no independent reader reads it")


# Images --------------------------------------------------------------------------------------------------------------


def image(trial: Trial) -> None:
    """An image of any format."""
    trial.pick(png, png, png, tiff, tiff, tiff, jpeg, jpeg, webp, bmp, exr)(trial)


def size_of(trial: Trial) -> tuple[int, int]:
    return trial.random.randint(1, 40), trial.random.randint(1, 40)


def pixels_of(trial: Trial, channels: int) -> Floats:
    """(H, W, channels), 0..1, of noise or smooth; of opacity the last, above 0."""
    height, width = size_of(trial)
    found = (
        trial.noise.random((height, width, channels))
        if trial.pick(0, 1)
        else smooth(trial.noise, height, width, channels)
    )
    if channels in (2, 4):
        found[..., -1] = trial.pick(found[..., -1], 0.3 + 0.7 * found[..., -1], np.ceil(found[..., -1] * 2 - 1) + 0.0)
        found[0, 0, -1] = 1
    return found


def png(trial: Trial) -> None:
    """Of all colour types and depths, interlaced or not, with one colour that is not seen."""
    kind, bits = trial.pick(*((0, b) for b in (1, 2, 4, 8, 16)), *((3, b) for b in (1, 2, 4, 8)),
                            *((k, b) for k in (2, 4, 6) for b in (8, 16)))  # fmt: skip
    channels, most = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind], 2**bits - 1
    samples = np.round(pixels_of(trial, channels) * most).astype(np.int64)
    chunks: list[tuple[bytes, bytes]] = []
    if kind == 3:
        chunks.append((b"PLTE", trial.noise.bytes(3 * (most + 1))))
        if trial.pick(0, 1):
            chunks.append((b"tRNS", b"\xff" + trial.noise.bytes(trial.random.randint(0, most))))
    elif kind in (0, 2) and trial.pick(0, 0, 1) and len(np.unique(samples.reshape(-1, channels), axis=0)) > 1:
        chunks.append((b"tRNS", samples[-1, -1].astype(">u2").tobytes()))
    orientation = trial.pick(0, 0, *range(1, 9))
    if orientation:
        chunks.append((b"eXIf", b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHHI", 0x112, 3, 1, orientation, 0, 0)))
    laced = trial.pick(False, True)
    trial.what = f"PNG type {kind}, {bits} bits, {[c[0] for c in chunks]}, orientation {orientation}, laced {laced}"
    path = trial.folder / "a.png"
    path.write_bytes(png_file(samples, kind, bits, laced, chunks, trial.random.randint(0, 2)))
    compare(trial, path, lossless=True)


ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def png_file(
    samples: NDArray[Any], kind: int, bits: int, laced: bool, chunks: list[tuple[bytes, bytes]], filtered: int
) -> bytes:
    """By the PNG specification; rows are filtered by None, Sub or Up."""
    height, width = samples.shape[:2]
    parts = [samples[y::down, x::right] for y, x, down, right in (ADAM7 if laced else ((0, 0, 1, 1),))]
    data = b"".join(_png_rows(part, bits, filtered) for part in parts if part.size)
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(laced)))
    every = (head, *chunks, (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in every)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _png_rows(part: NDArray[Any], bits: int, filtered: int) -> bytes:
    rows = part.reshape(len(part), -1)
    if bits < 8:
        bools = (rows[..., None] >> np.arange(bits)[::-1]) & 1
        lines = np.packbits(bools.astype(np.uint8).reshape(len(rows), -1), axis=1)
    else:
        lines = np.ascontiguousarray(rows.astype(f">u{bits // 8}")).view(np.uint8).reshape(len(rows), -1)
    step = max(1, bits * part.shape[2] // 8)
    if filtered == 1:
        lines = lines - np.pad(lines, ((0, 0), (step, 0)))[:, : lines.shape[1]]
    elif filtered == 2:
        lines = np.diff(lines, axis=0, prepend=np.uint8(0))
    return b"".join(bytes([filtered]) + line.astype(np.uint8).tobytes() for line in lines)


def tiff(trial: Trial) -> None:
    """Of any layout that tests/tiffs.py writes, or by Pillow with another compression."""
    if trial.pick(0, 0, 0, 1):
        return tiff_of_pillow(trial)
    bits, floats = trial.pick(
        (1, 0), (2, 0), (4, 0), (8, 0), (8, 0), (12, 0), (16, 0), (32, 0), (16, 1), (32, 1), (64, 1)
    )
    colours = trial.pick("white is zero", "grey", "rgb")
    extra = trial.pick(None, *EXTRAS)
    extra = None if colours == "white is zero" and extra == "associated" else extra
    layout = layout_of(trial, bits, bool(floats))
    values = pixels_of(trial, (3 if colours == "rgb" else 1) + (extra is not None))
    samples, known = tiff_samples(values, colours, extra, layout)
    path = trial.folder / "a.tif"
    path.write_bytes(tiff_file(samples, colours, layout, extra))
    trial.what = f"TIFF {colours}, {extra}, {layout}"
    compare(trial, path, True, turned(known, *layout.tags.get(274, (1,))))


def turned(image: Floats, orientation: int) -> Floats:
    """Upright, by TIFF 6.0: where the first row and the first column are."""
    flips = {2: (1,), 3: (0, 1), 4: (0,), 7: (0, 1), 6: (0,), 8: (1,)}.get(orientation, ())
    flipped = np.flip(image, flips)
    return flipped.swapaxes(0, 1) if orientation > 4 else flipped


def layout_of(trial: Trial, bits: int, floats: bool) -> Layout:
    """Any layout of that depth."""
    predictors = [1, *([2] if bits in (8, 16, 32, 64) else []), *([3] if floats else [])]
    tile, way = trial.pick(None, (16, 16), (32, 16)), trial.pick(0, 0, 0, *range(1, 9))
    return Layout(
        *(bits, floats, *(trial.pick(False, True) for _ in range(3)), tile, trial.pick(1, 7, 40)),
        *(trial.pick(*predictors), trial.pick(*PACKINGS), trial.pick(False, False, True)),
        tags={274: (way,)} if way else {},
    )


def tiff_samples(values: Floats, colours: str, extra: str | None, layout: Layout) -> tuple[NDArray[Any], Floats]:
    """What the file holds, and what it shows."""
    white = 1 if layout.is_float else 2**layout.bits - 1
    count = 3 if colours == "rgb" else 1
    alpha = values[..., count:] if extra in ("associated", "unassociated") else np.ones_like(values[..., :1])

    def kept(part: Floats) -> NDArray[Any]:
        return part.astype(f"f{layout.bits // 8}") if layout.is_float else np.round(part * white).astype(np.uint64)

    opacity = kept(alpha)
    shown = kept(values[..., :count] * (opacity / white) if extra == "associated" else values[..., :count])
    ends = np.where(opacity > 0, opacity / white, 1.0) if extra == "associated" else 1.0
    colour = np.repeat(np.minimum(shown / white / ends, 1), 3 // count, axis=2)
    stored = (white - shown).astype(shown.dtype) if colours == "white is zero" else shown
    samples = (
        stored
        if extra is None
        else np.concatenate([stored, kept(values[..., count:]) if extra == "unspecified" else opacity], axis=2)
    )
    return samples, 255 * np.concatenate([colour, opacity / white], axis=2)


def tiff_of_pillow(trial: Trial) -> None:
    mode = trial.pick("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "F")
    packings = ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"]
    packings += ["group3", "group4", "tiff_ccitt"] if mode == "1" else ["jpeg"] if mode in ("L", "RGB") else []
    packing = trial.pick(*packings)
    trial.what = f"TIFF by Pillow, {mode}, {packing}"
    path = trial.folder / "a.tif"
    picture(trial, mode).save(path, compression=packing)
    compare(trial, path, packing != "jpeg")


def picture(trial: Trial, mode: str) -> Image.Image:
    """An image of a mode of Pillow."""
    pixels = np.round(pixels_of(trial, 4 if mode in ("RGBA", "LA") else 3) * 255).astype(np.uint8)
    if mode in ("LA", "RGBA"):
        return Image.fromarray(pixels).convert(mode)
    if mode == "I;16":
        return Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    if mode == "F":
        return Image.fromarray((pixels[..., 0] / 255).astype(np.float32))
    if mode == "LAB":
        return Image.frombytes("LAB", (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    return (
        Image.fromarray(pixels).quantize(trial.pick(2, 16, 200))
        if mode == "P"
        else Image.fromarray(pixels).convert(mode)
    )


def jpeg(trial: Trial) -> None:
    mode, turned = trial.pick("L", "RGB", "RGB", "CMYK"), trial.pick(0, 0, *range(1, 9))
    how = {"quality": trial.pick(50, 90, 100), "progressive": trial.pick(False, True)}
    how |= {} if mode == "L" else {"subsampling": trial.pick(0, 1, 2)}
    exif = Image.Exif()
    exif[0x112] = turned
    trial.what = f"JPEG {mode}, {how}, orientation {turned}"
    picture(trial, mode).save(trial.folder / "a.jpg", **how, **({"exif": exif} if turned else {}))
    compare(trial, trial.folder / "a.jpg", lossless=False)


def webp(trial: Trial) -> None:
    mode, turned = trial.pick("RGB", "RGBA", "L"), trial.pick(0, 0, *range(1, 9))
    how = {"lossless": trial.pick(False, True), "quality": trial.pick(20, 80, 100), "exact": trial.pick(False, True)}
    exif = Image.Exif()
    exif[0x112] = turned
    trial.what = f"WebP {mode}, {how}, orientation {turned}"
    picture(trial, mode).save(trial.folder / "a.webp", **how, **({"exif": exif} if turned else {}))
    compare(trial, trial.folder / "a.webp", lossless=bool(how["lossless"]))


def bmp(trial: Trial) -> None:
    mode, path = (
        trial.pick("1", "L", "P", "RGB", "RGBA", "rgb565le", "rgb555le", "rgb444le", "bgra"),
        trial.folder / "a.bmp",
    )
    trial.what = f"BMP {mode}"
    if mode[0] in "rb":
        picture(trial, "RGB").save(trial.folder / "a.png")
        ffmpeg("-i", trial.folder / "a.png", "-pix_fmt", mode, path)
    else:
        picture(trial, mode).save(path)
    known = by_ffmpeg(path, (0, 0)) if mode == "rgb444le" else None
    if known is not None:  # ffmpeg and ImageMagick show the white of 4 bits as 240
        known[..., :3] = (known[..., :3] / 16).round() * 17
    compare(trial, path, lossless=True, known=known)


def exr(trial: Trial) -> None:
    """Of ffmpeg's encoder: linear light, colours multiplied by alpha."""
    kind, channels = trial.pick(("gbrpf32le", 3), ("gbrapf32le", 4), ("grayf32le", 1))
    packing, half = trial.pick("none", "rle", "zip1", "zip16"), trial.pick("half", "float")
    trial.what, values = f"EXR {kind}, {packing}, {half}", pixels_of(trial, channels).astype(np.float32)
    alpha = values[..., 3:] if channels == 4 else np.ones_like(values[..., :1])
    light = values[..., :3] * alpha
    planes = [light[..., n] for n in ((1, 2, 0) if channels > 1 else (0,))] + [alpha[..., 0]] * (channels == 4)
    raw = ("-f", "rawvideo", "-pix_fmt", kind, "-s", f"{values.shape[1]}x{values.shape[0]}", "-i", "-")
    how = ("-vf", "setparams=alpha_mode=premultiplied", "-compression", packing, "-format", half, "-frames:v", 1)
    ffmpeg(*raw, *how, trial.folder / "a.exr", data=b"".join(np.ascontiguousarray(p).tobytes() for p in planes))
    colours = np.repeat(values[..., :3], 3 // min(3, channels), axis=2).astype(np.float64)
    coded = np.where(colours <= 0.0031308, 12.92 * colours, 1.055 * colours ** (1 / 2.4) - 0.055)
    compare(trial, trial.folder / "a.exr", True, 255 * np.concatenate([coded, alpha], axis=2))
