"""What a file holds beside the frames: sound, subtitles, chapters, tags and the timecode."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Stream

from vidstyle.files import printable
from vidstyle.video import ffmpeg

UNREADABLE = (
    av.FFmpegError,
    OSError,
    ValueError,
    RuntimeError,
)  # what `read_tracks` raises for a file that cannot be read
TECHNICAL = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration", "timecode")  # tags of no video

_APPLE = "com.apple.quicktime."  # in front of the tags of iPhones; those that have another name elsewhere:
_APPLE_NAMES = {"location.iso6709": "location", "creationdate": "date"}
_NO_PLACE = "NONE"  # what libavutil calls a channel of which only the number is known
_PLACES = {"DL": "FL", "DR": "FR"}  # those of a downmix, which is stereo
_HIDDEN = 48  # AVDISCARD_ALL of libavcodec


@dataclass(frozen=True)
class Track:
    """A track of sound or of subtitles.

    Attributes:
        index: its number among all tracks of the file.
        codec: such as `aac`; empty where nothing can read it.
        text: whether it is subtitles that are text, not images.
        layout: of the channels of sound, such as `5.1(side)`.
        channels: the places of these, such as `FL`.
        title, language: empty where it does not say.
        marks: such as `comment` or `hearing_impaired`.
    """

    index: int
    codec: str
    text: bool
    layout: str
    channels: tuple[str, ...]
    title: str
    language: str
    marks: frozenset[str]


@dataclass(frozen=True)
class Chapter:
    """A chapter, in seconds of its file."""

    begin: float
    end: float
    title: str


@dataclass(frozen=True)
class Tracks:
    """All that a file holds beside the frames.

    Attributes:
        sound, subtitles: the tracks.
        others: what else there is, in words.
        attachments: how many files are in it.
        chapters: in order.
        tags: by name, as `ffmpeg` calls them.
        timecode: of the first frame; empty where there is none.
        video_tags: language and title of the video track.
    """

    sound: tuple[Track, ...]
    subtitles: tuple[Track, ...]
    others: tuple[str, ...]
    attachments: int
    chapters: tuple[Chapter, ...]
    tags: Mapping[str, str]
    timecode: str
    video_tags: Mapping[str, str]

    def facts(self) -> set[str]:
        """What can be told of it, in words, so that those of two files can be compared."""
        found = {f"the tag {printable(name)}" for name in plain_tags(self.tags)}
        found |= {"the chapters"} if self.chapters else set()
        found |= {"the timecode"} if self.timecode else set()
        for kind, tracks in (("sound", self.sound), ("subtitles", self.subtitles)):
            for number, track in enumerate(tracks, 1):
                whose, places = f"of {kind} {number}", sorted(backed(track.channels))
                found |= {f"the language {whose} ({printable(track.language)})"} if track.language else set()
                found |= {f"the name {whose}"} if track.title else set()
                found |= {f"the layout {whose} ({' '.join(places)})"} if places and _NO_PLACE not in places else set()
                found |= {f"the mark '{mark}' {whose}" for mark in track.marks}
        return found


def read_tracks(path: Path) -> Tracks:
    """Reads the headers of a video; one of UNREADABLE where that cannot be done."""
    limits = {"protocol_whitelist": "file,pipe", "format_whitelist": ffmpeg.FORMATS}
    with av.open(
        ffmpeg.address(path), container_options=limits, metadata_errors="surrogateescape", timeout=ffmpeg.PATIENCE
    ) as file:
        streams = list(file.streams)
        video = next((one for one in file.streams.video if not _is_image(one)), None)
        tags = [file.metadata, *(one.metadata for one in streams)]
        codes = [str(one.get(name, "")) for one in tags for name in ("timecode", "TIMECODE")]
        return Tracks(
            sound=tuple(_track(one) for one in streams if one.type == "audio"),
            subtitles=tuple(_track(one) for one in streams if one.type == "subtitle"),
            others=tuple(_words(one) for one in streams if one is not video and _is_other(one)),
            attachments=sum(one.type == "attachment" for one in streams),
            chapters=tuple(_chapters(file)),
            tags=dict(file.metadata),
            timecode=next(filter(None, codes), ""),
            video_tags=_named(video) if video else {},
        )


def _is_image(stream: Stream) -> bool:
    """Whether it is the image of a record, or those of a page."""
    return bool(int(stream.disposition) & 0x1400)  # attached_pic and timed_thumbnails of libavformat


def _is_other(stream: Stream) -> bool:
    skipped = getattr(stream, "discard", None) == _HIDDEN  # the titles of chapters, which are read as such
    return stream.type in ("video", "data") and not skipped and not stream.metadata.get("timecode")


def _words(stream: Stream) -> str:
    if stream.type == "video":
        return "the cover image" if _is_image(stream) else "another video track"
    handler = str(stream.metadata.get("handler_name", "")).strip()
    return f"the data track {printable(handler)}" if handler else "a data track"


def _track(stream: Stream) -> Track:
    codec, layout = stream.codec_context and stream.codec_context.codec, getattr(stream, "layout", None)
    if layout and layout.nb_channels <= 2 and _NO_PLACE in str(layout.channels[0].name):
        layout = av.AudioLayout(("mono", "stereo")[layout.nb_channels - 1])
    named = _named(stream)
    marks = {str(mark.name) for mark in type(stream.disposition) if mark in stream.disposition and mark.name}
    return Track(
        index=stream.index,
        codec=str(codec.canonical_name) if codec else "",
        text=bool(codec and getattr(codec, "text_sub", False)),
        layout=str(layout.name) if layout else "",
        channels=tuple(str(channel.name) for channel in layout.channels) if layout else (),
        title=named.get("title", ""),
        language=named.get("language", ""),
        marks=frozenset(marks - {"default"}),
    )


def _named(stream: Stream) -> dict[str, str]:
    """The language and the title of a track, where it has them: QuickTime calls titles names."""
    tags = {str(name).lower(): str(value) for name, value in stream.metadata.items()}
    found = {"title": tags.get("title") or tags.get("name", ""), "language": tags.get("language", "")}
    return {name: value for name, value in found.items() if value and value != "und"}


def _chapters(file: InputContainer) -> Iterator[Chapter]:
    for one in file.chapters():
        tick = one["time_base"] or Fraction(1)
        title = str(one["metadata"].get("title", ""))
        yield Chapter(float(one["start"] * tick), float(one["end"] * tick), title)


def plain_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags that say something of the video, by the names that all containers share."""
    found = dict[str, str]()
    for name, value in tags.items():
        short = name.lower().removeprefix(_APPLE)
        plain = re.sub("-[a-z]{3}$", "", _APPLE_NAMES.get(short, short))  # location-eng: in English
        if plain not in TECHNICAL and not plain.startswith("_statistics"):
            found.setdefault(plain, value)
    return found


def backed(channels: Sequence[str]) -> set[str]:
    """The places of channels; those at the sides are at the back where only one of these pairs is there."""
    found = {_PLACES.get(place, place) for place in channels}
    return found if found & {"BL", "BR"} else {{"SL": "BL", "SR": "BR"}.get(place, place) for place in found}
