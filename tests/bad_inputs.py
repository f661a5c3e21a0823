"""Bad inputs, made in code, each with the row of the table in docs/inputs.md that says how it ends.

A case is made in an empty folder that holds ``clip.mp4`` (12 frames with a tone), ``style.png``, ``photo.png`` and
``filters.safetensors``, and gives the words of a command line; what it would write is ``out`` with an ending.
"""

import io
import os
import pickle
import random
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from tests import clips
from tests.images import random_tensors
from tests.tiffs import Layout, tiff_file

_FAST = "--steps 1 --frame-steps 1 --scales 1 --loss sums --device cpu --style-layers conv1_1 --content-layers conv2_1"
FAST = _FAST.split()


@dataclass(frozen=True)
class Case:
    """One input: the words that it makes in a folder, and the first cell of the row that it belongs to."""

    name: str
    row: str
    make: Callable[[Path], list[str]]


CASES: list[Case] = []


def case(name: str, row: str) -> Callable[[Callable[[Path], list[str]]], None]:
    return lambda make: CASES.append(Case(name, row, make))


def words(
    place: Path, source: str = "clip.mp4", out: str = "out.mp4", style: str = "style.png", *more: str
) -> list[str]:
    weights = [] if "--weights" in more else ["--weights", str(place / "filters.safetensors")]
    return [str(place / source), "--style", str(place / style), "-o", str(place / out), *FAST, *weights, *more]


def as_source(name: str, row: str, file: str, make: Callable[[bytes], bytes], out: str = "out.mp4") -> None:
    """`make` gets the bytes of clip.mp4 for the file that is to be painted."""

    def made(place: Path) -> list[str]:
        (place / file).write_bytes(make((place / "clip.mp4").read_bytes()))
        return words(place, file, out)

    CASES.append(Case(name, row, made))


def as_image(name: str, row: str, file: str, make: Callable[[bytes], bytes], role: str = "source") -> None:
    """`make` gets the bytes of photo.png for an image that is painted, the style or the mask."""

    def made(place: Path) -> list[str]:
        (place / file).write_bytes(make((place / "photo.png").read_bytes()))
        if role == "source":
            return words(place, file, "out.png")
        if role == "style":
            return words(place, "photo.png", "out.png", file)
        return words(place, "photo.png", "out.png", "style.png", f"--{role}", str(place / file))

    CASES.append(Case(name, row, made))


# Videos that are cut off, flipped or made up -----------------------------------------------------------------------

NO_VIDEO = "noise, or a file without its index"
for share in (0.02, 0.1, 0.3, 0.6, 0.95):
    as_source(f"mp4 cut at {share}", NO_VIDEO, "cut.mp4", lambda data, share=share: data[: int(len(data) * share)])
for count in (1, 4, 8, 24, 40):
    as_source(f"mp4 of {count} bytes", NO_VIDEO, "tiny.mp4", lambda data, count=count: data[:count])
as_source("an empty file", "0 bytes", "empty.mp4", lambda _: b"")
as_source("zeros", NO_VIDEO, "zeros.mp4", lambda _: bytes(1 << 16))
as_source("noise", NO_VIDEO, "noise.mkv", lambda _: random.Random(1).randbytes(1 << 16))
as_source("the index overwritten", NO_VIDEO, "index.mp4", lambda data: data.replace(b"moov", b"m\x00\x00v"))
as_source("no codec of that name", "no decoder for it", "codec.mp4", lambda data: data.replace(b"avc1", b"qqqq"))
as_source("RIFF and nothing else", NO_VIDEO, "riff.avi", lambda _: b"RIFF\xff\xff\xff\xffAVI " + bytes(64))
as_source("EBML and nothing else", NO_VIDEO, "ebml.mkv", lambda _: bytes.fromhex("1a45dfa3") + bytes(200))
as_source("an atom of zero bytes", NO_VIDEO, "atom.mp4", lambda data: data[:32] + bytes(8) + data[32:64])
as_source("an atom larger than any file", NO_VIDEO, "atom.mp4", lambda _: b"\xff\xff\xff\xffftyp" + bytes(100))
as_source("a zip named .mp4", NO_VIDEO, "zip.mp4", lambda _: zipped(b"x" * 1000))
as_source("a pickle named .mp4", NO_VIDEO, "pickle.mp4", lambda _: pickle.dumps(list(range(100))))
as_source("a program named .mp4", NO_VIDEO, "program.mp4", lambda _: b"\x7fELF" + bytes(500))


