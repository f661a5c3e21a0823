"""The times of unevenly spaced frames, given to their packets when the segments of a video are joined."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import av

from vidstyle.errors import SinkError
from vidstyle.files import printable
from vidstyle.video import ffmpeg
from vidstyle.video.encoder import Film
from vidstyle.video.timing import TICK


def joined_in_time(listing: Path, film: Film, count: int, folder: Path) -> Path:
    """Joins the segments of a video, and shows each frame for its own time; nothing is encoded.

    Args:
        listing: names the segments, as ffmpeg's concat demuxer reads it.
        film: what they are parts of.
        count: frames in all.
        folder: for the file.

    Returns:
        The file.

    Raises:
        SinkError: VS440 where the segments cannot be joined, VS443 where they hold more or fewer frames.
        OSError: where the file cannot be written.
    """
    muxer = "matroska" if "ffv1" in film.encoding.options else film.encoding.muxer  # PyAV writes none to MOV
    target = folder / f"retimed.{muxer}"
    try:
        found = _write_in_time(listing, (film.durations or ())[:count], target, muxer)
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, OSError):
            raise
        raise SinkError("VS440", name=film.name, reason=printable(error)) from error
    if found != count:
        raise SinkError("VS443", name=film.name, found=found, written=count)
    return target


def _write_in_time(listing: Path, durations: Sequence[float], target: Path, muxer: str) -> int:
    """Writes the frames that have a duration; how many were there. They are decoded in the order they are shown in."""
    rounded = [round(time / TICK) for time in accumulate(durations, initial=0.0)]
    ticks = list(accumulate(rounded, lambda before, time: max(before + 1, time)))  # no two frames have one time
    limits = {"safe": "0", "protocol_whitelist": ffmpeg.PROTOCOLS}
    exact = {"video_track_timescale": str(TICK.denominator)} if muxer != "matroska" else {}
    count = 0
    with (
        av.open(ffmpeg.address(listing), format="concat", options=limits) as source,
        av.open(ffmpeg.address(target), "w", format=muxer, options=exact) as film,
    ):
        segments = source.streams.video[0]
        track = film.add_stream_from_template(segments, opaque=True)
        track.time_base = TICK
        if muxer != "matroska":
            track.codec_context.codec_tag = segments.codec_context.codec_tag
        packets = (packet for packet in source.demux(video=0) if packet.size)
        for count, packet in enumerate(packets, 1):
            if count < len(ticks):
                packet.stream, packet.time_base = track, TICK
                packet.pts = packet.dts = ticks[count - 1]
                packet.duration = ticks[count] - ticks[count - 1]
                film.mux(packet)
    return count
