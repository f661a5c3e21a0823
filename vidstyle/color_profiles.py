"""Colours of image files to sRGB, by the colour profile in the file."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageCms
from torch import Tensor, from_numpy

from vidstyle.core.pixels import to_tensor

log = logging.getLogger(__name__)

_GRID = 33  # colours per axis of the table that carries an image of more than 8 bits through its colour profile
_EVEN = np.round(np.linspace(0, 255, _GRID)).astype(np.uint8)
_DARK = np.maximum(np.round(255 * np.linspace(0, 1, _GRID) ** 2), np.arange(_GRID)).astype(np.uint8)
_LARGEST_ERROR = 2.0  # levels of 8 bits


def in_srgb(file: Image.Image) -> Image.Image:
    """The colours of ``file`` in sRGB, of mode RGB, without its transparency."""
    mode = file.mode if file.mode in ("CMYK", "LAB") else "L" if file.mode in ("L", "LA", "I;16") else "RGB"
    transform = _to_srgb(file.info.get("icc_profile"), mode)
    plain = file if file.mode == "CMYK" and transform else file.convert("RGB")
    return plain if transform is None else transform(plain)


def deep_in_srgb(colours: Tensor, profile: bytes | None) -> Tensor:
    """The same, (3, H, W), 0..1, for `colours` (1 or 3, H, W), 0..1, of more than 8 bits."""
    values = colours.expand(3, -1, -1)
    transform = _to_srgb(profile, "RGB" if len(colours) == 3 else "L")
    return values if transform is None else _through_table(values, transform)


def _to_srgb(raw: bytes | None, mode: str) -> Callable[[Image.Image], Image.Image] | None:
    """The conversion from a profile for images of a mode; None where there is none or it cannot be used."""
    if not raw:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(raw))
        space = str(profile.profile.xcolor_space).strip()
        wanted = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[space]
        if wanted != mode or mode == "L":
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


def _through_table(image: Tensor, transform: Callable[[Image.Image], Image.Image]) -> Tensor:
    """Convert colours by interpolation in a table: the converter itself knows only 8 bits."""
    nodes = _nodes(transform)
    red, green, blue = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    colours = Image.fromarray(np.stack([red, green, blue], -1).reshape(_GRID, _GRID * _GRID, 3))
    table = to_tensor(np.asarray(transform(colours))).reshape(1, 3, _GRID, _GRID, _GRID)
    if nodes is not _EVEN:
        even = np.linspace(0, 1, _GRID)
        image = from_numpy(np.interp(image.numpy(), nodes / 255, even).astype(np.float32))
    places = (image.flip(0).permute(1, 2, 0) * 2 - 1)[None, None]  # grid_sample wants the last axis first
    return F.grid_sample(table, places, mode="bilinear", align_corners=True)[0, :, 0].contiguous()


def _nodes(transform: Callable[[Image.Image], Image.Image]) -> NDArray[np.uint8]:
    """The values of 8 bits along each axis of a table: more of them dark ones where greys say that even ones do not do,
    as those of linear light."""
    levels = np.arange(256, dtype=np.uint8)
    greys = np.asarray(transform(Image.fromarray(np.stack([levels] * 3, -1)[None])))[0, :, 1].astype(float)
    error = np.abs(np.interp(levels, _EVEN, greys[_EVEN]) - greys).max()
    return _EVEN if error <= _LARGEST_ERROR else _DARK
