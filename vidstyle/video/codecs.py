"""What the frames of a video can be encoded as: codecs, the files that hold them, pixel formats and qualities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vidstyle.errors import SettingsError
from vidstyle.video.hardware import INTERFACES, SOFTWARE, UPLOADS, hardware_options

AUTO = "auto"


@dataclass(frozen=True)
class Codec:
    """A codec of videos.

    Attributes:
        encoder: ffmpeg's options that choose it.
        endings: of the files that hold it and that common players play.
        pixel_formats: those that it takes, by ffmpeg's names; the first where none is asked for, and of those with
            opacity the first where a video has some.
        quality_option: the option of ffmpeg that its quality is given by; none where it loses nothing.
        quality: where none is asked for.
        qualities: the lowest number and the highest.
        muxer: what the segments of a video are written with.
        least_for_alpha: the lowest quality that has opacity.
    """

    encoder: tuple[str, ...]
    endings: tuple[str, ...]
    pixel_formats: tuple[str, ...]
    quality_option: str = "-crf"
    quality: int = 0
    qualities: tuple[int, int] = (0, 63)
    muxer: str = "mp4"
    least_for_alpha: int = 0


_8_BITS = ("yuv420p", "yuv422p", "yuv444p")
_10_BITS = ("yuv420p10le", "yuv422p10le", "yuv444p10le")
_RGB = ("bgr0", "gbrp10le", "gbrp12le", "gbrp16le")
_RGBA = ("gbrap10le", "gbrap12le", "gbrap16le", "bgra")
_H264 = ("-c:v", "libx264", "-preset", "medium")
_HEVC = ("-c:v", "libx265", "-preset", "medium", "-tag:v", "hvc1", "-x265-params", "log-level=error")
_VP9 = ("-c:v", "libvpx-vp9", "-b:v", "0", "-deadline", "good", "-cpu-used", "3", "-row-mt", "1")
_AV1 = ("-c:v", "libsvtav1", "-preset", "6")
_PRORES = ("-c:v", "prores_ks", "-vendor", "apl0")
_FFV1 = ("-c:v", "ffv1", "-level", "3", "-slicecrc", "1")
CODECS = {
    "h264": Codec(_H264, (".mp4", ".mov", ".m4v", ".mkv"), (*_8_BITS, *_10_BITS), quality=18, qualities=(0, 51)),
    "hevc": Codec(_HEVC, (".mp4", ".mov", ".mkv"), (*_10_BITS, *_8_BITS), quality=20, qualities=(0, 51)),
    "av1": Codec(_AV1, (".mp4", ".mkv", ".webm"), ("yuv420p10le", "yuv420p"), quality=24),
    "vp9": Codec(_VP9, (".webm", ".mkv", ".mp4"), (*_8_BITS, *_10_BITS, "yuva420p"), quality=24),
    "prores": Codec(
        *(_PRORES, (".mov", ".mkv"), ("yuv422p10le", "yuv444p10le", "yuva444p10le"), "-profile:v", 3, (0, 5)),
        muxer="mov",
        least_for_alpha=4,
    ),  # its qualities are the profiles: Proxy, LT, 422, HQ, 4444, 4444 XQ
    "ffv1": Codec(
        _FFV1, (".mkv",), ("yuv444p10le", "yuv422p10le", "yuv420p10le", *_8_BITS, *_RGB, *_RGBA), "", muxer="mov"
    ),
}
_CODEC_OF = {".mp4": "h264", ".mov": "h264", ".m4v": "h264", ".mkv": "h264", ".webm": "vp9"}  # where none is asked for
_ALPHA_CODEC_OF = {".mov": "prores", ".mkv": "ffv1", ".webm": "vp9"}  # the same for videos with opacity
_NO_ALPHA = ".mp4"  # has no place for the opacity of VP9
VIDEO_ENDINGS = tuple(_CODEC_OF)
LOOP_ENDINGS = (".gif", ".webp", ".png")
_LOOP_QUALITIES = {".gif": (2, 256), ".webp": (0, 100)}  # the colours; the quality of libwebp
GRADES = {**{ending: CODECS[codec].quality for ending, codec in _CODEC_OF.items()}, ".gif": 256, ".webp": 90, ".png": 0}


@dataclass(frozen=True)
class Encoding:
    """How the frames of a video are encoded.

    Attributes:
        options: those of ffmpeg for the codec and its quality.
        pixel_format: by ffmpeg's name.
        muxer: what segments are written with.
        upload: the filters that bring frames to a hardware encoder.
    """

    options: tuple[str, ...]
    pixel_format: str
    muxer: str
    upload: str = ""

    @property
    def deep(self) -> bool:
        """Whether it holds more than 8 bits per colour."""
        return self.pixel_format.endswith("le")

    @property
    def alpha(self) -> bool:
        """Whether it holds opacity."""
        return _has_alpha(self.pixel_format)

    @property
    def is_rgb(self) -> bool:
        """Whether its values are those of RGB, not of luma and chroma."""
        return self.pixel_format.startswith(("rgb", "bgr", "gbr"))

    @property
    def raw_format(self) -> str:
        """The pixel format of the frames that the encoder is given."""
        if self.pixel_format.startswith("gbr"):
            return self.pixel_format
        return ("rgba64le" if self.deep else "rgba") if self.alpha else ("rgb48le" if self.deep else "rgb24")


def _has_alpha(pixel_format: str) -> bool:
    return pixel_format.startswith(("rgba", "bgra", "yuva", "gbrap"))


def encoding_of(
    ending: str,
    codec: str = AUTO,
    pixel_format: str = AUTO,
    quality: int | None = None,
    transparent: bool = False,
    encoder: str = SOFTWARE,
) -> Encoding:
    """How a video is encoded.

    Args:
        ending: of its file, one of VIDEO_ENDINGS or LOOP_ENDINGS, whose frames stay as they are.
        codec: one of CODECS, or AUTO for that of the ending.
        pixel_format: one that the codec takes, or AUTO for its first.
        quality: in the codec's own scale; None for its default.
        transparent: whether the video has opacity, which AUTO keeps where that can be.
        encoder: SOFTWARE, or one of INTERFACES, whether it works on this machine or not.

    Raises:
        SettingsError: VS270 where files of that kind do not hold the codec, VS271 for a pixel format that the codec
            does not take, VS272 for a quality that it does not know, VS273 where it has none, VS274 where an
            animation is to have a codec, an encoder or a pixel format, VS283 where the encoder does not have the codec.
    """
    if ending in LOOP_ENDINGS:
        if (codec, pixel_format, encoder) != (AUTO, AUTO, SOFTWARE):
            raise SettingsError("VS274", ending=ending)
        if quality is not None and ending not in _LOOP_QUALITIES:
            raise SettingsError("VS273", codec=ending)
        _check_quality(quality, ending, _LOOP_QUALITIES.get(ending, (0, 0)))
        return Encoding((), "rgba" if transparent else "rgb24", "rawvideo")
    name = codec_for(ending, encoder, transparent or _has_alpha(pixel_format)) if codec == AUTO else codec
    chosen = CODECS[name] if encoder == SOFTWARE else _by_hardware(name, encoder)
    takes = [one for one in chosen.pixel_formats if ending != _NO_ALPHA or not _has_alpha(one)]
    if ending not in chosen.endings:
        others = [one for one, other in CODECS.items() if ending in other.endings]
        raise SettingsError("VS270", codec=name, ending=ending, endings=_or(chosen.endings), others=_or(others))
    if pixel_format not in (AUTO, *takes):
        raise SettingsError("VS271", codec=name, pixel_format=repr(pixel_format), formats=_or(takes))
    if quality is not None and not chosen.quality_option:
        raise SettingsError("VS273", codec=name)
    low, high = chosen.qualities
    _check_quality(quality, name, (max(low, chosen.least_for_alpha) if _has_alpha(pixel_format) else low, high))
    pixels = _format_for(takes, chosen, quality, transparent) if pixel_format == AUTO else pixel_format
    alpha = _has_alpha(pixels)
    number = max(chosen.quality, chosen.least_for_alpha if alpha else 0) if quality is None else quality
    if encoder != SOFTWARE:
        return Encoding(hardware_options(encoder, name, number), pixels, chosen.muxer, UPLOADS.get(encoder, ""))
    options = (chosen.quality_option, str(number)) if chosen.quality_option else ()
    muxer = "matroska" if alpha and name == "vp9" else chosen.muxer
    return Encoding((*chosen.encoder, *options), pixels, muxer)


def codec_for(ending: str, encoder: str = SOFTWARE, alpha: bool = False) -> str:
    """The codec of a video where none is asked for; hardware has none with opacity."""
    return (alpha and encoder == SOFTWARE and _ALPHA_CODEC_OF.get(ending)) or _CODEC_OF[ending]


def _by_hardware(name: str, interface: str) -> Codec:
    """A codec with the pixel formats that hardware takes; SettingsError VS283 where an interface does not have it."""
    if name not in INTERFACES[interface]:
        raise SettingsError("VS283", encoder=interface, codec=name, codecs=_or(INTERFACES[interface]))
    common = ("yuv420p",) if name == "h264" else ("yuv420p", "yuv420p10le")
    return replace(CODECS[name], pixel_formats=tuple(one for one in CODECS[name].pixel_formats if one in common))


def _format_for(takes: Sequence[str], codec: Codec, quality: int | None, transparent: bool) -> str:
    """Of the formats that a codec takes, the one for a video whose opacity is kept where that can be."""
    keeps = transparent and (quality is None or quality >= codec.least_for_alpha)
    return next((one for one in takes if keeps and _has_alpha(one)), takes[0])


def _check_quality(quality: int | None, what: str, bounds: tuple[int, int]) -> None:
    if quality is not None and not bounds[0] <= quality <= bounds[1]:
        raise SettingsError("VS272", quality=quality, what=what, low=bounds[0], high=bounds[1])


def _or(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
