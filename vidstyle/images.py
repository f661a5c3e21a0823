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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import cv2
import imageio.v3 as iio
import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, from_numpy

from vidstyle.bmp import HEAD, has_masks, read_masked, size_of
from vidstyle.color_profiles import deep_in_srgb, in_srgb
from vidstyle.core.pixels import to_array, to_tensor
from vidstyle.core.transparency import filled
from vidstyle.errors import SinkError, SourceError
from vidstyle.exr import EXR_START, exr_bytes, read_exr
from vidstyle.files import printable, require_file, write_whole
from vidstyle.limits import LIMITS, Limits
from vidstyle.tiff.raster import read_raster
from vidstyle.tiff.tiff_page import STARTS, TiffPage

# What Pillow's readers of damaged files raise: there is no common base, and no list.
UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(NotImplementedError, AssertionError, struct.error, zlib.error, Image.DecompressionBombError),
)
_PILLOWS_LIMIT = threading.Lock()  # it is one for the whole process

log = logging.getLogger(__name__)

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".exr")
OPAQUE_ENDINGS = (".jpg", ".jpeg", ".bmp")  # of formats that hold no transparency

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
    """``rgb`` (3, H, W) float32 sRGB 0..1, transparent parts filled with what is seen (`core.transparency.filled`);
    ``alpha`` (1, H, W) float32 0..1, or None where all is opaque; ``bits`` per colour: 8, or 16 for more; ``beyond``:
    the lowest and highest number of a file of floating point that holds some outside of 0..1, which were cut."""

    rgb: Tensor
    alpha: Tensor | None = None
    bits: int = 8
    beyond: tuple[float, float] | None = None


def load_image(path: str | os.PathLike[str], limits: Limits = LIMITS) -> LoadedImage:
    """Read an image upright, in sRGB, with its transparency and all its bits.

    Raises SourceError for anything that is not a complete image within the ``limits``, or is fully transparent.
    """
    image, name = read_image(path, limits), printable(Path(path).name or path)
    if image.beyond:
        tell_beyond(name, image.beyond)
    if image.alpha is None:
        return image
    if not bool(image.alpha.any()):
        raise SourceError("VS372", name=name)
    return replace(image, rgb=filled(image.rgb, image.alpha))


def tell_beyond(name: str, beyond: tuple[float, float]) -> None:
    """Warns that values of a file were cut."""
    log.warning("%s holds values from %g to %g: what is below 0 (black) or above 1 (white) is clipped", name, *beyond)


def read_image(path: str | os.PathLike[str], limits: Limits = LIMITS) -> LoadedImage:
    """The same, but with the colours that transparent parts have in the file, and without a word."""
    path = Path(path)
    name = printable(path.name or path)
    require_file(path)
    try:
        limits.check_bytes(name, path.stat().st_size)
        data = path.read_bytes()
    except OSError as error:
        raise SourceError("VS318", name=name, reason=error.strerror) from error
    with passing_over_metadata():
        try:
            if data.startswith(STARTS):
                return _load_tiff(data, name, limits)
            if data.startswith(EXR_START):
                return _load_exr(data, name, limits)
            return _load_other(data, name, limits, _unknown(name))
        except UNREADABLE as error:
            raise SourceError("VS319", name=name, text=printable(error)) from error


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
        with open(path, "rb") as start:
            head = start.read(HEAD)
        if head.startswith(STARTS):  # of which Pillow does not know all
            return "TIFF"
        if head.startswith(EXR_START):
            return "EXR"
        if has_masks(head):
            return "BMP"
        with open_image(path, FORMATS) as file:
            return file.format
    except UNREADABLE:
        return None


def _load_other(data: bytes, name: str, limits: Limits, unknown: SourceError) -> LoadedImage:
    """What Pillow reads, but the numbers of a PNG of 16 bits; raises `unknown` where Pillow does not know the kind."""
    try:
        file = open_image(io.BytesIO(data), FORMATS)
    except UNREADABLE as error:
        if has_masks(data[:HEAD]):
            limits.check_size(name, size_of(data))
            return _load_plain(Image.fromarray(read_masked(data)))
        raise unknown from error
    with file:
        limits.check_size(name, (file.height, file.width))
        file.load()
        if file.info.get("default_image"):
            file.seek(1)  # browsers do not show the image before an animation
            return _load_plain(file)
        return _load_deep_png(file, data) if file.format == "PNG" and data[24] == 16 else _load_plain(file)


def _load_plain(file: Image.Image) -> LoadedImage:
    file, alpha = ImageOps.exif_transpose(file), None
    if file.has_transparency_data:
        file = file.convert("RGBA")
        alpha = to_tensor(np.asarray(file.getchannel("A"))[..., None])
    return _finished(to_tensor(np.asarray(in_srgb(file))), alpha, 8)


