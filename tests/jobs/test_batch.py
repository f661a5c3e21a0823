"""A folder of clips: each painted, the bad ones told."""

import logging
import os
from pathlib import Path

import pytest

from tests.clips import stream_hashes
from tests.films import Ear, StopsAfter, two_shots
from tests.refusals import refused
from vidstyle.api import stylize
from vidstyle.jobs import manifest
from vidstyle.jobs.batch import outputs_of
from vidstyle.settings.settings import Settings
from vidstyle.video.probe import probe


class Counts(Ear):
    def __init__(self) -> None:
        super().__init__()
        self.clips: list[tuple[str, int, int]] = []

    def clip(self, clip: Path, number: int, count: int) -> None:
        self.clips.append((clip.name, number, count))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "clips"
    place.mkdir()
    for number in (2, 10):
        two_shots(place / f"c{number}.mp4", count=6)
    return place


def test_every_clip_is_painted_in_natural_order(folder: Path, settings: Settings, style: Path) -> None:
    ear = Counts()
    summary = stylize(folder, [style], settings=settings, listener=ear)
    assert summary.out == folder.with_name(f"clips_{style.stem}")
    assert sorted(file.name for file in summary.out.iterdir()) == ["c10.mp4", "c2.mp4"]
    assert ear.clips == [("c2.mp4", 1, 2), ("c10.mp4", 2, 2)]
    assert (summary.frames, summary.failed) == (12, ())
    assert all(probe(file).frame_count == 6 and probe(file).audio for file in summary.out.iterdir())
    assert sorted(folder.parent.iterdir()) == [folder, summary.out]


def test_a_clip_is_painted_as_it_is_alone(folder: Path, settings: Settings, style: Path, tmp_path: Path) -> None:
    stylize(folder, [style], settings=settings)
    stylize(folder / "c2.mp4", [style], tmp_path / "alone.mp4", settings)
    assert stream_hashes(tmp_path / "clips_stripes" / "c2.mp4") == stream_hashes(tmp_path / "alone.mp4")


def test_bad_clips_are_told_and_tried_again_when_they_are_mended(
    folder: Path, settings: Settings, style: Path, tmp_path: Path
) -> None:
    (folder / "c3.mp4").write_bytes(b"no film")
    summary = stylize(folder, [style], settings=settings)
    assert len(summary.failed) == 1
    assert "c3.mp4" in summary.failed[0]
    assert summary.frames == 12
    (folder / "c3.mp4").unlink()
    two_shots(folder / "c3.mp4", count=6)
    ear = Counts()
    assert stylize(folder, [style], settings=settings, listener=ear).frames == 6
    assert ear.clips == [("c3.mp4", 1, 1)]
    assert not (tmp_path / "clips_stripes.vidstyle").exists()


def test_it_goes_on_within_the_clip_where_it_was_stopped(
    folder: Path,
    settings: Settings,
    style: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(manifest, "MOST_FRAMES", 3)
    monkeypatch.setattr(manifest, "FEWEST_FRAMES", 1)
    with pytest.raises(KeyboardInterrupt):
        stylize(folder, [style], settings=settings, listener=StopsAfter(10))
    ear = Counts()
    with caplog.at_level(logging.INFO):
        stylize(folder, [style], settings=settings, listener=ear)
    assert ear.clips == [("c10.mp4", 1, 1)]
    assert len(ear.frames) == 3  # the second of two segments
    assert f"already painted: {tmp_path / 'clips_stripes' / 'c2.mp4'}" in caplog.messages


def test_other_settings_are_not_mixed(folder: Path, settings: Settings, style: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        stylize(folder, [style], settings=settings, listener=StopsAfter(8))
    with refused("VS513", "--steps", "2", "3"):
        stylize(folder, [style], settings=settings.replace(steps=3))
    summary = stylize(folder, [style], settings=settings.replace(steps=3), restart=True)
    assert summary.frames == 12


def test_a_folder_that_is_there_is_refused_or_replaced(
    folder: Path, settings: Settings, style: Path, tmp_path: Path
) -> None:
    out = stylize(folder, [style], settings=settings).out
    with refused("VS402"):
        stylize(folder, [style], settings=settings)
    os.utime(out / "c2.mp4", (1, 1))
    assert stylize(folder, [style], settings=settings, overwrite=True).frames == 12
    assert (out / "c2.mp4").stat().st_mtime > 1


def test_when_none_can_be_painted_nothing_stands(tmp_path: Path, settings: Settings, style: Path) -> None:
    place = tmp_path / "clips"
    place.mkdir()
    (place / "a.mp4").write_bytes(b"no film")
    with refused("VS804", "a.mp4"):
        stylize(place, [style], settings=settings)
    assert list(tmp_path.iterdir()) == [place]


def test_outputs_have_names_of_their_own(tmp_path: Path) -> None:
    clips = [Path("a.mp4"), Path("a.avi"), Path("b.mov"), Path("b.MTS"), Path("c.gif")]
    names = [out.name for out in outputs_of(clips, tmp_path, {}).values()]
    assert names == ["a.mp4", "a_avi.mp4", "b.mov", "b.mp4", "c.gif"]


def test_a_clip_that_comes_later_takes_no_others_output(tmp_path: Path) -> None:
    later = outputs_of([Path("a.avi"), Path("a.mts")], tmp_path, {"a.mts": "a.mp4"})
    assert {clip.name: out.name for clip, out in later.items()} == {"a.mts": "a.mp4", "a.avi": "a_avi.mp4"}


def test_a_clip_that_was_replaced_meanwhile_is_painted_anew(folder: Path, settings: Settings, style: Path) -> None:
    (folder / "c3.mp4").write_bytes(b"no film")
    assert stylize(folder, [style], settings=settings).frames == 12
    two_shots(folder / "c2.mp4", count=8)
    (folder / "c3.mp4").unlink()
    ear = Counts()
    assert stylize(folder, [style], settings=settings, listener=ear).frames == 8
    assert ear.clips == [("c2.mp4", 1, 1)]


def test_nothing_left_to_do_is_no_error(folder: Path, settings: Settings, style: Path, tmp_path: Path) -> None:
    (folder / "c3.mp4").write_bytes(b"no film")
    stylize(folder, [style], settings=settings)
    (folder / "c3.mp4").unlink()
    assert stylize(folder, [style], settings=settings).frames == 0
    assert not (tmp_path / "clips_stripes.vidstyle").exists()


def test_images_among_clips_are_not_dropped_in_silence(
    folder: Path, settings: Settings, style: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "photo.png").write_bytes(style.read_bytes())
    stylize(folder, [style], settings=settings)
    assert any("photo.png is skipped" in message for message in caplog.messages)


def test_a_range_of_time_holds_for_each(folder: Path, settings: Settings, style: Path) -> None:
    assert stylize(folder, [style], settings=settings, end=0.1).frames == 6  # 3 of each


def test_a_folder_of_images_is_not_one_of_clips(tmp_path: Path, settings: Settings, style: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.png").write_bytes(style.read_bytes())
    with refused("VS218"):
        stylize(tmp_path / "p", [style], settings=settings, start=1.0)
