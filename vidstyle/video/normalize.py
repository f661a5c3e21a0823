"""One ffmpeg pass that turns a file OpenCV misreads into one that it reads right, without visible loss."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vidstyle.errors import SourceError
from vidstyle.files import printable, put_in_place
from vidstyle.video import ffmpeg, streams
from vidstyle.video.probe import Fault, VideoInfo

# Lossless, so that a repeated image decodes to the same bits as the first; repeats cost next to nothing.
_LOSSLESS = ["-c:v", "libx264", "-qp", "0", "-preset", "superfast", "-g", "60"]
_BT709 = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv:field_mode=prog"
_WHITE_NITS = 203  # ITU-R BT.2408: the brightness of white paper in HDR
_STILL_ALPHA = {"vp9": "libvpx-vp9", "vp8": "libvpx"}  # ffmpeg's own decoders of these drop the alpha channel


def conform(info: VideoInfo, work: Path, on_progress: Callable[[float], None] | None = None) -> tuple[Path, VideoInfo]:
    """Rewrite ``info.path`` at a constant rate, progressive, 8 bit BT.709, upright, with square pixels.

    Returns the new file in ``work`` (reused when it is already there) and ``info`` with what it holds.
    ``on_progress`` is called with 0..1. Raises SourceError when nothing of the file can be decoded.
    """
    target = work / f"conformed-{_fingerprint(info)}.mkv"
    if not target.exists():
        _write(info, target, on_progress)
    packets = streams.packet_times(target, seconds=600)
    count = len(packets.times)
    size = streams.describe(target).videos[0].size
    return target, replace(
        info, size=size, seconds=count / float(info.rate), frame_count=count, faults=(), exact_count=True
    )


def _fingerprint(info: VideoInfo) -> str:
    state = info.path.stat()
    facts = (str(info.path.absolute()), state.st_size, state.st_mtime_ns, arguments(info))
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _write(info: VideoInfo, target: Path, on_progress: Callable[[float], None] | None) -> None:
    name = printable(info.path.name)
    partial = target.with_suffix(f".{secrets.token_hex(4)}.part.mkv")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        result = ffmpeg.run_with_progress(
            [*arguments(info), "-f", "matroska", ffmpeg.address(partial)],
            lambda frame: on_progress(min(1.0, frame / max(1, info.frame_count))) if on_progress else None,
        )
        if result.code != 0:
            reason = ffmpeg.reason(result.log)
            raise SourceError("VS340", name=name, reason=reason)
        if not partial.exists() or not streams.packet_times(partial, seconds=600).times:
            raise SourceError("VS341", name=name)
        put_in_place(partial, target)
    except OSError as error:
        raise SourceError("VS342", name=name, parent=target.parent, reason=error.strerror) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def arguments(info: VideoInfo) -> list[str]:
    """The ffmpeg arguments from the input to the encoder."""
    stream = info.stream
    assert stream is not None  # animations are never conformed
    decoder = _STILL_ALPHA.get(stream.codec) if stream.alpha_mode else None
    return [
        "-copyts",
        *(["-c:v", decoder] if decoder else []),
        *ffmpeg.input_arguments(info.path),
        *["-map", "0:V:0", "-vf", ",".join(_filters(info, stream)), "-fps_mode", "passthrough"],
        *_LOSSLESS,
    ]


def _filters(info: VideoInfo, stream: streams.VideoStream) -> list[str]:
    origin = info.start + info.delay
    return [
        *_filters_of(info, stream, Fault.INTERLACED),
        *[f"setpts=PTS-({origin:.6f})/TB", f"fps=fps={info.rate}:start_time=0"],
        *_filters_of(info, stream, Fault.TRANSPARENT),
        *_colours(info, stream),
        *_filters_of(info, stream, Fault.ASPECT),
        *["setsar=1", f"format={_pixel_format(info, stream)}", _BT709],
    ]


def _filters_of(info: VideoInfo, stream: streams.VideoStream, fault: Fault) -> list[str]:
    """The filters of a fault; none where the file does not have it."""
    if fault not in info.faults:
        return []
    # DV does not say that it is interlaced; others flag each image, so that film in them stays sharp.
    fields = "all" if stream.codec == "dvvideo" else "interlaced"
    height, width = info.size
    return [
        fault.filters.format(fields=fields, transfer=stream.transfer, white=_WHITE_NITS, width=width, height=height)
    ]


def _colours(info: VideoInfo, stream: streams.VideoStream) -> list[str]:
    known = [*_filters_of(info, stream, Fault.HDR), *_filters_of(info, stream, Fault.WIDE_COLOURS)]
    matrix = "in_color_matrix=bt709:" if Fault.UNTAGGED in info.faults and Fault.TRANSPARENT not in info.faults else ""
    flags = "sws_dither=ed:flags=bicubic+accurate_rnd+full_chroma_int"
    return known or [f"scale={matrix}out_color_matrix=bt709:out_range=tv:{flags}"]


def _pixel_format(info: VideoInfo, stream: streams.VideoStream) -> str:
    odd = info.size[0] % 2 or info.size[1] % 2
    coarse = stream.pixel_format.startswith(("yuv420", "yuvj420", "yuva420", "p010", "nv12", "yuv410", "yuv411"))
    return "yuv420p" if coarse and not odd else "yuv444p"
