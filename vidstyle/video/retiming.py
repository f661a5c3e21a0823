"""The times of unevenly spaced frames, given to their packets when the segments of a video are joined."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import av

from vidstyle.video import ffmpeg
from vidstyle.video.timing import TICK


def join_in_time(listing: Path, durations: Sequence[float], target: Path, muxer: str) -> int:
    """Joins segments, and shows each frame for its own time; nothing is encoded.

    Args:
        listing: names the segments, as ffmpeg's concat demuxer reads it. Their frames are decoded in the order in
            which they are shown.
        durations: seconds that each frame is shown.
        target: the file that is written.
        muxer: of that, by ffmpeg's name.

    Returns:
        How many frames were there; those that have no duration are not written.

    Raises:
        av.FFmpegError, OSError: where the segments cannot be read, or the file cannot be written.
    """
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
