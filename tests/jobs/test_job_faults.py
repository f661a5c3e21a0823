"""What goes wrong while a film is painted: one sentence, and the same command goes on."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clips import ffmpeg
from tests.films import Ear, leftovers, many_shots, two_shots
from tests.refusals import refused
from vidstyle.api import stylize
from vidstyle.core.temporal import PaintedFrame
from vidstyle.settings.settings import Settings


class DoesAfter(Ear):
    """Does something once when so many frames are painted."""

    def __init__(self, frames: int, act: Callable[[], object]) -> None:
        super().__init__()
        self._left, self._act = frames, act

    def frame(self, painted: PaintedFrame) -> None:
        super().frame(painted)
        self._left -= 1
        if not self._left:
            self._act()


def pixels(film: Path) -> bytes:
    return ffmpeg("-i", film, "-map", "0:v", "-f", "framemd5", "-")


@pytest.fixture(scope="module", autouse=True)
def _short_segments() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vidstyle.jobs.manifest.MOST_FRAMES", 6)
        patch.setattr("vidstyle.jobs.manifest.FEWEST_FRAMES", 2)
        yield


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_shots(tmp_path_factory.mktemp("intact") / "clip.mp4")


@pytest.fixture(scope="module")
def whole(intact: Path, settings: Settings, style: Path, _short_segments: None) -> bytes:
    """The frames of the clip as it is painted undisturbed."""
    stylize(intact, [style], out := intact.with_name("whole.mp4"), settings, device="cpu")
    return pixels(out)


@pytest.fixture
def clip(intact: Path, tmp_path: Path) -> Path:
    return shutil.copy(intact, tmp_path / "clip.mp4")


def encoders() -> list[int]:
    """The ffmpegs that this process has started."""
    tasks = Path(f"/proc/{os.getpid()}/task")
    found = [int(number) for task in tasks.glob("*/children") for number in task.read_text().split()]
    return [pid for pid in found if "ffmpeg" in Path(f"/proc/{pid}/cmdline").read_text(errors="replace")]


def kill_encoders(number: int) -> None:
    for pid in encoders():
        os.kill(pid, number)


def test_a_killed_ffmpeg_is_told_and_nothing_is_lost(
    clip: Path, tmp_path: Path, settings: Settings, style: Path, whole: bytes
) -> None:
    out = tmp_path / "out.mp4"
    killed = DoesAfter(9, lambda: kill_encoders(signal.SIGKILL))
    with refused("VS444", "out.mp4", "signal 9"):
        stylize(clip, [style], out, settings, device="cpu", listener=killed)
    assert not out.exists()
    assert not encoders()
    again = Ear()
    stylize(clip, [style], out, settings, device="cpu", listener=again)
    assert len(again.frames) == 24 - 6
    assert pixels(out) == whole


def test_an_ffmpeg_that_hangs_is_ended(
    clip: Path, tmp_path: Path, settings: Settings, style: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstyle.video.ffmpeg.PATIENCE", 2.0)
    out = tmp_path / "out.mp4"
    stopped = DoesAfter(8, lambda: kill_encoders(signal.SIGSTOP))
    with refused("VS444", "2 s"):
        stylize(clip, [style], out, settings, device="cpu", listener=stopped)
    assert not encoders()
    stylize(clip, [style], out, settings, device="cpu")
    assert pixels(out) == whole


def test_a_source_that_changes_is_refused_and_not_mixed(
    clip: Path, tmp_path: Path, settings: Settings, style: Path
) -> None:
    out = tmp_path / "out.mp4"

    def change() -> None:
        with clip.open("ab") as file:
            file.write(b"more")

    with refused("VS353", "clip.mp4"):
        stylize(clip, [style], out, settings, device="cpu", listener=DoesAfter(9, change))
    with refused("VS513"):
        stylize(clip, [style], out, settings, device="cpu")
    stylize(clip, [style], out, settings, device="cpu", restart=True)
    assert leftovers(tmp_path, [clip]) == [out]


def test_a_source_that_goes_away_can_come_back(
    clip: Path, tmp_path: Path, settings: Settings, style: Path, whole: bytes
) -> None:
    out, kept = tmp_path / "out.mp4", tmp_path / "kept.mp4"
    with refused("VS354", "clip.mp4"):
        stylize(clip, [style], out, settings, device="cpu", listener=DoesAfter(9, lambda: shutil.move(clip, kept)))
    assert not out.exists()
    shutil.move(kept, clip)
    again = Ear()
    stylize(clip, [style], out, settings, device="cpu", listener=again)
    assert len(again.frames) < 24, "what was painted was kept"
    assert pixels(out) == whole


def test_an_output_folder_that_goes_away_is_one_sentence(
    clip: Path, tmp_path: Path, settings: Settings, style: Path
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    gone = DoesAfter(9, lambda: shutil.rmtree(folder))
    with refused("VS442") as caught:
        stylize(clip, [style], folder / "out.mp4", settings, device="cpu", listener=gone)
    assert "\n" not in str(caught.value)
    assert not encoders()
    folder.mkdir(exist_ok=True)
    stylize(clip, [style], folder / "out.mp4", settings, device="cpu")
    assert [path.name for path in folder.iterdir()] == ["out.mp4"]


def test_sound_that_cannot_be_read_costs_the_sound_only(
    clip: Path, tmp_path: Path, settings: Settings, style: Path, whole: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    data = clip.read_bytes()
    assert (data.count(b"mp4a"), data.count(b"esds")) == (1, 1)
    clip.write_bytes(data.replace(b"mp4a", b"qqqq").replace(b"esds", b"qqqq"))
    out = tmp_path / "out.mp4"
    stylize(clip, [style], out, settings, device="cpu")
    assert pixels(out) == whole
    assert "the sound of clip.mp4 cannot be read" in caplog.text
    assert leftovers(tmp_path, [clip]) == [out]


def resources() -> tuple[int, int, int]:
    """Threads, open files and children of this process."""
    return threading.active_count(), len(os.listdir("/proc/self/fd")), len(encoders())


def memory() -> float:
    """Resident megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_twenty_jobs_leave_nothing_in_the_process(tmp_path: Path, settings: Settings, style: Path) -> None:
    clip = many_shots(tmp_path / "clip.mp4", count=2, shots=1)
    after: list[tuple[int, int, int]] = []
    sizes: list[float] = []
    for number in range(20):
        out = tmp_path / f"out{number}.mp4"
        stylize(clip, [style], out, settings, device="cpu")
        out.unlink()
        after.append(resources())
        sizes.append(memory())
    assert after[-1] == after[4]
    assert sizes[-1] - sizes[4] < 15, sizes
    assert leftovers(tmp_path, [clip]) == []


def test_two_hundred_frames_leave_nothing_in_the_process(tmp_path: Path, settings: Settings, style: Path) -> None:
    clip = two_shots(tmp_path / "clip.mp4", count=200)
    sizes: list[float] = []
    ear = Ear()
    ear.frame = lambda painted: sizes.append(memory())  # type: ignore[method-assign]
    short = two_shots(tmp_path / "short.mp4", count=4)
    stylize(short, [style], tmp_path / "short_out.mp4", settings, device="cpu")
    before = resources()
    stylize(clip, [style], tmp_path / "out.mp4", settings, device="cpu", listener=ear)
    assert len(sizes) == 200
    assert resources() == before
    assert sizes[-1] - sizes[50] < 15, sizes[::50]
