"""Image files to tensors and back, in sRGB."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import imageio.v3 as iio
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

from vidstyle.core.pixels import to_array, to_tensor
from vidstyle.errors import SinkError, SourceError
from vidstyle.files import printable, require_file, write_whole
from vidstyle.limits import LIMITS, Limits

# What Pillow's readers of damaged files raise: there is no common base, and no list.
UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(NotImplementedError, AssertionError, struct.error, zlib.error, Image.DecompressionBombError),
)
_PILLOWS_LIMIT = threading.Lock()  # it is one for the whole process

log = logging.getLogger(__name__)

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
ANIMATION_FORMATS = ("GIF", "WEBP", "PNG")
_JPEG, _TIFF = {"quality": 95, "subsampling": 0}, {"compression": "tiff_lzw"}
_HOW: dict[str, dict[str, Any]] = {  # Pillow writes images of 8 bits, by the ending
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": {"quality": 95, "method": 4},
}
_ORIENTATION = 0x0112  # EXIF and TIFF tag


@dataclass(frozen=True)
class LoadedImage:
    """``rgb`` (3, H, W) float32 sRGB 0..1; ``alpha`` (1, H, W) float32 0..1, or None where all is opaque; ``bits`` per
    colour of the file: 8 or 16."""

    rgb: Tensor
    alpha: Tensor | None = None
    bits: int = 8


def load_image(path: str | os.PathLike[str], limits: Limits = LIMITS) -> LoadedImage:
    """Read an image upright, in sRGB, with its transparency and all its bits.

    Raises SourceError for anything that is not a whole image within the ``limits``.
    """
    path = Path(path)
    name = printable(path.name or path)
    require_file(path)
    try:
        limits.check_bytes(name, path.stat().st_size)
        data = path.read_bytes()
    except OSError as error:
        raise SourceError("VS318", name=name, reason=error.strerror) from error
    with passing_over_metadata(), _opened(data, name, limits) as file:
        try:
            file.load()
            return _load_deep(file, data) if _bits(file, data) == 16 else _load_plain(file)
        except UNREADABLE as error:
            text = printable(error)
            raise SourceError("VS319", name=name, text=text) from error


def require_image(path: Path) -> None:
    """SourceError for anything that is no image of a known kind by its first bytes."""
    require_file(path)
    if image_format(path) is None:
        raise _unknown(printable(path.name))


def _unknown(name: str) -> SourceError:
    return SourceError("VS317", name=name, image_endings=", ".join(IMAGE_ENDINGS))


def image_format(path: str | os.PathLike[str]) -> str | None:
    """What kind of image a file is by its content, such as ``JPEG``; None if it is no image."""
    try:
        with open_image(path, FORMATS) as file:
            return file.format
    except UNREADABLE:
        return None


@contextlib.contextmanager
def _opened(data: bytes, name: str, limits: Limits) -> Iterator[Image.Image]:
    try:
        file = open_image(io.BytesIO(data), FORMATS)
    except UNREADABLE as error:
        raise _unknown(name) from error
    with file:
        limits.check_size(name, (file.height, file.width))
        yield file


def _bits(file: Image.Image, data: bytes) -> int:
    if file.format == "PNG":
        return 16 if data[24] == 16 else 8
    if file.format == "TIFF":
        depths = getattr(file, "tag_v2", {}).get(258, (8,))
        return 16 if set(depths) == {16} else 8
    return 8


def _load_plain(file: Image.Image) -> LoadedImage:
    file = in_srgb(ImageOps.exif_transpose(file))
    transparent = "A" in file.getbands() or "transparency" in file.info
    values = to_tensor(np.asarray(file.convert("RGBA" if transparent else "RGB")))
    return _with_alpha(values, 8)


def _with_alpha(values: Tensor, bits: int) -> LoadedImage:
    alpha = values[3:4].contiguous() if values.shape[0] == 4 else None
    opaque = alpha is None or bool((alpha == 1).all())
    return LoadedImage(values[:3].contiguous(), None if opaque else alpha, bits)


def _load_deep(file: Image.Image, data: bytes) -> LoadedImage:
    """16 bits per colour: Pillow would cut them to 8, so OpenCV reads the values."""
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None or pixels.dtype != np.uint16:
        return _load_plain(file)
    if pixels.ndim == 2:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    else:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    values = to_tensor(pixels.astype(np.uint16, copy=False))
    # Both libraries turn a TIFF while they decode it, whatever the flags say.
    image = _with_alpha(values if file.format == "TIFF" else _upright(values, file), 16)
    transform = to_srgb(file)
    return image if transform is None else LoadedImage(through_table(image.rgb, transform), image.alpha, 16)


def _upright(values: Tensor, file: Image.Image) -> Tensor:
    orientation = int(file.getexif().get(_ORIENTATION, 1))
    if orientation in (5, 6, 7, 8):
        values = values.transpose(1, 2)
    sides = {2: [2], 3: [1, 2], 4: [1], 6: [2], 7: [1, 2], 8: [1]}.get(orientation)
    return (values.flip(sides) if sides else values).contiguous()


def save_image(path: str | os.PathLike[str], image: Tensor, alpha: Tensor | None = None, bits: int = 8) -> None:
    """Write ``image`` (3, H, W) RGB 0..1 in the format of the name's ending, whole or not at all.

    ``alpha`` (1, H, W) 0..1 is kept in PNG, WebP and TIFF and laid on white elsewhere; ``bits=16`` counts in
    PNG and TIFF. Raises SinkError for an unknown ending or a place that cannot be written.
    """
    path = Path(path)
    name, ending = printable(path.name or path), path.suffix.lower()
    if ending not in IMAGE_ENDINGS:
        raise SinkError("VS420", name=name, image_endings=", ".join(IMAGE_ENDINGS))
    image = image.detach().to("cpu", torch.float32)
    if alpha is not None and ending in (".jpg", ".jpeg", ".bmp"):
        log.warning("%s cannot hold transparency: it is laid on white (use .png to keep it)", name)
        image, alpha = flatten(image, alpha), None
    values = image if alpha is None else torch.cat([image, alpha.detach().to("cpu", torch.float32)])
    deep = bits == 16 and ending in (".png", ".tif", ".tiff")
    try:
        write_whole(path, _encode_deep(values, ending) if deep else _encode(values, ending))
    except OSError as error:
        raise SinkError("VS421", name=name, reason=error.strerror or error) from error


def flatten(image: Tensor, alpha: Tensor) -> Tensor:
    """Lay ``image`` (3, H, W) with ``alpha`` (1, H, W) on white."""
    alpha = alpha.to(image)
    return image * alpha + (1 - alpha)


def _encode(values: Tensor, ending: str) -> bytes:
    return bytes(iio.imwrite("<bytes>", to_array(values), plugin="pillow", extension=ending, **_HOW.get(ending, {})))


def _encode_deep(values: Tensor, ending: str) -> bytes:
    """With 16 bits per colour, which Pillow does not write."""
    pixels = values.clamp(0, 1).mul(65535).round().permute(1, 2, 0).numpy().astype(np.uint16)
    return bytes(iio.imwrite("<bytes>", pixels, plugin="opencv", extension=ending))


def open_image(file: str | os.PathLike[str] | IO[bytes], formats: tuple[str, ...] = ANIMATION_FORMATS) -> Image.Image:
    """``Image.open`` for these formats only, which reads the header, without its limit of pixels: `Limits` are ours."""
    with _PILLOWS_LIMIT, passing_over_metadata():
        theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file, formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = theirs


@contextlib.contextmanager
def passing_over_metadata() -> Iterator[None]:
    """Meanwhile Pillow does not warn of metadata that are broken, and not used then."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        yield


