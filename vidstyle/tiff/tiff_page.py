"""The first image of a TIFF file as numbers.

Pillow opens few kinds of TIFF, and OpenCV reads many wrongly. So libtiff, by way of Pillow, only unpacks the bytes;
what they are is found here, by TIFF 6.0 (Adobe, 1992) and its Technical Note 3 (2005) for floating point.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin, _imaging

from vidstyle.errors import SourceError
from vidstyle.limits import Limits

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # of a file; the last two are BigTIFF

WIDTH, LENGTH, BITS, PACKING, COLOURS, BIT_ORDER, ORIENTATION, SAMPLES = 256, 257, 258, 259, 262, 266, 274, 277
STRIPS, ROWS, STRIP_BYTES, TILE_WIDTH, TILE_LENGTH, TILES, TILE_BYTES = 273, 278, 279, 322, 323, 324, 325
PLANAR, PREDICTOR, PALETTE, EXTRA, FORMAT, SUBSAMPLING, PROFILE = 284, 317, 320, 338, 339, 530, 34675

_USED = (
    *(
        WIDTH,
        LENGTH,
        BITS,
        PACKING,
        COLOURS,
        BIT_ORDER,
        ORIENTATION,
        SAMPLES,
        PLANAR,
        PREDICTOR,
        PALETTE,
        EXTRA,
        FORMAT,
    ),
    *(STRIPS, ROWS, STRIP_BYTES, TILE_WIDTH, TILE_LENGTH, TILES, TILE_BYTES, SUBSAMPLING, PROFILE),
)
_KINDS = {1: "u1", 3: "u2", 4: "u4", 7: "u1", 16: "u8"}  # of the numbers of a tag; all others have another meaning
_PACKINGS = (1, 5, 8, 32946, 32773, 34925, 50000)  # none, LZW, Deflate (two numbers), PackBits, LZMA, Zstandard
_IMAGES = (2, 3, 4, 6, 7, 50001)  # CCITT, JPEG, WebP: only who unpacks them knows what the bytes are
_NO_PACKINGS = {34712: "JPEG 2000", 34887: "LERC", 50002: "JPEG XL", 34676: "SGI LogLuv", 34677: "SGI LogLuv"}
_YCBCR = 6
_FORMATS = {1: "u", 3: "f", 4: "u"}  # of a number; 4 is untyped
_NO_FORMATS = {2: "signed numbers", 5: "complex numbers", 6: "complex numbers"}
_DIFFERENCES, _FLOAT_DIFFERENCES = 2, 3
_WHOLE = (8, 16, 32, 64)  # bits that NumPy has numbers of
_MOST_SAMPLES = 64
_ROWS_AT_ONCE = 256  # some are taken apart into bits, each of which takes a byte meanwhile


@cache
def _quiet_libtiff() -> None:
    """What Pillow's libtiff prints about damaged files is printed no more: Pillow raises it, too."""
    with contextlib.suppress(OSError, AttributeError):  # where it is hidden in Pillow, as on Windows
        libtiff = ctypes.CDLL(_imaging.__file__)
        for kind in ("Error", "Warning"):
            for name in (f"TIFFSet{kind}Handler", f"TIFFSet{kind}HandlerExt"):
                getattr(libtiff, name)(None)


