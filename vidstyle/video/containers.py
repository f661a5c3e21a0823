"""What each container takes and common players play, and how ffmpeg brings the tracks of a source into it."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av

from vidstyle.files import printable
from vidstyle.video.timecode import timecode_after
from vidstyle.video.tracks import TECHNICAL, UNREADABLE, Chapter, Track, Tracks, backed, plain_tags, read_tracks

log = logging.getLogger(__name__)

_AAC = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.1")
_FLAC = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")  # RFC 9639, 9.1.3
_OPUS = ("mono", "stereo", "3.0", "quad", "5.1", "7.1")  # RFC 7845, 5.1.1.2; ffmpeg 9 confuses the channels of 5.0, 6.1
_BITS_PER_CHANNEL = 96_000  # a second, of sound that is encoded again
_SHORTEST_CHAPTER = 0.001  # seconds
_LONGEST = 10_000  # characters of a tag that is given to ffmpeg; systems limit what programs are given
_MOST_NAMED = 12  # of the things that are lost


@dataclass(frozen=True)
class Container:
    """What a container holds that common players play.

    Attributes:
        sound: the codecs of sound that are copied.
        encoder: ffmpeg's encoder for the others.
        layouts: of the channels that it takes, from few to many.
        subtitles: the codecs of subtitles that are copied.
        text_encoder: ffmpeg's encoder for others that are text; images cannot be kept.
        attachments: whether it holds fonts and other files.
    """

    sound: frozenset[str]
    encoder: str
    layouts: tuple[str, ...]
    subtitles: frozenset[str]
    text_encoder: str
    attachments: bool = False


_PCM = (*("s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le", "f32be", "alaw", "mulaw"),)
_MP4_SOUND = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
_MKV_SOUND = frozenset({
    *("aac", "mp1", "mp2", "mp3", "ac3", "eac3", "alac", "flac", "opus", "vorbis", "dts", "truehd", "mlp", "tta"),
    *("wavpack", "wmav1", "wmav2", "wmapro", "adpcm_ms", "adpcm_ima_wav", "pcm_u8", "pcm_f64le"),
    *(f"pcm_{kind}" for kind in _PCM if kind not in ("s32be", "f32be")),
})  # fmt: skip
_MKV_SUBTITLES = frozenset({
    *("subrip", "ass", "webvtt", "dvd_subtitle", "hdmv_pgs_subtitle", "hdmv_text_subtitle", "dvb_subtitle"),
})  # fmt: skip
CONTAINERS = {
    ".mp4": Container(_MP4_SOUND, "aac", _AAC, frozenset({"mov_text"}), "mov_text"),
    ".mov": Container(_MP4_SOUND | {f"pcm_{kind}" for kind in _PCM}, "aac", _AAC, frozenset({"mov_text"}), "mov_text"),
    ".m4v": Container(frozenset({"aac", "ac3", "alac"}), "aac", _AAC, frozenset({"mov_text"}), "mov_text"),
    ".mkv": Container(_MKV_SOUND, "flac", _FLAC, _MKV_SUBTITLES, "subrip", attachments=True),
    ".webm": Container(frozenset({"opus", "vorbis"}), "libopus", _OPUS, frozenset({"webvtt"}), "webvtt"),
}


@dataclass(frozen=True)
class SourcePart:
    """The part of a source that a video shows.

    Attributes:
        shift: seconds from the times of the source to those of the video.
        first: how many frames at `rate` come before it; 0: nothing is cut off.
        end: seconds of the video at which all ends; None for the source's end.
        rate: frames a second.
    """

    shift: float
    first: int
    end: float | None
    rate: Fraction


def options_for(tracks: Tracks, part: SourcePart, container: Container) -> tuple[list[str], Tracks]:
    """How ffmpeg takes over the tracks of its second input.

    Args:
        tracks: those of the source.
        part: what of it is shown.
        container: what they are written to.

    Returns:
        The options for all but the chapters, and what the file should hold then.
    """
    sound = tuple(track for track in tracks.sound if track.codec)
    subtitles = tuple(one for one in tracks.subtitles if one.codec in container.subtitles or one.text)
    options = ["-map_metadata", "1", *_tag_options(tracks, part)]
    for number, track in enumerate(sound):
        copied = track.codec in container.sound
        how = _copied_sound(part) if copied else _encoded_sound(track, part, container)
        options += _mapped("a", number, track, how)
    for number, track in enumerate(subtitles):
        codec = "copy" if track.codec in container.subtitles else container.text_encoder
        options += _mapped("s", number, track, {"c": codec, **_cut_subtitles(part)})
    if container.attachments and tracks.attachments:
        options += ["-map", "1:t", "-c:t", "copy"]
    told = tuple(one if one.codec in container.sound else replace(one, channels=()) for one in sound)
    chapters = tuple(_cut_chapters(tracks, part))
    return options, replace(tracks, sound=told, subtitles=subtitles, chapters=chapters)


def tell_changes(tracks: Tracks, ending: str, name: str) -> None:
    """Warns of what does not stay as it is in a container, one line for each kind."""
    container = CONTAINERS[ending]
    encoder = container.encoder.removeprefix("lib").upper()
    for track in {(one.codec, one.layout): one for one in tracks.sound}.values():
        if track.codec and track.codec not in container.sound:
            layout, _ = layout_for(track.layout, track.channels, container.layouts)
            mixed = not backed(track.channels) <= backed(_channels(layout))
            how = f"{encoder}, {printable(track.layout)} as {layout}" if mixed else encoder
            log.warning("%s: %s sound does not fit %s files and is encoded as %s", name, track.codec, ending, how)
    texts = sorted({one.codec for one in tracks.subtitles if one.text and one.codec not in container.subtitles})
    if texts:
        log.info("%s: %s subtitles are written as %s", name, ", ".join(texts), container.text_encoder)
    if not all(track.codec for track in tracks.sound):
        log.warning("the sound of %s cannot be read (its codec is unknown): that track is left out", name)
    images = [one for one in tracks.subtitles if not one.text and one.codec not in container.subtitles]
    lost = [f"{printable(one.codec) or 'unknown'} subtitles" for one in images] + list(tracks.others)
    lost += ["attached files"] if tracks.attachments and not container.attachments else []
    _tell_lost(lost, ending, name)


def tell_lost(kept: Tracks, film: Path, ending: str, name: str) -> None:
    """Warns of what of `kept` is not in the file `film`, since its container has no place for that."""
    with contextlib.suppress(*UNREADABLE):  # it is checked elsewhere whether the video is whole
        _tell_lost(sorted(kept.facts() - read_tracks(film).facts()), ending, name)


def _tell_lost(lost: Sequence[str], ending: str, name: str) -> None:
    if lost:
        words = list(dict.fromkeys(lost))
        more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
        hint = "" if ending == ".mkv" else "; .mkv files hold more"
        log.warning("%s: left out of the %s file: %s%s%s", name, ending, ", ".join(words[:_MOST_NAMED]), more, hint)


def _mapped(kind: str, number: int, track: Track, how: Mapping[str, str]) -> list[str]:
    options = ["-map", f"1:{track.index}"]
    for option, value in how.items():
        options += [f"-{option}:{kind}:{number}", value]
    return [*options, *_metadata(f"-metadata:s:{kind}:{number}", {"title": track.title} if track.title else {})]


def _metadata(option: str, tags: Mapping[str, str]) -> list[str]:
    """Options that set tags; those without a value are taken away."""
    fitting = {name: value for name, value in tags.items() if len(name) + len(value) < _LONGEST}
    return [text for name, value in fitting.items() for text in (option, f"{name}={value}")]


def _copied_sound(part: SourcePart) -> dict[str, str]:
    """Packets cannot be cut: those that do not lie in the part are left out, but for half a frame at its end."""
    outside = ["lt(pts\\,0)"] if part.first else []
    outside += [f"gt((pts+d)*tb\\,{part.end + float(1 / part.rate) / 2:.6f})"] if part.end is not None else []
    return {"c": "copy", **({"bsf": f"noise=drop={'+'.join(outside)}"} if outside else {})}


def _encoded_sound(track: Track, part: SourcePart, container: Container) -> dict[str, str]:
    layout, filters = layout_for(track.layout, track.channels, container.layouts)
    filters = [*filters, "aresample=async=1:min_hard_comp=0.02"]
    if part.first or part.end is not None:
        ends = ["start=0"] * (part.first > 0) + ([] if part.end is None else [f"end={part.end:.6f}"])
        filters.append(f"atrim={':'.join(ends)}")
    bits = {} if container.encoder == "flac" else {"b": str(_BITS_PER_CHANNEL * _count(layout))}
    return {"c": container.encoder, "filter": ",".join(filters), **bits}


def _count(layout: str) -> int:
    return len(_channels(layout))


def _channels(layout: str) -> tuple[str, ...]:
    return tuple(str(channel.name) for channel in av.AudioLayout(layout).channels)


def layout_for(layout: str, channels: Sequence[str], possible: Sequence[str]) -> tuple[str, list[str]]:
    """How channels are laid out for an encoder.

    Args:
        layout: the name of the layout that they have, such as `5.1(side)`.
        channels: theirs, such as `FL`.
        possible: the layouts that the encoder takes, from few channels to many.

    Returns:
        The smallest of these that has all channels, or one of the two largest, and the filters that bring them there.
    """
    if layout in possible:
        return layout, []
    for name in possible:
        if backed(channels) <= backed(_channels(name)):
            return name, [f"aformat=channel_layouts={name}"]
    if any(not re.fullmatch(r"[A-Z]+", channel) or channel == "NONE" for channel in channels):
        # Channels that have no place, as those of Ambisonics, stay in their order.
        name = next((one for one in possible if _count(one) >= len(channels)), possible[-1])
        count = min(len(channels), _count(name))
        if count == _count(name):  # pan does not take Ambisonics
            return name, [f"channelmap={'|'.join(map(str, range(count)))}:{name}"]
        return name, [f"pan={name}|" + "|".join(f"c{number}=c{number}" for number in range(count))]
    name = possible[-2 if len(channels) <= _count(possible[-2]) else -1]
    return name, [f"aformat=channel_layouts={name}"]


def _cut_subtitles(part: SourcePart) -> dict[str, str]:
    """Those that are shown in the part only, from its begin and to its end at most."""
    if not part.first and part.end is None:
        return {}
    end = 1e9 if part.end is None else part.end
    begin = "0" if part.first else "-1e9"
    drop = f"noise=drop=lte((pts+d)*tb\\,{begin})+gte(pts*tb\\,{end:.6f})"
    first, last = f"max(PTS\\,{begin}/TB)", f"min(PTS+DURATION\\,{end:.6f}/TB)"
    return {"bsf": f"{drop},setts=pts={first}:dts={first}:duration={last}-{first}"}


def _cut_chapters(tracks: Tracks, part: SourcePart) -> Iterator[Chapter]:
    """The chapters of the part, in the video's time."""
    end = float("inf") if part.end is None else part.end
    for one in tracks.chapters:
        begin, stop = max(0.0, one.begin + part.shift), min(end, one.end + part.shift)
        if stop - begin > _SHORTEST_CHAPTER:
            yield Chapter(begin, stop, one.title)


def chapter_file(chapters: Sequence[Chapter]) -> bytes:
    """Chapters as ffmpeg reads them (format `ffmetadata`)."""
    lines = [";FFMETADATA1"]
    for one in chapters:
        title = re.sub(r"([=;#\\\n])", r"\\\1", one.title)
        times = f"START={round(one.begin * 1000)}", f"END={round(one.end * 1000)}"
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", *times, f"title={title}"]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _tag_options(tracks: Tracks, part: SourcePart) -> list[str]:
    """Options for the tags of the file and of its video track."""
    given = {name.lower() for name in tracks.tags}
    tags = {name: "" for name in tracks.tags if name.lower() in TECHNICAL}
    tags |= {name: value for name, value in plain_tags(tracks.tags).items() if name not in given}
    of_video = dict(tracks.video_tags)
    if tracks.timecode and (later := timecode_after(tracks.timecode, part.first, part.rate)):
        of_video["timecode"] = later
    return [*_metadata("-metadata", tags), *_metadata("-metadata:s:v:0", of_video)]