def is_animated(path: str | os.PathLike[str]) -> bool:
    """Whether the file is a GIF, WebP or PNG with more than one image; False for anything unreadable."""
    try:
        with open_image(path) as image:
            return int(getattr(image, "n_frames", 1)) > 1
    except UNREADABLE:
        return False


_GRID = 33  # colours per axis of the table that carries a 16-bit image through its colour profile


def in_srgb(file: Image.Image) -> Image.Image:
    """``file`` with its colours in sRGB: mode RGB, RGBA or one that converts to them as it is."""
    transform = to_srgb(file)
    if transform is None:
        return file.convert("RGB") if file.mode in ("CMYK", "LAB", "YCbCr", "I", "F", "I;16") else file
    if file.mode in ("CMYK", "RGB", "L"):
        return transform(file)
    alpha = file.convert("RGBA").getchannel("A")
    converted = transform(file.convert("RGB"))
    converted.putalpha(alpha)
    return converted


def to_srgb(file: Image.Image) -> Callable[[Image.Image], Image.Image] | None:
    """The conversion from the profile in the file; None where there is none or it cannot be used."""
    raw = file.info.get("icc_profile")
    if not raw:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(raw))
        space = str(profile.profile.xcolor_space).strip()
        mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[space]
        if (mode == "L") != (file.mode in ("L", "LA", "I;16")) or (mode == "CMYK") != (file.mode == "CMYK"):
            return None
        if mode == "L":
            return None  # grey profiles differ from sRGB by a tone curve that few programs apply
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, KeyError, ValueError, TypeError):
        log.warning("a colour profile cannot be used; the colours are taken as sRGB")
        return None

    def apply(image: Image.Image) -> Image.Image:
        converted = ImageCms.applyTransform(image, transform)
        assert converted is not None  # None only when it works in place
        return converted

    return apply


def through_table(image: Tensor, transform: Callable[[Image.Image], Image.Image]) -> Tensor:
    """Convert colours by interpolation in a table: the converter itself knows only 8 bits."""
    axis = np.round(np.linspace(0, 255, _GRID)).astype(np.uint8)
    red, green, blue = np.meshgrid(axis, axis, axis, indexing="ij")
    colours = Image.fromarray(np.stack([red, green, blue], -1).reshape(_GRID, _GRID * _GRID, 3))
    table = to_tensor(np.asarray(transform(colours))).reshape(1, 3, _GRID, _GRID, _GRID)
    places = (image.flip(0).permute(1, 2, 0) * 2 - 1)[None, None]  # grid_sample wants the last axis first
    return F.grid_sample(table, places, mode="bilinear", align_corners=True)[0, :, 0].contiguous()