@dataclass(frozen=True)
class TiffPage:
    """The first image of the file `data`, called `name`, as its `tags` describe it.

    `order` is that of the bytes of a number, < or >. All that is asked may raise what Pillow raises for damaged files,
    and SourceError VS371 for what is not read.
    """

    name: str
    data: bytes
    tags: Mapping[int, NDArray[Any]]
    order: str

    @classmethod
    def of(cls, name: str, data: bytes) -> TiffPage:
        """The page of a file that has one of STARTS; ValueError where it has no size."""
        _quiet_libtiff()
        order, wide = "<" if data.startswith(b"II") else ">", data[:4] in STARTS[2:]
        page = cls(name, data, _tags_of(data, order, wide), order)
        if min(page.size) < 1:
            raise ValueError("it has no size")
        return page

    def all(self, tag: int, *default: int) -> tuple[int, ...]:
        """The first numbers of a tag, as many as a pixel can have samples."""
        return tuple(map(int, self.tags[tag][:_MOST_SAMPLES])) if tag in self.tags else default

    def one(self, tag: int, default: int) -> int:
        """The first of them."""
        return self.all(tag, default)[0]

    def refusal(self, what: str) -> SourceError:
        """That this is not read."""
        return SourceError("VS371", name=self.name, what=what)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), before it is turned upright."""
        return self.one(LENGTH, 0), self.one(WIDTH, 0)

    @property
    def orientation(self) -> int:
        """As EXIF counts it."""
        return self.one(ORIENTATION, 1)

    @property
    def profile(self) -> bytes | None:
        """Its colour profile."""
        return self.tags[PROFILE].tobytes() if PROFILE in self.tags else None

    @property
    def is_packed_image(self) -> bool:
        """Whether only libtiff knows what the bytes are, and makes colours of 8 bits of them."""
        packing = self.one(PACKING, 1)
        return packing in _IMAGES or (packing != 1 and self.one(COLOURS, 0) == _YCBCR)

    @property
    def samples(self) -> int:
        """Numbers of each pixel."""
        return self.one(SAMPLES, 1)

    @cached_property
    def bits(self) -> int:
        """Of each number."""
        depths = sorted(set(self.all(BITS, 1)))
        if len(depths) != 1:
            raise self.refusal(f"samples of {' and '.join(map(str, depths))} bits")
        return depths[0]

    @cached_property
    def format(self) -> str:
        """That of each number: u for whole ones, f for floating point."""
        kinds = set(self.all(FORMAT, 1))
        for kind in kinds - set(_FORMATS):
            raise self.refusal(_NO_FORMATS.get(kind, f"numbers of kind {kind}"))
        found = {_FORMATS[kind] for kind in kinds}
        if len(found) != 1:
            raise self.refusal("samples of different kinds")
        return found.pop()

    def numbers(self, limits: Limits) -> NDArray[Any]:
        """All of them, (H, W, samples), of the `format`, in a type that has at least the `bits`.

        Raises:
            SourceError: VS371 where they are stored in a way that is not read, VS329 where they take more bytes than
                the `limits`.
        """
        self._check(limits)
        if self._is_planar:
            return np.concatenate([self._plane(number, 1) for number in range(self.samples)], axis=2)
        return self._plane(0, self.samples)

    def _check(self, limits: Limits) -> None:
        packing, bits, predictor = self.one(PACKING, 1), self.bits, self.one(PREDICTOR, 1)
        if packing not in _PACKINGS:
            raise self.refusal(_NO_PACKINGS.get(packing, f"compression of kind {packing}"))
        if bits not in (16, 32, 64) if self.format == "f" else not (1 <= bits <= 32 or bits == 64):
            raise self.refusal(f"numbers of {bits} bits")
        known = {1: True, _DIFFERENCES: bits in _WHOLE, _FLOAT_DIFFERENCES: self.format == "f"}
        if not known.get(predictor):
            raise self.refusal(f"differences of kind {predictor}")
        if self.samples > _MOST_SAMPLES:
            raise self.refusal(f"{self.samples} samples for each pixel")
        height, width = self._padded
        limits.check_bytes(self.name, height * width * self.samples * max(bits, 8) // 8)

    @property
    def _is_planar(self) -> bool:
        return self.one(PLANAR, 1) == 2 and self.samples > 1

    @property
    def _tile(self) -> tuple[int, int]:
        """(height, width) of its parts; strips are as wide as the image."""
        height, width = self.size
        if TILES in self.tags:
            return self.one(TILE_LENGTH, 0), self.one(TILE_WIDTH, 0)
        return min(height, self.one(ROWS, height)), width

    @property
    def _padded(self) -> tuple[int, int]:
        """(height, width) that its parts cover."""
        (height, width), (tile_height, tile_width) = self.size, self._tile
        return max(height, tile_height), -(-width // tile_width) * tile_width

    def _plane(self, number: int, samples: int) -> NDArray[Any]:
        """The numbers (H, W, samples) of the plane with a number, of so many samples."""
        height, width = self.size
        tile_width = self._tile[1]
        row = -(-tile_width * samples * self.bits // 8)  # bytes
        packed = self._unpacked(number, row, self._padded[1] // tile_width)
        parts = np.split(packed.reshape(height, -1, row), range(_ROWS_AT_ONCE, height, _ROWS_AT_ONCE))
        numbers = [self._numbers_of(part, tile_width, samples) for part in parts]
        return np.concatenate(numbers).reshape(height, -1, samples)[:, :width]

    def _numbers_of(self, rows: NDArray[np.uint8], width: int, samples: int) -> NDArray[Any]:
        """The numbers (n, tiles, width, samples) of rows of tiles (n, tiles, bytes)."""
        shape, predictor = (*rows.shape[:2], width, samples), self.one(PREDICTOR, 1)
        if predictor == _FLOAT_DIFFERENCES:
            return _floats(rows, samples, self.bits).reshape(shape)
        if self.bits in _WHOLE:
            kind = f"u{self.bits // 8}"
            numbers = rows.view(self.order + kind).astype(kind).reshape(shape)
        else:
            bits = np.unpackbits(rows, axis=2)[..., : width * samples * self.bits].reshape(*shape, self.bits)
            numbers = bits @ (1 << np.arange(self.bits, dtype=np.uint32)[::-1])
        if predictor == _DIFFERENCES:
            numbers = np.cumsum(numbers, axis=2, dtype=numbers.dtype)
        return numbers.view(f"f{self.bits // 8}") if self.format == "f" else numbers

    def _unpacked(self, number: int, row: int, across: int) -> NDArray[np.uint8]:
        """The bytes (H, across * row) of a plane.

        libtiff is told of a grey image of 8 bits at the same places, with as many tiles `across`, each `row` wide.
        """
        tiled = TILES in self.tags
        places, sizes = (TILES, TILE_BYTES) if tiled else (STRIPS, STRIP_BYTES)
        height, tile_height = self.size[0], self._tile[0]
        tags = {WIDTH: across * row, LENGTH: height, BITS: 8, COLOURS: 1}
        tags |= {tag: self.one(tag, 1) for tag in (PACKING, BIT_ORDER)}
        tags |= {TILE_WIDTH: row, TILE_LENGTH: tile_height} if tiled else {ROWS: tile_height}
        share = len(self.tags[places]) // (self.samples if self._is_planar else 1)
        lists = {tag: self.tags[tag][number * share :][:share] for tag in (places, sizes) if tag in self.tags}
        with TiffImagePlugin.TiffImageFile(io.BytesIO(_file_with(self.data, tags, lists))) as file:
            return np.asarray(file)


def _tags_of(data: bytes, order: str, wide: bool) -> dict[int, NDArray[Any]]:
    """The numbers of each tag that is used here, in the first directory of a file; `wide` is that of BigTIFF."""
    head, entry, place = ("Q", "HHQ", "Q") if wide else ("H", "HHI", "I")
    size = struct.calcsize(order + place)
    (begin,) = struct.unpack_from(order + place, data, 8 if wide else 4)
    (count,) = struct.unpack_from(order + head, data, begin)
    tags: dict[int, NDArray[Any]] = {}
    for number in range(count):
        at = begin + struct.calcsize(order + head) + number * (struct.calcsize(order + entry) + size)
        tag, kind, length = struct.unpack_from(order + entry, data, at)
        if tag in _USED and kind in _KINDS and length:
            numbers, at = np.dtype(order + _KINDS[kind]), at + struct.calcsize(order + entry)
            if length * numbers.itemsize > size:
                (at,) = struct.unpack_from(order + place, data, at)
            tags[tag] = np.frombuffer(data, numbers, length, at)
    return tags


def _file_with(data: bytes, tags: Mapping[int, int], lists: Mapping[int, NDArray[Any]]) -> bytes:
    """A file that has the same bytes at the same places, but for its start, and other tags."""
    values = {tag: np.array([value], "<u4") for tag, value in tags.items()}
    values |= {tag: found.astype("<u4") for tag, found in lists.items()}
    begin = len(data) + len(data) % 2
    entries, rest, end = b"", b"", begin + 2 + 12 * len(values) + 4
    for tag, numbers in sorted(values.items()):
        inline = len(numbers) == 1
        entries += struct.pack("<HHI", tag, 4, len(numbers))
        entries += numbers.tobytes() if inline else struct.pack("<I", end + len(rest))
        rest += b"" if inline else numbers.tobytes()
    directory = struct.pack("<H", len(values)) + entries + bytes(4) + rest
    return STARTS[0] + struct.pack("<I", begin) + data[8:] + bytes(len(data) % 2) + directory


def _floats(rows: NDArray[np.uint8], samples: int, bits: int) -> NDArray[Any]:
    """The numbers of rows (n, tiles, bytes) of differences: all first bytes lie before all second ones, and so on."""
    steps = rows.reshape(*rows.shape[:2], -1, samples)
    planes = np.cumsum(steps, axis=2, dtype=np.uint8).reshape(*rows.shape[:2], bits // 8, -1)
    return np.ascontiguousarray(planes.swapaxes(2, 3)).view(f">f{bits // 8}").astype(f"f{bits // 8}")