def _load_deep_png(file: Image.Image, data: bytes) -> LoadedImage:
    """A PNG of 16 bits per colour: Pillow would cut them to 8, so OpenCV reads the values."""
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None or pixels.dtype != np.uint16:
        return _load_plain(file)
    pixels = pixels.astype(np.uint16, copy=False).reshape(*pixels.shape[:2], -1)
    colours, alpha = (
        (pixels[..., :1], pixels[..., 1:]) if pixels.shape[2] < 3 else (pixels[..., 2::-1], pixels[..., 3:])
    )
    hidden = file.info.get("transparency")  # the one colour that is not seen, of which OpenCV does not always tell
    if hidden is not None:
        alpha = np.where((colours == np.array(hidden)).all(axis=2, keepdims=True), np.uint16(0), np.uint16(65535))
    rgb = deep_in_srgb(to_tensor(colours), file.info.get("icc_profile"))
    orientation = int(file.getexif().get(_ORIENTATION, 1))
    return _finished(rgb, to_tensor(alpha) if alpha.size else None, 16, orientation)


def _load_tiff(data: bytes, name: str, limits: Limits) -> LoadedImage:
    page = TiffPage.of(name, data)
    if page.is_packed_image:
        return _load_other(data, name, limits, page.refusal("an unusual kind of compression"))
    raster = read_raster(page, limits)
    alpha = None if raster.alpha is None else from_numpy(raster.alpha).permute(2, 0, 1)
    if raster.colours.dtype != np.uint8:
        rgb = deep_in_srgb(from_numpy(raster.colours).permute(2, 0, 1), page.profile)
        return replace(_finished(rgb, alpha, 16, page.orientation), beyond=raster.beyond)
    file = Image.frombytes(raster.mode, page.size[::-1], raster.colours.tobytes())
    file.info["icc_profile"] = page.profile
    return _finished(to_tensor(np.asarray(in_srgb(file))), alpha, 8, page.orientation)


def _load_exr(data: bytes, name: str, limits: Limits) -> LoadedImage:
    image = read_exr(data, name, limits)
    alpha = None if image.alpha is None else from_numpy(image.alpha).permute(2, 0, 1)
    return replace(_finished(from_numpy(image.rgb).permute(2, 0, 1), alpha, 16), beyond=image.beyond)


def _finished(rgb: Tensor, alpha: Tensor | None, bits: int, orientation: int = 1) -> LoadedImage:
    """Turned upright by its EXIF orientation, and without an ``alpha`` (1, H, W) that is 1 everywhere."""
    if alpha is None or bool((alpha == 1).all()):
        return LoadedImage(_upright(rgb, orientation), None, bits)
    return LoadedImage(_upright(rgb, orientation), _upright(alpha, orientation), bits)


def _upright(values: Tensor, orientation: int) -> Tensor:
    if orientation in (5, 6, 7, 8):
        values = values.transpose(1, 2)
    sides = {2: [2], 3: [1, 2], 4: [1], 6: [2], 7: [1, 2], 8: [1]}.get(orientation)
    return (values.flip(sides) if sides else values).contiguous()


def save_image(path: str | os.PathLike[str], image: Tensor, alpha: Tensor | None = None, bits: int = 8) -> None:
    """Write ``image`` (3, H, W) RGB 0..1 in the format of the name's ending, whole or not at all.

    ``alpha`` (1, H, W) 0..1 is kept in PNG, WebP, TIFF and EXR and composited on white elsewhere; ``bits`` as in
    `image_bytes`. Raises SinkError for an unsupported ending or a file that cannot be written.
    """
    path = Path(path)
    name, ending = printable(path.name or path), path.suffix.lower()
    if ending not in IMAGE_ENDINGS:
        raise SinkError("VS420", name=name, image_endings=", ".join(IMAGE_ENDINGS))
    if alpha is not None and ending in OPAQUE_ENDINGS:
        log.warning("%s cannot hold transparency: it is composited on white (use .png to keep it)", name)
    try:
        write_whole(path, image_bytes(image, ending, alpha, bits))
    except OSError as error:
        raise SinkError("VS421", name=name, reason=error.strerror or error) from error


def image_bytes(
    image: Tensor, ending: str, alpha: Tensor | None = None, bits: int = 8, quality: int | None = None
) -> bytes:
    """The file of an image, rounded once from its floats.

    Args:
        image: (3, H, W), RGB, 0..1; what lies outside is clamped.
        ending: one of IMAGE_ENDINGS, which names the format.
        alpha: (1, H, W), 0..1; laid on white in formats that do not hold it.
        bits: 16 counts in PNG and TIFF; EXR is half, or float with 32.
        quality: of a JPEG or WebP, 1 to 100; None for 95.
    """
    if alpha is not None and ending in OPAQUE_ENDINGS:
        image, alpha = flatten(image, alpha), None
    values = (image if alpha is None else torch.cat([image, alpha.to(image)])).detach().to("cpu", torch.float32)
    if ending == ".exr":
        pixels = values.clamp(0, 1).permute(1, 2, 0).numpy()
        return exr_bytes(pixels[..., :3], None if alpha is None else pixels[..., 3:], half=bits < 32)
    if bits == 16 and ending in (".png", ".tif", ".tiff"):
        return _encode_deep(values, ending)
    how = {**_HOW.get(ending, {}), **({} if quality is None else {"quality": quality})}
    return bytes(iio.imwrite("<bytes>", to_array(values), plugin="pillow", extension=ending, **how))


def flatten(image: Tensor, alpha: Tensor) -> Tensor:
    """Lay ``image`` (3, H, W) with ``alpha`` (1, H, W) on white."""
    alpha = alpha.to(image)
    return image * alpha + (1 - alpha)


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
