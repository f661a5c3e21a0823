"""Films of numbered images, painted: to videos, from videos, after a stop, with sound."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.clips import ffmpeg, tone
from tests.films import Ear, StopsAfter, leftovers, two_shots
from tests.images import clouds
from vidstyle.api import stylize
from vidstyle.errors import SettingsError, SinkError, SourceError, VidstyleError
from vidstyle.images import save_image
from vidstyle.jobs import manifest
from vidstyle.jobs.runner import join_film, paint_shot, plan_film
from vidstyle.jobs.spec import JOINING, ClusterOptions, JobSpec
from vidstyle.settings.settings import Settings
from vidstyle.video.probe import probe

FRAMES = range(1001, 1011)


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """The pattern of ten images of 16 bits."""
    (tmp_path / "in").mkdir()
    for number in FRAMES:
        image = clouds(24, 32, seed=1, grain=8).roll(number - FRAMES[0], 2)
        save_image(tmp_path / "in" / f"shot.{number}.png", image, bits=16)
    return tmp_path / "in" / "shot.%04d.png"


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "MOST_FRAMES", 3)
    monkeypatch.setattr(manifest, "FEWEST_FRAMES", 1)


def paint(source: Path, style: Path, out: Path, settings: Settings, **options: Any) -> None:
    stylize(source, [style], out, settings, device="cpu", **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_sequence_to_a_video_with_sound(shot: Path, style: Path, settings: Settings, tmp_path: Path) -> None:
    ffmpeg(*tone(2), tmp_path / "tone.wav")
    paint(shot, style, tmp_path / "out.mp4", settings, fps="24000/1001", audio=tmp_path / "tone.wav")
    found = probe(tmp_path / "out.mp4")
    assert (found.frame_count, found.rate.numerator, found.rate.denominator) == (len(FRAMES), 24000, 1001)
    assert found.audio == ("aac",)
    whole = ffmpeg("-i", tmp_path / "out.mp4", "-map", "0:a", "-f", "s16le", "-ac", 1, "-ar", 1000, "-")
    assert len(whole) / 2000 == pytest.approx(len(FRAMES) * 1001 / 24000, abs=0.06)  # a packet of AAC


def test_a_sequence_to_a_sequence_that_was_stopped(shot: Path, style: Path, settings: Settings, tmp_path: Path) -> None:
    out, ear = tmp_path / "out", StopsAfter(7)
    with pytest.raises(KeyboardInterrupt):
        paint(shot, style, out, settings, listener=ear)
    assert not out.exists()
    assert ear.partial == (tmp_path / "out.partial", 7)
    assert sorted(contents(tmp_path / "out.partial")) == [f"shot.{number}.png" for number in FRAMES[:7]]
    again = Ear()
    paint(shot, style, out, settings, listener=again)
    assert len(again.frames) == 5  # of ten: the segment of the sixth and seventh was not done
    paint(shot.parent, style, tmp_path / "whole", settings, as_video=True)
    assert contents(out) == contents(tmp_path / "whole")
    assert contents(out)["shot.1001.png"] == contents(tmp_path / "out.partial")["shot.1001.png"]
    assert cv2.imread(str(out / "shot.1010.png"), cv2.IMREAD_UNCHANGED).dtype == "uint16"
    assert leftovers(tmp_path, [shot.parent, out, tmp_path / "whole"]) == [tmp_path / "out.partial"]


def test_a_video_to_a_sequence(
    style: Path, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The images show what the frames of a video of the same job show, and are in the numbers of the source."""
    source = two_shots(tmp_path / "clip.mp4", count=8)
    paint(source, style, tmp_path / "f.%03d.tif", settings.replace(pix_fmt="rgb48le"), start=0.1)
    assert len(caplog.records) == 1  # of the sound
    files = sorted(tmp_path.glob("f.*.tif"))
    assert [file.name for file in files] == [f"f.{number:03}.tif" for number in range(4, 9)]
    assert all(cv2.imread(str(file), cv2.IMREAD_UNCHANGED).dtype == "uint16" for file in files)
    assert leftovers(tmp_path, [source, *files]) == []


