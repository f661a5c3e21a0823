"""The images of GIF and PNG animations, composed as browsers compose them.

Pillow and ffmpeg lay half transparent images of PNG, or small ones of GIF, otherwise on what was there before.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from vidstyle.images import open_image

Box = tuple[int, int, int, int]  # left, top, right, bottom

_NOTHING = (0, 0, 0, 0)
_KEEP, _CLEAR, _RESTORE = range(3)  # what becomes of an image's place once it was shown, as PNG counts
_GIF_DISPOSALS = {2: _CLEAR, 3: _RESTORE, 4: _RESTORE}  # 4 by an error of old programs
PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Part:
    """One image of an animation, a `file` of its own: where it lies in the `box`, for how many `milliseconds`, and what
    becomes of its place; `over` what is there, or in its place."""

    file: bytes
    box: Box
    milliseconds: float
    disposal: int
    over: bool = True


def composed(parts: Iterator[Part], size: tuple[int, int]) -> Iterator[tuple[Image.Image, float]]:
    """What is shown, as RGBA images of `size` (width, height), and the milliseconds of each.

    What lies outside is cut off. Raises what Pillow raises for damaged files; ValueError for an image that is larger.
    """
    canvas = Image.new("RGBA", size, _NOTHING)
    for part in parts:
        left, top, right, bottom = part.box
        if right - left > size[0] or bottom - top > size[1]:
            raise ValueError("an image is larger than the animation")
        with open_image(io.BytesIO(part.file)) as file:
            image = file.convert("RGBA")
        place = (min(left, size[0]), min(top, size[1]), min(right, size[0]), min(bottom, size[1]))
        inside = image.crop((0, 0, place[2] - place[0], place[3] - place[1]))
        shown = canvas.copy()
        if part.over and inside.width and inside.height:
            shown.alpha_composite(inside, place[:2])
        else:
            shown.paste(inside, place)
        yield shown, part.milliseconds
        canvas = canvas if part.disposal == _RESTORE else shown
        if part.disposal == _CLEAR:
            canvas.paste(_NOTHING, place)


def gif_parts(data: bytes) -> Iterator[Part]:
    """The images of a GIF file, by its specification of 1990; IndexError or struct.error where it is cut off."""
    position = 13 + table_bytes(data[10])
    start, table, control = data[:6], data[10:position], b""
    while data[position] != 0x3B:
        begin = position
        if data[position] == 0x21:  # an extension; 0xF9 is about the next image
            position = after_blocks(data, position + 2)
            control = data[begin:position] if data[begin + 1] == 0xF9 else control
            continue
        left, top, width, height, flags = struct.unpack_from("<HHHHB", data, position + 1)
        position = after_blocks(data, position + 11 + table_bytes(flags))
        canvas = struct.pack("<HH", width, height)
        file = start + canvas + table + control + b"," + bytes(4) + data[begin + 5 : position] + b";"
        disposal, delay = (control[3] >> 2 & 7, control[4] + 256 * control[5]) if control else (0, 0)
        box = (left, top, left + width, top + height)
        yield Part(file, box, 10.0 * delay, _GIF_DISPOSALS.get(disposal, _KEEP))
        control = b""


def table_bytes(flags: int) -> int:
    """How many bytes the palette of a GIF takes, by the flags before it."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def after_blocks(data: bytes | bytearray, position: int) -> int:
    """Where the blocks of a GIF end that begin at a position."""
    while data[position]:
        position += data[position] + 1
    return position + 1


def png_parts(data: bytes) -> Iterator[Part]:
    """The images of an animated PNG, by the third edition of its specification (2025); one that belongs to no animation
    is left out. struct.error where it is cut off."""
    header = shared = control = pixels = b""
    for kind, chunk in chunks_of(data):
        if kind in (b"fcTL", b"IEND") and control and pixels:
            yield _png_part(header, shared, control, pixels)
        if kind == b"IHDR":
            header = chunk
        elif kind in (b"PLTE", b"tRNS"):
            shared += chunk_of(kind, chunk)
        elif kind == b"fcTL":
            control, pixels = chunk, b""
        elif kind == b"fdAT" or (kind == b"IDAT" and control):
            pixels += chunk[4:] if kind == b"fdAT" else chunk


def _png_part(header: bytes, shared: bytes, control: bytes, pixels: bytes) -> Part:
    width, height, left, top, delay, base, disposal, blend = struct.unpack_from(">IIIIHHBB", control, 4)
    own = chunk_of(b"IHDR", struct.pack(">II", width, height) + header[8:])
    file = PNG_START + own + shared + chunk_of(b"IDAT", pixels) + chunk_of(b"IEND", b"")
    box = (left, top, left + width, top + height)
    return Part(file, box, 1000 * delay / (base or 100), disposal, over=blend == 1)


def chunks_of(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kinds and contents of the chunks of a PNG file."""
    position = len(PNG_START)
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        yield kind, data[position + 8 : position + 8 + length]
        position += 12 + length


def chunk_of(kind: bytes, data: bytes) -> bytes:
    """A chunk as a PNG file has it."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
