"""Jobs of films that stop and go on."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.clips import ffmpeg, header, stream_hashes
from tests.films import Ear, StopsAfter, two_shots
from tests.images import clouds
from tests.refusals import refused
from vidstyle.api import run, stylize
from vidstyle.core.frame_style import Frame
from vidstyle.core.losses import Losses
from vidstyle.core.style_model import StyleModel
from vidstyle.core.stylize_image import Painted
from vidstyle.core.temporal import PaintedFrame
from vidstyle.errors import JobError, SourceError
from vidstyle.images import save_image
from vidstyle.jobs import manifest as manifests
from vidstyle.jobs import segments
from vidstyle.jobs.checkpoint import WorkFolder
from vidstyle.jobs.events import Listener, Outline
from vidstyle.jobs.spec import JobSpec
from vidstyle.settings.settings import Settings
from vidstyle.video.probe import probe


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MOST_FRAMES", 4)
    monkeypatch.setattr(manifests, "FEWEST_FRAMES", 1)


class Goes(Ear):
    """Hears what was done before."""

    def __init__(self) -> None:
        super().__init__()
        self.before: tuple[int, int] | None = None

    def resumed(self, frames: int, shots: int, folder: Path) -> None:
        self.before = frames, shots


def pixels(film: Path) -> bytes:
    return ffmpeg("-i", film, "-map", "0:v", "-f", "framemd5", "-")


def interrupted(source: Path, style: Path, out: Path, settings: Settings, frames: int) -> StopsAfter:
    ear = StopsAfter(frames)
    with pytest.raises(KeyboardInterrupt):
        stylize(source, [style], out, settings, listener=ear)
    return ear


@pytest.mark.parametrize(
    ("way", "stop"),
    [({}, 3), ({}, 13), ({}, 23), ({"passes": 2}, 13), ({"loop": True}, 13), ({"flow": "none"}, 7)],
)
def test_a_job_that_was_stopped_ends_as_one_that_was_not(
    tmp_path: Path, settings: Settings, style: Path, stop: int, way: dict[str, int | bool | str]
) -> None:
    source, settings = two_shots(tmp_path / "clip.mp4"), settings.replace(**way)
    whole, halting = tmp_path / "whole.mp4", tmp_path / "halting.mp4"
    stylize(source, [style], whole, settings)
    stopped = interrupted(source, style, halting, settings, stop)
    assert not halting.exists()
    ear = Goes()
    summary = stylize(source, [style], halting, settings, listener=ear)
    assert pixels(halting) == pixels(whole)
    assert stream_hashes(halting) == stream_hashes(whole)
    assert summary.frames == 24
    done = ear.before[0] if ear.before else 0
    assert [one.frame.index for one in ear.frames] == list(range(done, 24))
    assert stopped.kept == done
    assert stop - done <= (12 if settings.both_ways else 4)
    assert not JobSpec.of(source, [style], tmp_path / "other.mp4").work_folder.exists()
    assert not (tmp_path / "halting.mp4.vidstyle").exists()


def test_it_is_told_what_was_done_before(tmp_path: Path, settings: Settings, style: Path) -> None:
    source, ear = two_shots(tmp_path / "clip.mp4"), Goes()
    interrupted(source, style, tmp_path / "out.mp4", settings, 18)
    summary = stylize(source, [style], tmp_path / "out.mp4", settings, listener=ear)
    assert ear.before == (16, 2)
    whole = stylize(source, [style], tmp_path / "whole.mp4", settings)
    assert summary.steps == whole.steps
    assert summary.elapsed > summary.seconds > sum(one.painted.seconds for one in ear.frames)


def test_many_stops_go_further_each_time(tmp_path: Path, settings: Settings, style: Path) -> None:
    source, out = two_shots(tmp_path / "clip.mp4"), tmp_path / "out.mp4"
    partials = [interrupted(source, style, out, settings, 6).partial for _ in range(3)]
    assert [frames for _, frames in filter(None, partials)] == [6, 10, 14]
    stylize(source, [style], out, settings)
    assert probe(out).frame_count == 24


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": {"strength": 0.3}}, "--strength was 0.5 and is 0.3"),
        ({"start": 0.1}, "--from was 0 and is 0.1"),
        ({"end": 0.8}, "--to was the end and is 0.8"),
        ({"style": 1}, "style image 1 was SHA-256"),
        ({"source": 1}, "the source was SHA-256"),
        ({"styles": 2}, "style image 2 was nothing and is SHA-256"),
    ],
)
def test_another_job_does_not_mix_and_the_difference_is_told(
    tmp_path: Path, settings: Settings, style: Path, change: dict[str, object], words: str
) -> None:
    source, out, styles = two_shots(tmp_path / "clip.mp4"), tmp_path / "out.mp4", [style]
    interrupted(source, style, out, settings, 6)
    other = settings.replace(**change["settings"]) if "settings" in change else settings
    if "style" in change:
        styles = [tmp_path / "other.png"]
        save_image(styles[0], clouds(48, 64, seed=7))
    if "styles" in change:
        styles = [style, style]
    if "source" in change:
        two_shots(source, "-crf", "30")
    where = {name: change[name] for name in ("start", "end") if name in change}
    with refused("VS513") as caught:
        stylize(source, styles, out, other, **where)  # type: ignore[arg-type]
    assert words in str(caught.value)
    ear = Goes()
    stylize(source, styles, out, other, restart=True, listener=ear, **where)  # type: ignore[arg-type]
    assert ear.before is None
    assert out.exists()


def test_the_work_folder_is_kept_when_asked_for_and_used_again(tmp_path: Path, settings: Settings, style: Path) -> None:
    job = JobSpec.of(two_shots(tmp_path / "clip.mp4"), [style], tmp_path / "out.mp4", settings, keep_work=True)
    run(job, Ear())
    folder = WorkFolder(job.work_folder)
    assert len(list((folder.path / "segments").glob("*.mp4"))) == 6
    before = pixels(job.out)
    job.out.unlink()
    ear = Goes()
    assert run(job, ear).frames == 24
    assert (ear.before, ear.frames) == ((24, 2), [])
    assert pixels(job.out) == before


def test_two_runs_of_one_job_are_kept_apart(tmp_path: Path, settings: Settings, style: Path) -> None:
    job = JobSpec.of(two_shots(tmp_path / "clip.mp4"), [style], tmp_path / "out.mp4", settings)
    with (
        WorkFolder(job.work_folder).locked("job"),
        refused("VS522", str(os.getpid())),
    ):
        run(job, Ear())
    assert run(job, Ear()).frames == 24


def test_the_lock_of_a_dead_process_is_open(tmp_path: Path) -> None:
    folder = tmp_path / "out.mp4.vidstyle"
    words = f"""
