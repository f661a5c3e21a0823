"""The live window on a real display (Xvfb), led by real key presses (xdotool)."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageGrab

from tests.cameras import camera_of, jpeg
from tests.images import clouds
from tests.live.test_recording import image
from vidstyle.core.pixels import to_array
from vidstyle.images import load_image, save_image
from vidstyle.live.recording import Recording
from vidstyle.live.window import Window
from vidstyle.video.probe import probe

MISSING = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)}; apt-get install xvfb xdotool")

SCENE = jpeg(to_array(clouds(240, 320, grain=8)))


def until(holds: Callable[[], object], process: "subprocess.Popen[str]", seconds: float = 90.0) -> None:
    """Waits for what `process` is to do; fails with what it said where it ends or does not come to it."""
    end = time.monotonic() + seconds
    while not holds():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail(f"it ended, or did not come to it in {seconds:.0f} s: {process.communicate()}")
        time.sleep(0.1)


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    reader, writer = os.pipe()
    # Without -noreset the server begins anew whenever its last client leaves, as each look at the screen is.
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1000x600x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as told:
        number = told.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(20)


class Desktop:
    """What stands on a display, and its keyboard."""

    def __init__(self, display: str) -> None:
        self._display = display

    def press(self, key: str) -> None:
        self._do("key", key)

    def focus(self, name: str) -> None:
        """There is no window manager to do it."""
        self._do("search", "--name", name, "windowfocus", "--sync")

    def _do(self, *words: str) -> None:
        environment = {**os.environ, "DISPLAY": self._display}
        subprocess.run(["xdotool", *words], env=environment, check=True, stdout=subprocess.DEVNULL, timeout=30)

    @property
    def image(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self._display).convert("RGB")

    def is_lit(self, x: int, y: int) -> bool:
        """Whether anything but the black root window is there."""
        return sum(self.image.getpixel((x, y))) > 30  # type: ignore[arg-type]


def test_a_recording_that_cannot_be_written_does_not_end_the_window(tmp_path: Path) -> None:
    window = Window(None, None, ["a"], tmp_path / "nowhere")  # type: ignore[arg-type]
    window._record(Recording(tmp_path / "nowhere" / "a.mp4"), image(40))
    assert window._recording is None
    assert window._message.endswith("[VS417]")
    window._record(Recording(tmp_path / "a.mp4"), image(40))
    assert window._recording
    window._end_recording()
    assert (tmp_path / "a.mp4").exists()


def test_keys_lead_the_window(display: str, filters: Path, style: Path, tmp_path: Path) -> None:
    """All keys: snapshot, its making, a recording, styles, strength, the painting alone, quit."""
    other, folder = tmp_path / "other.png", tmp_path / "made"
    save_image(other, clouds(48, 64, seed=9, grain=2))
    folder.mkdir()
    words = "--steps 2 --scales 1 --device cpu --style-layers conv1_1 --content-layers conv1_1 --size 96"
    styles = ["--style", str(style), "--style", str(other), "--weights", str(filters), "--folder", str(folder)]
    with camera_of(lambda _: SCENE, rate=20) as camera:
        command = [sys.executable, "-m", "vidstyle", "webcam", "--camera", camera.url, *words.split(), *styles]
        process = subprocess.Popen(
            command,
            env={**os.environ, "DISPLAY": display, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        desktop = Desktop(display)
        try:
            until(lambda: desktop.is_lit(500, 120), process)  # the painting, right of what the camera sees
            desktop.focus("vidstyle")
            desktop.press("p")  # there is no snapshot yet, which is said
            time.sleep(2)  # of two keys that come while a slow machine paints, OpenCV gives the last one only
            desktop.press("space")
            until(lambda: list(folder.glob("*.jpg")), process)
            desktop.press("n")
            desktop.press("plus")
            desktop.press("r")
            time.sleep(2)
            desktop.press("r")
            until(lambda: [file for file in folder.glob("*.mp4") if not file.name.startswith(".")], process)
            desktop.press("p")
            until(lambda: list(folder.glob("*.gif")), process)
            desktop.press("s")
            until(lambda: not desktop.is_lit(500, 120), process)
            desktop.press("s")
            until(lambda: desktop.is_lit(500, 120), process)
            desktop.press("f")
            desktop.press("q")
            out, said = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 0, said
    files = [Path(line) for line in out.splitlines()]
    assert sorted(file.suffix for file in files) == [".gif", ".jpg", ".mp4"]
    assert set(files) == set(folder.iterdir())
    photo, video = (next(folder.glob(pattern)) for pattern in ("*.jpg", "*.mp4"))
    assert load_image(photo).rgb.shape == (3, 240, 320)
    assert probe(video).size == (240, 320)
    assert 1 < probe(video).seconds < 30
    assert next(folder.glob("*.gif")).read_bytes()[:6] == b"GIF89a"
    assert "take a snapshot first" in said
    assert "Traceback" not in said
