"""The sound and subtitles of the original, copied bit for bit beside the new pictures."""

from __future__ import annotations

import logging
import re
from fractions import Fraction
from pathlib import Path

from vidstyle.errors import SinkError
from vidstyle.files import printable
from vidstyle.media import ffmpeg
from vidstyle.media.pieces import container_arguments
from vidstyle.media.probe import VideoInfo

log = logging.getLogger(__name__)

# A plain copy is tried first; where the container refuses it, these tracks stay untouched still.
_SAFE_SOUND = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "alac"),
    ".webm": ("opus", "vorbis"),
}
_DAMAGE = re.compile(r"partial file|prematurely|[Ii]nvalid data|corrupt|truncated|Input/output error")
_NO_ROOM = re.compile(r"No space left|File too large|quota|[Pp]ermission denied|[Rr]ead-only|by signal|hung")
_SUBTITLES = {".mp4": ("mov_text",), ".webm": ("webvtt",)}


def family(path: Path) -> str:
    """The ending that stands for the container of ``path``: .mp4, .mkv or .webm."""
    ending = path.suffix.lower()
    return ".mp4" if ending in (".mov", ".m4v") else ending


def add_sound(
    pictures: Path,
    source: VideoInfo,
    target: Path,
    *,
    start: float = 0.0,
    end: float | None = None,
    length: Fraction | None = None,
) -> bool:
    """Write ``target``: the video of ``pictures``, the sound, subtitles and metadata of ``source.path``.

    ``start`` and ``end`` are the part of the source, in seconds, that the pictures show; ``length``, in
    seconds, cuts the sound to what was painted. Tracks that the container cannot hold are encoded anew
    (sound) or left out (subtitles), with a warning; sound that cannot be read is left out with one too, and that is
    what False tells. Raises SinkError when the file cannot be written.
    """
    name = printable(source.path.name)
    if length is None and end is not None:
        length = Fraction(end - start).limit_denominator(1_000_000)
    copy = _arguments(pictures, source, start, length, _kept_subtitles(source, target))
    result = ffmpeg.run_with_progress([*copy, "-c", "copy", *_ending(target)])
    if result.code != 0 and source.audio and not _NO_ROOM.search(result.log):
        encoded, options = _encodings(source, family(target))
        log.warning("%s: %s sound does not fit %s files and is encoded anew", name, encoded, target.suffix)
        result = ffmpeg.run_with_progress([*copy, "-c", "copy", *options, *_ending(target)])
    if result.code == 0 and (damage := [line for line in result.log.splitlines() if _DAMAGE.search(line)]):
        log.warning("the sound of %s is damaged or cut off: %s", name, ffmpeg.reason("\n".join(damage)))
    if result.code != 0:
        reason = ffmpeg.reason(result.log)
        if _NO_ROOM.search(result.log):
            raise SinkError(
                f"the sound of {name} cannot be added ({reason}); make room and run the same command again."
            )
        log.warning("the sound of %s cannot be read (%s): the film has none", name, reason)
    return result.code == 0


def _arguments(
    pictures: Path, source: VideoInfo, start: float, length: Fraction | None, subtitles: list[int]
) -> list[str]:
    # -copyts takes times as they are: otherwise the sound of some containers is moved to 0.
    shift = -(source.start + start)
    delay = max(0.0, source.delay) if start == 0 else 0.0
    if start > 0:
        shift -= source.delay
    arguments = ["-copyts", "-itsoffset", f"{delay:.6f}", *ffmpeg.FILES_ONLY, "-i", ffmpeg.address(pictures)]
    arguments += ["-itsoffset", f"{shift:.6f}", *ffmpeg.input_arguments(source.path)]
    arguments += ["-map", "0:v", "-map", "1:a?", "-map_metadata", "1"]
    for number in subtitles:
        arguments += ["-map", f"1:s:{number}"]
    if start > 0:  # a copied packet cannot be cut: those from before the part are left out
        arguments += ["-bsf:a", "noise=drop='lt(pts,0)'"]
    return arguments + (["-t", f"{float(length) + delay:.6f}"] if length is not None else [])


def _ending(target: Path) -> list[str]:
    return [*container_arguments(target), ffmpeg.address(target)]


def _kept_subtitles(source: VideoInfo, target: Path) -> list[int]:
    fitting = _SUBTITLES.get(family(target))
    kept = [i for i, codec in enumerate(source.subtitles) if fitting is None or codec in fitting]
    if len(kept) < len(source.subtitles):
        lost = sorted({codec for i, codec in enumerate(source.subtitles) if i not in kept})
        log.warning(
            "%s: %s subtitles do not fit %s files and are left out (use .mkv to keep them)",
            printable(source.path.name),
            ", ".join(lost),
            target.suffix,
        )
    return kept


def _encodings(source: VideoInfo, container: str) -> tuple[str, list[str]]:
    codec = "libopus" if container == ".webm" else "aac"
    safe = _SAFE_SOUND.get(container, ())
    unfit = [i for i, track in enumerate(source.audio) if track.codec not in safe]
    options = [text for i in unfit for text in (f"-c:a:{i}", codec, f"-b:a:{i}", "192k")]
    return ", ".join(sorted({source.audio[i].codec for i in unfit})), options
