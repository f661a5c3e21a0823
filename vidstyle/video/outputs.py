"""What a video is written to, a video, an animation or images: its segments, and how they are joined."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vidstyle.video.encoder import Film, SegmentFile, segment_ending
from vidstyle.video.image_sequence import ImageArchive, ImageSequence, is_sequence, unpack_archives
from vidstyle.video.muxer import join_segment_files

Output = Film | ImageSequence
OpenSegment = SegmentFile | ImageArchive


def ending_of_segments(out: Path) -> str:
    """The ending of the segments of a video of this name."""
    return ".zip" if is_sequence(out) else segment_ending(out)


def open_segment(path: Path, film: Output) -> OpenSegment:
    """A file for a segment of a video."""
    return ImageArchive(path, film) if isinstance(film, ImageSequence) else SegmentFile(path, film)


def join_segments(segments: Sequence[Path], film: Output, count: int, *, scratch: Path, partial: bool = False) -> Path:
    """Writes the video; the arguments and errors are those of `join_segment_files` and `unpack_archives`."""
    if isinstance(film, ImageSequence):
        return unpack_archives(segments, film, count, scratch=scratch, partial=partial)
    return join_segment_files(segments, film, count, scratch=scratch, partial=partial)