import os, pathlib, sys
from vidstyle.jobs.checkpoint import WorkFolder
with WorkFolder(pathlib.Path({str(folder)!r})).locked("job"):
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with refused("VS522", str(other.pid)), WorkFolder(folder).locked("job"):
            pass
        other.kill()
        other.wait()
        with WorkFolder(folder).locked("job"):
            pass


def test_a_broken_manifest_is_refused_until_the_job_begins_anew(
    tmp_path: Path, settings: Settings, style: Path
) -> None:
    source, out = two_shots(tmp_path / "clip.mp4", count=8), tmp_path / "out.mp4"
    stopped = interrupted(source, style, out, settings, 6)
    for broken in (b"", b"{", b"[]", b'{"schema": 99}', b'{"schema": 1, "size": [0, 0]}', b"\xff"):
        (tmp_path / "out.mp4.vidstyle" / "job.json").write_bytes(broken)
        with pytest.raises(JobError) as caught:
            stylize(source, [style], out, settings)
        assert caught.value.code == "VS514"
        with pytest.raises(KeyboardInterrupt):
            stylize(source, [style], out, settings, restart=True, listener=(again := StopsAfter(6)))
        assert len(again.frames) == len(stopped.frames)


class StopsBefore(Ear):
    """Is stopped while the job is prepared."""

    def started(self, outline: Outline) -> None:
        super().started(outline)
        raise KeyboardInterrupt


def test_a_stop_during_the_preparation_tells_how_many_frames_are_kept(
    tmp_path: Path, settings: Settings, style: Path
) -> None:
    source, out = two_shots(tmp_path / "clip.mp4"), tmp_path / "out.mp4"
    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        stylize(source, [style], out, settings, listener=(first := StopsBefore()))
    assert (first.partial, sorted(tmp_path.iterdir())) == ((None, 0), before)
    interrupted(source, style, out, settings, 6)
    with pytest.raises(KeyboardInterrupt):
        stylize(source, [style], out, settings, listener=(second := StopsBefore()))
    assert second.partial is not None
    assert second.partial[1] == second.kept > 0
    stylize(source, [style], out, settings, listener=(last := Goes()))
    assert last.before is not None
    assert last.before[0] == second.partial[1]


def test_a_broken_state_is_one_line(tmp_path: Path, settings: Settings, style: Path) -> None:
    source, out = two_shots(tmp_path / "clip.mp4"), tmp_path / "out.mp4"
    interrupted(source, style, out, settings, 6)
    (state,) = (tmp_path / "out.mp4.vidstyle" / "states").iterdir()
    state.write_bytes(state.read_bytes()[:100])
    with refused("VS519", "00000.safetensors"):
        stylize(source, [style], out, settings)


def test_frames_that_are_gone_are_told(tmp_path: Path, settings: Settings, style: Path) -> None:
    job = JobSpec.of(two_shots(tmp_path / "clip.mp4"), [style], tmp_path / "out.mp4", settings, keep_work=True)
    run(job, Ear())
    job.out.unlink()
    manifest = WorkFolder(job.work_folder).manifest_file
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**facts, "frames": 28, "scenes": {**facts["scenes"], "cuts": [12, 24]}}))
    with refused("VS341"):
        run(job, Ear())