def cut(ending: str, share: float, *options: object) -> Callable[[Path], list[str]]:
    def made(place: Path) -> list[str]:
        whole = place / f"whole{ending}"
        clips.ffmpeg("-i", place / "clip.mp4", *options, whole)
        data = whole.read_bytes()
        whole.unlink()
        (place / f"cut{ending}").write_bytes(data[: int(len(data) * share)])
        return words(place, f"cut{ending}")

    return made


CASES += [
    Case(f"{ending} cut at {share}", "cut off", cut(ending, share, *options))
    for ending, share, options in (
        (".mp4", 0.8, ("-c", "copy", "-movflags", "+faststart")),
        (".mp4", 0.97, ("-c", "copy", "-movflags", "frag_keyframe+empty_moov")),
        (".mkv", 0.7, ("-c", "copy")),
        (".ts", 0.6, ("-c", "copy")),
        (".avi", 0.7, ("-c:v", "mjpeg", "-c:a", "pcm_s16le")),
        (".mpg", 0.6, ("-c:v", "mpeg2video", "-c:a", "mp2", "-r", "25")),
        (".webm", 0.8, ("-c:v", "libvpx", "-c:a", "libopus")),
    )
]
CASES += [
    Case("mkv cut in its head", NO_VIDEO, cut(".mkv", 0.03, "-c", "copy")),
    Case("avi cut in its head", NO_VIDEO, cut(".avi", 0.002, "-c:v", "mjpeg", "-an")),
]


def y4m(header: str, frames: bytes = b"") -> Callable[[bytes], bytes]:
    return lambda _: f"YUV4MPEG2 {header} Ip A1:1 C420jpeg\n".encode() + frames


as_source("no width", NO_VIDEO, "size.y4m", y4m("W0 H0 F25:1", b"FRAME\n" + bytes(96)))
as_source("a negative width", NO_VIDEO, "size.y4m", y4m("W-4 H16 F25:1", b"FRAME\n" + bytes(96)))
as_source("a header and no frame", "text", "none.y4m", y4m("W16 H16 F25:1"))
as_source("a frame cut short", "no frame at all", "short.y4m", y4m("W16 H16 F25:1", b"FRAME\n" + bytes(10)))
HUGE = "frames of more than 150 million pixels"
as_source("a frame of 196 million pixels", HUGE, "huge.y4m", y4m("W14000 H14000 F25:1", b"FRAME\n" + bytes(1 << 20)))
as_source("one pixel", "odd sides, a single frame, no sound", "pixel.y4m", y4m("W1 H1 F25:1", b"FRAME\n" + bytes(3)))
as_source("no rate", "odd sides, a single frame, no sound", "rate.y4m", y4m("W16 H16 F0:0", b"FRAME\n" + bytes(384)))


@case("a film of days", "more than 500,000 frames or 12 hours to paint")
def _(place: Path) -> list[str]:
    clips.ffmpeg("-f", "lavfi", "-i", "color=gray:size=16x16:rate=25:duration=8", place / "many.mkv")
    clips.ffmpeg("-itsscale", "6250", "-i", place / "many.mkv", "-an", "-c", "copy", place / "long.mkv")
    return words(place, "long.mkv")


@case("an image shown for hours", "one frame shown for more than 5 minutes")
def _(place: Path) -> list[str]:
    clips.ffmpeg("-itsscale", "200000", "-i", place / "clip.mp4", "-an", "-c", "copy", place / "still.mkv")
    return words(place, "still.mkv")


