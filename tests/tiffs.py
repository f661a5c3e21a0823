"""TIFF files of any layout, written as TIFF 6.0 says, by nothing that reads them."""

import io
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PHOTOMETRICS = {"white is zero": 0, "grey": 1, "rgb": 2, "palette": 3, "cmyk": 5, "ycbcr": 6, "lab": 8}
PACKINGS = {"none": 1, "lzw": 5, "deflate": 8, "packbits": 32773}
EXTRAS = {"unspecified": 0, "associated": 1, "unassociated": 2}


@dataclass(frozen=True)
class Layout:
    """How the samples (H, W, samples) of an image are written."""

    bits: int = 8
    is_float: bool = False
    big_endian: bool = False
    big_tiff: bool = False
    planar: bool = False
    tile: tuple[int, int] | None = None  # height, width
    rows: int = 7  # of a strip
    predictor: int = 1  # 2: differences, 3: those of floating point
    packing: str = "none"
    bits_reversed: bool = False
    tags: dict[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def order(self) -> str:
        return ">" if self.big_endian else "<"


def tiff_file(samples: NDArray[Any], colours: str, layout: Layout, extra: str | None = None) -> bytes:
    """A file of `samples` (H, W, samples), whole numbers below 2**bits or floating point."""
    height, width, count = samples.shape
    planes = [samples[..., n : n + 1] for n in range(count)] if layout.planar else [samples]
    parts = [_packed(_bytes_of(part, layout), layout) for plane in planes for part in _parts(plane, layout)]
    tags = {256: (width,), 257: (height,), 258: (layout.bits,) * count, 259: (PACKINGS[layout.packing],)}
    tags |= {262: (PHOTOMETRICS[colours],), 277: (count,), 284: (1 + layout.planar,), 317: (layout.predictor,)}
    tags |= {339: (3,) * count} if layout.is_float else {}
    tags |= {338: (EXTRAS[extra],)} if extra else {}
    tags |= {266: (2,)} if layout.bits_reversed else {}
    tags |= {322: (layout.tile[1],), 323: (layout.tile[0],)} if layout.tile else {278: (layout.rows,)}
    return _file(parts, tags | layout.tags, (324, 325) if layout.tile else (273, 279), layout)


def _parts(plane: NDArray[Any], layout: Layout) -> list[NDArray[Any]]:
    """Tiles, the outer ones filled up, or strips."""
    height, width = plane.shape[:2]
    if layout.tile is None:
        return [plane[top : top + layout.rows] for top in range(0, height, layout.rows)]
    rows, columns = layout.tile
    padded = np.pad(
        plane, ((0, -height % rows), (0, -width % columns), (0, 0)), mode="reflect" if height > rows else "edge"
    )
    return [
        padded[top : top + rows, left : left + columns]
        for top in range(0, height, rows)
        for left in range(0, width, columns)
    ]


def _bytes_of(part: NDArray[Any], layout: Layout) -> bytes:
    """Row by row, each from a new byte on."""
    rows, kind = len(part), f"{'f' if layout.is_float else 'u'}{layout.bits // 8}"
    if layout.predictor == 3:
        big = np.ascontiguousarray(part.astype(f">{kind}").reshape(rows, -1)).view(np.uint8)
        planes = big.reshape(rows, -1, layout.bits // 8).swapaxes(1, 2).reshape(rows, -1, part.shape[2])
        return np.diff(planes, axis=1, prepend=np.uint8(0)).tobytes()
    if layout.bits not in (8, 16, 32, 64):
        shifts = np.arange(layout.bits)[::-1]
        bits = (part.reshape(rows, -1, 1).astype(np.uint32) >> shifts.astype(np.uint32)) & 1
        return np.packbits(bits.astype(np.uint8).reshape(rows, -1), axis=1).tobytes()
    numbers = np.ascontiguousarray(part.astype(kind)).view(f"u{layout.bits // 8}")
    if layout.predictor == 2:
        numbers = np.diff(numbers, axis=1, prepend=numbers.dtype.type(0))
    return numbers.astype(f"{layout.order}u{layout.bits // 8}").tobytes()


def _packed(data: bytes, layout: Layout) -> bytes:
    if layout.packing == "deflate":
        data = zlib.compress(data)
    elif layout.packing == "packbits":
        chunks = (data[n : n + 128] for n in range(0, len(data), 128))
        data = b"".join(bytes([len(chunk) - 1]) + chunk for chunk in chunks)
    elif layout.packing == "lzw":
        data = _lzw(data)
    return data.translate(bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))) if layout.bits_reversed else data


def _lzw(data: bytes) -> bytes:
    """As Pillow packs a grey image of one row."""
    stream = io.BytesIO()
    Image.frombytes("L", (len(data), 1), data).save(stream, "TIFF", compression="tiff_lzw")
    with Image.open(io.BytesIO(stream.getvalue())) as file:
        (begin,), (size,) = file.tag_v2[273], file.tag_v2[279]  # type: ignore[attr-defined]
    return stream.getvalue()[begin : begin + size]


def _file(parts: list[bytes], tags: dict[int, tuple[int, ...]], where: tuple[int, int], layout: Layout) -> bytes:
    wide, order = layout.big_tiff, layout.order
    start, number, size = (16, "Q", 8) if wide else (8, "I", 4)
    places = [start + sum(map(len, parts[:n])) for n in range(len(parts))]
    data = b"".join(parts)
    data += bytes(len(data) % 2)
    tags = tags | {where[0]: tuple(places), where[1]: tuple(map(len, parts))}
    begin = start + len(data)
    end = begin + (8 if wide else 2) + (20 if wide else 12) * len(tags) + size
    entries, rest = b"", b""
    for tag, values in sorted(tags.items()):
        undefined = tag == 34675  # a colour profile: bytes
        packed = bytes(values) if undefined else struct.pack(f"{order}{len(values)}{number}", *values)
        inline = len(packed) <= size
        entries += struct.pack(f"{order}HH{number}", tag, 7 if undefined else 16 if wide else 4, len(values))
        entries += packed.ljust(size, b"\0") if inline else struct.pack(f"{order}{number}", end + len(rest))
        rest += b"" if inline else packed
    version = struct.pack(f"{order}HHHQ", 43, 8, 0, begin) if wide else struct.pack(f"{order}HI", 42, begin)
    count = struct.pack(f"{order}{'Q' if wide else 'H'}", len(tags))
    return (b"MM" if layout.big_endian else b"II") + version + data + count + entries + bytes(size) + rest
