"""Films out: segments joined without being encoded anew, with the sound of the original; whole or not at all."""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from vidstyle.errors import SinkError
from vidstyle.files import printable, put_in_place
from vidstyle.video import animation, ffmpeg
from vidstyle.video.encoder import Film, SegmentFile, check_count
from vidstyle.video.probe import VideoInfo

log = logging.getLogger(__name__)

# A plain copy is tried first; where the container refuses it, these tracks stay untouched still.
_SAFE_SOUND = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "alac"),
    ".webm": ("opus", "vorbis"),
}
_SUBTITLES = {".mp4": ("mov_text",), ".webm": ("webvtt",)}
_DAMAGE = re.compile(r"partial file|prematurely|[Ii]nvalid data|corrupt|truncated|Input/output error")
_NO_ROOM = re.compile(r"No space left|File too large|quota|[Pp]ermission denied|[Rr]ead-only|by signal|hung")


class TooLargeError(SinkError):
    """A film would take more `bytes` than it is `allowed`."""

    def __init__(self, name: str, found: int, allowed: int) -> None:
        super().__init__("VS450", name=name, found=found, allowed=allowed)
        self.name, self.bytes, self.allowed = name, found, allowed


class Sink(SegmentFile):
    """A film of one segment, whose frames are taken in order.

    Its name appears only when the file is whole. Leaving the `with` by an error, or without `finish`, leaves nothing.

    Raises:
        SinkError: VS432 to VS435 where the film cannot be written.
    """

    def __init__(self, film: Film) -> None:
        _check_place(film)
        self._folder = _folder_in(film.path.absolute().parent)
        super().__init__(Path(self._folder.name) / f"frames{film.segment_ending}", film)

    def finish(self) -> Path:
        """End the file, check it, give it its name; the film's path.

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
    """SinkError unless a film can be written where it is to be, and that is not its source."""
    folder = film.path.absolute().parent
    if not folder.is_dir():
        raise SinkError("VS432", name=film.name)
    if film.path.is_dir():
        raise SinkError("VS433", name=film.name)
    if not os.access(folder, os.W_OK):
        raise SinkError("VS434", name=film.name)
    if film.sound_from is not None and film.path.exists() and film.path.samefile(film.sound_from.path):
        raise SinkError("VS435", name=film.name)


def _folder_in(place: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder on the disk of `place`, so that a file can be moved out of it by its name alone."""
    return tempfile.TemporaryDirectory(prefix=".vidstyle-", dir=place, ignore_cleanup_errors=True)


def join_segment_files(
    segment_files: Sequence[Path], film: Film, count: int, *, scratch: Path | None = None, partial: bool = False
) -> Path:
    """Joins the segments of a film without encoding them anew.

    The name appears when the file is whole.

    Args:
        segment_files: what `SegmentFile` wrote, in order.
        film: what they are parts of.
        count: frames in all.
        scratch: a folder on the same disk for what is not whole yet; None for that of the film.
        partial: the film is called `name.partial.ending`, and its sound ends with its frames.

    Returns:
        The file.

    Raises:
        SinkError: VS440 where the segments cannot be joined, VS443 where they hold more or fewer frames, VS448 where
            there is no room for the sound, VS438 where the disk fails, VS430 or VS431 where an animation cannot be
            written. Nothing is left then.
        TooLargeError: VS450 where the film may not be so large.
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
    shown, delays = animation.scheduled(film.ending, count, film.rate, film.durations)
    if left_out := count - len(shown):
        log.warning(
            "%s: %d of %d frames are left out: browsers show %s no faster", film.name, left_out, count, film.ending
        )
        animation.keep(frames, film.size, shown)
    animation.WRITERS[film.ending](frames, film.size, delays, film.plays, film.chosen_grade, whole, film.name)
    return whole


def _write_video(segment_files: Sequence[Path], film: Film, count: int, folder: Path, partial: bool) -> Path:
    """Writes video segments as a video with sound, in `folder`; the file."""
    shown = sum(film.repeats(number) for number in range(count))
    silent, whole = folder / f"silent{film.ending}", folder / f"film{film.ending}"
    listing = folder / "segments.txt"
    names = "".join(f"file {_quoted(segment_file)}\n" for segment_file in segment_files)
    listing.write_text(f"ffconcat version 1.0\n{names}", encoding="utf-8")
    segments = ffmpeg.input_arguments(listing, "-f", "concat", "-safe", "0")
    result = ffmpeg.run_with_progress([*segments, "-c", "copy", *_output(silent)])
    if result.code != 0:
        raise SinkError("VS440", name=film.name, reason=ffmpeg.reason(result.log))
    check_count(silent, film, shown)
    source = film.sound_from
    if source is None or not (source.audio or source.subtitles):
        return silent
    length = Fraction(shown) / film.video_rate if partial else None
    if not _add_sound(silent, source, whole, film, length):
        return silent
    check_count(whole, film, shown)
    return whole


def _quoted(path: Path) -> str:
    """A path as lists of ffmpeg's concat demuxer want it."""
    return "'" + ffmpeg.address(path).replace("'", "'\\''") + "'"


def _output(target: Path) -> list[str]:
    """Arguments that write `target`, MP4 and its like so that it plays before all of it is there."""
    fast = ["-movflags", "+faststart"] if _family(target) == ".mp4" else []
    return [*fast, ffmpeg.address(target)]