def flipped(seed: int, count: int, first: float, last: float) -> Callable[[bytes], bytes]:
    def made(data: bytes) -> bytes:
        flips, chosen = bytearray(data), random.Random(seed)
        for _ in range(count):
            flips[chosen.randrange(int(len(data) * first), int(len(data) * last))] ^= 1 << chosen.randrange(8)
        return bytes(flips)

    return made


for seed in range(4):
    as_source(f"bits flipped in the head, {seed}", "flipped bits", "flip.mp4", flipped(seed, 3, 0, 0.02))
    as_source(f"bits flipped in the index, {seed}", "flipped bits", "flip.mp4", flipped(seed, 6, 0.8, 1))
    as_source(f"bits flipped in images, {seed}", "flipped bits", "flip.mp4", flipped(seed, 9, 0.05, 0.7))

# Other files under a video's name ------------------------------------------------------------------------------------

as_source("prose", "text", "notes.mp4", lambda _: b"Dear diary,\n\ntoday ...\n")
as_source("a page", "text", "page.mp4", lambda _: b"<!doctype html><title>404</title>not found\n" * 20)
as_source("an edit list of mplayer", "text", "list.mp4", lambda _: b"# mpv EDL v0\n/etc/passwd\n")
as_source("a list of ffmpeg's", "text", "list.mp4", lambda _: b"ffconcat version 1.0\nfile '/etc/passwd'\n")
as_source("a session description", "text", "a.sdp", lambda _: b"v=0\nm=video 5004 RTP/AVP 96\n")
as_source("a manifest of DASH", "text", "a.mpd", lambda _: b"<?xml version='1.0'?><MPD></MPD>\n")
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"
as_source("a playlist named .mp4", "a playlist, whatever its name", "clip2.mp4", lambda _: PLAYLIST)
as_source("a playlist", "a playlist, whatever its name", "list.m3u8", lambda _: PLAYLIST)
as_source(
    "a playlist with a mark", "a playlist, whatever its name", "list.ts", lambda _: b"\xef\xbb\xbf\r\n" + PLAYLIST
)
as_source("a JPEG named .mp4", "an image named .mp4", "photo.mp4", lambda _: encoded("JPEG"))
as_source("a PNG named .mov", "an image named .mp4", "photo.mov", lambda _: encoded("PNG"))


def sound(ending: str, *options: object, cover: bool = False) -> Callable[[Path], list[str]]:
    def made(place: Path) -> list[str]:
        pictured = ("-i", place / "photo.png", "-map", "1:a", "-map", "0:v", "-disposition:v", "attached_pic")
        inputs = (*(pictured[:2] if cover else ()), *clips.tone(), *(pictured[2:] if cover else ()))
        clips.ffmpeg(*inputs, *options, place / f"song{ending}")
        return words(place, f"song{ending}")

    return made


CASES += [Case(f"sound in {ending}", "sound only", sound(ending)) for ending in (".m4a", ".mp3", ".wav", ".mp4")]
CASES.append(Case("sound with a cover", "sound with a cover image", sound(".mp3", "-c:v", "copy", cover=True)))

# Names and places ----------------------------------------------------------------------------------------------------


@case("nothing of that name", "a missing file")
def _(place: Path) -> list[str]:
    return words(place, "nowhere.mp4")


for address in ("http://127.0.0.1:9/a.mp4", "rtsp://127.0.0.1:9/a", "s3://bucket/a.mp4", "file:///etc/passwd"):

    @case(f"the address {address}", "an address (URL)")
    def _(place: Path, address: str = address) -> list[str]:
        return [address, *words(place)[1:]]


for name in (
    "concat:clip.mp4|clip.mp4",
    "pipe:0",
    "data:video/mp4;base64,AAAA",
    "subfile,,start,0,end,9,,:clip.mp4",
):

    @case(f"the name {name}", "a missing file")
    def _(place: Path, name: str = name) -> list[str]:
        return [name, *words(place)[1:]]


@case("standard input", "impossible options")
def _(place: Path) -> list[str]:
    return ["-", *words(place)[1:]]


