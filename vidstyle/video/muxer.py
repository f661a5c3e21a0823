"""Videos out: segments joined without being encoded again, with the sound of the original; whole or not at all."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vidstyle.errors import SinkError
from vidstyle.files import printable, put_in_place, require_place
from vidstyle.video import animation, ffmpeg
from vidstyle.video.containers import (
    CONTAINERS,
    Container,
    SourcePart,
    chapter_file,
    options_for,
    tell_changes,
    tell_lost,
)
from vidstyle.video.encoder import Film, SegmentFile, check_count
from vidstyle.video.probe import VideoInfo
from vidstyle.video.retiming import joined_in_time
from vidstyle.video.tracks import UNREADABLE, Tracks, read_tracks

log = logging.getLogger(__name__)


class TooLargeError(SinkError):
    """A video would take more `bytes` than it is `allowed`."""

    def __init__(self, name: str, found: int, allowed: int) -> None:
        super().__init__("VS450", name=name, found=found, allowed=allowed)
        self.name, self.bytes, self.allowed = name, found, allowed


class Sink(SegmentFile):
    """A video of one segment, whose frames are taken in order.

    Its name appears only when the file is whole. Leaving the `with` by an error, or without `finish`, leaves nothing.

    Raises:
        SinkError: The video cannot be written there, or is its own source (VS415, VS417, VS418, VS425).
    """

    def __init__(self, film: Film) -> None:
        _check_place(film)
        self._folder = _folder_in(film.path.absolute().parent)
        super().__init__(Path(self._folder.name) / f"frames{film.segment_ending}", film)

    def finish(self) -> Path:
        """End the file, check it, give it its name; the video's path.

        Raises:
            SinkError: VS436 where it is closed, VS437 where it has no frame, and what `SegmentFile.finish` and
                `join_segment_files` raise. Nothing is left then.
        """
        if self._log.closed:
            raise SinkError("VS436", name=self.film.name)
        try:
            if not self.frame_count:
                raise SinkError("VS437", name=self.film.name)
            return join_segment_files([super().finish()], self.film, self.frame_count)
        finally:
            self.close()

    def close(self) -> None:
        """Stop writing and remove temporary files. May be called twice, and after `finish`."""
        super().close()
        self._folder.cleanup()


def _check_place(film: Film) -> None:
    """SinkError unless a video can be written where it is to be, and that is not its source."""
    require_place(film.path)
    if film.sound_from is not None and film.path.exists() and film.path.samefile(film.sound_from.path):
        raise SinkError("VS425", target=film.path)


def _folder_in(place: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder on the disk of `place`, so that a file can be moved out of it by its name alone."""
    return tempfile.TemporaryDirectory(prefix=".vidstyle-", dir=place, ignore_cleanup_errors=True)


def join_segment_files(
    segment_files: Sequence[Path], film: Film, count: int, *, scratch: Path | None = None, partial: bool = False
) -> Path:
    """Joins the segments of a video without encoding them again.

    The name appears when the file is whole.

    Args:
        segment_files: what `SegmentFile` wrote, in order.
        film: what they are parts of.
        count: frames in all.
        scratch: a folder on the same disk for what is not whole yet; None for that of the video.
        partial: the video is called `name.partial.ending`, and its sound ends with its frames.

    Returns:
        The file.

    Raises:
        SinkError: VS440 where the segments cannot be joined, VS443 where they hold more or fewer frames, VS448 where
            there is no room for the sound, VS438 where the disk fails, VS430 or VS431 where an animation cannot be
            written. Nothing is left then.
        TooLargeError: VS450 where the video may not be so large.
    """
    target = film.path.with_name(f"{film.path.stem}.partial{film.path.suffix}") if partial else film.path
    try:
        with _folder_in(scratch or target.absolute().parent) as folder:
            if film.loops:
                whole = _write_animation(segment_files, film, count, Path(folder))
            else:
                whole = _write_video(segment_files, film, count, Path(folder), partial)
            found = whole.stat().st_size
            if film.max_bytes is not None and found > film.max_bytes:
                raise TooLargeError(film.name, found, film.max_bytes)
            put_in_place(whole, target)
    except OSError as error:
        raise SinkError("VS438", name=film.name, reason=error.strerror or printable(error)) from error
    return target