def test_a_failure_keeps_what_is_done(tmp_path: Path, settings: Settings, style: Path) -> None:
    class Fails(Goes):
        def frame(self, painted: object) -> None:
            super().frame(painted)  # type: ignore[arg-type]
            if len(self.frames) == 10:
                raise SourceError("VS301", path="film.mp4")

    source, out = two_shots(tmp_path / "clip.mp4"), tmp_path / "out.mp4"
    with refused("VS301"):
        stylize(source, [style], out, settings, listener=Fails())
    assert not out.exists()
    ear = Goes()
    stylize(source, [style], out, settings, listener=ear)
    assert ear.before == (8, 1)


def test_a_job_that_cannot_begin_leaves_no_folder(tmp_path: Path, settings: Settings, style: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0" * 64)
    with pytest.raises(SourceError):
        stylize(bad, [style], tmp_path / "out.mp4", settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.mp4"]


def test_work_files_are_whole_while_they_are_written(tmp_path: Path, settings: Settings, style: Path) -> None:
    """Somebody who looks at the folder all the time never sees half a file under its own name."""
    out, seen, stop = tmp_path / "out.mp4", list[str](), threading.Event()
    folder = tmp_path / "out.mp4.vidstyle"

    def look() -> None:
        while not stop.is_set():
            for name in ("segments/00000.json", "segments/00001.json", "job.json"):
                with contextlib.suppress(FileNotFoundError):
                    json.loads((folder / name).read_text())
                    seen.append(name)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        stylize(two_shots(tmp_path / "clip.mp4"), [style], out, settings)
    finally:
        stop.set()
        watcher.join()
    assert {"job.json", "segments/00000.json"} <= set(seen)


def onset(levels: np.ndarray, rate: float) -> float:
    """Seconds until the first level that is more than half of the highest."""
    return float(np.argmax(levels > levels.max() / 2)) / rate


def sight_and_sound(film: Path) -> tuple[float, float]:
    """When a film turns white, and when its tone begins, in seconds."""
    grey = ffmpeg("-i", film, "-vf", "scale=1:1", "-pix_fmt", "gray", "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    sound = ffmpeg("-i", film, "-ac", "1", "-ar", "8000", "-f", "s16le", "-")
    levels = np.abs(np.frombuffer(sound, np.int16).astype(np.float64))
    return onset(np.frombuffer(grey, np.uint8).astype(np.float64), 24000 / 1001), onset(levels, 8000)


class Memory(Listener):
    """The process's memory in bytes, frame by frame."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def frame(self, painted: PaintedFrame) -> None:
        self.sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_ten_minutes_stay_in_sync_and_memory_flat(
    tmp_path: Path, settings: Settings, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Painted by a model that does nothing."""

    def untouched(model: StyleModel, frames: Iterable[Frame], *_: object) -> Iterator[tuple[PaintedFrame, None]]:
        for frame in frames:
            yield PaintedFrame(frame, Painted(frame.image, Losses(), 0, 0.0)), None

    monkeypatch.setattr(segments, "paint_part", untouched)
    monkeypatch.setattr(segments, "link_bytes", lambda _: b"")
    monkeypatch.setattr(segments, "link_of", lambda *_: None)
    monkeypatch.setattr(manifests, "MOST_FRAMES", 144)
    source, out = tmp_path / "long.mp4", tmp_path / "out.mp4"
    last = "between(t,595,596)"
    ffmpeg(
        *("-f", "lavfi", "-i", f"color=black:s=32x32:r=24000/1001:d=600,drawbox=color=white:t=fill:enable='{last}'"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:duration=600,volume=volume=0:enable='not({last})'"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", source),
    )
    ear = Memory()
    stylize(source, [style], out, settings.replace(loss="sums"), listener=ear)
    before, after = probe(source), probe(out)
    assert (after.frame_count, after.rate) == (before.frame_count, before.rate)
    assert before.frame_count == len(ear.sizes) > 14_380
    (sight, sound), (seen, heard) = sight_and_sound(source), sight_and_sound(out)
    assert seen == sight > 594
    assert abs((seen - heard) - (sight - sound)) < 1001 / 24000
    assert ear.sizes[-1] - ear.sizes[len(ear.sizes) // 5] < 30e6


def test_an_output_may_have_a_long_name(style: Path, settings: Settings, tmp_path: Path) -> None:
    source, out = two_shots(tmp_path / "clip.mp4", count=4), tmp_path / f"{'ä' * 120}b.mp4"  # 245 bytes
    assert stylize(source, [style], out, settings).frames == 4
    assert probe(out).frame_count == 4


def test_another_codec_is_another_job(style: Path, settings: Settings, tmp_path: Path) -> None:
    source, out, whole = two_shots(tmp_path / "clip.mp4", count=8), tmp_path / "out.mkv", tmp_path / "whole.mkv"
    deep = settings.replace(codec="ffv1")
    interrupted(source, style, out, deep, 6)
    with pytest.raises(JobError) as caught:
        stylize(source, [style], out, settings)
    assert caught.value.code == "VS513"
    for path in (out, whole):
        stylize(source, [style], path, deep)
    assert pixels(out) == pixels(whole)
    assert "ffv1" in header(out)
