"""One ffmpeg pass that turns a file OpenCV misreads into one that it reads right, without visible loss."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from vidstyle.errors import SourceError
from vidstyle.files import printable, put_in_place, sha256_of
from vidstyle.video import ffmpeg
from vidstyle.video.lut import lut_filter
from vidstyle.video.packets import PacketTimes, packet_times
from vidstyle.video.probe import HD_HEIGHT, Fault, VideoInfo
from vidstyle.video.streams import VideoStream, describe
from vidstyle.video.timing import TICK

# Lossless; a frame that is repeated, at a constant rate, costs next to nothing.
_LOSSLESS = ["-c:v", "libx264", "-qp", "0", "-preset", "superfast", "-g", "60"]
# The same for more than 8 bits or opacity; each frame for itself, so that any can be sought.
_LOSSLESS_RGB = ["-c:v", "ffv1", "-level", "3", "-g", "1", "-slices", "4"]
# MOV has a finer clock than the milliseconds of Matroska; frames of the same time are set one tick apart.
_OWN_TIMES = [
    *["-fps_mode", "vfr", "-enc_time_base", f"{TICK.numerator}:{TICK.denominator}"],
    *["-bf", "0", "-video_track_timescale", f"{TICK.denominator}"],
]
_BT709_MATRIX, _SD_MATRIX, _MATRICES = 1, 6, (1, *range(4, 10))  # ITU-T H.273; those that zscale knows
_DEPTHS = (10, 12, 16)  # bits per colour that FFV1 has for RGB, beside 8
_BT709 = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv:field_mode=prog"
_RGB709 = "setparams=colorspace=gbr:color_primaries=bt709:color_trc=bt709:range=pc:field_mode=prog"
_FLAGS = "sws_dither=ed:flags=bicubic+accurate_rnd+full_chroma_int"
_WHITE_NITS = 203  # ITU-R BT.2408: the brightness of white paper in HDR
_RACING = "theora", "vp3"  # see _RACING of decoding
_STILL_ALPHA = {"vp9": "libvpx-vp9", "vp8": "libvpx"}  # ffmpeg's own decoders of these drop the alpha channel


def conform(
    info: VideoInfo, work: Path, on_progress: Callable[[float], None] | None = None, lut: Path | None = None
) -> tuple[Path, VideoInfo]:
    """Rewrite a video: progressive, BT.709, upright, with square pixels.

    Its rate is constant, or of a variable rate each frame keeps its time.

    One of more than 8 bits or with opacity becomes RGB, of which `decoding.decoded_rgb` gives the frames.

    Args:
        info: what `probe` told about it.
        work: the folder of the new file; one that is already there is used again.
        on_progress: is called with 0 to 1.
        lut: the 3D LUT that its colours go through, if any.

    Returns:
        The new file, and `info` with what that holds.

    Raises:
        SourceError: VS340 or VS341 where nothing can be decoded, VS342 where the file cannot be written.
    """
    target = work / f"conformed-{_fingerprint(info, lut)}{'.mov' if _is_variable(info) else '.mkv'}"
    if not target.exists():
        _write(info, target, on_progress, lut)
    times, written = packet_times(target, seconds=600), describe(target).stream
    assert written is not None
    count = len(times.times)
    read = replace(info, size=written.size, frame_count=count, faults=(), exact_count=True)
    if not _is_variable(info):
        return target, replace(read, seconds=count / float(info.rate))
    durations = _durations(times, info)
    return target, replace(read, seconds=sum(durations), durations=durations)


def _is_variable(info: VideoInfo) -> bool:
    return Fault.VARIABLE_RATE in info.faults


def _durations(times: PacketTimes, info: VideoInfo) -> tuple[float, ...]:
    """Seconds that each frame is shown; the last one as long as the source says, else as others on average."""
    last = info.seconds - float(times.times[-1] * times.tick)
    gaps = [float((after - before) * times.tick) for before, after in pairwise(times.times)]
    return *gaps, last if last > 0 else float(1 / info.rate)


def _fingerprint(info: VideoInfo, lut: Path | None) -> str:
    state = info.path.stat()
    facts = (str(info.path.absolute()), state.st_size, state.st_mtime_ns, arguments(info, lut), lut and sha256_of(lut))
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _write(info: VideoInfo, target: Path, on_progress: Callable[[float], None] | None, lut: Path | None) -> None:
    name, muxer = printable(info.path.name), "mov" if _is_variable(info) else "matroska"
    partial = target.with_suffix(f".{secrets.token_hex(4)}.part{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        result = ffmpeg.run_with_progress(
            [*arguments(info, lut), "-f", muxer, ffmpeg.address(partial)],
            lambda frame: on_progress(min(1.0, frame / max(1, info.frame_count))) if on_progress else None,
        )
        if result.code != 0:
            raise SourceError("VS340", name=name, reason=ffmpeg.reason(result.log))
        if not partial.exists() or not packet_times(partial, seconds=600).times:
            raise SourceError("VS341", name=name)
        put_in_place(partial, target)
    except OSError as error:
        raise SourceError("VS342", name=name, parent=target.parent, reason=error.strerror) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def arguments(info: VideoInfo, lut: Path | None = None) -> list[str]:
    """The ffmpeg arguments from the input to the encoder."""
    stream = info.stream
    assert stream is not None  # animations are never rewritten
    raw_jpeg = stream.codec == "mjpeg" and Fault.NO_TIMES in info.faults
    decoder = _STILL_ALPHA.get(stream.codec) if stream.alpha_apart else None
    return [
        *(["-copyts"] if not info.restarted else []),  # else ffmpeg puts times that start over in a row
        *(["-reinit_filter", "0"] if Fault.RESHAPED in info.faults else []),  # else the filters forget what was before
        *(["-c:v", decoder] if decoder else []),
        *(["-threads", "1"] if stream.codec in _RACING else []),
        *ffmpeg.input_arguments(info.path, *(["-f", "mjpeg"] if raw_jpeg else [])),
        *["-map", "0:V:0", "-vf", ",".join(_filters(info, stream, lut))],
        *(_OWN_TIMES if _is_variable(info) else ["-fps_mode", "passthrough"]),
        *(_LOSSLESS_RGB if is_rgb(stream, lut) else _LOSSLESS),
    ]


def is_rgb(stream: VideoStream, lut: Path | None) -> bool:
    """Whether a stream is rewritten as RGB: it is more than 8 bits hold, or than OpenCV reads."""
    return bool(lut) or stream.deep or stream.transparent or stream.wide or bool(stream.hdr)


def _filters(info: VideoInfo, stream: VideoStream, lut: Path | None) -> list[str]:
    # DV does not say that it is interlaced; others flag each frame, so that video in them stays sharp.
    fields = "all" if stream.codec == "dvvideo" else "interlaced"
    height, width = info.size
    values = {"fields": fields, "transfer": stream.hdr, "white": _WHITE_NITS, "width": width, "height": height}
    values["a"] = "a" if stream.transparent else ""
    values["stored_height"], values["stored_width"] = stream.upright_size

    def of(*faults: Fault) -> list[str]:
        return [fault.filters.format(**values) for fault in faults if fault in info.faults]

    rgb = is_rgb(stream, lut)
    pixels = _rgb_format(stream, lut) if rgb else _pixel_format(info, stream)
    conversion = [] if lut else of(Fault.HDR, Fault.WIDE_COLOURS)  # a LUT is made for the colours as they are
    planar = f"format={pixels.replace('bgra', 'gbrap')}"
    return [
        *of(Fault.RESHAPED, Fault.INTERLACED),
        *_placing(info),
        *(conversion or ([_to_rgb(stream), planar] if rgb else [_to_bt709(info)])),
        *([lut_filter(lut)] if lut else []),
        *(of(Fault.ASPECT) if not stream.transparent else _without_hidden(of(Fault.ASPECT))),
        *["setsar=1", f"format={pixels}", _RGB709 if rgb else _BT709],
    ]


def _placing(info: VideoInfo) -> list[str]:
    """Filters that give frames their times. The first is shown from the start on."""
    begin = f"({info.start + info.delay:.6f})/TB" if not info.restarted else "STARTPTS"
    if _is_variable(info):
        return [f"settb={TICK}", f"setpts='if(N,PTS-{begin},0)'"]
    # Some frames of a raw stream have no guessed time either, and would be dropped.
    times = f"N/({info.rate}*TB)" if Fault.NO_TIMES in info.faults else f"PTS-{begin}"
    return [f"setpts={times}", f"fps=fps={info.rate}:start_time=0"]


def _to_bt709(info: VideoInfo) -> str:
    matrix = "in_color_matrix=bt709:" if Fault.UNTAGGED in info.faults else ""
    return f"scale={matrix}out_color_matrix=bt709:out_range=tv:{_FLAGS}"


def _to_rgb(stream: VideoStream) -> str:
    """By zscale, which is exact: swscale makes 1020 of 1023 of the white of 10 bits. It knows neither RGB nor grey."""
    if not stream.is_yuv:
        return f"scale={_FLAGS}"
    guess = _BT709_MATRIX if stream.size[0] >= HD_HEIGHT else _SD_MATRIX
    matrix = stream.matrix if stream.matrix in _MATRICES else guess
    # In the middle of four pixels, as in WebP; at the left in others.
    chroma = "cin=center:" if stream.codec == "vp8" else ""
    return f"zscale=min={matrix}:{chroma}m=gbr:r=pc:filter=bicubic"


def _without_hidden(filters: list[str]) -> list[str]:
    """Filters that mix pixels, so that those that are not seen count for nothing."""
    return ["premultiply=inplace=1", *filters, "unpremultiply=inplace=1"] if filters else []


def _rgb_format(stream: VideoStream, lut: Path | None) -> str:
    bits = max(stream.bits, 10 if lut or stream.hdr or stream.wide else 8)
    depth = next((depth for depth in _DEPTHS if depth >= bits), _DEPTHS[-1])
    if bits <= 8:
        return "bgra"
    return f"gbr{'a' if stream.transparent else ''}p{depth}le"


def _pixel_format(info: VideoInfo, stream: VideoStream) -> str:
    odd = info.size[0] % 2 or info.size[1] % 2
    coarse = stream.pixel_format.startswith(("yuv420", "yuvj420", "yuva420", "p010", "nv12", "yuv410", "yuv411"))
    return "yuv420p" if coarse and not odd else "yuv444p"
