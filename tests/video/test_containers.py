"""What is beside the frames: cut with them, in step, in a form that the container's players play, or told as lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clips import clip, ffmpeg, first_times, numbered_image, stream_hashes
from vidstyle.video.containers import CONTAINERS, layout_for
from vidstyle.video.encoder import Film
from vidstyle.video.muxer import Sink
from vidstyle.video.probe import probe
from vidstyle.video.tracks import Tracks, read_tracks

LONG = 3  # seconds of the sources
SIZE = (32, 48)
RATES = ("2", "10", "24000/1001", "30", "60")
SOURCES = (("mp4", "aac"), ("mkv", "aac"), ("mkv", "libopus"), ("mkv", "flac"), ("mov", "pcm_s16le"), ("ts", "mp2"))


def film_of(path: Path, source: Path, start: float = 0.0, end: float | None = None) -> Tracks:
    """Writes a film of any frames, as many as the part of the source has; what it holds beside them."""
    info = probe(source)
    first, stop = info.first_from(start), info.frame_count if end is None else info.first_from(end)
    with Sink(Film(path, info.size, info.rate, info, start, end)) as sink:
        for _ in range(first, stop):
            sink.write_pixels(numbered_image(0, *info.size))
        sink.finish()
    return read_tracks(path)


def source_of(path: Path, codec: str, rate: str = "10", *options: object) -> Path:
    """A clip with a beep of 60 ms around each half second, a line of text in each second, and a chapter for each."""
    frames = ["-f", "lavfi", "-i", f"testsrc=s={SIZE[1]}x{SIZE[0]}:r={rate}:d={LONG}"]
    beeps = ["-f", "lavfi", "-i", f"aevalsrc='if(lt(mod(t+0.03,0.5),0.06),0.8*sin(6000*t),0)':d={LONG}:s=44100"]
    lines, chapters = path.with_suffix(".srt"), path.with_suffix(".txt")
    texts = (f"{s + 1}\n00:00:{s:02},200 --> 00:00:{s + 1:02},100\nLine {s}\n\n" for s in range(LONG))
    lines.write_text("".join(texts))
    parts = (f"[CHAPTER]\nTIMEBASE=1/1\nSTART={s}\nEND={s + 1}\ntitle=Part {s}\n" for s in range(LONG))
    chapters.write_text(f";FFMETADATA1\n{''.join(parts)}")
    encoder = {".mkv": "srt", ".ts": None}.get(path.suffix, "mov_text")
    text = ["-map", "2", "-c:s", encoder] if encoder else []
    ffmpeg(
        *frames, *beeps, "-i", lines, "-f", "ffmetadata", "-i", chapters, "-map", "0", "-map", "1", *text,
        "-map_chapters", "3", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-pix_fmt", "yuv420p",
        "-c:a", codec, *options, path,
    )  # fmt: skip
    return path


@dataclass(frozen=True)
class Played:
    """When what is in a film is played, in seconds after its first frame."""

    beeps: list[float]
    texts: list[tuple[float, float, str]]
    chapters: list[tuple[float, float, str]]
    seconds: float


def played(path: Path) -> Played:
    """By the decoded sound, the packets of text, and the header."""
    with av.open(str(path)) as file:
        seconds, begin = (file.duration or 0) / 1e6, (file.start_time or 0) / 1e6
        texts = [
            (float(packet.pts * packet.time_base) - begin, float((packet.duration or 0) * packet.time_base), words)
            for packet in (file.demux(file.streams.subtitles[0]) if file.streams.subtitles else ())
            if packet.pts is not None and packet.time_base
            for words in [bytes(packet).partition(b"Line")[2].decode().strip()]
            if words
        ]
    shift = first_times(path)["0"] - begin
    raw = ffmpeg("-i", path, "-map", "0:a", "-af", "aresample=async=1:first_pts=0", "-ac", 1, "-ar", 16000,
                 "-f", "s16le", "-")  # fmt: skip
    loud = np.flatnonzero(np.abs(np.frombuffer(raw, np.int16).astype(int)) > 6000) / 16000
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > 0.1) + 1)
    beeps = [float(group[0] + group[-1]) / 2 - shift for group in groups if len(group) and np.ptp(group) > 0.045]
    chapters = [(one.begin - shift, one.end - shift, one.title) for one in read_tracks(path).chapters]
    return Played(beeps, texts, chapters, seconds - shift)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("rate", ["10", "25", "24000/1001"])
def test_frames_that_start_after_the_sound_stay_as_late(tmp_path: Path, ending: str, rate: str) -> None:
    """By less than a frame, at rates of few ticks a second."""
    even, late = source_of(tmp_path / "even.mkv", "aac", rate), tmp_path / "late.mkv"
    ffmpeg("-itsoffset", 0.015, "-i", even, "-i", even, "-map", "0:v", "-map", "1:a", "-c", "copy", late)
    film_of(out := tmp_path / f"out.{ending}", late)
    wanted = played(late).beeps[:3]
    assert wanted == pytest.approx([0.485, 0.985, 1.485], abs=0.004)
    assert [min(played(out).beeps, key=lambda beep: abs(beep - one)) for one in wanted] == pytest.approx(
        wanted, abs=0.004
    )


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_all_is_cut_where_the_frames_are(tmp_path: Path, data: st.DataObject) -> None:
    ending, codec = data.draw(st.sampled_from(SOURCES))
    rate = data.draw(st.sampled_from(RATES))
    source = source_of(tmp_path / f"source.{ending}", codec, rate)
    start = data.draw(st.floats(0, LONG - 1.6).map(lambda seconds: round(seconds, 3)))
    end = data.draw(st.none() | st.floats(0.6, 1.5).map(lambda seconds: round(start + seconds, 3)))
    out = tmp_path / f"out.{data.draw(st.sampled_from(['mp4', 'mov', 'mkv', 'webm']))}"
    film_of(out, source, start, end)
    info = probe(source)
    first, stop = info.first_from(start), info.frame_count if end is None else info.first_from(end)
    begin, length, frame = first / info.rate, (stop - first) / info.rate, 1 / info.rate
    found = played(out)
    if end is not None:
        assert abs(found.seconds - length) < max(frame, 0.05), "the sound ends with the frames"
    half = min(float(frame) / 2, 0.02)
    wanted = [n / 2 - float(begin) for n in range(2 * LONG) if 0.15 < n / 2 - float(begin) < float(length) - 0.15]
    assert [min(found.beeps, key=lambda time: abs(time - one)) for one in wanted] == pytest.approx(wanted, abs=half)
    if source.suffix == ".ts":
        return
    last = LONG if end is None else float(begin + length)
    lines = [(max(s + 0.2, float(begin)), min(s + 1.1, last + 9 * (end is None)), str(s)) for s in range(LONG)]
    shown = [(a - float(begin), b - a, text) for a, b, text in lines if b - a > 0.002]
    assert [one[2] for one in found.texts] == [one[2] for one in shown]
    assert [one[:2] for one in found.texts] == [pytest.approx(one[:2], abs=0.003) for one in shown]
    parts = [(max(float(s), float(begin)), min(s + 1.0, last), f"Part {s}") for s in range(LONG)]
    kept = [(a - float(begin), b - float(begin), title) for a, b, title in parts if b - a > 0.002]
    assert [one[2] for one in found.chapters] == [one[2] for one in kept]
    assert [one[:2] for one in found.chapters] == [pytest.approx(one[:2], abs=0.003) for one in kept]


def test_a_chapter_that_ends_where_the_film_begins_is_not_in_it(tmp_path: Path) -> None:
    source = source_of(tmp_path / "source.mkv", "aac")
    film_of(tmp_path / "out.mp4", source, 1.0, 2.0)
    assert [one[2] for one in played(tmp_path / "out.mp4").chapters] == ["Part 1"]


def test_timecode_tags_and_what_is_said_of_tracks_are_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tags = {"title": "Home", "artist": "A = B; C", "location": "+48.8577+002.2950/", "comment": "C"}
    told = [text for name, value in tags.items() for text in ("-metadata", f"{name}={value}")]
    source = source_of(
        tmp_path / "source.mov", "aac", "25", *told, "-timecode", "01:00:00:20", "-metadata",
        "creation_time=2020-01-02T03:04:05Z", "-metadata:s:a:0", "language=fra", "-metadata:s:v", "language=ger",
    )  # fmt: skip
    for ending in CONTAINERS:
        caplog.clear()
        found = film_of(tmp_path / f"out{ending}", source, 1.0, 2.0)
        kept = {name.lower(): value for name, value in found.tags.items()}
        assert {name: kept[name] for name in tags} == tags
        assert kept["creation_time"].startswith("2020-01-02T03:04:05")
        assert (found.sound[0].language, found.video_tags["language"]) == ("fra", "ger")
        assert found.timecode == ("" if ending == ".m4v" else "01:00:01:20")
        lost = [record.args for record in caplog.records if record.levelname == "WARNING"]
        assert len(lost) == (1 if ending in (".m4v", ".webm") else 0), lost


def test_tags_may_be_long_and_strange(tmp_path: Path) -> None:
    """Longer than what a program may be given; with signs that mean something to ffmpeg."""
    odd = "a=b;c#d\\e\nf 'g' \"h\" %d é 絵"
    tags, chapters = tmp_path / "tags.txt", source_of(tmp_path / "clip.mkv", "aac")
    escaped = re.sub(r"([\\\n=;#])", r"\\\1", odd)
    chapter = f"[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=3\ntitle={escaped}\n"
    tags.write_text(f";FFMETADATA1\ntitle={escaped}\ncomment={'x' * 300_000}\n{chapter}")
    source = tmp_path / "source.mkv"
    taken = ("-map", 0, "-map_metadata", 1, "-map_chapters", 1, "-c", "copy")
    ffmpeg("-i", chapters, "-f", "ffmetadata", "-i", tags, *taken, "-metadata:s:a", f"title={odd}", source)
    for ending in (".mp4", ".mkv"):
        found = film_of(tmp_path / f"out{ending}", source, 0.5)
        assert found.tags["title"] == odd
        assert [one.title for one in found.chapters] == [odd]
        assert found.sound[0].title == odd


def test_what_iphones_say_has_the_names_of_other_cameras(tmp_path: Path) -> None:
    apple = {"make": "Apple", "model": "iPhone", "location.ISO6709": "+48.8577+002.2950/"}
    tags = [text for key, value in apple.items() for text in ("-metadata", f"com.apple.quicktime.{key}={value}")]
    source = source_of(tmp_path / "source.mov", "aac", "10", *tags, "-movflags", "use_metadata_tags")
    found = film_of(tmp_path / "out.mov", source).tags
    assert (found["make"], found["model"], found["location"]) == ("Apple", "iPhone", "+48.8577+002.2950/")


def test_what_a_container_has_no_place_for_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    font = tmp_path / "font.ttf"
    font.write_bytes(b"no font")
    source = source_of(
        tmp_path / "source.mkv", "aac", "10", "-attach", font, "-metadata:s:t", "mimetype=application/x-truetype-font",
        "-metadata", "director=D",
    )  # fmt: skip
    assert film_of(tmp_path / "out.mkv", source).attachments == 1
    assert not caplog.records
    assert not film_of(tmp_path / "out.mp4", source).attachments
    words = [str(record.args) for record in caplog.records if record.levelname == "WARNING"]
    assert any("attached files" in one for one in words)
    assert any("the tag director" in one for one in words)


@pytest.mark.parametrize(
    ("codec", "ending", "kept"),
    [
        ("pcm_s16le", ".mp4", "aac"),
        ("libvorbis", ".mp4", "aac"),
        ("dca", ".mp4", "aac"),
        ("libopus", ".mp4", "aac"),
        ("ac3", ".mp4", "ac3"),
        ("pcm_s16le", ".mov", "pcm_s16le"),
        ("libmp3lame", ".m4v", "aac"),
        ("dca", ".mkv", "dts"),
        ("ac3", ".webm", "opus"),
        ("libvorbis", ".webm", "vorbis"),
    ],
)
def test_sound_is_copied_where_common_players_play_it(tmp_path: Path, codec: str, ending: str, kept: str) -> None:
    source = source_of(tmp_path / "source.mkv", codec, "10", "-strict", "-2")
    path = tmp_path / f"out{ending}"
    assert [one.codec for one in film_of(path, source).sound] == [kept]
    assert (stream_hashes(path, "a") == stream_hashes(source, "a")) == (probe(source).audio == (kept,))


def wave(layout: str, path: Path) -> Path:
    """A clip whose channels each have a tone of their own, as low as subwoofers take: 40 Hz, 50 Hz ..."""
    tones = "|".join(f"0.2*sin({2 * np.pi * (40 + 10 * n)}*t)" for n in range(len(av.AudioLayout(layout).channels)))
    silent = clip(path.with_name("silent.mp4"), count=5, rate="10", size=SIZE)
    ffmpeg("-i", silent, "-f", "lavfi", "-i", f"aevalsrc='{tones}':c={layout}:d=0.5:s=48000", "-c:v", "copy", "-c:a",
           "pcm_s16le", path)  # fmt: skip
    return path


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
@pytest.mark.parametrize("layout", ["mono", "2.1", "4.0", "quad(side)", "5.1(side)", "6.0", "7.1(wide)", "7.1.4"])
def test_all_layouts_of_sound_can_be_encoded(tmp_path: Path, layout: str, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    found = film_of(path, wave(layout, tmp_path / "source.mov")).sound[0]
    raw = ffmpeg("-i", path, "-map", "0:a", "-ar", 48000, "-f", "f32le", "-")
    heard = np.frombuffer(raw, np.float32).reshape(-1, len(found.channels))
    tones = np.abs(np.fft.rfft(heard[4800:14400], axis=0)) / 4800  # by 5 Hz
    for number, place in enumerate(av.AudioLayout(layout).channels):
        level = tones[8 + 2 * number]
        if place.name in found.channels:
            assert np.argmax(level) == found.channels.index(place.name), "it is where it was"
        if number < 7:
            assert level.max() > 0.05, f"{place.name} is heard"


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_any_number_of_channels_has_a_layout(ending: str) -> None:
    for count in range(1, 30):
        layout, _ = layout_for(f"{count} channels", ["NONE"] * count, CONTAINERS[ending].layouts)
        assert layout in CONTAINERS[ending].layouts


@pytest.mark.parametrize(("ending", "kept"), [(".mp4", "mov_text"), (".webm", "webvtt"), (".mkv", "ass")])
def test_text_is_written_as_the_container_takes_it(tmp_path: Path, ending: str, kept: str) -> None:
    lines = tmp_path / "lines.srt"
    lines.write_text("1\n00:00:00,100 --> 00:00:00,400\nHello\n")
    source = tmp_path / "source.mkv"
    silent = clip(tmp_path / "silent.mp4", count=5, rate="10", size=SIZE)
    ffmpeg("-i", silent, "-i", lines, "-c:v", "copy", "-c:s", "ass", "-metadata:s:s", "language=ger", source)
    path = tmp_path / f"out{ending}"
    found = film_of(path, source)
    assert [(one.codec, one.language) for one in found.subtitles] == [(kept, "ger")]
    assert b"Hello" in ffmpeg("-i", path, "-map", "0:s", "-f", "srt", "-")


def test_subtitles_that_are_images_are_kept_or_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    silent = clip(tmp_path / "silent.mp4", count=5, rate="10", size=SIZE)
    lines, source = tmp_path / "lines.sup", tmp_path / "source.mkv"
    lines.write_bytes(b"PG" + bytes(8) + b"\x80\x00\x00")
    ffmpeg("-i", silent, "-f", "sup", "-i", lines, "-map", 0, "-map", 1, "-c", "copy", source)
    assert [one.codec for one in film_of(tmp_path / "out.mkv", source).subtitles] == ["hdmv_pgs_subtitle"]
    assert not caplog.records
    assert not film_of(tmp_path / "out.mp4", source).subtitles
    assert any("hdmv_pgs_subtitle" in str(record.args) for record in caplog.records)


@pytest.mark.parametrize("layout", ["5.0(side)", "5.1(side)"])
def test_sound_that_cannot_be_copied_is_encoded(tmp_path: Path, layout: str, caplog: pytest.LogCaptureFixture) -> None:
    """Only the first packet of this AAC tells its layout, and a part leaves that out."""
    source = tmp_path / "source.ts"
    places = "|".join(["sin(2000*t)"] * (5 + layout.startswith("5.1")))
    noise = ("-f", "lavfi", "-i", f"aevalsrc='{places}':c={layout}:d=1.2:s=44100")
    images = ("-f", "lavfi", "-i", "testsrc=s=64x48:d=1.2")
    ffmpeg(*images, *noise, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", source)
    found = film_of(tmp_path / "out.m4v", source, 0.4, 1.0)
    assert [(track.codec, track.layout) for track in found.sound] == [("aac", layout.removesuffix("(side)"))]
    assert "cannot be copied" in caplog.text