@case("a named pipe", "a device, a pipe")
def _(place: Path) -> list[str]:
    os.mkfifo(place / "pipe.mp4")
    return words(place, "pipe.mp4")


@case("a named pipe as style", "a device, a pipe")
def _(place: Path) -> list[str]:
    os.mkfifo(place / "pipe.png")
    return words(place, "photo.png", "out.png", "pipe.png")


@case("a device", "a device, a pipe")
def _(place: Path) -> list[str]:
    return ["/dev/zero", *words(place)[1:]]


@case("a folder of nothing", "a folder with neither videos nor images")
def _(place: Path) -> list[str]:
    (place / "folder.mp4").mkdir()
    return words(place, "folder.mp4", "out")


@case("a broken link", "a broken link")
def _(place: Path) -> list[str]:
    (place / "link.mp4").symlink_to(place / "nowhere.mp4")
    return words(place, "link.mp4")


@case("a link in a circle", "a broken link")
def _(place: Path) -> list[str]:
    (place / "circle.mp4").symlink_to(place / "circle.mp4")
    return words(place, "circle.mp4")


@case("a name of 300 letters", "a name that is too long for a disk")
def _(place: Path) -> list[str]:
    return words(place, f"{'a' * 300}.mp4")


@case("an output of 300 letters", "a name that is too long for a disk")
def _(place: Path) -> list[str]:
    return words(place, "clip.mp4", f"{'a' * 300}.mp4")


STRANGE = (
    "with space.mp4",
    "-o.mp4",
    "100%d.mp4",
    "emoji 🎨.mp4",
    "new\nline.mp4",
    "a'b\"c.mp4",
    "[x]*?.mp4",
    "日本.mp4",
)
for strange in (*STRANGE, "a|b;c$(d).mp4", "\udcff.mp4"):

    @case(f"the name {strange!r}", "a name with spaces, dashes, %, quotes, line breaks, emoji")
    def _(place: Path, strange: str = strange) -> list[str]:
        shutil.copy(place / "clip.mp4", place / strange)
        return words(place, strange)


@case("a link to a clip", "a link to a file")
def _(place: Path) -> list[str]:
    (place / "link.mp4").symlink_to(place / "clip.mp4")
    return words(place, "link.mp4")


@case("the source as output", "an output that is a source, exists, or has no folder")
def _(place: Path) -> list[str]:
    return words(place, "clip.mp4", "clip.mp4", "style.png", "--overwrite")


@case("an output that exists", "an output that is a source, exists, or has no folder")
def _(place: Path) -> list[str]:
    return words(place, "clip.mp4", "photo.png")


@case("no folder for the output", "an output that is a source, exists, or has no folder")
def _(place: Path) -> list[str]:
    return words(place, "clip.mp4", "nowhere/out.mp4")


@case("an output in a file", "an output that is a source, exists, or has no folder")
def _(place: Path) -> list[str]:
    return words(place, "clip.mp4", "photo.png/out.mp4")


@case("an output of no kind", "an output that is a source, exists, or has no folder")
def _(place: Path) -> list[str]:
    return words(place, "clip.mp4", "out.xyz")


@case("an output with a name too long", "an output whose name is too long for a disk when `.vidstyle` is appended")
def _(place: Path) -> list[str]:
    return words(place, "clip.mp4", f"{'a' * 247}.mp4")


@case("a codec of other files", "a codec that the output format does not support")
def _(place: Path) -> list[str]:
    return words(place, "clip.mp4", "out.mp4", "style.png", "--codec", "prores")


@case("hardware that is not there", "`--encoder hardware` where none works; each encodes one test frame")
def _(place: Path) -> list[str]:
    return words(place, "clip.mp4", "out.mp4", "style.png", "--encoder", "videotoolbox")


@case("hardware without the codec", "a hardware encoder that does not support the codec")
def _(place: Path) -> list[str]:
    return words(place, "clip.mp4", "out.webm", "style.png", "--encoder", "videotoolbox")