def _family(path: Path) -> str:
    """The ending that stands for the container of `path`: .mp4, .mkv or .webm."""
    return ".mp4" if path.suffix in (".mov", ".m4v") else path.suffix


def _add_sound(silent: Path, source: VideoInfo, target: Path, film: Film, length: Fraction | None) -> bool:
    """Writes `target`: the video of `silent`, the sound, subtitles and metadata of `source`.

    `length`, in seconds, cuts the sound to what was painted. Tracks that the container cannot hold are encoded anew
    (sound) or left out (subtitles), with a warning; sound that cannot be read is left out with one too, and that is
    what False tells. SinkError VS448 where there is no room.
    """
    name = printable(source.path.name)
    if length is None and film.end is not None:
        length = Fraction(film.end - film.start).limit_denominator(1_000_000)
    subtitles = _kept_subtitles(source, target)
    if source.sound_shifts:
        if subtitles:
            log.warning("%s: its subtitles are left out, since its times begin anew on the way", name)
        source, subtitles = _in_a_row(source, target.parent, name), []
    copy = [*_copying(silent, source, film.start, length, subtitles), "-c", "copy"]
    result = _run([*copy, *_output(target)], name)
    if result.code != 0 and source.audio:
        encoded, options = _encodings(source, _family(target))
        log.warning("%s: %s sound does not fit %s files and is encoded anew", name, encoded, target.suffix)
        result = _run([*copy, *options, *_output(target)], name)
    if result.code == 0 and (damage := [line for line in result.log.splitlines() if _DAMAGE.search(line)]):
        log.warning("the sound of %s is damaged or cut off: %s", name, ffmpeg.reason("\n".join(damage)))
    if result.code != 0:
        log.warning("the sound of %s cannot be read (%s): the film has none", name, ffmpeg.reason(result.log))
    return result.code == 0


def _run(arguments: list[str], name: str) -> ffmpeg.Finished:
    """How a run of ffmpeg with the sound of `name` ended; SinkError VS448 where there is no room."""
    result = ffmpeg.run_with_progress(arguments)
    if result.code != 0 and _NO_ROOM.search(result.log):
        raise SinkError("VS448", name=name, reason=ffmpeg.reason(result.log))
    return result


def _in_a_row(source: VideoInfo, folder: Path, name: str) -> VideoInfo:
    """The sound of a file whose times begin anew on the way, moved as its frames are, in a file in `folder`."""
    file, options = folder / "sound.mkv", list[str]()
    for number, shifts in enumerate(source.sound_shifts):
        steps = zip(shifts, [0.0, *(shift for _, shift in shifts)], strict=False)
        moves = [f"gte(N,{packet})*({shift - before:.6f})" for (packet, shift), before in steps]
        options += [f"-bsf:a:{number}", f"setts=ts='TS+({'+'.join([f'({-source.start:.6f})', *moves])})/TB'"]
    sound = ["-copyts", *ffmpeg.input_arguments(source.path), "-map", "0:a", "-c", "copy"]
    _run([*sound, *options, "-f", "matroska", ffmpeg.address(file)], name)
    return replace(source, path=file, start=0.0)


def _copying(silent: Path, source: VideoInfo, start: float, length: Fraction | None, subtitles: list[int]) -> list[str]:
    """Arguments that put the video of `silent` and the tracks of `source` from `start` on side by side."""
    delay = max(0.0, source.delay) if start == 0 else 0.0
    shift = -(source.start + start) - (source.delay if start > 0 else 0.0)
    # -copyts takes times as they are: otherwise the sound of some containers is moved to 0.
    arguments = ["-copyts", "-itsoffset", f"{delay:.6f}", *ffmpeg.input_arguments(silent)]
    arguments += ["-itsoffset", f"{shift:.6f}", *ffmpeg.input_arguments(source.path)]
    arguments += ["-map", "0:v", "-map", "1:a?", "-map_metadata", "1"]
    for number in subtitles:
        arguments += ["-map", f"1:s:{number}"]
    if start > 0:  # a copied packet cannot be cut: those from before the part are left out
        arguments += ["-bsf:a", "noise=drop='lt(pts,0)'"]
    return arguments + (["-t", f"{float(length) + delay:.6f}"] if length is not None else [])


def _kept_subtitles(source: VideoInfo, target: Path) -> list[int]:
    """The numbers of the subtitles of `source`, from 0, that fit; a warning tells of the others."""
    fitting = _SUBTITLES.get(_family(target))
    kept = [number for number, codec in enumerate(source.subtitles) if fitting is None or codec in fitting]
    if lost := sorted({codec for number, codec in enumerate(source.subtitles) if number not in kept}):
        log.warning(
            "%s: %s subtitles do not fit %s files and are left out (use .mkv to keep them)",
            printable(source.path.name), ", ".join(lost), target.suffix,
        )  # fmt: skip
    return kept


def _encodings(source: VideoInfo, container: str) -> tuple[str, list[str]]:
    """The codecs of the sound tracks that do not fit, and the options that encode these anew."""
    codec = "libopus" if container == ".webm" else "aac"
    safe = _SAFE_SOUND.get(container, ())
    unfit = [number for number, track in enumerate(source.audio) if track not in safe]
    options = [text for number in unfit for text in (f"-c:a:{number}", codec, f"-b:a:{number}", "192k")]
    return ", ".join(sorted({source.audio[number] for number in unfit})), options