def _write_animation(segment_files: Sequence[Path], film: Film, count: int, folder: Path) -> Path:
    """Writes raw segments as an animation, in `folder`; the file."""
    frames, whole = folder / f"frames{film.segment_ending}", folder / f"film{film.ending}"
    with frames.open("wb") as joined:
        for segment_file in segment_files:
            with segment_file.open("rb") as part:
                shutil.copyfileobj(part, joined)
    check_count(frames, film, count)
    shape = (*film.size, film.channels)
    shown, delays = animation.scheduled(film.ending, count, film.rate, film.durations)
    if left_out := count - len(shown):
        log.warning(
            "%s: %d of %d frames are left out: browsers show %s no faster", film.name, left_out, count, film.ending
        )
        animation.keep(frames, shape, shown)
    animation.WRITERS[film.ending](frames, shape, delays, film.plays, film.chosen_grade, whole, film.name)
    return whole


def _write_video(segment_files: Sequence[Path], film: Film, count: int, folder: Path, partial: bool) -> Path:
    """Writes video segments as a video with what its source has beside the frames, in `folder`; the file."""
    whole, listing = folder / f"film{film.ending}", folder / "segments.txt"
    names = "".join(f"file {_quoted(segment_file)}\n" for segment_file in segment_files)
    listing.write_text(f"ffconcat version 1.0\n{names}", encoding="utf-8")
    segments = ffmpeg.input_arguments(listing, "-f", "concat", "-safe", "0")
    if film.retimed:
        segments = ffmpeg.input_arguments(joined_in_time(listing, film, count, folder))
    source = film.sound_from
    problem: str | None = None
    if source is not None and not source.animated:
        if source.sound_shifts:
            source = _in_a_row(source, folder)
        problem = _write_with_tracks(segments, source, film, count, _part(source, film, count, partial), whole)
    if problem or not whole.exists():
        result = ffmpeg.run_with_progress([*segments, "-c", "copy", *_video_options(film, count), *_output(whole)])
        if result.code != 0:
            raise SinkError("VS440", name=film.name, reason=ffmpeg.reason(result.log))
    if film.sound_from is not None and problem:
        name = printable(film.sound_from.path.name)
        log.warning("the sound of %s cannot be read (%s): the video has none", name, problem)
    check_count(whole, film, count)
    return whole


def _quoted(path: Path) -> str:
    """A path as lists of ffmpeg's concat demuxer want it."""
    return "'" + ffmpeg.address(path).replace("'", "'\\''") + "'"


def _video_options(film: Film, count: int) -> list[str]:
    """Exact times where those of segments are rounded (Matroska), the last duration where no packet has it, opacity."""
    matroska = film.encoding.muxer == "matroska"
    opacity = ["-metadata:s:v:0", "alpha_mode=1"] if matroska else []
    if film.retimed:
        last = film.seconds_of(count) - film.seconds_of(count - 1)
        return ["-bsf:v", f"setts=duration=if(eq(N\\,{count - 1})\\,{last:.6f}/TB\\,DURATION)", *opacity]
    return ["-bsf:v", f"setts=ts=STARTPTS+N/({film.coded_rate}*TB)", *opacity] if matroska else []


def _output(target: Path) -> list[str]:
    """Arguments that write `target`, MP4 and its like so that it plays before all of it is there."""
    fast = ["-movflags", "+faststart"] if target.suffix in (".mp4", ".mov", ".m4v") else []
    return [*fast, ffmpeg.address(target)]


