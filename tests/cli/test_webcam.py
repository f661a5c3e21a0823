"""``vidstyle webcam`` without a window, as a person runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cameras import Camera, camera_of, jpeg
from tests.images import clouds
from vidstyle.cli.main import main
from vidstyle.core.pixels import to_array
from vidstyle.images import load_image
from vidstyle.video.probe import probe

SCENE = jpeg(to_array(clouds(96, 128, grain=8)))


@pytest.fixture
def fast(style: Path, filters: Path) -> list[str]:
    words = "--steps 1 --scales 1 --loss sums --device cpu --style-layers conv1_1 --content-layers conv2_1 --size 64"
    return [*words.split(), "--style", str(style), "--weights", str(filters)]


@pytest.fixture
def camera():  # type: ignore[no-untyped-def]
    with camera_of(lambda _: SCENE, rate=30) as server:
        yield server


def run(*words: object) -> int:
    return main(["webcam", *map(str, words)])


def test_a_snapshot_and_its_making(
    camera: Camera, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, made = tmp_path / "s.jpg", tmp_path / "s.gif"
    assert run("--camera", camera.url, "--snapshot", out, "--progress-gif", made, "--steps", 4, *fast[2:]) == 0
    assert load_image(out).rgb.shape == (3, 48, 64)
    assert made.read_bytes()[:6] == b"GIF89a"
    assert capsys.readouterr().out.split() == [str(out), str(made)]


def test_snapshots_in_a_row(
    camera: Camera, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--snapshot", tmp_path / "t.png", "--count", 2, "--every", "0.2s", "--countdown", "1.2"]
    assert run("--camera", camera.url, *words, *fast) == 0
    files = [tmp_path / "t_001.png", tmp_path / "t_002.png"]
    assert all(load_image(file).rgb.shape == (3, 48, 64) for file in files)
    said = capsys.readouterr()
    assert said.out.split() == list(map(str, files))
    assert "image 2 of 2 is taken" in said.err


def test_a_recording_of_some_seconds(
    camera: Camera, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "live.mp4"
    assert run("--camera", camera.url, "--record", out, "--seconds", 1, *fast) == 0
    info = probe(out)
    assert info.size == (96, 128)
    assert 0.9 <= info.seconds < 4
    assert capsys.readouterr().out.split() == [str(out)]


def test_ctrl_c_ends_a_recording_that_plays(camera: Camera, fast: list[str], tmp_path: Path) -> None:
    out, log = tmp_path / "live.mp4", tmp_path / "log.txt"
    words = [sys.executable, "-m", "vidstyle", "webcam", "--camera", camera.url, "--record", str(out), *fast]
    process = subprocess.Popen([*words, "--log-file", str(log)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _until(lambda: any(path.name.startswith(".vidstyle") for path in tmp_path.iterdir()))
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.decode().split() == [str(out)]
    assert probe(out).seconds > 0.5


def test_a_camera_that_is_unplugged_leaves_a_recording_that_plays(
    camera: Camera, fast: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "live.mp4"
    words = ["webcam", "--camera", camera.url, "--record", str(out), "--reconnect", "0.5", *fast]
    process = subprocess.Popen([sys.executable, "-m", "vidstyle", *words], stderr=subprocess.PIPE, text=True)
    _until(lambda: any(path.name.startswith(".vidstyle") for path in tmp_path.iterdir()))
    camera.unplug()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "was disconnected; waiting" in said
    assert said.splitlines()[-1].endswith("[VS336]")
    assert "Traceback" not in said
    assert probe(out).seconds > 0


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--snapshot", "s.jpg", "--record", "r.mp4"], 2, "[VS122]"),
        (["--count", "3"], 2, "[VS123]"),
        (["--seconds", "3"], 2, "[VS124]"),
        (["--snapshot", "s.jpg", "--every", "2"], 2, "[VS125]"),
        (["--snapshot", "s.txt"], 1, "[VS414]"),
        (["--record", "r.gif"], 1, "[VS414]"),
        (["--snapshot", "s.jpg", "--count", "0"], 1, "--count"),
        (["--record", "r.mp4", "--fps", "-1"], 1, "--fps"),
        (["--progress-gif", "p.gif"], 2, "[VS121]"),
        (["--snapshot", "s.jpg", "--count", "2", "--progress-gif", "p.gif"], 2, "[VS121]"),
        (["--folder", "nowhere"], 1, "[VS410]"),
        (["--snapshot", "s.jpg", "--camera", "73"], 1, "[VS335]"),
        (["--snapshot", "s.jpg", "--camera", "http://127.0.0.1:9/"], 1, "[VS338]"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: list[str],
    code: int,
    line: str,
    fast: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert run(*words, *fast) == code
    said = capsys.readouterr().err.strip()
    assert line in said
    assert said.count("\n") == 0
    assert sorted(tmp_path.iterdir()) == before


def test_no_style_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--snapshot", "s.jpg") == 2
    assert "[VS212]" in capsys.readouterr().err


def test_no_display_is_one_line(fast: list[str], camera: Camera) -> None:
    """OpenCV would end the process where there is no display, or a wrong one."""
    for display, words in (("", "there is no display"), (":4711", "no window can be opened on this display")):
        environment = {**os.environ, "DISPLAY": display}
        command = [sys.executable, "-m", "vidstyle", "webcam", "--camera", camera.url, *fast]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1
        assert words in done.stderr
        assert "use --snapshot FILE or --record FILE" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_settings_that_live_painting_does_not_use_are_told(
    camera: Camera, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "live.mp4"
    assert run("--camera", camera.url, "--record", out, "--seconds", 0.2, "--passes", 2, *fast) == 0
    assert "--passes is not used: it does not apply to live painting" in capsys.readouterr().err


def _until(holds) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