for name, option in (
    ("a pixel format of no codec", ("--pix-fmt", "rgb24")),
    ("a quality beyond the scale", ("--quality", "99")),
    ("a quality of what loses nothing", ("--codec", "ffv1", "--quality", "3")),
):

    @case(name, "a pixel format or a quality that a codec does not support")
    def _(place: Path, option: tuple[str, ...] = option) -> list[str]:
        return words(place, "clip.mp4", "out.mkv", "style.png", *option)


# Images ------------------------------------------------------------------------------------------------------------


def encoded(format: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object) -> bytes:
    data, values = io.BytesIO(), np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(values).convert(mode).save(data, format, **options)
    return data.getvalue()


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    parts = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in (head, *chunks))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff_with(offset: int) -> bytes:
    return b"II*\0" + struct.pack("<I", offset) + bytes(64)


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", data)
    return file.getvalue()


DAMAGED, NO_IMAGE, LARGE = "an image cut off or damaged", "another kind of image", "more than 150 million pixels"
for format, file in (("JPEG", "a.jpg"), ("PNG", "a.png"), ("WEBP", "a.webp"), ("TIFF", "a.tif"), ("BMP", "a.bmp")):
    half = NO_IMAGE if format == "WEBP" else DAMAGED  # which is looked at as a whole
    as_image(f"half a {format}", half, file, lambda _, f=format: encoded(f)[: len(encoded(f)) // 2])
    begun = DAMAGED if format == "TIFF" else NO_IMAGE  # which is known by four
    as_image(f"ten bytes of a {format}", begun, file, lambda _, f=format: encoded(f)[:10], "style")
as_image("a PNG without pixels", DAMAGED, "bare.png", lambda _: png(64, 48, (b"IEND", b"")))
as_image("a PNG of other bytes", DAMAGED, "sum.png", lambda _: png(64, 48, (b"IDAT", b"no zlib"), (b"IEND", b"")))
as_image("a PNG of no size", NO_IMAGE, "flat.png", lambda _: png(0, 0, (b"IDAT", zlib.compress(b""))), "style")
BOMB = zlib.compress(bytes(1 << 20))
as_image("a PNG of 10,000 million pixels", LARGE, "bomb.png", lambda _: png(100000, 100000, (b"IDAT", BOMB)), "style")
JPEG_BOMB = encoded("JPEG").replace(struct.pack(">HH", 48, 64), struct.pack(">HH", 65000, 65000), 1)
as_image("a JPEG of 4,000 million pixels", LARGE, "bomb.jpg", lambda _: JPEG_BOMB)
GIF_BOMB = encoded("GIF").replace(struct.pack("<HH", 64, 48), b"\xff\xff\xff\xff")
as_image("a GIF of 4,000 million pixels", LARGE, "bomb.gif", lambda _: GIF_BOMB, "style")
TEXT_BOMB = (b"zTXt", b"a\0\0" + zlib.compress(bytes(200 << 20)))
as_image("a PNG whose text unpacks to 200 MB", NO_IMAGE, "text.png", lambda _: png(8, 8, TEXT_BOMB), "style")
as_image("a TIFF that points outside", DAMAGED, "out.tiff", lambda _: tiff_with(1 << 31), "style")
as_image("a TIFF in a circle", DAMAGED, "circle.tiff", lambda _: tiff_with(8), "style")
ODD_TIFF, UNSEEN = "a TIFF file of another kind", "an image that is transparent everywhere"
BLACK = np.zeros((8, 8, 3), np.uint8)
as_image("a TIFF of signed numbers", ODD_TIFF, "a.tif", lambda _: tiff_file(BLACK, "rgb", Layout(tags={339: (2,)})))
as_image(
    "a TIFF of JPEG 2000", ODD_TIFF, "a.tif", lambda _: tiff_file(BLACK, "rgb", Layout(tags={259: (34712,)})), "style"
)
as_image(
    "a PNG of which nothing is seen", UNSEEN, "clear.png", lambda _: encoded("PNG", mode="P", transparency=bytes(256))
)
as_image("an icon", NO_IMAGE, "a.ico.png", lambda _: encoded("ICO"), "style")
as_image("a drawing", NO_IMAGE, "a.svg.png", lambda _: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "style")
as_image("PostScript", NO_IMAGE, "a.eps.jpg", lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (w) file\n", "style")
as_image("an HEIC header", NO_IMAGE, "a.heic.jpg", lambda _: b"\0\0\0\x18ftypheic" + bytes(100), "style")
as_image("no bytes", "0 bytes", "none.png", lambda _: b"", "style")
as_image("a text", NO_IMAGE, "text.jpg", lambda _: b"not an image", "style")
as_image("a clip named .jpg", NO_IMAGE, "clip.jpg", lambda _: clip_bytes(), "style")
as_image("a mask that is text", NO_IMAGE, "mask.png", lambda _: b"white", "mask")
SHORT_MASK = "a mask that is not an image, or is shorter than the video"
as_image("a mask of no known ending", SHORT_MASK, "mask.txt", lambda _: b"white", "mask")
FINE = "JPEG (CMYK, grey), PNG, WebP, TIFF, BMP, the first image of a GIF"
as_image("a mask of another size", FINE, "mask.png", lambda _: encoded("PNG", (31, 200)), "mask")
as_image("a mask that is black", FINE, "mask.png", lambda _: encoded("PNG", (8, 8), "1"), "mask")
as_image("a style of one pixel", FINE, "dot.png", lambda _: encoded("PNG", (1, 1)), "style")
as_image("a style of one colour", FINE, "red.png", lambda _: png(8, 8, (b"IDAT", zlib.compress(bytes(200)))), "style")
as_image("an image of one pixel", FINE, "dot.png", lambda _: encoded("PNG", (1, 1)))
as_image("a style of 16,384 pixels side by side", FINE, "wide.png", lambda _: encoded("PNG", (16384, 2)), "style")
as_image("an image in CMYK", FINE, "cmyk.jpg", lambda _: encoded("JPEG", mode="CMYK"))
as_image("a broken colour profile", FINE, "icc.png", lambda _: encoded("PNG", icc_profile=b"nonsense"))
as_image("a broken orientation", FINE, "exif.jpg", lambda _: encoded("JPEG", exif=b"Exif\0\0II*\0garbage"))


def clip_bytes() -> bytes:
    return b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(200)


@case("a GIF without images", NO_IMAGE)
def _(place: Path) -> list[str]:
    (place / "none.gif").write_bytes(b"GIF89a\x08\0\x08\0\0\0\0;")
    return words(place, "none.gif", "out.gif")


@case("an animation cut off", "an animation cut off")
def _(place: Path) -> list[str]:
    images = [Image.fromarray(np.full((32, 32, 3), 20 * n, np.uint8)) for n in range(8)]
    images[0].save(place / "cut.gif", save_all=True, append_images=images[1:], duration=100)
    data = (place / "cut.gif").read_bytes()
    (place / "cut.gif").write_bytes(data[: int(len(data) * 0.7)])
    return words(place, "cut.gif", "out.gif")


@case("a mask shorter than the film", SHORT_MASK)
def _(place: Path) -> list[str]:
    clips.clip(place / "mask.mp4", count=5, size=(48, 64))
    return words(place, "clip.mp4", "out.mp4", "style.png", "--mask", str(place / "mask.mp4"))


# Filters, settings, jobs ---------------------------------------------------------------------------------------------


def with_filters(name: str, file: str, make: Callable[[dict[str, torch.Tensor]], bytes]) -> None:
    def made(place: Path) -> list[str]:
        (place / file).write_bytes(make(random_tensors("conv2_1")))
        return words(place, "photo.png", "out.png", "style.png", "--weights", str(place / file))

    CASES.append(Case(name, "a weights file that is something else, or incomplete", made))


def saved(tensors: object) -> bytes:
    data = io.BytesIO()
    torch.save(tensors, data)
    return data.getvalue()


def changed(tensors: dict[str, torch.Tensor], value: float) -> bytes:
    tensors["features.0.weight"][0, 0, 0, 0] = value
    return safetensors.torch.save(tensors)


class RunsCode:
    """A pickle of it writes a file when it is loaded."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (self.file,)


with_filters("filters with NaN", "nan.safetensors", lambda t: changed(t, float("nan")))
with_filters("filters with infinity", "inf.safetensors", lambda t: changed(t, float("inf")))
with_filters("filters cut off", "cut.safetensors", lambda t: safetensors.torch.save(t)[:-100])
with_filters("a header that lies", "lie.safetensors", lambda t: b"\xff" * 7 + b"\x7f" + safetensors.torch.save(t)[8:])
with_filters("no filters at all", "text.safetensors", lambda _: b"filters")
TWO = {f"features.0.{part}": torch.zeros(2) for part in ("weight", "bias")}
OTHER = safetensors.torch.save({"a": torch.zeros(2)})
with_filters("filters of other shapes", "shape.safetensors", lambda _: safetensors.torch.save(TWO))
with_filters("filters of another network", "other.safetensors", lambda _: OTHER)
with_filters("too few layers", "few.safetensors", lambda t: safetensors.torch.save(dict(list(t.items())[:2])))
with_filters("a list in a .pth", "list.pth", lambda _: saved([1, 2, 3]))
with_filters("half a .pth", "half.pth", lambda t: saved(t)[:5000])
with_filters("a zip as .pth", "zip.pth", lambda _: zipped(b"x"))


@case("a pickle that runs code", "a weights file that is something else, or incomplete")
def _(place: Path) -> list[str]:
    (place / "code.pth").write_bytes(saved({"features.0.weight": RunsCode(str(place / "out.png"))}))
    return words(place, "photo.png", "out.png", "style.png", "--weights", str(place / "code.pth"))


@case("an old pickle that runs code", "a weights file that is something else, or incomplete")
def _(place: Path) -> list[str]:
    (place / "code.pth").write_bytes(pickle.dumps(RunsCode(str(place / "out.png"))))
    return words(place, "photo.png", "out.png", "style.png", "--weights", str(place / "code.pth"))


SETTINGS_FILES = {
    "an unknown key": b"steps = 3\nstepz = 4\n",
    "a value of another type": b'strength = "much"\n',
    "a value out of range": b"strength = 7\n",
    "a number of 400 digits": b"seed = " + b"9" * 400,
    "a table": b"[painting]\nsteps = 3\n",
    "no TOML": b"steps: 3\n",
    "no text": bytes(range(256)),
    "lists in lists": b"seed = " + b"[" * 5000,
    "a preset that is none": b'preset = "quick"\n',
    "a layer that is none": b'style_layers = "conv9_9"\n',
    "100 kB": b"#" * 100_000,
}
for name, text in SETTINGS_FILES.items():

    @case(f"settings with {name}", "a settings file that is something else")
    def _(place: Path, text: bytes = text) -> list[str]:
        (place / "bad.toml").write_bytes(text)
        return words(place, "photo.png", "out.png", "style.png", "--settings", str(place / "bad.toml"))


WORDS = ("--size 31", "--size 1e9", "--passes 0", "--strength nan", "--from 5 --to 2", "--from 99", "--look-back 0")
for given in (
    *WORDS,
    "--tv-weight nan",
    "--feather -1",
    "--style-keys 0s=Q",
    "--strength-keys 1",
    "--init nowhere.png",
):

    @case(f"the words {given}", "impossible options")
    def _(place: Path, given: str = given) -> list[str]:
        return words(place, "clip.mp4", "out.mp4", "style.png", *given.split())


for content in (b"", b"{}", b"[]", b'{"job": 3}', b"\xff\xfe", b"[" * 100_000):

    @case(f"a job of {content[:12]!r}", "a work folder that is damaged")
    def _(place: Path, content: bytes = content) -> list[str]:
        (place / "out.mp4.vidstyle").mkdir()
        (place / "out.mp4.vidstyle" / "job.json").write_bytes(content)
        return words(place)


# Sequences of images -------------------------------------------------------------------------------------------------


def sequence(place: Path, *names: str, sizes: tuple[tuple[int, int], ...] = ((48, 64),)) -> None:
    """Images of these names in the folder ``in``, of these sizes in turn."""
    (place / "in").mkdir()
    for number, name in enumerate(names):
        (place / "in" / name).write_bytes(encoded("PNG", sizes[number % len(sizes)]))


@case("a pattern of nothing", "a pattern that matches no image")
def _(place: Path) -> list[str]:
    return words(place, "shot.%04d.png")


@case("two shots in one folder", "a folder with `--as-video` whose images are numbered in different ways")
def _(place: Path) -> list[str]:
    sequence(place, "a.1.png", "b.1.png")
    return words(place, "in", "out.mp4", "style.png", "--as-video")


@case("images of two sizes", "a sequence of images of several sizes")
def _(place: Path) -> list[str]:
    sequence(place, "a.1.png", "a.2.png", "a.3.png", sizes=((48, 64), (48, 66)))
    return words(place, "in/a.%d.png")


@case("an image of the sequence that is cut off", "an image cut off or damaged")
def _(place: Path) -> list[str]:
    sequence(place, "a.1.png", "a.2.png")
    file = place / "in" / "a.2.png"
    file.write_bytes(file.read_bytes()[:-60])
    return words(place, "in/a.%d.png")


@case("a LUT that is cut off", "a `--lut` that is not a complete 3D LUT")
def _(place: Path) -> list[str]:
    (place / "slog.cube").write_text("LUT_3D_SIZE 3\n" + "0 0 0\n" * 5)
    return words(place, "clip.mp4", "out.mp4", "style.png", "--lut", str(place / "slog.cube"))


@case("an image as sound", "`--audio` without sound")
def _(place: Path) -> list[str]:
    sequence(place, "a.1.png", "a.2.png")
    return words(place, "in/a.%d.png", "out.mp4", "style.png", "--audio", str(place / "photo.png"))


@case("images onto themselves", "an output that is a source, exists, or has no folder")
def _(place: Path) -> list[str]:
    sequence(place, "a.1.png", "a.2.png")
    return words(place, "in/a.%d.png", "in/a.%01d.png", "style.png", "--overwrite")


for out, given in (
    ("out.mp4", "--fps 25"),
    ("out.mp4", "--audio clip.mp4"),
    ("out.mp4", "--as-video"),
    ("out", "--codec h264"),
    ("out.%04d.png", "--pix-fmt yuv420p"),
    ("out.%04d.png", "--quality 3"),
    ("out.%04d.jpg", "--quality 300"),
):

    @case(f"a video to {out} with {given}", "options of sequences or videos for others")
    def _(place: Path, out: str = out, given: str = given) -> list[str]:
        return words(place, "clip.mp4", out, "style.png", *given.split())


for out, given in (
    ("out.mp4", "--fps 0"),
    ("out.mp4", "--fps x"),
    ("out", "--audio clip.mp4"),
    ("out.mp4", "--report"),
):

    @case(f"images to {out} with {given}", "options of sequences or videos for others")
    def _(place: Path, out: str = out, given: str = given) -> list[str]:
        sequence(place, "a.1.png", "a.2.png")
        return words(place, "in/a.%d.png", out, "style.png", *given.split())


@case("a mask of images in a part of a video", "options of sequences or videos for others")
def _(place: Path) -> list[str]:
    sequence(place, "a.1.png", "a.2.png")
    return words(place, "clip.mp4", "out.mp4", "style.png", "--mask", str(place / "in" / "a.%d.png"), "--from", "0.1")


@case("a mask of fewer images than the film has", "a mask that is not an image, or is shorter than the video")
def _(place: Path) -> list[str]:
    sequence(place, "a.1.png", "a.2.png")
    return words(place, "clip.mp4", "out.mp4", "style.png", "--mask", str(place / "in" / "a.%d.png"))