def _write_with_tracks(
    segments: list[str], source: VideoInfo, film: Film, count: int, part: SourcePart, whole: Path
) -> str | None:
    """Writes `whole`: the video of the input `segments`, and what the source has beside the frames.

    Args:
        segments: the arguments that open the segments as one input.
        source: what the video was made from.
        film: what is written.
        count: frames in all.
        part: what of the source it shows.
        whole: the file.

    Returns:
        Why the source cannot be read; None where all is written, and what did not stay as it was is told.

    Raises:
        SinkError: VS448 where there is no room.
    """
    assert film.sound_from is not None
    name = printable(film.sound_from.path.name)
    try:
        found = read_tracks(source.path)
    except UNREADABLE as error:
        return printable(error)
    tell_changes(found, film.ending, name)
    if source.stream and source.stream.marks:  # they are of the frames, which are painted, and ffmpeg sets none
        log.warning("%s: left out of the %s file: %s", name, film.ending, ", ".join(source.stream.marks))
    chapters, container = whole.with_name("chapters.txt"), CONTAINERS[film.ending]
    frames = [*_inputs(segments, source, part, chapters), "-map", "0:v", "-c:v", "copy", *_video_options(film, count)]
    kept, result = _muxed(frames, found, part, container, whole, name)
    if result.code != 0 and any(track.codec in container.sound for track in found.sound):
        encoder = container.encoder.removeprefix("lib").upper()
        log.warning(
            "%s: its sound cannot be copied (%s); it is encoded as %s", name, ffmpeg.reason(result.log), encoder
        )
        kept, result = _muxed(frames, found, part, replace(container, sound=frozenset()), whole, name)
    if result.code != 0:
        return ffmpeg.reason(result.log)
    if result.log.strip():  # of errors only
        log.warning("the sound of %s may be damaged: %s", name, ffmpeg.reason(result.log))
    tell_lost(kept, whole, film.ending, name)
    return None


def _muxed(
    frames: list[str], found: Tracks, part: SourcePart, container: Container, whole: Path, name: str
) -> tuple[Tracks, ffmpeg.Finished]:
    """Writes `whole` once: what it should hold then, and how that ended. `frames` are the arguments for these."""
    options, kept = options_for(found, part, container)
    whole.with_name("chapters.txt").write_bytes(chapter_file(kept.chapters))
    end = ["-t", f"{part.end:.6f}"] if part.end is not None else []
    chapters = ["-map_chapters", "2" if kept.chapters else "-1"]
    return kept, _run([*frames, *options, *chapters, *end, *_output(whole)], name)


def _run(arguments: list[str], name: str) -> ffmpeg.Finished:
    """How a run of ffmpeg with the sound of `name` ended; SinkError VS448 where there is no room."""
    result = ffmpeg.run_with_progress(arguments)
    if result.code in ffmpeg.NO_ROOM or (result.code or 0) < 0:
        raise SinkError("VS448", name=name, reason=ffmpeg.reason(result.log))
    return result


def _in_a_row(source: VideoInfo, folder: Path) -> VideoInfo:
    """The sound of a file whose times restart on the way, moved as its frames are, in a file in `folder`."""
    file, options, name = folder / "sound.mkv", list[str](), printable(source.path.name)
    if source.subtitles:
        log.warning("%s: its subtitles are left out, since its time stamps restart", name)
    for number, shifts in enumerate(source.sound_shifts):
        steps = zip(shifts, [0.0, *(shift for _, shift in shifts)], strict=False)
        moves = [f"gte(N,{packet})*({shift - before:.6f})" for (packet, shift), before in steps]
        options += [f"-bsf:a:{number}", f"setts=ts='TS+({'+'.join([f'({-source.start:.6f})', *moves])})/TB'"]
    sound = ["-copyts", *ffmpeg.input_arguments(source.path), "-map", "0:a", "-c", "copy"]
    _run([*sound, *options, "-f", "matroska", ffmpeg.address(file)], name)
    return replace(source, path=file, start=0.0)


def _inputs(segments: list[str], source: VideoInfo, part: SourcePart, chapters: Path) -> list[str]:
    """The segments, the source and the chapters as inputs of ffmpeg, in the video's time."""
    delay = 0.0 if part.first else source.delay
    return [
        # -copyts takes times as they are: otherwise the sound of some containers is moved to 0.
        *["-copyts", "-itsoffset", f"{delay:.6f}", *segments],
        *["-itsoffset", f"{part.shift:.6f}", *ffmpeg.input_arguments(source.path)],
        *ffmpeg.input_arguments(chapters, "-f", "ffmetadata"),
    ]


def _part(source: VideoInfo, film: Film, count: int, partial: bool) -> SourcePart:
    """What of the source a video of so many frames shows."""
    first, cut = source.first_from(film.start), partial or film.end is not None
    seconds, rate = source.seconds_of(first), film.coded_rate
    begin = source.start + (source.delay + seconds if first else 0.0)
    length = film.seconds_of(count) + (0.0 if first else source.delay)
    skipped = max(1, round(seconds * rate)) if first and film.retimed else first
    return SourcePart(-begin, skipped, length if cut else None, rate)
