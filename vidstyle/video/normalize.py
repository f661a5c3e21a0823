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
from vidstyle.video import ffmpeg
from vidstyle.video.packets import packet_times
from vidstyle.video.probe import Fault, VideoInfo
from vidstyle.video.streams import VideoStream, describe

# Lossless, so that a repeated frame decodes to the same bits as the first; repeats cost next to nothing.
_LOSSLESS = ["-c:v", "libx264", "-qp", "0", "-preset", "superfast", "-g", "60"]
_BT709 = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv:field_mode=prog"
_FLAGS = "sws_dither=ed:flags=bicubic+accurate_rnd+full_chroma_int"
_WHITE_NITS = 203  # ITU-R BT.2408: the brightness of white paper in HDR
_STILL_ALPHA = {"vp9": "libvpx-vp9", "vp8": "libvpx"}  # ffmpeg's own decoders of these drop the alpha channel


def conform(info: VideoInfo, work: Path, on_progress: Callable[[float], None] | None = None) -> tuple[Path, VideoInfo]:
    """Rewrite a video at a constant rate, progressive, 8 bit BT.709, upright, with square pixels.

    Args:
        info: what `probe` told about it.
        work: the folder of the new file; one that is already there is used again.
        on_progress: is called with 0 to 1.

    Returns:
        The new file, and `info` with what that holds.

    Raises:
        SourceError: VS340 or VS341 where nothing can be decoded, VS342 where the file cannot be written.
    """
    target = work / f"conformed-{_fingerprint(info)}.mkv"
    if not target.exists():
        _write(info, target, on_progress)
    count = len(packet_times(target, seconds=600).times)
    written = describe(target).stream
    assert written is not None
    return target, replace(
        info, size=written.size, seconds=count / float(info.rate), frame_count=count, faults=(), exact_count=True
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
            raise SourceError("VS340", name=name, reason=ffmpeg.reason(result.log))
        if not partial.exists() or not packet_times(partial, seconds=600).times:
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
    assert stream is not None  # animations are never rewritten
    raw_jpeg = stream.codec == "mjpeg" and Fault.NO_TIMES in info.faults
    decoder = _STILL_ALPHA.get(stream.codec) if stream.alpha_apart else None
    return [
        *(["-copyts"] if not info.restarted else []),  # else ffmpeg puts times that start over in a row
        *(["-reinit_filter", "0"] if Fault.RESHAPED in info.faults else []),  # else the filters forget what was before
        *(["-c:v", decoder] if decoder else []),
        *ffmpeg.input_arguments(info.path, *(["-f", "mjpeg"] if raw_jpeg else [])),
        *["-map", "0:V:0", "-vf", ",".join(_filters(info, stream)), "-fps_mode", "passthrough"],
        *_LOSSLESS,
    ]


def _filters(info: VideoInfo, stream: VideoStream) -> list[str]:
    # DV does not say that it is interlaced; others flag each frame, so that progressive parts stay sharp.
    fields = "all" if stream.codec == "dvvideo" else "interlaced"
    height, width = info.size
    values = {"fields": fields, "transfer": stream.hdr, "white": _WHITE_NITS, "width": width, "height": height}
    values["stored_height"], values["stored_width"] = stream.upright_size
    begin = f"({info.start + info.delay:.6f})/TB" if not info.restarted else "STARTPTS"

    def of(*faults: Fault) -> list[str]:
        return [fault.filters.format(**values) for fault in faults if fault in info.faults]

    untagged = Fault.UNTAGGED in info.faults and Fault.TRANSPARENT not in info.faults
    scale = f"scale={'in_color_matrix=bt709:' if untagged else ''}out_color_matrix=bt709:out_range=tv:{_FLAGS}"
    return [
        *of(Fault.RESHAPED, Fault.INTERLACED),
        *[f"setpts=PTS-{begin}", f"fps=fps={info.rate}:start_time=0"],
        *of(Fault.TRANSPARENT),
        *(of(Fault.HDR, Fault.WIDE_COLOURS) or [scale]),
        *of(Fault.ASPECT),
        *["setsar=1", f"format={_pixel_format(info, stream)}", _BT709],
    ]


def _pixel_format(info: VideoInfo, stream: VideoStream) -> str:
    odd = info.size[0] % 2 or info.size[1] % 2
    coarse = stream.pixel_format.startswith(("yuv420", "yuvj420", "yuva420", "p010", "nv12", "yuv410", "yuv411"))
    return "yuv420p" if coarse and not odd else "yuv444p"