def test_planned_and_painted_shot_by_shot(shot: Path, style: Path, settings: Settings, tmp_path: Path) -> None:
    job = JobSpec.of(shot, [style], tmp_path / "out.%d.exr", settings, device="cpu", fps="25")
    planned = plan_film(job, Ear())
    for number in planned.shots:
        paint_shot(planned.folder.path, number, Ear())
    join_film(planned.folder.path, Ear())
    assert sorted(file.name for file in tmp_path.glob("*.exr")) == [f"out.{number}.exr" for number in FRAMES]


def test_a_run_that_was_killed_while_it_gave_names_goes_on(
    shot: Path, style: Path, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "out.%04d.png"
    paint(shot, style, out, settings, keep_work=True)
    (tmp_path / "out.%04d.png.vidstyle" / JOINING).touch()
    whole = {file.name: file.read_bytes() for file in tmp_path.glob("out.*.png")}
    (tmp_path / "out.1007.png").unlink()
    paint(shot, style, out, settings, keep_work=True)
    assert {file.name: file.read_bytes() for file in tmp_path.glob("out.*.png")} == whole
    with pytest.raises(SinkError) as caught:
        paint(shot, style, out, settings)
    assert caught.value.code == "VS402"


def test_masks_of_images(shot: Path, style: Path, settings: Settings, tmp_path: Path) -> None:
    """What a mask leaves out stays as it is, to all its bits."""
    for number in FRAMES:
        save_image(tmp_path / f"mask{number}.png", clouds(24, 32) * 0)
    paint(shot, style, tmp_path / "out", settings, mask=tmp_path / "mask%d.png")
    for number in FRAMES[:3]:
        before, after = (
            cv2.imread(str(folder / f"shot.{number}.png"), -1) for folder in (shot.parent, tmp_path / "out")
        )
        assert abs(before.astype(int) - after.astype(int)).max() <= 2


def test_another_rate_or_image_is_another_job(shot: Path, style: Path, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        paint(shot, style, tmp_path / "out", settings, listener=StopsAfter(4))
    with pytest.raises(VidstyleError) as rate:
        paint(shot, style, tmp_path / "out", settings, fps="25")
    save_image(tmp_path / "in" / "shot.1010.png", clouds(24, 32, seed=9), bits=16)
    with pytest.raises(VidstyleError) as image:
        paint(shot, style, tmp_path / "out", settings)
    assert (rate.value.code, image.value.code) == ("VS513", "VS513")


REFUSED: dict[str, tuple[str, Mapping[str, Any]]] = {
    "VS275": ("out", {"fps": "fast"}),
    "VS278": ("out", {"audio": "tone.wav"}),
    "VS219": ("out.mp4", {"report": True}),
    "VS281": ("out", {"cluster_options": ClusterOptions(storage="s3://a/b")}),
    "VS425": ("in", {"overwrite": True}),
    "VS424": ("out.xyz", {}),
    "VS417": ("nowhere/a.%d.png", {}),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_does_not_fit_together(shot: Path, style: Path, settings: Settings, tmp_path: Path, code: str) -> None:
    ffmpeg(*tone(0.1), tmp_path / "tone.wav")
    out, options = REFUSED[code]
    given = {**options, **({"audio": tmp_path / "tone.wav"} if "audio" in options else {})}
    with pytest.raises(VidstyleError) as caught:
        JobSpec.of(shot, [style], tmp_path / out, settings, **given)
    assert caught.value.code == code


def test_options_of_sequences_are_for_these(style: Path, settings: Settings, tmp_path: Path) -> None:
    source = two_shots(tmp_path / "clip.mp4", count=4)
    for options, code in (({"fps": "25"}, "VS276"), ({"audio": source}, "VS276"), ({"as_video": True}, "VS277")):
        with pytest.raises(SettingsError) as caught:
            JobSpec.of(source, [style], tmp_path / "out.mp4", settings, **options)
        assert caught.value.code == code


def test_a_pattern_never_overwrites_what_is_painted_from(shot: Path, style: Path, settings: Settings) -> None:
    with pytest.raises(SinkError) as caught:
        JobSpec.of(shot, [style], shot.with_name("shot.####.png"), settings, overwrite=True)
    assert caught.value.code == "VS425"


def test_a_file_without_sound_is_refused(shot: Path, style: Path, settings: Settings, tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=s=32x32:d=0.2", silent)
    with pytest.raises(SourceError) as caught:
        paint(shot, style, tmp_path / "out.mp4", settings, audio=silent)
    assert caught.value.code == "VS364"
    assert leftovers(tmp_path, [shot.parent, silent]) == []
