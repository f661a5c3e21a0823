"""Colour profiles of picture files, turned into sRGB."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageCms
from torch import Tensor

log = logging.getLogger(__name__)

_GRID = 33  # colours per axis of the table that carries a 16-bit picture through its colour profile


def planes(pixels: NDArray[np.generic], white: float) -> Tensor:
    """(H, W, C) with values 0..``white`` as (C, H, W) float32 0..1."""
    values = np.ascontiguousarray(np.moveaxis(pixels, -1, 0), dtype=np.float32)
    return torch.from_numpy(values / np.float32(white))


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
    table = planes(np.asarray(transform(colours)), 255.0).view(1, 3, _GRID, _GRID, _GRID)
    places = (image.flip(0).permute(1, 2, 0) * 2 - 1)[None, None]  # grid_sample wants the last axis first
    return F.grid_sample(table, places, mode="bilinear", align_corners=True)[0, :, 0].contiguous()
